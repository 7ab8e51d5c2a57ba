"""The states that split an execution of many services into parts: executions of the same machine.

A history has room for 25,000 events, and a state's data for 256 KiB. A part gets its services and
the start of the execution that it is part of, so that all have the same execution date; what it
gives back is short, and its whole summary lies where it says.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/bp-history-limit.html
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.pipeline.billing import summary_fields
from otel_analytics.pipeline.tasks import States, jsonata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_analytics.config import Settings

__all__ = [
    "IS_PART",
    "PART_COMPLETED",
    "build_parts",
    "is_part",
    "is_split",
    "part_count",
    "summarize_parts",
]

START_EXECUTION: Final = "arn:aws:states:::states:startExecution.sync:2"
# A variable, since every state that needs it would have to hand it on.
IS_PART: Final = "$is_part"
PART_TIMEOUT_S: Final = 24 * 3600
MAX_NAME: Final = 80
# Of each part, for the cause of the whole; the rest is in its summary.
MAX_FAILED: Final = 5
_RETRY: Final = [
    {
        "ErrorEquals": [
            "StepFunctions.ExecutionLimitExceededException",
            "StepFunctions.SdkClientException",
            "StepFunctions.ThrottlingException",
        ],
        "IntervalSeconds": 5,
        "MaxAttempts": 6,
        "BackoffRate": 2,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    }
]
_NUMBER: Final = "$string($states.context.Map.Item.Index + 1)"
_ATTEMPT: Final = (
    "$string(10 * $states.context.Execution.RedriveCount + $states.context.State.RetryCount)"
)
# An execution's name is free again after 90 days: its parts' names follow from it. A name has 80
# characters; of one that is too long the end stays, where the date is that tells runs apart.
_NAME: Final = f"""(
  $name := $states.context.Execution.Name;
  $suffix := '-part-' & {_NUMBER} & '-' & {_ATTEMPT};
  $substring($name, $max([0, $length($name & $suffix) - {MAX_NAME}])) & $suffix
)"""
# A part that fails leaves what DescribeExecution tells of it as the cause; one that could not be
# started, or timed out, leaves a sentence.
_FAILURE: Final = r"""(
  $cause := $exists($states.errorOutput.Cause) ? $string($states.errorOutput.Cause) : '';
  $part := $contains($cause, /^\{[\s\S]*\}$/) ? $parse($cause) : {};
  {
    'error': [$part.Error, $states.errorOutput.Error][0],
    'cause': $exists($part.Name)
      ? $part.Name & ' is ' & $part.Status & ($part.Cause ? ': ' & $part.Cause : '')
      : $cause
  }
)"""
_INPUT: Final = """$merge([
  {
    'service_names': [$states.input.services],
    'source': $states.input.source,
    'replace_newer': $states.input.replace_newer,
    'part_of': {
      'execution': $states.context.Execution.Name, 'execution_time': $states.input.execution_time
    }
  },
  $states.input.execution_date != null ? {'execution_date': $states.input.execution_date} : {}
])"""

_PART_NAME: Final = re.compile(r"-part-[0-9]+-[0-9]+$")

# What a part gives back.
PART_COMPLETED: Final = {
    "Type": "Succeed",
    "Output": {
        "status": "{% $states.input.status %}",
        "execution_summary": "{% $states.input.execution_summary %}",
        "failed": jsonata(
            "[$filter($states.input.results[status = 'FAILED'], function($result, $place) "
            f"{{ $place < {MAX_FAILED} }}).{{'service_name': service_name, 'status': status, "
            "'state': state, 'error': error, 'cause': $substring(cause, 0, 300)}]"
        ),
    },
}


def is_part(name: str) -> bool:
    """Return whether an execution's name is that of a part of another one."""
    return _PART_NAME.search(name) is not None


def is_split(settings: Settings) -> str:
    """Return the expression that there are more services than one execution builds."""
    return f"$count($states.input.services) > {settings.concurrency.services_per_execution}"


def part_count(services: int, settings: Settings) -> int:
    """Return the executions that so many services are split into, 0 if they are not."""
    most = settings.concurrency.services_per_execution
    return math.ceil(services / most) if services > most else 0


def build_parts(settings: Settings, *, following: str) -> States:
    """Return the state `RunParts`, which starts the parts one after the other."""
    most = settings.concurrency.services_per_execution
    inherited = ("source", "replace_newer", "execution_time", "execution_date")
    return {
        "RunParts": {
            "Type": "Map",
            "Items": jsonata(f"$partition($states.input.services, {most})"),
            "ItemSelector": {
                # In [ ] a list of one stays a list.
                "services": "{% [$states.context.Map.Item.Value] %}",
                **{name: f"{{% $states.input.{name} %}}" for name in inherited},
            },
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "RunPart",
                "States": _part(),
            },
            "Output": "{% $merge([$states.input, {'parts': $states.result}]) %}",
            "Next": following,
        },
    }


def _part() -> States:
    return {
        "RunPart": {
            "Type": "Task",
            "Resource": START_EXECUTION,
            "Arguments": {
                "StateMachineArn": "{% $states.context.StateMachine.Id %}",
                "Name": jsonata(_NAME),
                "Input": jsonata(_INPUT),
            },
            "TimeoutSeconds": PART_TIMEOUT_S,
            "Retry": _RETRY,
            "Catch": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "Output": jsonata(f"$merge([$states.input, {{'failure': {_FAILURE}}}])"),
                    "Next": "PartFailed",
                }
            ],
            "Output": jsonata(
                "$merge([{'execution': $states.result.Name, "
                "'services': $count($states.input.services)}, $states.result.Output])"
            ),
            "End": True,
        },
        "PartFailed": {
            "Type": "Pass",
            # none of its services is known to be done
            "Output": {
                "services": "{% $count($states.input.services) %}",
                "status": "FAILED",
                "failed": [
                    {
                        "service_name": jsonata(
                            "$substring($join($states.input.services, ', '), 0, 300)"
                        ),
                        "status": "FAILED",
                        "state": "RunPart",
                        "error": "{% $states.input.failure.error %}",
                        "cause": "{% $substring($states.input.failure.cause, 0, 300) %}",
                    }
                ],
            },
            "End": True,
        },
    }


def summarize_parts(
    summary: Mapping[str, Any], states: States, settings: Settings
) -> dict[str, Any]:
    """Return the state that says the same of all parts as `summary`, a state, of one execution."""
    parts = "$states.input.parts"
    completed = f"$sum([{parts}.(services - {_failed_of('$')})])"
    output = {
        **summary["Output"],
        "status": jsonata(
            f"{completed} = $count($states.input.services) ? 'COMPLETED' "
            f": {completed} = 0 ? 'FAILED' : 'PARTIALLY_COMPLETED'"
        ),
        # those of the first that failed; of the others, the parts' summaries tell
        "results": f"{{% [{parts}.failed] %}}",
        "parts": jsonata(
            f"[{parts}.{{'execution': execution, 'status': status, 'services': services, "
            "'summary_location': execution_summary.summary_location}]"
        ),
        "execution_summary": {
            **summary["Output"]["execution_summary"],
            "failed_services": jsonata(f"$count($states.input.services) - {completed}"),
            **summary_fields(states, settings.prices, of_parts=True),
        },
    }
    return {**summary, "Output": output}


def _failed_of(part: str) -> str:
    """Return how many services of a part failed: all of one that has no summary."""
    summary = f"{part}.execution_summary"
    return f"($exists({summary}) ? {summary}.failed_services : {part}.services)"
