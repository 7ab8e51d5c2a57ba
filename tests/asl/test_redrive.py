"""Redriving and stopping: executions that go on where they failed, or end before their time."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest
from machines import BEGIN, endless, flow, machine, types

from otel_analytics import asl
from otel_analytics.errors import Refused

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


def task(name: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"{ARN}{name}", **fields}


class Functions:
    """Functions that return their name and count their calls; some of them fail, for a while."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.calls: Counter[str] = Counter()

    def __call__(self, arguments: Any, context: asl.TaskContext) -> Any:
        name = context.resource.removeprefix(ARN)
        self.calls[name] += 1
        if name in self.failing or (isinstance(arguments, str) and arguments in self.failing):
            raise asl.TaskFailed("Broken", name)
        return name


def start(document: dict[str, Any], functions: Functions, value: Any = None) -> asl.Execution:
    return asl.run(asl.parse(document), value, {"*": functions}, clock=asl.VirtualClock(BEGIN))


def kept(execution: asl.Execution) -> asl.Execution:
    """Return the execution as it comes back from where it was stored."""
    stored = asl.load_execution(json.loads(json.dumps(asl.dump_execution(execution))))
    stored.history = execution.history
    return stored


def redrive(document: dict[str, Any], execution: asl.Execution, functions: Functions) -> Any:
    asl.redrive(
        asl.parse(document), execution, {"*": functions}, clock=asl.VirtualClock(BEGIN + 1000)
    )
    return execution


