"""Retry, Catch and time-outs."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from machines import BEGIN, TASK, Flaky, flow, jsonata, machine, one, run, types

from otel_analytics import asl

ATTEMPT = ["TaskScheduled", "TaskStarted", "TaskFailed"]


def task(**fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": TASK, **fields}


def times(retry: dict[str, Any], failures: int, chance: Random | None = None) -> list[float]:
    """Return when each attempt was made, in seconds from the start."""
    clock = asl.VirtualClock(BEGIN)
    flaky = Flaky(failures, clock=clock)
    state = task(Retry=[{"ErrorEquals": ["States.ALL"], **retry}])
    one(state, None, flaky, clock=clock, random=chance or Random(1))
    return flaky.times


@pytest.mark.parametrize(
    ("retry", "failures", "expected"),
    [
        ({}, 9, [0, 1, 3, 7]),
        ({"IntervalSeconds": 5, "BackoffRate": 1}, 9, [0, 5, 10, 15]),
        ({"MaxAttempts": 0}, 9, [0]),
        ({"MaxAttempts": 1}, 9, [0, 1]),
        ({"IntervalSeconds": 10, "MaxDelaySeconds": 25}, 9, [0, 10, 30, 55]),
        ({"BackoffRate": 1.5}, 2, [0, 1, 2.5]),
    ],
)
def test_a_retry_waits_as_its_fields_say(
    retry: dict[str, Any], failures: int, expected: list[float]
) -> None:
    assert times(retry, failures) == expected


def test_full_jitter_waits_at_most_the_delay_and_by_the_given_chance() -> None:
    retry = {"JitterStrategy": "FULL", "IntervalSeconds": 100, "BackoffRate": 1}

    attempts = times(retry, 9, Random(3))
    delays = [later - earlier for earlier, later in pairwise(attempts)]

    assert times(retry, 9, Random(3)) == attempts
    assert times(retry, 9, Random(4)) != attempts
    assert all(0 <= delay <= 100 for delay in delays)
    assert len(set(delays)) == 3


def test_a_task_that_recovers_gives_its_result_and_counts_its_retries() -> None:
    state = task(
        Retry=[{"ErrorEquals": ["Custom.Error"]}], Parameters={"n.$": "$$.State.RetryCount"}
    )

    execution = one(state, None, Flaky(2))

    assert execution.output == {"n": 2}
    assert execution.transitions == 3
    assert types(execution) == [
        "ExecutionStarted",
        "TaskStateEntered",
        *ATTEMPT,
        *ATTEMPT,
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_each_retrier_counts_for_itself_and_anew_in_each_visit() -> None:
    errors = ["A", "B", "A", None, "A", "A", None]

    def changing(_arguments: Any, _context: asl.TaskContext) -> Any:
        error = errors.pop(0)
        if error:
            raise asl.TaskFailed(error)
        return None

    retry = [{"ErrorEquals": ["A"], "MaxAttempts": 2}, {"ErrorEquals": ["B"], "MaxAttempts": 1}]
    document = machine({"One": task(Retry=retry, Next="Two"), "Two": task(Retry=retry, End=True)})

    assert run(document, None, changing).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("pattern", "error", "caught"),
    [
        ("States.ALL", "Anything", True),
        ("States.TaskFailed", "Anything", True),
        ("States.TaskFailed", "States.Timeout", False),
        ("States.Timeout", "States.Timeout", True),
        ("States.Timeout", "States.HeartbeatTimeout", True),
        ("Anything", "Anything", True),
        ("Any", "Anything", False),
        ("States.ALL", "States.Runtime", False),
    ],
)
def test_a_catcher_matches_by_error_name(pattern: str, error: str, caught: bool) -> None:
    document = machine(
        {
            "T": task(Catch=[{"ErrorEquals": [pattern], "Next": "Caught"}], End=True),
            "Caught": {"Type": "Succeed"},
        }
    )

    execution = run(document, {"in": 1}, Flaky(1, error))

    assert execution.status == ("SUCCEEDED" if caught else "FAILED")
    if caught:
        assert execution.output == {"Error": error, "Cause": "because"}


def test_a_catcher_keeps_the_input_with_result_path_and_assigns() -> None:
    catch = {
        "ErrorEquals": ["States.ALL"],
        "ResultPath": "$.problem",
        "Assign": {"name.$": "$.Error"},
        "Next": "Caught",
    }
    document = machine(
        {
            "T": task(Catch=[catch], End=True),
            "Caught": {"Type": "Pass", "Parameters": {"in.$": "$", "name.$": "$name"}, "End": True},
        }
    )

    assert run(document, {"a": 1}, Flaky(1, "E")).output == {
        "in": {"a": 1, "problem": {"Error": "E", "Cause": "because"}},
        "name": "E",
    }


def test_a_jsonata_catcher_computes_its_output() -> None:
    catch = {
        "ErrorEquals": ["States.ALL"],
        "Output": "{% $states.errorOutput.Error & ' for ' & $states.input.a %}",
        "Next": "Caught",
    }
    document = machine(
        {"T": task(Catch=[catch], End=True), "Caught": {"Type": "Succeed"}}, language="JSONata"
    )

    assert run(document, {"a": "b"}, Flaky(1, "E")).output == "E for b"


def test_retry_comes_before_catch() -> None:
    flaky = Flaky(9)
    document = machine(
        {
            "T": task(
                Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
                Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
                End=True,
            ),
            "Caught": {"Type": "Succeed"},
        }
    )

    assert run(document, None, flaky).status == "SUCCEEDED"
    assert len(flaky.times) == 3


def test_a_failed_evaluation_can_be_caught() -> None:
    document = machine(
        {
            "T": task(
                Output="{% $none %}",
                Catch=[{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught"}],
                End=True,
            ),
            "Caught": {"Type": "Pass", "Output": "{% $states.input.Error %}", "End": True},
        },
        language="JSONata",
    )

    assert run(document).output == "States.QueryEvaluationError"


def test_an_exception_of_a_task_fails_the_state_and_is_not_lost() -> None:
    def broken(_arguments: Any, _context: asl.TaskContext) -> Any:
        raise ValueError("no such column")

    execution = one(task(), None, broken)

    assert execution.error == "States.TaskFailed"
    assert execution.cause == "ValueError: no such column"


@pytest.mark.parametrize("result", [{1, 2}, float("nan"), object()])
def test_a_result_that_is_no_json_fails_the_state(result: Any) -> None:
    execution = one(task(), None, lambda *_: result)

    assert execution.error == "States.TaskFailed"
    assert "JSON" in (execution.cause or "")


def test_a_cause_of_a_megabyte_is_cut_at_32768_characters() -> None:
    def wordy(_arguments: Any, _context: asl.TaskContext) -> Any:
        raise asl.TaskFailed("E", "x" * 1_000_000)

    assert len(one(task(), None, wordy).cause or "") == 32_768


def test_a_result_above_256_kib_fails_the_task() -> None:
    execution = one(task(), None, lambda *_: "x" * 300_000)

    assert execution.error == "States.DataLimitExceeded"
    assert "'athena'" in (execution.cause or "")


def sleeper(seconds: float) -> Any:
    def sleep(_arguments: Any, context: asl.TaskContext) -> Any:
        return "cancelled" if context.sleep(seconds) else "slept"

    return sleep


def test_a_task_within_its_time_succeeds() -> None:
    execution = one(task(TimeoutSeconds=60), None, sleeper(59))

    assert execution.output == "slept"
    assert execution.stop == BEGIN + 59


def test_a_task_that_takes_too_long_times_out() -> None:
    execution = one(task(TimeoutSeconds=60), None, sleeper(61))

    assert execution.error == "States.Timeout"
    assert execution.stop == BEGIN + 60
    assert types(execution)[-2:] == ["TaskTimedOut", "ExecutionFailed"]


def test_a_timeout_can_be_computed() -> None:
    by_path = one(task(TimeoutSecondsPath="$.s"), {"s": 7}, sleeper(100))
    computed = jsonata(task(TimeoutSeconds="{% $states.input.s + 1 %}"), {"s": 7}, sleeper(100))

    assert by_path.stop == BEGIN + 7
    assert computed.stop == BEGIN + 8


def test_a_timed_out_task_is_retried() -> None:
    calls = []

    def slow_once(_arguments: Any, context: asl.TaskContext) -> Any:
        calls.append(context.retry_count)
        context.sleep(100 if len(calls) == 1 else 1)
        return len(calls)

    state = task(TimeoutSeconds=10, Retry=[{"ErrorEquals": ["States.Timeout"]}])

    execution = one(state, None, slow_once)

    assert execution.output == 2
    assert calls == [0, 1]
    assert execution.stop == BEGIN + 10 + 1 + 1


def test_a_task_without_a_heartbeat_times_out_and_one_with_it_does_not() -> None:
    def beating(_arguments: Any, context: asl.TaskContext) -> Any:
        for _ in range(5):
            context.sleep(8)
            context.heartbeat()
        return "alive"

    state = task(TimeoutSeconds=100, HeartbeatSeconds=10)

    assert one(state, None, beating).output == "alive"
    silent = one(state, None, sleeper(50))
    assert (silent.error, silent.stop) == ("States.HeartbeatTimeout", BEGIN + 10)


def test_the_machine_itself_can_time_out() -> None:
    document = machine({"W": {"Type": "Wait", "Seconds": 100, "End": True}}, TimeoutSeconds=30)

    execution = run(document)

    assert (execution.status, execution.stop) == ("TIMED_OUT", BEGIN + 30)
    assert types(execution)[-1] == "ExecutionTimedOut"


def test_a_failing_branch_fails_the_parallel_with_its_own_error() -> None:
    branches = [
        flow({"Slow": {"Type": "Wait", "Seconds": 1000, "End": True}}),
        flow({"Bad": {"Type": "Fail", "Error": "Mine", "Cause": "so"}}),
    ]

    execution = one({"Type": "Parallel", "Branches": branches})

    assert (execution.error, execution.cause) == ("Mine", "so")
    assert execution.stop == BEGIN
    assert types(execution)[-4:] == [
        "FailStateEntered",
        "WaitStateAborted",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]


def test_a_failure_five_levels_down_is_caught_at_the_top() -> None:
    inner = flow({"Bad": {"Type": "Fail", "Error": "Deep"}})
    for level in range(5):
        inner = flow({f"M{level}": {"Type": "Map", "ItemProcessor": inner, "End": True}})
    catch = [{"ErrorEquals": ["Deep"], "ResultPath": "$", "Next": "Caught"}]
    document = machine(
        {
            "P": {"Type": "Parallel", "Branches": [inner], "Catch": catch, "End": True},
            "Caught": {"Type": "Succeed"},
        }
    )

    assert run(document, [[[[[1]]]]]).output == {"Error": "Deep", "Cause": ""}


def test_a_parallel_is_retried_as_a_whole() -> None:
    flaky = Flaky(1, "E")
    branches = [flow({"T": task(End=True)})]
    retry = [{"ErrorEquals": ["E"]}]

    execution = one({"Type": "Parallel", "Branches": branches, "Retry": retry}, 5, flaky)

    assert execution.output == [5]
    assert types(execution).count("ParallelStateStarted") == 2
