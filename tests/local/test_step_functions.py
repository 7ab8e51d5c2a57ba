"""A state machine over the embedded Athena and functions of this process."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl
from otel_analytics.errors import InvalidDocument, InvalidName
from otel_analytics.local.step_functions import StepFunctions

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Account

ATHENA = "arn:aws:states:::athena:startQueryExecution.sync"


def document(resource: str, arguments: Any, **fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **fields}
    return {"QueryLanguage": "JSONata", "StartAt": "Task", "States": {"Task": state}}


def step_functions(
    account: Account, functions: dict[str, Callable[[Any], Any]] | None = None
) -> StepFunctions:
    return StepFunctions(
        account.athena, account.executions, functions or {}, clock=asl.VirtualClock(1_700_000_000)
    )


def query(sql: str) -> dict[str, Any]:
    return {
        "QueryString": sql,
        "QueryExecutionContext": {"Database": "log_db"},
        "ResultConfiguration": {"OutputLocation": "s3://bucket/results/"},
        "WorkGroup": "reports",
    }


def test_a_query_gives_its_query_execution_with_times_in_milliseconds(account: Account) -> None:
    execution = step_functions(account).start_execution(
        document(ATHENA, query("SELECT 1 AS n")), {}, name="one"
    )
    result = json.loads(execution["output"])["QueryExecution"]
    assert execution["status"] == "SUCCEEDED"
    assert result["Status"]["State"] == "SUCCEEDED"
    assert result["Status"]["SubmissionDateTime"] == 1_700_000_000_000
    assert result["WorkGroup"] == "reports"
    assert account.objects("s3://bucket/") == ["s3://bucket/results/query-1.csv"]
    arn = "arn:aws:states:local:000000000000:execution:otel-analytics-pipeline:one"
    assert execution["executionArn"] == arn


def test_a_failed_query_fails_its_task_with_the_query_execution_as_cause(
    account: Account,
) -> None:
    execution = step_functions(account).start_execution(
        document(ATHENA, query("SELECT * FROM nope")), {}
    )
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    status = json.loads(execution["cause"])["QueryExecution"]["Status"]
    assert status["AthenaError"]["Retryable"] is False
    assert status["StateChangeReason"].startswith("TABLE_NOT_FOUND: line 1:15")


@pytest.mark.parametrize(
    ("sql", "ending"), [("SELECT 1 AS n", "TaskSucceeded"), ("SELECT nonsense", "TaskFailed")]
)
def test_the_history_tells_that_a_query_was_submitted(
    account: Account, sql: str, ending: str
) -> None:
    machine = step_functions(account)
    machine.start_execution(document(ATHENA, query(sql)), {}, name="one")
    events = account.executions.get_execution_history("one")
    assert [event["type"] for event in events[2:6]] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        ending,
    ]
    assert events[4]["taskSubmittedEventDetails"] == {
        "resourceType": "athena",
        "resource": "startQueryExecution.sync",
        "output": '{"QueryExecutionId":"query-1"}',
        "outputDetails": {"truncated": False},
    }


def test_the_cause_of_a_very_long_query_is_still_json(account: Account) -> None:
    sql = "SELECT '" + "x\n" * 60_000 + "' AS n FROM nope"
    execution = step_functions(account).start_execution(document(ATHENA, query(sql)), {})
    assert len(execution["cause"]) <= 32_768
    shown = json.loads(execution["cause"])["QueryExecution"]
    assert shown["Query"].startswith("SELECT 'x\n")
    assert shown["Query"].endswith("…")
    assert shown["Status"]["State"] == "FAILED"


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({}, "QueryString is missing"),
        ({"QueryString": "SELECT 1", "Surprise": 1}, "the argument Surprise is not supported"),
        ({"QueryString": "SELECT 1", "ResultConfiguration": "x"}, "must be an object"),
    ],
)
def test_arguments_that_athena_does_not_take_fail_the_task(
    account: Account, arguments: dict[str, Any], cause: str
) -> None:
    execution = step_functions(account).start_execution(document(ATHENA, arguments), {})
    assert execution["error"] == "Athena.InvalidRequestException"
    assert cause in execution["cause"]
    assert account.athena.executions.latest() == []


@pytest.mark.parametrize(
    "name",
    [
        "double",
        "arn:aws:lambda:local:000000000000:function:double",
        "arn:aws:lambda:ap-northeast-2:123456789012:function:double:live",
    ],
)
def test_a_function_is_found_by_name_or_arn(account: Account, name: str) -> None:
    machine = step_functions(account, {"double": lambda event: {"n": event["n"] * 2}})
    arguments = {"FunctionName": name, "Payload": {"n": 21}}
    execution = machine.start_execution(document("arn:aws:states:::lambda:invoke", arguments), {})
    output = json.loads(execution["output"])
    assert output["Payload"] == {"n": 42}
    assert output["StatusCode"] == 200
    assert set(output) == {
        "ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode",
    }  # fmt: skip


def test_a_functions_own_arn_as_resource_gives_the_bare_payload(account: Account) -> None:
    machine = step_functions(account, {"double": lambda event: event * 2})
    resource = "arn:aws:lambda:us-east-1:123456789012:function:double"
    assert machine.start_execution(document(resource, 4), {})["output"] == "8"


def test_an_exception_of_a_function_is_its_error_and_its_cause_is_json(account: Account) -> None:
    def fail(event: Any) -> Any:
        raise LookupError("nothing like that")

    machine = step_functions(account, {"fail": fail})
    arguments = {"FunctionName": "fail", "Payload": {}}
    execution = machine.start_execution(document("arn:aws:states:::lambda:invoke", arguments), {})
    assert execution["error"] == "LookupError"
    cause = json.loads(execution["cause"])
    assert (cause["errorType"], cause["errorMessage"]) == ("LookupError", "nothing like that")
    assert "in fail" in cause["stackTrace"][0]


def test_an_unknown_function_is_named(account: Account) -> None:
    machine = step_functions(account, {"known": lambda event: event})
    arguments = {"FunctionName": "unknown"}
    execution = machine.start_execution(document("arn:aws:states:::lambda:invoke", arguments), {})
    assert execution["error"] == "Lambda.ResourceNotFoundException"
    assert "unknown (there are: known)" in execution["cause"]


def test_what_is_no_json_does_not_slip_through_a_function(account: Account) -> None:
    machine = step_functions(account, {"set": lambda _event: {1, 2}})
    arguments = {"FunctionName": "set"}
    execution = machine.start_execution(document("arn:aws:states:::lambda:invoke", arguments), {})
    assert execution["error"] == "TypeError"


def test_a_task_that_times_out_cancels_its_query(account: Account) -> None:
    account.done(
        "CREATE TABLE n WITH (external_location = 's3://bucket/n/') AS "
        "SELECT n FROM UNNEST(sequence(1, 10000)) AS t(n)"
    )
    machine = StepFunctions(account.athena, account.executions, {})
    sql = "SELECT sum(a.n * b.n * c.n) AS s FROM n a, n b, n c"
    execution = machine.start_execution(document(ATHENA, query(sql), TimeoutSeconds=1), {})
    assert execution["error"] == "States.Timeout"
    assert account.athena.executions.latest(1)[0]["Status"]["State"] == "CANCELLED"


def test_events_are_in_the_record_while_a_task_is_at_work(account: Account) -> None:
    told: list[int] = []
    patience = threading.Event()

    def look(_event: Any) -> list[str]:
        while True:  # a moment: what is told is written in batches
            recorded = account.executions.get_execution_history("one")
            if len(recorded) == len(told) == 4:
                return [event["type"] for event in recorded]
            patience.wait(0.01)

    machine = step_functions(account, {"look": look})
    arn = "arn:aws:lambda:us-east-1:123456789012:function:look"
    execution = machine.start_execution(
        document(arn, {}), {}, name="one", on_event=lambda event: told.append(event["id"])
    )
    assert json.loads(execution["output"]) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
    ]
    recorded = account.executions.get_execution_history("one")
    assert [event["id"] for event in recorded] == told == list(range(1, 8))


def test_branches_of_a_parallel_query_at_once(account: Account) -> None:
    both = threading.Barrier(2, timeout=10)
    branch = document("arn:aws:lambda:local:000000000000:function:meet", {})
    del branch["QueryLanguage"]
    parallel = {
        "QueryLanguage": "JSONata",
        "StartAt": "P",
        "States": {"P": {"Type": "Parallel", "Branches": [branch, branch], "End": True}},
    }
    machine = step_functions(account, {"meet": lambda _event: both.wait() >= 0})
    assert machine.start_execution(parallel, {})["output"] == "[true,true]"


def test_what_is_refused_leaves_no_execution(account: Account) -> None:
    machine = step_functions(account)
    with pytest.raises(InvalidDocument):
        machine.start_execution({"StartAt": "A", "States": {}}, {})
    with pytest.raises(InvalidDocument, match="nothing here does arn:aws:states:::sqs"):
        machine.start_execution(document("arn:aws:states:::sqs:sendMessage", {}), {})
    with pytest.raises(InvalidName, match="execution name"):
        machine.start_execution(document(ATHENA, query("SELECT 1")), {}, name="not allowed!")
    assert account.executions.list_executions() == []


def test_a_name_that_is_taken_is_refused(account: Account) -> None:
    machine = step_functions(account)
    machine.start_execution(document(ATHENA, query("SELECT 1")), {}, name="one")
    with pytest.raises(InvalidName, match="ExecutionAlreadyExists"):
        machine.start_execution(document(ATHENA, query("SELECT 1")), {}, name="one")
