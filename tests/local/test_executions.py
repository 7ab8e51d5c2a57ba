"""Executions and their history in SQLite, in the AWS CLI's shapes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_analytics import asl
from otel_analytics.errors import InvalidName
from otel_analytics.local.executions import Executions
from otel_analytics.local.runner import this_process

if TYPE_CHECKING:
    from otel_analytics.local.home import Home

ARN = "arn:aws:states:local:000000000000"


def add(executions: Executions, name: str, *, start: float, done: bool = True) -> None:
    identity = asl.Identity.of("pipeline", name, region="local")
    executions.create(identity, value={"n": 1}, definition={}, start=start, runner=this_process())
    if done:
        machine = asl.parse({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
        execution = asl.run(
            machine,
            {"n": 1},
            {},
            clock=asl.VirtualClock(start + 2),
            identity=identity,
        )
        executions.finish(name, execution, execution.history)


@pytest.fixture
def executions(home: Home) -> Executions:
    return Executions(home)


def test_an_execution_is_described_as_the_aws_cli_does(executions: Executions) -> None:
    add(executions, "one", start=1_700_000_000.25)
    assert executions.describe_execution("one") == {
        "executionArn": f"{ARN}:execution:pipeline:one",
        "stateMachineArn": f"{ARN}:stateMachine:pipeline",
        "name": "one",
        "status": "SUCCEEDED",
        "startDate": "2023-11-14T22:13:20.250+00:00",
        "stopDate": "2023-11-14T22:13:22.250+00:00",
        "input": '{"n":1}',
        "inputDetails": {"included": True},
        "output": '{"n":1}',
        "outputDetails": {"included": True},
    }


def test_a_running_execution_has_no_stop_and_no_output(executions: Executions) -> None:
    add(executions, "one", start=0, done=False)
    described = executions.describe_execution("one")
    assert described["status"] == "RUNNING"
    assert not {"stopDate", "output", "error", "cause"} & set(described)


def test_executions_are_listed_newest_first(executions: Executions) -> None:
    for number, name in enumerate(["a", "b", "c"]):
        add(executions, name, start=number, done=name != "c")
    assert [one["name"] for one in executions.list_executions()] == ["c", "b", "a"]
    assert [one["name"] for one in executions.list_executions(max_results=1)] == ["c"]
    assert [one["name"] for one in executions.list_executions(status="SUCCEEDED")] == ["b", "a"]
    assert set(executions.list_executions()[0]) == {
        "executionArn", "stateMachineArn", "name", "status", "startDate",
    }  # fmt: skip


def test_the_history_comes_in_order_or_reversed(executions: Executions) -> None:
    add(executions, "one", start=0)
    types = [event["type"] for event in executions.get_execution_history("one")]
    assert types == [
        "ExecutionStarted",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    reverse = executions.get_execution_history("one", reverse_order=True, max_results=1)
    assert [event["id"] for event in reverse] == [4]


def test_a_long_history_is_read_from_either_end_whatever_was_written_at_once(
    executions: Executions,
) -> None:
    add(executions, "one", start=0, done=False)
    events = [{"id": number} for number in range(1, 251)]
    executions.append("one", events[:130])
    executions.append("one", events[130:])
    assert executions.get_execution_history("one") == events
    assert executions.get_execution_history("one", max_results=131) == events[:131]
    last = executions.get_execution_history("one", reverse_order=True, max_results=122)
    assert [event["id"] for event in last] == list(range(250, 128, -1))


def test_events_after_one_that_was_seen_are_read_whatever_was_written_at_once(
    executions: Executions,
) -> None:
    add(executions, "one", start=0, done=False)
    arn = executions.describe_execution("one")["executionArn"]
    events = [{"id": number} for number in range(1, 251)]
    assert executions.events_after(arn, 0) == []
    executions.append("one", events[:130])
    executions.append("one", events[130:])
    for seen in (0, 1, 99, 100, 101, 129, 130, 131, 229, 230, 249, 250):
        assert executions.events_after(arn, seen) == events[seen:]


def test_an_execution_is_found_by_arn_name_or_beginning(executions: Executions) -> None:
    for name in ("abc", "abd", "ab"):
        add(executions, name, start=0)
    for reference in (f"{ARN}:execution:pipeline:abd", "abd"):
        assert executions.describe_execution(reference)["name"] == "abd"
    # a whole name is meant before a beginning
    assert executions.describe_execution("ab")["name"] == "ab"
    with pytest.raises(InvalidName, match="begins the names of several executions: ab, abc, abd"):
        executions.describe_execution("a")
    add(executions, "xyz", start=0)
    assert executions.describe_execution("x")["name"] == "xyz"


@pytest.mark.parametrize("reference", ["nope", "", "%", "arn:aws:states:local:0:execution:p:no"])
def test_an_execution_that_is_not_there_is_named(executions: Executions, reference: str) -> None:
    add(executions, "one", start=0)
    with pytest.raises(InvalidName, match="ExecutionDoesNotExist"):
        executions.describe_execution(reference)
    with pytest.raises(InvalidName, match="ExecutionDoesNotExist"):
        executions.get_execution_history(reference)


def test_a_name_is_given_once(executions: Executions) -> None:
    add(executions, "one", start=0)
    with pytest.raises(InvalidName, match="ExecutionAlreadyExists: an execution named 'one'"):
        add(executions, "one", start=1)


def test_a_runner_that_died_is_told_from_one_that_lives(executions: Executions) -> None:
    add(executions, "one", start=0, done=False)
    runner = executions.runner("one")
    assert runner == this_process()
    assert not runner.is_dead()
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert replace(runner, pid=child.pid).is_dead()
    # the same process id, given to a later process
    assert replace(runner, process_start="1").is_dead()
    assert not replace(runner, host="another-machine", pid=os.getpid() + 1).is_dead()
