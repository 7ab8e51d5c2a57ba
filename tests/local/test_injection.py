"""Faults on purpose: what happens to a task, how often, and to whose."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl
from otel_analytics.config import Settings
from otel_analytics.errors import Refused
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.local.injection import Fault, Faults, check_faults, parse_fault
from otel_analytics.local.step_functions import StepFunctions

if TYPE_CHECKING:
    from pathlib import Path

    from local.conftest import Account

ATHENA = "arn:aws:states:::athena:startQueryExecution.sync"
CREATE = "CREATE TABLE n WITH (external_location = 's3://bucket/n/') AS SELECT 1 AS n"


def task(resource: str, arguments: Any, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **fields}


def document(**states: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def execute(account: Account, machine: dict[str, Any], *specs: str) -> tuple[Any, Faults]:
    faults = Faults(parse_fault(spec) for spec in specs)
    step_functions = StepFunctions(
        account.athena, account.executions, {}, clock=asl.VirtualClock(1_700_000_000)
    )
    execution = replace(step_functions, around=faults.around).start_execution(
        machine, {}, name="one", on_event=faults.follow
    )
    return execution, faults


def kinds(account: Account) -> list[str]:
    return [event["type"] for event in account.executions.get_execution_history("one")]


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("Create:States.Timeout", Fault("", "Create", "States.Timeout")),
        ("Create:Lambda.Unknown:3", Fault("", "Create", "Lambda.Unknown", times=3)),
        ("Create:crash:always", Fault("", "Create", "crash", times=None)),
        ("Create:crash-after", Fault("", "Create", "crash", after=True)),
        (
            "Create@theshop-web:FAILED=SYNTAX_ERROR: line 1:1: no:2",
            Fault("", "Create", "FAILED", "SYNTAX_ERROR: line 1:1: no", False, "theshop-web", 2),
        ),
    ],
)
def test_a_fault_is_written_as_state_error_text_and_times(spec: str, fault: Fault) -> None:
    assert parse_fault(spec) == replace(fault, spec=spec)


@pytest.mark.parametrize("spec", ["", "Create", "Create:", ":FAILED", "A:B:0", "A:B:often"])
def test_anything_else_is_refused_with_the_form(spec: str) -> None:
    with pytest.raises(Refused, match="write STATE:ERROR"):
        parse_fault(spec)


@pytest.mark.parametrize("spec", ["Create:crash-befor", "Create:States.Timeout-before:2"])
def test_a_suffix_that_there_is_not_is_refused_with_the_one_there_is(spec: str) -> None:
    with pytest.raises(Refused, match="the one suffix there is, is -after"):
        parse_fault(spec)


def test_a_service_that_is_not_asked_for_is_refused_and_those_are_named() -> None:
    machine = asl.parse(document(Ask=task(ATHENA, {"QueryString": "SELECT 1"})))
    with pytest.raises(Refused, match="service 'nosuch' is not asked for; these are: one, two"):
        check_faults([parse_fault("Ask@nosuch:crash")], machine, ["one", "two"])
    check_faults([parse_fault("Ask@two:crash")], machine, ["one", "two"])


def test_a_state_that_is_no_task_is_refused_and_the_tasks_are_named() -> None:
    first = {"Type": "Task", "Resource": ATHENA, "Arguments": {}, "Next": "Rest"}
    machine = asl.parse(document(First=first, Rest={"Type": "Pass", "End": True}))
    with pytest.raises(Refused, match="no Task state 'Rest'; there are: First"):
        check_faults([parse_fault("Rest:crash")], machine)
    check_faults([parse_fault("First:CANCELLED")], machine)


def test_only_a_query_can_be_failed_or_cancelled() -> None:
    machine = asl.parse(document(Call=task("arn:aws:states:::lambda:invoke", {})))
    with pytest.raises(Refused, match="Call runs no query, so none can end as FAILED"):
        check_faults([parse_fault("Call:FAILED")], machine)
    check_faults([parse_fault("Call:Sandbox.Timedout")], machine)


RETRY = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3}]


def test_a_task_fails_as_often_as_it_is_told_and_then_does_its_work(account: Account) -> None:
    machine = document(Ask=task(ATHENA, {"QueryString": "SELECT 1"}, Retry=RETRY))
    execution, faults = execute(account, machine, "Ask:Athena.TooManyRequestsException=no:2")
    assert execution["status"] == "SUCCEEDED"
    events = account.executions.get_execution_history("one")
    failed = [e["taskFailedEventDetails"] for e in events if e["type"] == "TaskFailed"]
    assert [(one["error"], one["cause"]) for one in failed] == [
        ("Athena.TooManyRequestsException", "no"),
        ("Athena.TooManyRequestsException", "no"),
    ]
    assert len(account.athena.executions.latest()) == 1  # a query that was not called is none
    assert faults.unused() == []


def test_a_task_that_always_fails_uses_its_retries_up(account: Account) -> None:
    machine = document(Ask=task(ATHENA, {"QueryString": "SELECT 1"}, Retry=RETRY))
    execution, _ = execute(account, machine, "Ask:Sandbox.Timedout:always")
    assert (execution["status"], execution["error"]) == ("FAILED", "Sandbox.Timedout")
    assert execution["cause"] == "injected: Ask:Sandbox.Timedout:always"
    assert kinds(account).count("TaskFailed") == 4


def test_a_time_out_looks_like_one_of_step_functions(account: Account) -> None:
    machine = document(Ask=task(ATHENA, {"QueryString": "SELECT 1"}))
    execution, _ = execute(account, machine, "Ask:States.Timeout")
    assert execution["error"] == "States.Timeout"
    assert "cause" not in execution
    assert kinds(account)[-2:] == ["TaskTimedOut", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("spec", "reason", "error"),
    [
        (
            "Ask:FAILED",
            "GENERIC_INTERNAL_ERROR: injected: Ask:FAILED",
            {"ErrorCategory": 1, "Retryable": True},
        ),
        (
            "Ask:FAILED=COLUMN_NOT_FOUND: line 1:8: x",
            "COLUMN_NOT_FOUND: line 1:8: x",
            {"ErrorCategory": 2, "Retryable": False},
        ),
        ("Ask:CANCELLED", "Query cancelled by user", None),
    ],
)
def test_a_query_ends_as_a_real_one_would(
    account: Account, spec: str, reason: str, error: dict[str, Any] | None
) -> None:
    machine = document(Ask=task(ATHENA, {"QueryString": "SELECT 1"}))
    execution, _ = execute(account, machine, spec)
    assert execution["error"] == "States.TaskFailed"
    query = json.loads(execution["cause"])["QueryExecution"]
    assert query["Query"] == "SELECT 1"
    assert query["Status"]["StateChangeReason"] == reason
    said = query["Status"].get("AthenaError")
    assert said == (None if error is None else {**error, "ErrorMessage": reason})


def test_what_fails_after_its_work_leaves_its_work(account: Account) -> None:
    machine = document(Make=task(ATHENA, {"QueryString": CREATE}))
    execution, _ = execute(account, machine, "Make:States.Timeout-after")
    assert execution["error"] == "States.Timeout"
    assert account.rows("SELECT n FROM default.n") == [(1,)]


def test_a_fault_of_one_service_leaves_the_others_alone(account: Account) -> None:
    item = {
        "StartAt": "Ask",
        "States": {"Ask": task(ATHENA, {"QueryString": "SELECT 1"}, Output="done")},
    }
    item["States"]["Ask"]["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]
    item["States"]["Failed"] = {"Type": "Pass", "Output": "failed", "End": True}
    machine = document(
        Each={
            "Type": "Map",
            "Items": ["a", "b", "c"],
            "ItemSelector": {"service_name": "{% $states.context.Map.Item.Value %}"},
            "MaxConcurrency": 1,
            "ItemProcessor": item,
            "End": True,
        }
    )
    execution, faults = execute(account, machine, "Ask@b:crashed:always", "Ask@d:crashed")
    assert json.loads(execution["output"]) == ["done", "failed", "done"]
    assert [fault.service for fault in faults.unused()] == ["d"]


CRASHING = """
import sys
from pathlib import Path
from otel_analytics.config import Settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.local.injection import Faults, parse_fault
from dataclasses import replace
from datetime import UTC, datetime

ask = {"Type": "Task", "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
       "Arguments": {"QueryString": sys.argv[3], "QueryExecutionContext": {"Database": "log_db"}},
       "End": True}
with open_embedded_aws(Settings(home=sys.argv[1])) as aws:
    step_functions = aws.step_functions(now=lambda: datetime.now(UTC))
    replace(step_functions, around=Faults([parse_fault(sys.argv[2])]).around).start_execution(
        {"QueryLanguage": "JSONata", "StartAt": "Make", "States": {"Make": ask}}, {}
    )
"""


@pytest.mark.parametrize(("spec", "tables"), [("Make:crash", []), ("Make:crash-after", ["n"])])
def test_a_crash_kills_the_process_before_or_after_the_work(
    tmp_path: Path, spec: str, tables: list[str]
) -> None:
    home = str(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, "-c", CRASHING, home, spec, CREATE], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with open_embedded_aws(Settings(home=home)) as aws:
        (execution,) = aws.executions.list_executions()
        assert execution["status"] == "ABORTED"
        assert [table.name for table in aws.catalog.tables("log_db")] == tables
