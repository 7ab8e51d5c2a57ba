"""The states that bring the activity tables up to date, once for all services.

`PlanRefresh` says which partitions have to be built: stages one after the other, of steps that need
nothing of each other. Each step is a query and the registration of what it built. Where another
execution was faster, it is planned anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_analytics.pipeline.branch import ATTEMPT, ATTEMPT_OF_QUERY
from otel_analytics.pipeline.parts import IS_PART, is_split
from otel_analytics.pipeline.tasks import (
    FAILURE,
    FAILURE_WITHIN,
    States,
    athena_task,
    jsonata,
    lambda_task,
    query_rounds,
)
from otel_analytics.query.handler import ATTEMPT_TO_COME

if TYPE_CHECKING:
    from otel_analytics.config import Settings

__all__ = ["CHANGED_MEANWHILE", "build_refresh"]

# The name of the error by which the Lambda says that a step is no longer what it was planned to be.
CHANGED_MEANWHILE: Final = "ActivityChanged"

BUILD_TIMEOUT_S: Final = 1800
# How often is planned: many steps need several plans, and a step that was overtaken one more.
MAX_PLANS: Final = 20

_WITHIN_STEP: Final = {
    "ErrorEquals": ["States.ALL"],
    "Output": jsonata(f"{{'failure': {FAILURE}}}"),
    "Next": "StepFailed",
}
_OVERTAKEN: Final = {
    "ErrorEquals": [CHANGED_MEANWHILE],
    "Output": "{% $states.input %}",
    "Next": "StepOvertaken",
}


def build_refresh(settings: Settings, *, following: str, parts: str) -> States:
    """Return the states from `ReadsActivity` on, which is the first, to where services begin.

    A part of an execution goes there at once, as the whole has refreshed; what is to be split goes
    to the state `parts`.
    """
    caught = {
        "ErrorEquals": ["States.ALL"],
        "Output": jsonata(f"$merge([$states.input, {{'failure': {FAILURE_WITHIN}}}])"),
        "Next": "RefreshFailed",
    }
    many = is_split(settings)
    is_overtaken = "$count($states.input.plan.overtaken) > 0"
    return {
        "ReadsActivity": {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(IS_PART), "Next": following},
                {"Condition": jsonata(f"$states.input.source = 'raw' and {many}"), "Next": parts},
                {"Condition": "{% $states.input.source = 'raw' %}", "Next": following},
            ],
            "Default": "PlanRefresh",
        },
        "PlanRefresh": lambda_task(
            settings.athena.activity_refresher_function,
            jsonata(
                "{'action': 'plan', 'execution_time': $states.input.execution_time, "
                "'execution_date': $states.input.execution_date}"
            ),
            output=jsonata(
                "$merge([$states.input, {'plan': $states.result.Payload, "
                "'plans': $states.input.plans + 1, "
                "'stages': $states.input.stages + $count($states.result.Payload.stages)}])"
            ),
            failed=caught,
            following="RefreshActivity",
        ),
        "RefreshActivity": {
            "Type": "Map",
            "Items": "{% [$states.input.plan.stages] %}",
            "ItemSelector": {
                "steps": "{% $states.context.Map.Item.Value.steps %}",
                "number": _numbered("$string($states.input.plans)"),
                **_inherited(),
            },
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "BuildStage",
                "States": {"BuildStage": _stage(settings)},
            },
            "Catch": [caught],
            "Output": jsonata(
                "$merge([$states.input, {"
                "'plan': {'has_more': $states.input.plan.has_more, "
                "'overtaken': [$states.result.steps[is_overtaken].level]}, "
                "'refreshed': $append($states.input.refreshed, "
                "[$states.result.steps[$not(is_overtaken)].{'level': level, "
                "'partitions': partitions, 'scanned_bytes': scanned_bytes}])}])"
            ),
            "Next": "IsRefreshed",
        },
        "IsRefreshed": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": jsonata(
                        f"$states.input.plans < {MAX_PLANS} and "
                        f"($states.input.plan.has_more or {is_overtaken})"
                    ),
                    "Next": "PlanRefresh",
                },
                {
                    "Condition": jsonata(f"$states.input.plan.has_more or {is_overtaken}"),
                    "Output": jsonata(
                        "$merge([$states.input, {'failure': {'state': 'RefreshActivity', "
                        f"'error': '{CHANGED_MEANWHILE}', 'cause': 'after {MAX_PLANS} plans there "
                        "is still something to build, as other executions build it too: run again "
                        "once they are over'}}])"
                    ),
                    "Next": "RefreshFailed",
                },
                {"Condition": jsonata(many), "Next": parts},
            ],
            "Default": following,
        },
        "RefreshFailed": {
            "Type": "Fail",
            "Error": "{% $states.input.failure.error %}",
            "Cause": "{% $states.input.failure.state & ': ' & $states.input.failure.cause %}",
        },
    }


def _stage(settings: Settings) -> dict[str, Any]:
    """Return the state that takes the steps of a stage, several at once."""
    return {
        "Type": "Map",
        "Items": "{% [$states.input.steps] %}",
        "ItemSelector": {
            "step": "{% $states.context.Map.Item.Value %}",
            "number": _numbered("$states.input.number"),
            "round": 0,
            **_inherited(),
        },
        "MaxConcurrency": settings.activity.concurrency,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "BuildLevelQuery",
            "States": _step(settings),
        },
        "Output": "{% {'steps': [$states.result]} %}",
        "End": True,
    }


def _inherited() -> dict[str, str]:
    """Return what an iteration takes over from the input of its Map state."""
    names = ("execution", "database", "output_location", "workgroup")
    return {name: f"{{% $states.input.{name} %}}" for name in names}


def _numbered(number: str) -> str:
    return jsonata(f"{number} & '_' & $string($states.context.Map.Item.Index)")


def _step(settings: Settings) -> States:
    asked = (
        "'level': $states.input.step.level, 'periods': $states.input.step.periods, "
        "'execution': $states.input.execution, 'step': $states.input.number"
    )
    build = lambda_task(
        settings.athena.activity_refresher_function,
        jsonata(f"{{'action': 'build', {asked}}}"),
        output="{% $merge([$states.input, {'query': $states.result.Payload}]) %}",
        failed=_WITHIN_STEP,
        following="BuildLevel",
    )
    register = lambda_task(
        settings.athena.activity_refresher_function,
        jsonata(
            f"{{'action': 'register', {asked}, 'attempt': $states.input.attempt, "
            "'inputs': $states.input.query.inputs}"
        ),
        output=jsonata(
            "{'level': $states.input.step.level, 'is_overtaken': false, "
            "'partitions': $states.result.Payload.partitions, "
            "'scanned_bytes': $states.input.scanned_bytes}"
        ),
        failed=_WITHIN_STEP,
        following=None,
    )
    return {
        "BuildLevelQuery": {**build, "Catch": [_OVERTAKEN, *build["Catch"]]},
        **query_rounds(
            "BuildLevel",
            athena_task(
                jsonata(
                    f"$replace($states.input.query.query_string, '{ATTEMPT_TO_COME}', {ATTEMPT})"
                ),
                timeout_s=BUILD_TIMEOUT_S,
                output=jsonata(
                    f"$merge([$states.input, {{'attempt': {ATTEMPT_OF_QUERY}, 'scanned_bytes': "
                    "$states.result.QueryExecution.Statistics.DataScannedInBytes}])"
                ),
                failed=_WITHIN_STEP,
                following="RegisterPartitions",
            ),
            subject="Level",
            failed="StepFailed",
        ),
        "RegisterPartitions": {**register, "Catch": [_OVERTAKEN, *register["Catch"]]},
        "StepOvertaken": {
            "Type": "Pass",
            "Output": {"level": "{% $states.input.step.level %}", "is_overtaken": True},
            "End": True,
        },
        "StepFailed": {
            "Type": "Fail",
            "Error": "{% $states.input.failure.error %}",
            # the Map state's Catch reads it
            "Cause": "{% $string($states.input.failure) %}",
        },
    }
