"""Real threads: branches run at the same time, and what fails stops the others."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from machines import TASK, flow, machine, one, run, types

from otel_analytics import asl

STATE = {"Type": "Task", "Resource": TASK, "End": True}


def branches(count: int) -> list[dict[str, Any]]:
    return [flow({f"T{i}": STATE}) for i in range(count)]


@pytest.mark.parametrize("clock", [asl.SystemClock(), asl.VirtualClock()])
def test_branches_run_at_the_same_time(clock: asl.Clock) -> None:
    together = threading.Barrier(5)

    def meet(_arguments: Any, _context: asl.TaskContext) -> str:
        together.wait(timeout=10)
        return "met"

    execution = one({"Type": "Parallel", "Branches": branches(5)}, None, meet, clock=clock)

    assert execution.output == ["met"] * 5


def test_no_more_iterations_are_at_work_than_may_be() -> None:
    at_work: list[int] = []
    most = 0
    lock = threading.Lock()

    def work(arguments: Any, context: asl.TaskContext) -> Any:
        nonlocal most
        with lock:
            at_work.append(arguments)
            most = max(most, len(at_work))
        context.sleep(1)
        with lock:
            at_work.remove(arguments)
        return arguments * 2

    state = {"Type": "Map", "MaxConcurrency": 3, "ItemProcessor": flow({"T": STATE})}

    assert one(state, list(range(10)), work).output == [i * 2 for i in range(10)]
    assert most == 3


@pytest.mark.parametrize("clock", [asl.SystemClock(), asl.VirtualClock()])
def test_a_failing_branch_cancels_its_siblings(clock: asl.Clock) -> None:
    cancelled = threading.Event()
    waiting = threading.Event()

    def task(_arguments: Any, context: asl.TaskContext) -> Any:
        if context.state == "T0":
            waiting.wait(10)
            raise asl.TaskFailed("Mine")
        context.on_cancel(cancelled.set)
        waiting.set()
        context.cancelled.wait(10)
        return None

    execution = one({"Type": "Parallel", "Branches": branches(2)}, None, task, clock=clock)

    assert execution.error == "Mine"
    assert cancelled.is_set()
    assert types(execution).count("TaskStateAborted") == 2


def test_a_task_that_times_out_is_cancelled_on_the_system_clock() -> None:
    stopped = threading.Event()

    def slow(_arguments: Any, context: asl.TaskContext) -> None:
        if context.sleep(60):
            stopped.set()

    began = time.monotonic()
    execution = one({**STATE, "TimeoutSeconds": 1}, None, slow, clock=asl.SystemClock())

    assert execution.error == "States.Timeout"
    assert stopped.is_set()
    assert time.monotonic() - began < 5


def test_a_branch_that_fails_before_its_sibling_starts_leaves_no_task_behind() -> None:
    called: list[str] = []
    bad = flow({"Bad": {"Type": "Fail", "Error": "Mine"}})

    execution = one(
        {"Type": "Parallel", "Branches": [*branches(1), bad]},
        None,
        lambda _arguments, context: called.append(context.state),
    )

    assert execution.error == "Mine"
    assert called == []


def test_on_cancel_after_the_cancellation_is_called_at_once() -> None:
    called = threading.Event()

    def late(_arguments: Any, context: asl.TaskContext) -> None:
        context.sleep(100)
        context.on_cancel(called.set)

    one({**STATE, "TimeoutSeconds": 1}, None, late)

    assert called.is_set()


def test_a_callback_that_fails_does_not_hide_the_error_of_the_state() -> None:
    def task(_arguments: Any, context: asl.TaskContext) -> None:
        context.on_cancel(lambda: 1 / 0)
        context.sleep(100)

    assert one({**STATE, "TimeoutSeconds": 1}, None, task).error == "States.Timeout"


def test_a_result_after_the_time_out_changes_nothing() -> None:
    document = machine(
        {
            "T": {
                **{k: v for k, v in STATE.items() if k != "End"},
                "TimeoutSeconds": 1,
                "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "W"}],
                "Next": "W",
            },
            "W": {"Type": "Wait", "Seconds": 1, "End": True},
        }
    )

    def late(_arguments: Any, context: asl.TaskContext) -> str:
        context.sleep(5)
        return "late"

    assert run(document, None, late).output == {"Error": "States.Timeout", "Cause": ""}


def test_an_interrupted_run_is_aborted_and_its_tasks_are_cancelled() -> None:
    events: list[dict[str, Any]] = []
    cancelled = threading.Event()

    class Interrupting(asl.SystemClock):
        def wait(self, *_arguments: Any, **_options: Any) -> Any:
            raise KeyboardInterrupt

    def task(_arguments: Any, context: asl.TaskContext) -> None:
        context.on_cancel(cancelled.set)
        context.cancelled.wait(10)

    with pytest.raises(KeyboardInterrupt):
        one(STATE, None, task, clock=Interrupting(), on_event=events.append)

    assert events[-1]["type"] == "ExecutionAborted"
    assert cancelled.wait(5)


def test_tasks_that_end_in_any_order_give_the_same_history() -> None:
    first = threading.Event()

    def last_first(arguments: Any, context: asl.TaskContext) -> Any:
        if context.state == "T1":
            first.set()
        else:
            first.wait(10)
        return context.state

    execution = one({"Type": "Parallel", "Branches": branches(2)}, None, last_first)

    exited = [e for e in execution.history if e["type"] == "TaskStateExited"]
    assert [e["stateExitedEventDetails"]["name"] for e in exited] == ["T0", "T1"]


def test_the_same_seed_and_clock_give_the_same_history() -> None:
    document = machine(
        {
            "M": {
                "Type": "Map",
                "ItemProcessor": flow(
                    {
                        "W": {"Type": "Wait", "SecondsPath": "$", "Next": "P"},
                        "P": {"Type": "Pass", "Parameters": {"u.$": "States.UUID()"}, "End": True},
                    }
                ),
                "End": True,
            }
        }
    )

    assert run(document, [3, 1, 2, 1]).history == run(document, [3, 1, 2, 1]).history
