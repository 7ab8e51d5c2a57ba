"""The document of the state machine `otel-analytics-pipeline`, in the Amazon States Language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_analytics.metrics import load_catalog
from otel_analytics.pipeline.billing import summary_fields
from otel_analytics.pipeline.check_input import build_input_rules
from otel_analytics.pipeline.concurrency import check_concurrency
from otel_analytics.pipeline.parts import IS_PART, PART_COMPLETED, build_parts, summarize_parts
from otel_analytics.pipeline.refresh_states import build_refresh
from otel_analytics.pipeline.service import build_service
from otel_analytics.pipeline.tasks import FAILURE, States, jsonata

if TYPE_CHECKING:
    from otel_analytics.config import Settings

__all__ = ["STATE_MACHINE_NAME", "build_definition"]

STATE_MACHINE_NAME: Final = "otel-analytics-pipeline"

PUT_OBJECT: Final = "arn:aws:states:::aws-sdk:s3:putObject"
# The results of all services pass through one state, which takes 256 KiB: at 4 bytes a letter,
# those of 40 have room for five messages of 175 letters and a cause of 350 each.
MAX_MESSAGE_CHARACTERS: Final = 500
MESSAGE_CHARACTERS_OF_ALL: Final = 7000
STORE_TIMEOUT_S: Final = 60
STORE_RETRY: Final = [
    {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "MaxAttempts": 3,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    }
]

# What every service's iteration needs of the state machine's own input.
_SHARED_FIELDS: Final = (
    "database",
    "output_location",
    "workgroup",
    "s3_base",
    "execution",
    "execution_time",
    "execution_date",
    "replace_newer",
    "source",
    "message_characters",
)
# As `names.execution_token` makes it.
_EXECUTION: Final = (
    "$replace($lowercase($states.context.Execution.Name), /[^a-z0-9]/, '_') & '_' & "
    "$substring($hash($states.context.Execution.Id, 'SHA-256'), 0, 8)"
)


_FAILED_COUNT: Final = (
    "$states.input.status & ': ' & $states.input.execution_summary.failed_services & ' of ' & "
    "$count($states.input.services) & ' services failed. '"
)
_SUMMARY_LOCATION: Final = "$states.input.execution_summary.summary_location"
# A cause has 32,768 characters at most.
_FAILED_SERVICES: Final = """$substring($join([$states.input.results[status = 'FAILED'].(
    service_name & ': ' & state & ': ' & error & ': ' & $substring(cause, 0, 500)
  )], '; '), 0, 16000)"""


def build_definition(settings: Settings) -> dict[str, Any]:
    """Return the state machine document for the catalog's metrics.

    Shape:  JSON-able; the same settings give the same document
    Raises: InvalidSettings if more would run at once than the account's limits allow
    Source: https://states-language.net/spec.html
    """
    check_concurrency(settings)
    states = {**_beginning(settings), **_services(settings), **_end()}
    summary = states["SummarizeResults"]
    states["SummarizeParts"] = summarize_parts(summary, states, settings)
    summary["Output"]["execution_summary"] |= summary_fields(states, settings.prices)
    return {
        "Comment": "Refreshes the product-analytics tables of each service from OpenTelemetry logs",
        "QueryLanguage": "JSONata",
        "StartAt": "CheckInput",
        "States": states,
    }


def _beginning(settings: Settings) -> States:
    athena = settings.athena
    return {
        "CheckInput": {
            "Type": "Choice",
            "Choices": build_input_rules(next_state="InvalidInput"),
            "Default": "TransformServiceNames",
        },
        "InvalidInput": {"Type": "Fail", "Error": "InvalidInput", "Cause": "{% $problem %}"},
        "TransformServiceNames": {
            "Type": "Pass",
            "Output": {
                # In [ ] a list of one stays a list.
                "services": "{% [$states.input.service_names] %}",
                "database": athena.database,
                "output_location": athena.output_location,
                "workgroup": athena.workgroup,
                "s3_base": athena.s3_base,
                "execution": jsonata(_EXECUTION),
                "execution_time": jsonata(
                    "$exists($states.input.part_of) ? $states.input.part_of.execution_time : "
                    "$states.context.Execution.StartTime"
                ),
                "execution_date": jsonata(
                    "$exists($states.input.execution_date) ? $states.input.execution_date : null"
                ),
                "replace_newer": jsonata("$states.input.replace_newer = true"),
                "source": jsonata(
                    "$exists($states.input.source) ? $states.input.source : "
                    f"'{settings.default_source}'"
                ),
                "plans": 0,
                "stages": 0,
                "refreshed": [],
                "message_characters": jsonata(
                    f"$min([{MAX_MESSAGE_CHARACTERS}, $floor({MESSAGE_CHARACTERS_OF_ALL} / "
                    "$count($states.input.service_names))])"
                ),
            },
            "Assign": {IS_PART.removeprefix("$"): "{% $exists($states.input.part_of) %}"},
            "Next": "ReadsActivity",
        },
        **build_refresh(settings, following="ProcessEachService", parts="RunParts"),
    }


def _services(settings: Settings) -> States:
    return {
        "ProcessEachService": {
            "Type": "Map",
            "Items": "{% $states.input.services %}",
            "ItemSelector": {
                "service_name": "{% $states.context.Map.Item.Value %}",
                **{name: f"{{% $states.input.{name} %}}" for name in _SHARED_FIELDS},
            },
            "MaxConcurrency": settings.concurrency.services,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                **build_service(load_catalog().values(), settings),
            },
            "Output": "{% $merge([$states.input, {'results': $states.result}]) %}",
            "Next": "SummarizeResults",
        },
        **build_parts(settings, following="SummarizeParts"),
    }


def _end() -> States:
    """Return what follows the services: the summary, stored whole, since a cause is cut short."""
    address = f"$substringAfter({_SUMMARY_LOCATION}, 's3://')"
    completed = "$count($states.input.results[status = 'COMPLETED'])"
    return {
        "SummarizeResults": {
            "Type": "Pass",
            "Output": {
                "status": jsonata(
                    f"{completed} = $count($states.input.results) ? 'COMPLETED' "
                    f": {completed} = 0 ? 'FAILED' : 'PARTIALLY_COMPLETED'"
                ),
                "services": "{% $states.input.services %}",
                "refreshed": "{% [$states.input.refreshed] %}",
                "results": "{% $states.input.results %}",
                "execution_summary": {
                    "database": "{% $states.input.database %}",
                    "output_location": "{% $states.input.output_location %}",
                    "execution_time": "{% $states.input.execution_time %}",
                    "processed_services": "{% $count($states.input.services) %}",
                    "failed_services": "{% $count($states.input.results[status = 'FAILED']) %}",
                    "summary_location": jsonata(
                        r"$replace($states.input.output_location, /\/+$/, '') & '/summaries/' & "
                        "$states.input.execution & '.json'"
                    ),
                },
            },
            "Next": "StoreSummary",
        },
        "StoreSummary": {
            "Type": "Task",
            "Resource": PUT_OBJECT,
            "Arguments": {
                "Bucket": jsonata(f"$substringBefore({address}, '/')"),
                "Key": jsonata(f"$substringAfter({address}, '/')"),
                "Body": "{% $states.input %}",
                "ContentType": "application/json",
            },
            "TimeoutSeconds": STORE_TIMEOUT_S,
            "Retry": STORE_RETRY,
            "Catch": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "Output": jsonata(f"$merge([$states.input, {{'failure': {FAILURE}}}])"),
                    "Next": "SummaryNotStored",
                }
            ],
            "Output": "{% $states.input %}",
            "Next": "AllCompleted",
        },
        "SummaryNotStored": {
            "Type": "Fail",
            "Error": "SummaryNotStored",
            "Cause": jsonata(
                f"{_FAILED_COUNT} & 'The summary could not be stored at ' & {_SUMMARY_LOCATION} & "
                "' : ' & $states.input.failure.error & ': ' & $states.input.failure.cause & ' . ' "
                f"& {_FAILED_SERVICES}"
            ),
        },
        "AllCompleted": {
            "Type": "Choice",
            "Choices": [
                # the whole fails with the services of its parts, once
                {"Condition": jsonata(IS_PART), "Next": "PartCompleted"},
                {
                    "Condition": "{% $states.input.status != 'COMPLETED' %}",
                    "Next": "ServicesFailed",
                },
            ],
            "Default": "Completed",
        },
        "Completed": {"Type": "Succeed"},
        "PartCompleted": PART_COMPLETED,
        "ServicesFailed": {
            "Type": "Fail",
            "Error": "ServicesFailed",
            "Cause": jsonata(
                f"{_FAILED_COUNT} & 'The whole summary: ' & {_SUMMARY_LOCATION} & ' . ' "
                f"& {_FAILED_SERVICES}"
            ),
        },
    }
