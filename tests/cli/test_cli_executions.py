"""Executions as the AWS CLI shows them."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.cli.conftest import E
from tests.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Sequence

ARN = "arn:aws:states:local:000000000000"


@pytest.fixture(scope="module")
def three(otto_shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Beside that of `otto_shell`: `backfill-1`, `backfill-2`, and `wrong`, which was refused."""
    shell = Shell(tmp_path_factory.mktemp("three"))
    shutil.copytree(otto_shell.home, shell.home)
    for name in ("backfill-1", "backfill-2"):
        shell.done("run", "otto", "--execution-date", E, "--name", name)
    shell.run("run", "--input", "-", "--name", "wrong", stdin='{"service_names": []}')
    return shell


def listed(shell: Shell, *options: str) -> list[dict[str, Any]]:
    document = shell.done("executions", "--json", *options).json
    assert list(document) == ["executions"]
    executions: list[dict[str, Any]] = document["executions"]
    return executions


def kinds(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_executions_are_listed_newest_first(three: Shell) -> None:
    names = [one["name"] for one in listed(three)]
    assert names[:3] == ["wrong", "backfill-2", "backfill-1"]
    assert UUID(names[3])
    assert [one["name"] for one in listed(three, "--max-results", "2")] == names[:2]


def test_a_listed_execution_has_the_fields_of_list_executions(three: Shell) -> None:
    (_, second, *_) = listed(three)
    assert second["executionArn"] == f"{ARN}:execution:otel-analytics-pipeline:backfill-2"
    assert second["stateMachineArn"] == f"{ARN}:stateMachine:otel-analytics-pipeline"
    assert second["status"] == "SUCCEEDED"
    assert datetime.fromisoformat(second["startDate"]) <= datetime.fromisoformat(second["stopDate"])


def test_run_prints_the_execution_that_describe_shows(own_otto: Shell) -> None:
    execution = own_otto.done("run", "otto", "--execution-date", E, "--json").json
    assert own_otto.done("describe", execution["name"], "--json").json == execution
    assert json.loads(execution["input"]) == {"service_names": ["otto"], "execution_date": E}
    assert json.loads(execution["output"])["status"] == "COMPLETED"
    assert "error" not in execution


@pytest.mark.parametrize(
    "reference", ["wrong", "wro", "w", f"{ARN}:execution:otel-analytics-pipeline:wrong"]
)
def test_an_execution_is_found_by_name_beginning_and_arn(three: Shell, reference: str) -> None:
    described = three.done("describe", reference, "--json").json
    assert described["name"] == "wrong"
    assert (described["status"], described["error"]) == ("FAILED", "InvalidInput")
    assert described["cause"] == "service_names must be a list of one or more service names"
    assert described["input"] == '{"service_names":[]}'
    assert "output" not in described


def test_a_beginning_of_two_names_is_refused_and_both_are_named(three: Shell) -> None:
    for command in ("describe", "history"):
        message = three.refused(command, "backfill")
        assert "backfill-1, backfill-2" in message


@pytest.mark.parametrize("command", ["describe", "history"])
@pytest.mark.parametrize("reference", ["nosuch", "", "%", "arn:aws:states:x"])
def test_an_execution_that_does_not_exist_is_refused(
    three: Shell, command: str, reference: str
) -> None:
    message = three.refused(command, reference)
    assert message.startswith("ExecutionDoesNotExist: ")
    assert "`otel-analytics executions` lists them" in message


def test_a_name_that_is_taken_or_not_allowed_is_refused(three: Shell) -> None:
    run = ("run", "otto", "--execution-date", E, "--name")
    assert "ExecutionAlreadyExists" in three.refused(*run, "backfill-1")
    assert "is not allowed" in three.refused(*run, "back fill")
    assert len(listed(three)) == 4


def test_the_history_of_a_refused_payload_has_no_task(three: Shell) -> None:
    events = three.done("history", "wrong", "--json").json
    assert kinds(events) == [
        "ExecutionStarted",
        "ChoiceStateEntered",
        "ChoiceStateExited",
        "FailStateEntered",
        "ExecutionFailed",
    ]
    assert [event["id"] for event in events] == [1, 2, 3, 4, 5]
    assert events[-1]["executionFailedEventDetails"] == {
        "error": "InvalidInput",
        "cause": "service_names must be a list of one or more service names",
    }


def test_reverse_order_and_max_results_show_the_end_first(three: Shell) -> None:
    forward = three.done("history", "backfill-1", "--json").json
    backward = three.done("history", "backfill-1", "--reverse-order", "--json").json
    assert backward == forward[::-1]
    last = three.done("history", "backfill-1", "--reverse-order", "--max-results", "1", "--json")
    assert kinds(last.json) == ["ExecutionSucceeded"]


def test_the_history_has_25_tasks_a_service_beside_the_refresh_and_the_summary(
    three: Shell,
) -> None:
    events = three.done("history", "backfill-1", "--json").json
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in events
        if event["type"] == "TaskStateEntered"
    ]
    assert kinds(events).count("TaskSucceeded") == len(entered)
    # the first execution of the three has refreshed what this one needs
    assert entered[0] == "PlanRefresh"
    assert len(entered) == 1 + 25 + 1
    assert set(entered[1:3]) == {"DropMAUTable", "DropDAUTable"}
    # 7 tables, dropped, built and created
    assert entered[21:] == [
        "CreateEventDistributionTable",
        "BuildVerificationQuery",
        "VerifyTables",
        "ReadVerification",
        "PublishTables",
        "StoreSummary",
    ]


def test_people_get_a_table(three: Shell) -> None:
    assert "InvalidInput service_names must be a list" in three.done("history", "wrong").stdout
    described = three.done("describe", "wrong").stdout
    assert "status: FAILED" in described
    assert "\nwhy: The payload is not what the state machine takes" in described
    assert "\nwhat to do: Correct the field that the cause names" in described
    lines = three.done("executions", "--max-results", "1").stdout.splitlines()
    assert lines[0].split() == ["name", "status", "startDate", "stopDate"]
    assert lines[2].split()[:2] == ["wrong", "FAILED"]


def test_what_a_document_says_does_not_steer_the_terminal(shell: Shell) -> None:
    document = shell.folder / "fail.json"
    text = "\x1b[31mred\x9b0m\x7f"
    fail = {"Type": "Fail", "Error": text, "Cause": f"{text}\nmore"}
    document.write_text(json.dumps({"StartAt": "F", "States": {"F": fail}}))
    payload = json.dumps({"note": text}, ensure_ascii=False)
    shell.run("asl", "run", document, "--input", "-", "--name", "red", stdin=payload)
    shown = shell.done("describe", "red").stdout
    assert not [c for c in shown if not c.isprintable() and c != "\n"]
    assert "error: \\x1b[31mred\\x9b0m\\x7f\n" in shown
    assert "  \\x1b[31mred\\x9b0m\\x7f\n  more\n" in shown
    for command in ("describe", "history"):
        as_json = shell.done(command, "red", "--json")
        assert not [c for c in as_json.stdout if not c.isprintable() and c != "\n"]
    assert shell.done("describe", "red", "--json").json["error"] == text


def test_without_executions_the_list_is_empty(shell: Shell) -> None:
    assert listed(shell) == []
    assert "no executions yet" in shell.done("executions").stderr
