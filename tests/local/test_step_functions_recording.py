"""What stays of an execution in the home, however it ends."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl, local
from otel_analytics.errors import Failed, Refused
from otel_analytics.local.executions import Executions
from otel_analytics.local.home import SCHEMA_VERSION, open_home
from otel_analytics.local.runner import this_process
from otel_analytics.local.step_functions import StepFunctions

if TYPE_CHECKING:
    from pathlib import Path

    from local.conftest import Account

WAIT = {"Type": "Wait", "Seconds": 3600, "End": True}


def flow(states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def step_functions(account: Account, **options: Any) -> StepFunctions:
    options.setdefault("clock", asl.VirtualClock(1_700_000_000))
    executions = options.pop("executions", account.executions)
    return StepFunctions(account.athena, executions, options.pop("functions", {}), **options)


class FullDisk(Executions):
    """A home whose disk is full once an execution has begun."""

    def append(self, *_: Any) -> None:
        raise Failed("the disk is full")


def test_a_history_that_cannot_be_written_ends_the_run_with_that_error(account: Account) -> None:
    machine = step_functions(account, executions=FullDisk(account.home), clock=asl.SystemClock())
    with pytest.raises(Failed, match="the disk is full"):
        machine.start_execution(flow({"W": WAIT}), {})


def test_an_interrupted_run_is_recorded_as_aborted_and_can_be_redriven(account: Account) -> None:
    def interrupt(event: dict[str, Any]) -> None:
        if event["type"] == "PassStateEntered":
            raise KeyboardInterrupt

    document = flow({"W": {**WAIT, "End": False, "Next": "P"}, "P": {"Type": "Pass", "End": True}})
    machine = step_functions(account)
    with pytest.raises(KeyboardInterrupt):
        machine.start_execution(document, {"n": 1}, name="one", on_event=interrupt)
    shown = account.executions.describe_execution("one")
    assert (shown["status"], shown["error"]) == ("ABORTED", "Interrupted")
    history = account.executions.get_execution_history("one")
    assert history[-1]["type"] == "ExecutionAborted"

    assert machine.redrive_execution("one")["output"] == '{"n":1}'
    types = [event["type"] for event in account.executions.get_execution_history("one")]
    assert types.count("WaitStateEntered") == types.count("PassStateEntered") == 1
    assert types[-1] == "ExecutionSucceeded"


def test_what_a_redrive_needs_is_kept_until_the_execution_succeeds(account: Account) -> None:
    def kept() -> int:
        with account.home.reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
        return int(count)

    broken = True

    def function(event: Any) -> Any:
        if broken:
            raise LookupError("not yet")
        return event

    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    document = flow({"T": {"Type": "Task", "Resource": arn, "End": True}})
    machine = step_functions(account, functions={"f": function})
    assert machine.start_execution(document, {"n": 1}, name="one")["status"] == "FAILED"
    assert kept() == 1
    broken = False
    assert machine.redrive_execution("one")["status"] == "SUCCEEDED"
    assert kept() == 0
    # The state was entered once; the redrive is the other.
    assert account.executions.transitions("one") == 2


def test_an_execution_of_a_dead_process_that_kept_nothing_cannot_be_redriven(
    account: Account,
) -> None:
    gone = replace(this_process(), process_start="never")
    account.executions.create(
        asl.Identity.of("m", "one", region="local"),
        value={},
        definition=flow({"W": WAIT}),
        start=0,
        runner=gone,
    )
    assert account.executions.describe_execution("one")["error"] == "ProcessDied"
    assert [one["status"] for one in account.executions.list_executions(status="ABORTED")] == [
        "ABORTED"
    ]
    assert account.executions.list_executions(status="RUNNING") == []
    with pytest.raises(Refused, match="nothing is kept of it: start a new one"):
        step_functions(account).redrive_execution("one")


def test_payloads_that_sqlite_cannot_hold_as_they_are_are_kept_all_the_same(
    account: Account,
) -> None:
    value = {"half": "\ud800", "large": 10**40}
    document = flow({"F": {"Type": "Fail", "Error": "\ud800", "Cause": "x" * 1_000_000}})
    shown = step_functions(account).start_execution(document, value, name="one")
    assert json.loads(shown["input"]) == value
    assert (shown["status"], shown["error"], len(shown["cause"])) == ("FAILED", "\\ud800", 32_768)
    history = account.executions.get_execution_history("one")
    assert history[-1]["executionFailedEventDetails"]["error"] == "\ud800"


def test_a_map_of_10000_items_meets_the_limit_of_the_history_and_is_kept(account: Account) -> None:
    item = flow({"P": {"Type": "Pass", "End": True}})
    document = flow({"M": {"Type": "Map", "ItemProcessor": item, "End": True}})
    shown = step_functions(account).start_execution(document, [0] * 10_000, name="one")
    assert (shown["status"], shown["error"]) == ("FAILED", "States.Runtime")
    assert "maximum number of history events (25000)" in shown["cause"]
    history = account.executions.get_execution_history("one")
    assert [event["id"] for event in history] == list(range(1, 25_001))
    with pytest.raises(Refused, match="its history has no room"):
        step_functions(account).redrive_execution("one")
    assert account.executions.describe_execution("one")["status"] == "FAILED"


def test_a_home_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as old:
        old.executescript(files(local).joinpath("schema.sql").read_text("utf-8"))
        old.execute("PRAGMA application_id = 1869899116")  # "otel"
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO databases VALUES ('kept', NULL, 0)")
        old.execute(
            "INSERT INTO executions VALUES "
            "('one', 'm', 'RUNNING', 0, NULL, '', NULL, NULL, NULL, '', 0, 'elsewhere', 1, '')"
        )
        old.executemany(
            "INSERT INTO events VALUES ('one', ?, ?)", [(1, '{"id":1}'), (2, '{"id":2}')]
        )
    old.close()
    home = open_home(tmp_path)
    with home.reading() as connection:
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (0,)
        assert connection.execute("SELECT name FROM databases").fetchall() == [("kept",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert Executions(home).get_execution_history("one") == [{"id": 1}, {"id": 2}]
    home.close()
    open_home(tmp_path).close()
