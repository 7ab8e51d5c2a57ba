"""The Task resources of Athena, on the embedded one.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.asl import TaskContext, TaskFailed
from otel_analytics.local.query_results import GET_QUERY_RESULTS, get_query_results

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.local.athena import Athena
    from otel_analytics.local.query_executions import QueryExecution

__all__ = ["START_QUERY_EXECUTION", "athena_tasks", "query_failure"]

START_QUERY_EXECUTION: Final = "arn:aws:states:::athena:startQueryExecution.sync"

_MAX_CAUSE_CHARACTERS: Final = 32_768  # AWS cuts longer causes, which would no longer be JSON
_ARGUMENTS: Final = (
    "QueryString", "QueryExecutionContext", "ResultConfiguration", "WorkGroup",
    "ClientRequestToken",
)  # fmt: skip


def athena_tasks(athena: Athena) -> dict[str, Callable[[Any, TaskContext], Any]]:
    """Return the resources of Athena and what does them."""
    return {
        START_QUERY_EXECUTION: partial(_start_query_execution, athena),
        GET_QUERY_RESULTS: partial(get_query_results, athena),
    }


def query_failure(execution: QueryExecution) -> TaskFailed:
    """Return how the Task of a query that did not succeed fails: with Athena's record of it."""
    return TaskFailed("States.TaskFailed", _cause({"QueryExecution": execution.task_document()}))


def _start_query_execution(athena: Athena, arguments: Any, context: TaskContext) -> dict[str, Any]:
    _check_arguments(arguments)
    execution = athena.start_query_execution(
        arguments["QueryString"],
        database=arguments.get("QueryExecutionContext", {}).get("Database", "default"),
        output_location=arguments.get("ResultConfiguration", {}).get("OutputLocation"),
        work_group=arguments.get("WorkGroup", "primary"),
        on_submit=lambda identifier: context.submitted({"QueryExecutionId": identifier}),
        on_cancel=context.on_cancel,
    )
    if execution.state != "SUCCEEDED":
        raise query_failure(execution)
    return {"QueryExecution": execution.task_document()}


def _check_arguments(arguments: Any) -> None:
    if not isinstance(arguments, dict) or not isinstance(arguments.get("QueryString"), str):
        raise TaskFailed("Athena.InvalidRequestException", "QueryString is missing")
    for name in arguments:
        if name not in _ARGUMENTS:
            raise TaskFailed(
                "Athena.InvalidRequestException",
                f"the argument {name} is not supported here; supported are {', '.join(_ARGUMENTS)}",
            )
    for name in ("QueryExecutionContext", "ResultConfiguration"):
        if not isinstance(arguments.get(name, {}), dict):
            raise TaskFailed("Athena.InvalidRequestException", f"{name} must be an object")


def _cause(result: dict[str, Any]) -> str:
    """Return the result as JSON that a cause can hold whole: a long query's text is shortened."""
    cause = json.dumps(result, ensure_ascii=False)
    if len(cause) <= _MAX_CAUSE_CHARACTERS:
        return cause
    execution = result["QueryExecution"]
    rest = json.dumps({"QueryExecution": {**execution, "Query": "…"}}, ensure_ascii=False)
    # JSON writes a character with six at most
    room = max(0, _MAX_CAUSE_CHARACTERS - len(rest)) // 6
    shortened = {**execution, "Query": f"{execution['Query'][:room]}…"}
    return json.dumps({"QueryExecution": shortened}, ensure_ascii=False)
