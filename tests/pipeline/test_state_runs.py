"""How each state went, read from histories that the runtime writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from otel_analytics import asl
from otel_analytics.pipeline.state_runs import StateRun, runs_of
from tests.asl.machines import Flaky, flow, machine, run
from tests.pipeline.stand_in_aws import StandInAws, athena_failure

PAYLOAD = {"service_names": ["a-shop", "b-shop"], "execution_date": "2025-10-28", "source": "raw"}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def runs(document: dict[str, Any], task: Any = None, value: Any = None) -> tuple[StateRun, ...]:
    return runs_of(run(document, value, task).history, is_running=False)


def statuses(found: tuple[StateRun, ...]) -> list[tuple[str, str]]:
    return [(one.name, one.status) for one in found]


def refuse(*_: Any) -> Any:
    raise asl.TaskFailed("Refused", "because")


def test_states_follow_each_other_and_take_their_time() -> None:
    states = {
        "Begin": {"Type": "Pass", "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 90, "Next": "End"},
        "End": {"Type": "Succeed"},
    }
    begin, rest, end = runs(machine(states))
    assert statuses((begin, rest, end)) == [
        ("Begin", "succeeded"),
        ("Rest", "succeeded"),
        ("End", "succeeded"),
    ]
    assert [one.after for one in (begin, rest, end)] == ["", "Begin", "Rest"]
    assert [one.seconds(NEVER) for one in (begin, rest, end)] == [0, 90, 0]


def test_a_task_that_is_tried_again_counts_its_attempts_and_may_succeed() -> None:
    retry = [{"ErrorEquals": ["Refused"], "IntervalSeconds": 1, "MaxAttempts": 3}]
    (only,) = runs(
        machine({"Only": {**TASK, "Retry": retry, "End": True}}),
        Flaky(2, "Refused"),
    )
    assert (only.status, only.attempts, only.error) == ("succeeded", 3, "")


def test_what_a_catch_leads_on_from_is_caught_and_what_fails_the_execution_has_failed() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Give up"}]
    states = {
        "Try": {**TASK, "Catch": catch, "End": True},
        "Give up": {"Type": "Fail", "Error": "GivenUp"},
    }
    found = runs(machine(states), refuse)
    assert statuses(found) == [("Try", "caught"), ("Give up", "failed")]
    assert (found[0].error, found[0].cause) == ("Refused", "because")
    assert found[1].after == "Try"


def test_beside_a_branch_that_fails_the_others_are_aborted() -> None:
    slow = flow({"Slow": {"Type": "Wait", "Seconds": 60, "End": True}})
    bad = flow({"Bad": {**TASK, "End": True}})
    both = {"Both": {"Type": "Parallel", "Branches": [slow, bad], "End": True}}
    found = runs(machine(both), refuse)
    assert sorted(statuses(found)) == [("Bad", "failed"), ("Both", "failed"), ("Slow", "aborted")]
    assert [one.after for one in found] == ["", "", ""]
    assert next(one for one in found if one.name == "Slow").seconds(NEVER) == 0


def test_while_the_execution_goes_on_what_was_not_left_is_running() -> None:
    states = {
        "Many": {
            "Type": "Map",
            "ItemProcessor": flow({"Rest": {"Type": "Wait", "Seconds": 60, "End": True}}),
            "End": True,
        }
    }
    history = run(machine(states), [1, 2]).history
    until = next(at for at, event in enumerate(history) if event["type"] == "WaitStateExited")
    found = runs_of(history[:until], is_running=True)
    assert statuses(found) == [("Many", "running"), ("Rest", "running"), ("Rest", "running")]
    assert statuses(runs_of(history[:until], is_running=False)) == [
        ("Many", "aborted"),
        ("Rest", "aborted"),
        ("Rest", "aborted"),
    ]
    now = datetime.fromisoformat(history[until]["timestamp"])
    assert found[1].seconds(now) == 60


def test_after_a_redrive_the_state_that_failed_is_the_one_that_succeeds() -> None:
    document = asl.parse(machine({"A": {**TASK, "Next": "B"}, "B": {**TASK, "End": True}}))
    clock = asl.VirtualClock(0)
    execution = asl.run(document, 1, {"*": Flaky(1)}, clock=clock)
    assert statuses(runs_of(execution.history, is_running=False)) == [("A", "failed")]
    asl.redrive(document, execution, {"*": Flaky(0)}, clock=clock)
    assert statuses(runs_of(execution.history, is_running=False)) == [
        ("A", "succeeded"),
        ("B", "succeeded"),
    ]


def test_each_state_of_the_pipeline_succeeds_once_for_each_service() -> None:
    found = runs_of(StandInAws().run(PAYLOAD).history, is_running=False)
    assert {one.status for one in found} == {"succeeded"}
    creates = [one.service_name for one in found if one.name == "CreateMAUTable"]
    assert creates == PAYLOAD["service_names"]


def test_a_query_that_can_succeed_is_caught_and_runs_once_more() -> None:
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [athena_failure("throttled", retryable=True)]
    found = runs_of(aws.run(PAYLOAD).history, is_running=False)
    first, second, other = (one for one in found if one.name == "CreateMAUTable")
    assert (first.status, first.cause, second.status, other.status) == (
        "caught",
        "throttled",
        "succeeded",
        "succeeded",
    )
    assert (first.service_name, second.service_name, other.service_name) == (
        "a-shop",
        "a-shop",
        "b-shop",
    )
    assert second.after == "WaitForMAU"
