"""Short ways to write machines and to run them."""

from __future__ import annotations

from random import Random
from typing import Any

from otel_analytics import asl

TASK = "arn:aws:states:::athena:startQueryExecution.sync"
BEGIN = 1_000_000_000.0  # 2001-09-09T01:46:40Z


def machine(states: dict[str, Any], *, language: str = "JSONPath", **fields: Any) -> dict[str, Any]:
    """Return a document that starts at the first of the states."""
    return {
        "QueryLanguage": language,
        "StartAt": next(iter(states)),
        "States": states,
        **fields,
    }


def flow(states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def endless(states: dict[str, Any]) -> dict[str, Any]:
    """Return the states with the loop closed: "Again" leads to the first of them for ever."""
    rule = {"Variable": "$$.Execution.Id", "IsPresent": True, "Next": next(iter(states))}
    return {
        **states,
        "Again": {"Type": "Choice", "Choices": [rule], "Default": "Never"},
        "Never": {"Type": "Succeed"},
    }


def run(
    document: dict[str, Any], value: Any = None, task: Any = None, **options: Any
) -> asl.Execution:
    """Return the execution on a virtual clock; `task` does every resource."""
    options.setdefault("clock", asl.VirtualClock(BEGIN))
    options.setdefault("random", Random(1))
    return asl.run(
        asl.parse(document), value, {"*": task or (lambda arguments, _: arguments)}, **options
    )


def one(
    state: dict[str, Any], value: Any = None, task: Any = None, **options: Any
) -> asl.Execution:
    """Return the execution of a machine of one JSONPath state."""
    return run(machine({"Only": {"End": True, **state}}), value, task, **options)


def jsonata(
    state: dict[str, Any], value: Any = None, task: Any = None, **options: Any
) -> asl.Execution:
    """Return the execution of a machine of one JSONata state."""
    states = {"Only": {"End": True, **state}}
    return run(machine(states, language="JSONata"), value, task, **options)


def types(execution: asl.Execution) -> list[str]:
    return [event["type"] for event in execution.history]


class Flaky:
    """A task that fails a number of times, then returns its arguments."""

    def __init__(self, failures: int, error: str = "Custom.Error", clock: Any = None) -> None:
        self.failures = failures
        self.error = error
        self.clock = clock
        self.times: list[float] = []

    def __call__(self, arguments: Any, _context: asl.TaskContext) -> Any:
        self.times.append(self.clock.now() - BEGIN if self.clock else 0.0)
        if len(self.times) <= self.failures:
            raise asl.TaskFailed(self.error, "because")
        return arguments
