"""The history, event by event."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from machines import TASK, Flaky, endless, flow, machine, one, run, types

from otel_analytics import asl

PASS = {"Type": "Pass", "End": True}


def details(execution: asl.Execution, event_type: str) -> dict[str, Any]:
    """Return the details of the first event of a type."""
    event = next(e for e in execution.history if e["type"] == event_type)
    (key,) = set(event) - {"id", "previousEventId", "type", "timestamp"}
    return dict(event[key])


def test_an_event_has_the_shape_of_get_execution_history() -> None:
    execution = one({"Type": "Pass", "Result": 2}, {"a": 1})

    assert execution.history == [
        {
            "id": 1,
            "previousEventId": 0,
            "type": "ExecutionStarted",
            "timestamp": "2001-09-09T01:46:40.000+00:00",
            "executionStartedEventDetails": {
                "input": '{"a":1}',
                "inputDetails": {"truncated": False},
                "roleArn": "arn:aws:iam::000000000000:role/state-machine",
            },
        },
        {
            "id": 2,
            "previousEventId": 0,
            "type": "PassStateEntered",
            "timestamp": "2001-09-09T01:46:40.000+00:00",
            "stateEnteredEventDetails": {
                "name": "Only",
                "input": '{"a":1}',
                "inputDetails": {"truncated": False},
            },
        },
        {
            "id": 3,
            "previousEventId": 2,
            "type": "PassStateExited",
            "timestamp": "2001-09-09T01:46:40.000+00:00",
            "stateExitedEventDetails": {
                "name": "Only",
                "output": "2",
                "outputDetails": {"truncated": False},
            },
        },
        {
            "id": 4,
            "previousEventId": 3,
            "type": "ExecutionSucceeded",
            "timestamp": "2001-09-09T01:46:40.000+00:00",
            "executionSucceededEventDetails": {
                "output": "2",
                "outputDetails": {"truncated": False},
            },
        },
    ]


def test_events_are_told_as_they_happen_and_in_order() -> None:
    told: list[dict[str, Any]] = []
    told_before_the_task: list[str] = []

    def task(_arguments: Any, _context: asl.TaskContext) -> None:
        told_before_the_task.extend(event["type"] for event in told)

    execution = one({"Type": "Task", "Resource": TASK}, None, task, on_event=told.append)

    assert told == execution.history
    assert told_before_the_task == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
    ]


def test_a_listener_that_fails_stops_the_run_with_its_own_error() -> None:
    def full(_event: dict[str, Any]) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        one({"Type": "Pass"}, on_event=full)


@pytest.mark.parametrize(
    ("resource", "kind", "action"),
    [
        (TASK, "athena", "startQueryExecution.sync"),
        ("arn:aws:states:::lambda:invoke", "lambda", "invoke"),
        ("arn:aws:states:::states:startExecution.sync:2", "states", "startExecution.sync:2"),
        ("arn:aws:states:::aws-sdk:glue:getTable", "aws-sdk:glue", "getTable"),
    ],
)
def test_a_service_task_is_told_by_type_and_action(resource: str, kind: str, action: str) -> None:
    identity = asl.Identity.of("m", "e", region="ap-northeast-2")
    state = {"Type": "Task", "Resource": resource, "TimeoutSeconds": 60, "HeartbeatSeconds": 5}

    execution = one(state, {"a": 1}, Flaky(1, "E"), identity=identity)

    assert details(execution, "TaskScheduled") == {
        "resourceType": kind,
        "resource": action,
        "region": "ap-northeast-2",
        "parameters": '{"a":1}',
        "timeoutInSeconds": 60,
        "heartbeatInSeconds": 5,
    }
    assert details(execution, "TaskStarted") == {"resourceType": kind, "resource": action}
    assert details(execution, "TaskFailed") == {
        "resourceType": kind,
        "resource": action,
        "error": "E",
        "cause": "because",
    }
    assert details(execution, "ExecutionFailed") == {"error": "E", "cause": "because"}


def test_a_lambda_by_its_own_arn_has_events_of_its_own() -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"

    execution = one({"Type": "Task", "Resource": arn}, {"a": 1})

    assert types(execution)[2:5] == [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
    ]
    assert details(execution, "LambdaFunctionScheduled") == {
        "resource": arn,
        "input": '{"a":1}',
        "inputDetails": {"truncated": False},
    }
    assert details(execution, "LambdaFunctionSucceeded") == {
        "output": '{"a":1}',
        "outputDetails": {"truncated": False},
    }


def test_a_job_that_was_submitted_is_told() -> None:
    def job(_arguments: Any, context: asl.TaskContext) -> Any:
        context.submitted({"QueryExecutionId": "q-1"})
        return {"State": "SUCCEEDED"}

    execution = one({"Type": "Task", "Resource": TASK}, None, job)

    assert types(execution)[2:6] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]
    assert json.loads(details(execution, "TaskSubmitted")["output"]) == {"QueryExecutionId": "q-1"}


def test_a_map_tells_its_length_and_its_iterations() -> None:
    execution = one(
        {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": flow({"P": PASS})}, [7, 8]
    )

    told = [(e["id"], e["previousEventId"], e["type"]) for e in execution.history]
    # As recorded: an iteration follows the last state of the one before it.
    assert told == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 4, "PassStateEntered"),
        (6, 5, "PassStateExited"),
        (7, 6, "MapIterationSucceeded"),
        (8, 6, "MapIterationStarted"),
        (9, 8, "PassStateEntered"),
        (10, 9, "PassStateExited"),
        (11, 10, "MapIterationSucceeded"),
        (12, 11, "MapStateSucceeded"),
        (13, 11, "MapStateExited"),
        (14, 13, "ExecutionSucceeded"),
    ]
    assert details(execution, "MapStateStarted") == {"length": 2}
    assert details(execution, "MapIterationStarted") == {"name": "Only", "index": 0}


def chain(execution: asl.Execution) -> list[tuple[int, str]]:
    """Return which event each one follows, and its type, from the fourth on."""
    return [(event["previousEventId"], event["type"]) for event in execution.history[3:]]


def parallel(states: dict[str, Any], **fields: Any) -> asl.Execution:
    document = machine(
        {
            "P": {"Type": "Parallel", "Branches": [flow(states)], "End": True, **fields},
            "Done": {"Type": "Succeed"},
        },
    )
    if "Catch" not in fields:
        del document["States"]["Done"]
    return run(document, {"x": 1}, Flaky(9, "E"))


CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]


def test_a_task_that_fails_its_branch_is_told_as_aborted() -> None:
    task = {"Type": "Task", "Resource": TASK, "End": True}

    assert chain(parallel({"T": task}, Catch=CATCH)) == [
        (3, "TaskStateEntered"),
        (4, "TaskScheduled"),
        (5, "TaskStarted"),
        (6, "TaskFailed"),
        (7, "TaskStateAborted"),
        (7, "ParallelStateFailed"),
        (9, "ParallelStateExited"),
        (10, "SucceedStateEntered"),
        (11, "SucceedStateExited"),
        (12, "ExecutionSucceeded"),
    ]


def test_a_runtime_error_in_a_branch_ends_the_execution_at_once() -> None:
    bad = {"Type": "Pass", "Parameters": {"v.$": "$.none"}, "End": True}

    assert chain(parallel({"Bad": bad}, Catch=CATCH)) == [
        (3, "PassStateEntered"),
        (4, "ExecutionFailed"),
    ]


def test_an_iteration_that_fails_aborts_the_others() -> None:
    states = {
        "C": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "F"}],
            "Default": "W",
        },
        "F": {"Type": "Fail", "Error": "Mine"},
        "W": {"Type": "Wait", "Seconds": 9, "End": True},
    }

    execution = one({"Type": "Map", "ItemProcessor": flow(states)}, [0, 1])

    assert types(execution)[-6:] == [
        "FailStateEntered",
        "MapIterationFailed",
        "WaitStateAborted",
        "MapIterationAborted",
        "MapStateFailed",
        "ExecutionFailed",
    ]
    assert details(execution, "MapIterationFailed") == {"name": "Only", "index": 1}
    assert details(execution, "MapIterationAborted") == {"name": "Only", "index": 0}


def test_a_catcher_that_fails_is_told_with_its_place() -> None:
    catch = [
        {"ErrorEquals": ["Other"], "Next": "Done"},
        {"ErrorEquals": ["States.ALL"], "Output": {"v": "{% $none %}"}, "Next": "Done"},
    ]
    boom = {"Boom": {"Type": "Fail", "Error": "Mine"}}

    execution = parallel(boom, QueryLanguage="JSONata", Catch=catch)

    assert [kind for _, kind in chain(execution)] == [
        "FailStateEntered",
        "ParallelStateFailed",
        "EvaluationFailed",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]
    assert details(execution, "EvaluationFailed")["location"] == "Catch[1]/Output/v"


def test_a_condition_that_fails_is_told_with_its_place() -> None:
    rule = {"Condition": "{% $none %}", "Next": "S"}
    states = {"C": {"Type": "Choice", "Choices": [rule]}, "S": {"Type": "Succeed"}}

    execution = run(machine(states, language="JSONata"))

    assert details(execution, "EvaluationFailed")["location"] == "Choices[0]/Condition"


def test_time_passes_in_the_history() -> None:
    execution = one({"Type": "Wait", "Seconds": 90})

    begin, end = (datetime.fromisoformat(execution.history[i]["timestamp"]) for i in (0, -1))
    assert (end - begin).total_seconds() == 90


def test_transitions_count_states_and_retries() -> None:
    document = machine(
        {
            "A": {"Type": "Pass", "Next": "M"},
            "M": {"Type": "Map", "ItemProcessor": flow({"P": PASS}), "Next": "T"},
            "T": {"Type": "Task", "Resource": TASK, "Retry": [{"ErrorEquals": ["E"]}], "End": True},
        }
    )

    # A, M, P three times, T and its two retries
    assert run(document, [1, 2, 3], Flaky(2, "E")).transitions == 8


def test_the_history_ends_at_25000_events_with_a_failed_execution() -> None:
    execution = run(machine(endless({"A": {"Type": "Pass", "Next": "Again"}})))

    assert len(execution.history) == 25_000
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    assert execution.history[-1]["type"] == "ExecutionFailed"


def test_a_map_of_10000_items_meets_the_limit_of_the_history() -> None:
    execution = one({"Type": "Map", "ItemProcessor": flow({"P": PASS})}, list(range(10_000)))

    assert (execution.status, len(execution.history)) == ("FAILED", 25_000)
    assert "25000" in (execution.cause or "")


def test_an_event_at_the_very_beginning_of_time_has_its_time() -> None:
    machine = asl.parse({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    execution = asl.run(machine, {}, {}, clock=asl.VirtualClock())
    assert {event["timestamp"] for event in execution.history} == {"1970-01-01T00:00:00.000+00:00"}
