"""The document of the state machine `otel-analytics-pipeline`, in the Amazon States Language."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.metrics import load_catalog
from otel_analytics.pipeline.check_input import build_input_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_analytics.config import Settings
    from otel_analytics.metrics import Metric

__all__ = ["STATE_MACHINE_NAME", "build_definition"]

STATE_MACHINE_NAME: Final = "otel-analytics-pipeline"

ATHENA: Final = "arn:aws:states:::athena:startQueryExecution.sync"
LAMBDA: Final = "arn:aws:states:::lambda:invoke"

DROP_TIMEOUT_S: Final = 300
BUILD_TIMEOUT_S: Final = 60
CREATE_TIMEOUT_S: Final = 1800

RETRY: Final = [
    {
        "ErrorEquals": ["States.Timeout", "States.TaskFailed"],
        "IntervalSeconds": 2,
        "MaxAttempts": 3,
        "BackoffRate": 2,
        "MaxDelaySeconds": 30,
        "JitterStrategy": "FULL",
    }
]

# What every service's iteration needs of the state machine's own input.
_SHARED_FIELDS: Final = (
    "database",
    "output_location",
    "workgroup",
    "s3_base",
    "execution_time",
    "execution_date",
)

States = dict[str, dict[str, Any]]


def build_definition(settings: Settings) -> dict[str, Any]:
    """Return the state machine document for the catalog's metrics.

    Shape:  JSON-able; the same settings give the same document
    Source: https://states-language.net/spec.html
    """
    athena = settings.athena
    return {
        "Comment": "Refreshes the product-analytics tables of each service from OpenTelemetry logs",
        "QueryLanguage": "JSONata",
        "StartAt": "CheckInput",
        "States": {
            "CheckInput": {
                "Type": "Choice",
                "Choices": build_input_rules(next_state="InvalidInput"),
                "Default": "TransformServiceNames",
            },
            "InvalidInput": {
                "Type": "Fail",
                "Error": "InvalidInput",
                "Cause": "{% $problem %}",
            },
            "TransformServiceNames": {
                "Type": "Pass",
                "Output": {
                    # In [ ] a list of one stays a list.
                    "services": "{% [$states.input.service_names] %}",
                    "database": athena.database,
                    "output_location": athena.output_location,
                    "workgroup": athena.workgroup,
                    "s3_base": athena.s3_base,
                    "execution_time": "{% $states.context.Execution.StartTime %}",
                    "execution_date": _jsonata(
                        "$exists($states.input.execution_date) "
                        "? $states.input.execution_date : null"
                    ),
                },
                "Next": "ProcessEachService",
            },
            "ProcessEachService": {
                "Type": "Map",
                "Items": "{% $states.input.services %}",
                "ItemSelector": {
                    "service_name": "{% $states.context.Map.Item.Value %}",
                    **{name: f"{{% $states.input.{name} %}}" for name in _SHARED_FIELDS},
                },
                "MaxConcurrency": 1,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    **_build_service(load_catalog().values(), settings),
                },
                "Output": "{% $merge([$states.input, {'tables': $states.result}]) %}",
                "Next": "SummarizeResults",
            },
            "SummarizeResults": {
                "Type": "Pass",
                "Output": {
                    "status": "COMPLETED",
                    "services": "{% $states.input.services %}",
                    "tables": "{% $states.input.tables %}",
                    "execution_summary": {
                        "database": "{% $states.input.database %}",
                        "output_location": "{% $states.input.output_location %}",
                        "execution_time": "{% $states.input.execution_time %}",
                        "processed_services": "{% $count($states.input.services) %}",
                    },
                },
                "End": True,
            },
        },
    }


def _build_service(metrics: Iterable[Metric], settings: Settings) -> dict[str, Any]:
    batches = [list(group) for _, group in groupby(metrics, key=lambda metric: metric.batch)]
    names = [
        "_".join([f"Batch{metrics[0].batch}", *(metric.label for metric in metrics)])
        for metrics in batches
    ]
    states: States = {
        "ComputeTablePrefix": {
            "Type": "Pass",
            "Output": _jsonata(
                "$merge([$states.input, {'tables': [], 'table_prefix': "
                "$replace($lowercase($states.input.service_name), /[^a-z0-9]/, '_')}])"
            ),
            "Next": names[0],
        }
    }
    for name, batch, following in zip(names, batches, [*names[1:], None], strict=True):
        states[name] = {
            "Type": "Parallel",
            "Branches": [_build_branch(metric, settings) for metric in batch],
            "Output": _jsonata(
                "$merge([$states.input, {'tables': $append($states.input.tables, $states.result)}])"
                if following
                else "{'service_name': $states.input.service_name, "
                "'tables': $append($states.input.tables, $states.result)}"
            ),
            **_transition(following),
        }
    return {"StartAt": "ComputeTablePrefix", "States": states}


def _build_branch(metric: Metric, settings: Settings) -> dict[str, Any]:
    drop, build, create = (
        f"Drop{metric.label}Table",
        f"Build{metric.label}Query",
        f"Create{metric.label}Table",
    )
    table = f"$states.input.table_prefix & '_{metric.query_type}_summary'"
    return {
        "StartAt": drop,
        "States": {
            drop: _athena_task(
                _jsonata(
                    f"'DROP TABLE IF EXISTS `' & $states.input.database & '`.`' & {table} & '`'"
                ),
                timeout_s=DROP_TIMEOUT_S,
                output="{% $states.input %}",
                following=build,
            ),
            build: {
                "Type": "Task",
                "Resource": LAMBDA,
                "Arguments": {
                    "FunctionName": settings.athena.query_builder_function,
                    "Payload": _jsonata(
                        f"{{'query_type': '{metric.query_type}', "
                        "'table_prefix': $states.input.table_prefix, "
                        "'s3_base': $states.input.s3_base, "
                        "'service_names': [$states.input.service_name], "
                        "'execution_time': $states.input.execution_time, "
                        "'execution_date': $states.input.execution_date}"
                    ),
                },
                "TimeoutSeconds": BUILD_TIMEOUT_S,
                "Retry": RETRY,
                "Output": "{% $merge([$states.input, {'query': $states.result.Payload}]) %}",
                "Next": create,
            },
            create: _athena_task(
                "{% $states.input.query.query_string %}",
                timeout_s=CREATE_TIMEOUT_S,
                output=_jsonata(
                    f"{{'table': {table}, 'query_type': '{metric.query_type}', "
                    "'execution_date': $states.input.query.execution_date, "
                    "'scanned_bytes': "
                    "$states.result.QueryExecution.Statistics.DataScannedInBytes}"
                ),
                following=None,
            ),
        },
    }


def _athena_task(
    query_string: str, *, timeout_s: int, output: str, following: str | None
) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": ATHENA,
        "Arguments": {
            "QueryString": query_string,
            "QueryExecutionContext": {"Database": "{% $states.input.database %}"},
            "ResultConfiguration": {"OutputLocation": "{% $states.input.output_location %}"},
            "WorkGroup": "{% $states.input.workgroup %}",
        },
        "TimeoutSeconds": timeout_s,
        "Retry": RETRY,
        "Output": output,
        **_transition(following),
    }


def _transition(following: str | None) -> dict[str, Any]:
    return {"Next": following} if following else {"End": True}


def _jsonata(expression: str) -> str:
    return f"{{% {expression} %}}"
