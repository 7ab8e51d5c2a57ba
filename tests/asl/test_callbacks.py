"""Tasks that wait for a callback, executions inside executions, and failures that a Map bears."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest
from machines import BEGIN, flow, machine, run, types

from otel_analytics import asl
from otel_analytics.errors import Failed, InvalidDocument

SEND = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
START = "arn:aws:states:::states:startExecution"


def waiting(**fields: Any) -> dict[str, Any]:
    state = {
        "Type": "Task",
        "Resource": SEND,
        "Parameters": {"token.$": "$$.Task.Token"},
        "End": True,
        **fields,
    }
    return machine({"W": state})


def test_a_callback_from_another_thread_ends_the_task() -> None:
    contexts: list[asl.TaskContext] = []
    called = threading.Event()

    def send(arguments: Any, context: asl.TaskContext) -> Any:
        assert arguments == {"token": context.token}
        contexts.append(context)
        called.set()
        return {"MessageId": 1}

    def answer() -> None:
        assert called.wait(10)
        contexts[0].send_task_success({"approved": True})

    other = threading.Thread(target=answer)
    other.start()
    execution = run(waiting(), task=send, clock=asl.SystemClock())
    other.join()
    assert execution.output == {"approved": True}
    assert types(execution)[2:7] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
    ]
    submitted = execution.history[4]["taskSubmittedEventDetails"]
    assert submitted["output"] == '{"MessageId":1}'
    assert submitted["resource"] == "sendMessage.waitForTaskToken"


def test_a_callback_within_the_call_is_told_after_it() -> None:
    execution = run(waiting(), task=lambda _, context: context.send_task_success(5))
    assert execution.output == 5
    assert types(execution)[4:6] == ["TaskSubmitted", "TaskSucceeded"]


def test_a_failing_callback_fails_the_task_and_each_attempt_has_its_own_token() -> None:
    tokens = []

    def send(_arguments: Any, context: asl.TaskContext) -> None:
        tokens.append(context.token)
        context.send_task_failure("Rejected", "no")

    retry = [{"ErrorEquals": ["Rejected"], "MaxAttempts": 1}]
    execution = run(waiting(Retry=retry), task=send)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Rejected", "no")
    assert len(set(tokens)) == 2


def test_a_call_that_fails_is_not_waited_for() -> None:
    def send(_arguments: Any, _context: asl.TaskContext) -> None:
        raise asl.TaskFailed("Sqs.Down", "no queue")

    assert run(waiting(), task=send).error == "Sqs.Down"


def test_a_callback_that_never_comes_times_out_by_heartbeat_or_timeout() -> None:
    heartbeat = run(waiting(HeartbeatSeconds=10, TimeoutSeconds=60), task=lambda *_: None)
    assert heartbeat.error == "States.HeartbeatTimeout"
    assert heartbeat.stop == BEGIN + 10
    timeout = run(waiting(TimeoutSeconds=60), task=lambda *_: None)
    assert (timeout.error, timeout.stop) == ("States.Timeout", BEGIN + 60)


def test_a_token_can_be_answered_by_another_branch() -> None:
    contexts: dict[str, asl.TaskContext] = {}

    def do(arguments: Any, context: asl.TaskContext) -> Any:
        if context.resource == SEND:
            contexts["waiting"] = context
            return None
        context.sleep(30)
        contexts["waiting"].send_task_success("answered")
        return "sent"

    wait = {"Type": "Task", "Resource": SEND, "End": True}
    send = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": True}
    branches = [flow({"Wait": wait}), flow({"Send": send})]
    document = machine({"P": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert run(document, task=do).output == ["answered", "sent"]


def test_only_a_task_that_waits_can_be_called_back() -> None:
    def do(_arguments: Any, context: asl.TaskContext) -> None:
        context.send_task_success(1)

    document = machine({"A": {"Type": "Task", "Resource": START, "End": True}})
    execution = run(document, task=do)
    assert execution.error == "States.TaskFailed"
    assert "does not wait for a callback" in str(execution.cause)


def nested_run(
    child: dict[str, Any], mode: str = "", **arguments: Any
) -> tuple[asl.Execution, asl.NestedExecutions]:
    clock = asl.VirtualClock(BEGIN)
    nested = asl.NestedExecutions({"child": asl.parse(child)}, {}, clock=clock)
    arguments = {"StateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:child", **arguments}
    state = {"Type": "Task", "Resource": START + mode, "Parameters": arguments, "End": True}
    execution = asl.run(asl.parse(machine({"S": state})), {}, nested.tasks, clock=clock)
    nested.join()
    return execution, nested


DOUBLE = machine({"D": {"Type": "Pass", "Output": {"n": "{% $states.input.n * 2 %}"}, "End": True}},
                 language="JSONata")  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "payload", "output"),
    [(".sync", '{"n":21}', '{"n":42}'), (".sync:2", {"n": 21}, {"n": 42})],
)
def test_a_nested_execution_is_waited_for_and_described(
    mode: str, payload: Any, output: Any
) -> None:
    execution, _ = nested_run(DOUBLE, mode, Input={"n": 21}, Name="one")
    arn = "arn:aws:states:us-east-1:000000000000"
    assert execution.output == {
        "ExecutionArn": f"{arn}:execution:child:one",
        "Input": payload,
        "InputDetails": {"Included": True},
        "Name": "one",
        "Output": output,
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE",
        "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "StartDate": int(BEGIN * 1000),
        "StateMachineArn": f"{arn}:stateMachine:child",
        "Status": "SUCCEEDED",
        "StopDate": int(BEGIN * 1000),
    }
    assert "TaskSubmitted" in types(execution)


def test_a_nested_execution_that_fails_fails_its_task() -> None:
    child = machine({"F": {"Type": "Fail", "Error": "Nope", "Cause": "because"}})
    execution, _ = nested_run(child, ".sync:2")
    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    described = json.loads(str(execution.cause))
    assert (described["Status"], described["Error"]) == ("FAILED", "Nope")
    assert "Output" not in described


def test_a_nested_execution_for_which_nobody_waits_goes_on_by_itself() -> None:
    execution, nested = nested_run(DOUBLE, Input={"n": 1})
    assert set(execution.output) == {
        "ExecutionArn",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
        "StartDate",
    }
    assert [one.output for one in nested.executions] == [{"n": 2}]
    assert "TaskSubmitted" not in types(execution)


def test_an_unknown_machine_and_a_name_taken_are_errors_that_can_be_caught() -> None:
    execution, _ = nested_run(DOUBLE, StateMachineArn="arn:aws:states:us-east-1:1:stateMachine:no")
    assert execution.error == "StepFunctions.StateMachineDoesNotExistException"
    start = {"Type": "Task", "Resource": f"{START}.sync:2",
             "Parameters": {"StateMachineArn": "child", "Name": "one", "Input": {"n": 1}},
             "ResultPath": None}  # fmt: skip
    document = machine({"A": {**start, "Next": "B"}, "B": {**start, "End": True}})
    nested = asl.NestedExecutions({"child": asl.parse(DOUBLE)}, {})
    execution = asl.run(asl.parse(document), {}, nested.tasks)
    assert execution.error == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_timed_out_task_stops_its_nested_execution() -> None:
    child = machine({"W": {"Type": "Wait", "Seconds": 3600, "End": True}})
    nested = asl.NestedExecutions({"child": asl.parse(child)}, {})
    state = {"Type": "Task", "Resource": f"{START}.sync", "TimeoutSeconds": 1, "End": True,
             "Parameters": {"StateMachineArn": "child"}}  # fmt: skip
    execution = asl.run(asl.parse(machine({"S": state})), {}, nested.tasks)
    assert execution.error == "States.Timeout"
    assert [one.status for one in nested.executions] == ["ABORTED"]
    assert "was aborted" in str(nested.executions[0].cause)


@pytest.mark.parametrize(
    "reference", ["child", "child:live", "arn:aws:states:us-east-1:1:stateMachine:child:live"]
)
def test_a_nested_machine_is_found_by_name_alias_or_arn(reference: str) -> None:
    execution, _ = nested_run(DOUBLE, ".sync:2", StateMachineArn=reference, Input={"n": 1})
    assert execution.output["Output"] == {"n": 2}


def test_a_text_as_input_of_a_nested_execution_is_the_json_itself() -> None:
    execution, _ = nested_run(DOUBLE, ".sync:2", Input='{"n": 21}')
    assert (execution.output["Input"], execution.output["Output"]) == ({"n": 21}, {"n": 42})
    execution, _ = nested_run(DOUBLE, ".sync:2", Input="{n: 21}")
    assert execution.error == "StepFunctions.InvalidExecutionInputException"


@pytest.mark.parametrize("name", ["", 5])
def test_a_nested_execution_needs_a_name_that_is_a_text(name: Any) -> None:
    execution, nested = nested_run(DOUBLE, ".sync", Name=name)
    assert execution.error == "StepFunctions.InvalidNameException"
    assert nested.executions == []


def test_a_nested_machine_that_asks_for_what_nothing_does_is_refused_by_its_name() -> None:
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
    child = asl.parse(machine({"S": task}))
    with pytest.raises(InvalidDocument, match="nothing here does arn:aws:states:::sqs") as refused:
        asl.NestedExecutions({"arn:aws:states:::stateMachine:child": child}, {})
    assert refused.value.where == "state machine child: $.States.S.Resource"


def endless(mode: str) -> asl.NestedExecutions:
    state = {"Type": "Task", "Resource": START + mode, "End": True,
             "Parameters": {"StateMachineArn": "again"}}  # fmt: skip
    again = asl.parse(machine({"S": state}))
    with asl.NestedExecutions({"again": again}, {}) as nested:
        asl.run(again, {}, nested.tasks)
    return nested


def test_a_machine_that_waits_for_itself_ends_at_a_limit() -> None:
    nested = endless(".sync:2")
    deepest, *others = nested.executions
    assert len(others) == 49
    assert deepest.error == "StepFunctions.ExecutionLimitExceededException"
    assert "50 each of which waits for the next" in str(deepest.cause)
    assert {one.error for one in others} == {"States.TaskFailed"}


def test_a_machine_that_starts_itself_ends_after_a_thousand_generations() -> None:
    errors = Counter(one.error for one in endless("").executions)
    assert errors == {None: 999, "StepFunctions.ExecutionLimitExceededException": 1}


def test_an_interrupt_stops_the_executions_for_which_nobody_waits() -> None:
    def interrupt(event: dict[str, Any]) -> None:
        if event["type"] == "TaskStateExited":
            raise KeyboardInterrupt

    child = asl.parse(machine({"W": {"Type": "Wait", "Seconds": 60, "End": True}}))
    state = {"Type": "Task", "Resource": START, "End": True,
             "Parameters": {"StateMachineArn": "child"}}  # fmt: skip
    nested = asl.NestedExecutions({"child": child}, {})
    with pytest.raises(KeyboardInterrupt), nested:
        asl.run(asl.parse(machine({"S": state})), {}, nested.tasks, on_event=interrupt)
    assert [one.status for one in nested.executions] == ["ABORTED"]


def test_what_a_nested_execution_raises_for_which_nobody_waits_is_not_lost() -> None:
    def carry_out(_stop: asl.StopSwitch) -> asl.Execution:
        raise Failed("the disk is full")

    state = {"Type": "Task", "Resource": START, "End": True,
             "Parameters": {"StateMachineArn": "child"}}  # fmt: skip
    machines = {"child": asl.parse(DOUBLE)}
    with (
        pytest.raises(Failed, match="the disk is full"),
        asl.NestedExecutions(machines, {}, begin=lambda *_: carry_out) as nested,
    ):
        asl.run(asl.parse(machine({"S": state})), {}, nested.tasks)


def bearing(**fields: Any) -> dict[str, Any]:
    choice = {"Variable": "$", "IsNumeric": True, "Next": "Good"}
    inner = {
        "Which": {"Type": "Choice", "Choices": [choice], "Default": "Bad"},
        "Good": {"Type": "Succeed"},
        "Bad": {"Type": "Fail", "Error": "NoNumber", "Cause": "it is none"},
    }
    state = {"Type": "Map", "ItemProcessor": flow(inner), "End": True, **fields}
    return machine({"M": state})


BAD = {"Error": "NoNumber", "Cause": "it is none"}


@pytest.mark.parametrize(
    "fields",
    [
        {"ToleratedFailureCount": 2},
        {"ToleratedFailurePercentage": 50},
        {"ToleratedFailureCount": 2, "ToleratedFailurePercentage": 100},
        {"ToleratedFailureCountPath": "$[3]"},
    ],
)
def test_a_map_bears_as_many_failures_as_it_says(fields: dict[str, Any]) -> None:
    execution = run(bearing(**fields), ["a", 1, "b", 2])
    assert execution.status == "SUCCEEDED"
    assert execution.output == [BAD, 1, BAD, 2]
    assert types(execution).count("MapIterationFailed") == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"ToleratedFailureCount": 1},
        {"ToleratedFailurePercentage": 49},
        {"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 100},
    ],
)
def test_one_failure_too_many_exceeds_the_threshold(fields: dict[str, Any]) -> None:
    execution = run(bearing(**fields), ["a", 1, "b", 2])
    assert execution.error == "States.ExceedToleratedFailureThreshold"
    assert "MapStateFailed" in types(execution)


def test_without_a_threshold_the_iterations_own_error_is_the_maps() -> None:
    assert run(bearing(), ["a"]).error == "NoNumber"