def test_a_redrive_goes_on_from_the_state_that_failed() -> None:
    document = machine(
        {"A": task("a", Next="B"), "B": task("b", Next="C"), "C": task("c", End=True)}
    )
    functions = Functions("b")
    failed = start(document, functions)
    assert (failed.status, failed.error, failed.transitions) == ("FAILED", "Broken", 2)
    functions.failing.clear()

    execution = redrive(document, kept(failed), functions)

    assert (execution.status, execution.output) == ("SUCCEEDED", "c")
    assert functions.calls == {"a": 1, "b": 2, "c": 1}
    assert execution.transitions == 2 + 1 + 1  # a redrive counts as one; B was entered before
    again = execution.history[len(failed.history) - len(execution.history) :]
    redriven = next(one for one in execution.history if one["type"] == "ExecutionRedriven")
    assert redriven["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert [one["id"] for one in execution.history] == list(range(1, len(execution.history) + 1))
    assert again[-1]["type"] == "ExecutionSucceeded"
    assert types(execution)[redriven["id"] :] == [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_branches_that_succeeded_are_not_run_again() -> None:
    branches = [
        flow({"A": task("a", End=True)}),
        flow({"B1": task("b1", Next="B2"), "B2": task("b2", End=True)}),
    ]
    document = machine({"P": {"Type": "Parallel", "Branches": branches, "End": True}})
    functions = Functions("b2")
    failed = start(document, functions)
    assert failed.status == "FAILED"
    functions.failing.clear()

    execution = redrive(document, kept(failed), functions)

    assert execution.output == ["a", "b2"]
    assert functions.calls == {"a": 1, "b1": 1, "b2": 2}


def test_iterations_that_had_not_begun_run_after_the_one_that_failed() -> None:
    items = [f"item-{number}" for number in range(5)]
    inner = flow({"I": task("i", ResultPath=None, End=True)})
    document = machine(
        {"M": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": inner, "End": True}}
    )
    functions = Functions("item-2")
    failed = start(document, functions, items)
    assert functions.calls == {"i": 3}
    functions.failing.clear()

    execution = redrive(document, kept(failed), functions)

    assert execution.output == items
    assert functions.calls == {"i": 6}


def test_a_failure_many_levels_down_is_redriven_there() -> None:
    states: dict[str, Any] = {"Deep": task("deep", End=True)}
    for level in range(50):
        side = flow({"Side": task(f"side{level}", End=True)})
        branches = [side, flow(states)]
        states = {f"P{level}": {"Type": "Parallel", "Branches": branches, "End": True}}
    document = machine(states)
    functions = Functions("deep")
    failed = start(document, functions)
    functions.failing.clear()

    execution = redrive(document, kept(failed), functions)

    assert execution.status == "SUCCEEDED"
    # Levels that had not come to an end when it failed are at work again.
    assert functions.calls["deep"] == 2
    found, depth = execution.output, 0
    while isinstance(found, list):
        found, depth = found[1], depth + 1
    assert (found, depth) == ("deep", 50)


def test_a_redriven_state_has_all_of_its_retries_again() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}]
    document = machine({"A": task("a", Retry=retry, End=True)})
    functions = Functions("a")
    failed = start(document, functions)
    assert functions.calls["a"] == 3

    again = redrive(document, kept(failed), functions)

    assert again.status == "FAILED"
    assert functions.calls["a"] == 6
    assert again.redrive_count == 1
    assert redrive(document, kept(again), functions).redrive_count == 2


def test_the_context_object_tells_of_the_redrive() -> None:
    states = {
        "A": {**task("a", Next="B"), "Arguments": {}},
        "B": {"Type": "Pass", "Output": "{% $states.context.Execution %}", "End": True},
    }
    document = machine(states, language="JSONata")
    functions = Functions("a")
    failed = start(document, functions)
    functions.failing.clear()

    output = redrive(document, kept(failed), functions).output

    assert output["RedriveCount"] == 1
    assert output["RedriveTime"] == "2001-09-09T02:03:20.000Z"


def test_a_caught_failure_is_forgotten() -> None:
    branches = [flow({"A": task("a", End=True)}), flow({"B": task("b", End=True)})]
    catch = [{"ErrorEquals": ["Broken"], "Next": "C"}]
    document = machine(
        {
            "P": {"Type": "Parallel", "Branches": branches, "Catch": catch, "End": True},
            "C": task("c", End=True),
        }
    )
    functions = Functions("b", "c")
    failed = start(document, functions)
    assert (len(failed.frames), len(failed.fallen)) == (1, 0)
    functions.failing.clear()

    assert redrive(document, kept(failed), functions).output == "c"
    assert functions.calls["b"] == 1


def test_an_execution_that_succeeded_cannot_be_redriven() -> None:
    document = machine({"A": task("a", End=True)})
    done = start(document, Functions())
    with pytest.raises(Refused, match="ExecutionNotRedrivable: execution cannot be redriven"):
        redrive(document, kept(done), Functions())


def test_an_execution_kept_at_any_rest_goes_on_to_the_same_output() -> None:
    inner = flow({"I": task("i", Next="J"), "J": task("j", End=True)})
    document = machine(
        {
            "W": {"Type": "Wait", "Seconds": 5, "Next": "M"},
            "M": {"Type": "Map", "MaxConcurrency": 2, "ItemProcessor": inner, "Next": "L"},
            "L": task("l", InputPath="$[0]", ResultPath="$[0]", End=True),
        }
    )
    rests: list[str] = []
    whole = asl.run(
        asl.parse(document),
        [1, 2, 3],
        {"*": Functions()},
        clock=asl.VirtualClock(BEGIN),
        on_rest=lambda execution: rests.append(json.dumps(asl.dump_execution(execution))),
    )
    assert whole.output == ["l", "j", "j"]
    # The process may die at any of them but the last.
    for stored in rests[:-1]:
        execution = asl.load_execution(json.loads(stored))
        assert execution.status == "RUNNING"
        assert redrive(document, execution, Functions()).output == whole.output
    assert len(rests) > 5


def test_a_stopped_execution_is_aborted_and_its_tasks_are_cancelled() -> None:
    stop = asl.StopSwitch()
    began, ended = threading.Event(), threading.Event()

    def work(_arguments: Any, context: asl.TaskContext) -> None:
        began.set()
        assert context.cancelled.wait(10)
        ended.set()

    def stop_soon() -> None:
        assert began.wait(10)
        stop.stop("Enough", "nobody needs it")

    other = threading.Thread(target=stop_soon)
    other.start()
    document = machine({"A": task("a", End=True)})
    execution = asl.run(asl.parse(document), None, {"*": work}, stop=stop)
    other.join()
    assert (execution.status, execution.error, execution.cause) == (
        "ABORTED",
        "Enough",
        "nobody needs it",
    )
    assert ended.wait(10)
    last = execution.history[-1]
    assert (last["type"], last["executionAbortedEventDetails"]) == (
        "ExecutionAborted",
        {"error": "Enough", "cause": "nobody needs it"},
    )


@pytest.mark.parametrize("clock", [asl.SystemClock(), asl.VirtualClock(BEGIN)])
def test_an_execution_stopped_before_it_began_ends_and_can_be_redriven(clock: asl.Clock) -> None:
    stop = asl.StopSwitch()
    stop.stop()
    document = machine(
        {"W": {"Type": "Wait", "Seconds": 3600, "Next": "A"}, "A": task("a", End=True)}
    )
    execution = asl.run(asl.parse(document), None, {"*": Functions()}, clock=clock, stop=stop)
    assert (execution.status, execution.error) == ("ABORTED", None)
    assert redrive(document, kept(execution), Functions()).output == "a"


def test_a_loop_without_end_can_be_stopped() -> None:
    stop = asl.StopSwitch()
    document = machine(endless({"A": task("a", Next="Again")}))

    def count(_arguments: Any, _context: asl.TaskContext) -> None:
        calls.append(1)
        if len(calls) == 20:
            stop.stop()

    calls: list[int] = []
    execution = asl.run(asl.parse(document), None, {"*": count}, stop=stop)
    assert execution.status == "ABORTED"
    assert len(calls) <= 22
