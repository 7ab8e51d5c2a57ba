"""`run`: services that fail by themselves, backfills, and failures on purpose."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import E
from tests.cli.seven import tables_of
from tests.cli.shell import ended

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.shell import Shell

RUN = ("run", "otto", "--execution-date", E)
DATES = ["2022-08-27", "2022-08-28", E]
THREE_DAYS = ("run", "otto", "--from", DATES[0], "--to", E)


def events_of(shell: Shell, name: str) -> list[dict[str, Any]]:
    events = shell.done("history", name, "--json").json
    assert isinstance(events, list)
    return events


def dates_of(shell: Shell, table: str) -> list[str]:
    rows = shell.query(f"SELECT DISTINCT execution_date AS e FROM {table} ORDER BY 1")
    return [row["e"] for row in rows]


def test_a_run_shows_every_table_with_its_rows(own_otto: Shell) -> None:
    done = own_otto.done(*RUN)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["service", "status", "table", "execution_date", "rows", "scanned"]
    shown = {row[2]: int(row[4]) for row in rows[2:-1]}
    assert shown == {
        f"otto_{query_type}_summary": len(found)
        for query_type, found in tables_of(own_otto, "otto").items()
    }
    assert done.stdout.splitlines()[-1] == "COMPLETED: 1 of 1 services in database log_db"


def test_a_service_that_the_logs_do_not_know_fails_alone(
    own_otto: Shell, otto_shell: Shell
) -> None:
    run = own_otto.run("run", "oto", "otto", "--execution-date", E, "--name", "two")
    assert run.exit_code == 1
    lines = [line.split() for line in run.stdout.splitlines()]
    assert lines[2] == ["oto", "FAILED"]
    assert lines[3][:3] == ["otto", "COMPLETED", "otto_mau_summary"]
    assert run.stdout.splitlines()[-1].startswith("PARTIALLY_COMPLETED: 1 of 2 services")
    assert "  oto: VerifyTables: UnknownService" in run.stderr
    assert "    why: The logs hold no event of the service" in run.stderr
    assert "    what to do: " in run.stderr
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")
    assert "oto_" not in own_otto.done("tables").stdout
    described = own_otto.done("describe", "two", "--json").json
    assert (described["status"], described["error"]) == ("FAILED", "ServicesFailed")
    shown = own_otto.done("describe", "two").stdout
    assert "\noto: VerifyTables: UnknownService" in shown
    assert "\n  why: The logs hold no event of the service" in shown


@pytest.mark.usefixtures("no_waiting")
def test_a_query_that_may_succeed_is_tried_again_and_the_history_counts(
    own_otto: Shell, otto_shell: Shell
) -> None:
    faults = ("--inject", "CreateMAUTable:FAILED", "--inject", "CreateDAUTable:States.Timeout")
    run = own_otto.done(*RUN, *faults, "--name", "again")
    assert "otto  CreateMAUTable  attempt 1 failed: States.TaskFailed: GENERIC" in run.stderr
    assert "otto  CreateDAUTable  attempt 1 failed: States.Timeout\n" in run.stderr
    for state in ("CreateMAUTable", "CreateDAUTable"):
        (line,) = [
            one for one in run.stderr.splitlines() if f"{state} " in one and "failed" not in one
        ]
        assert line.endswith("s (attempt 2)")
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")
    history = own_otto.done("history", "again").stdout
    assert "(CreateMAUTable, attempt 1) States.TaskFailed GENERIC_INTERNAL_ERROR: i" in history
    assert "startQueryExecution.sync (CreateMAUTable, attempt 2)" in history
    assert "startQueryExecution.sync (DropMAUTable" not in history
    assert "\n  why: The task took longer than the `TimeoutSeconds` of its state." in history


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(
    ("fault", "attempts", "why"),
    [
        ("CreateMAUTable:FAILED=SYNTAX_ERROR: line 1:1: no:always", 1, "is not Athena's SQL"),
        ("CreateMAUTable:FAILED=Query exhausted resources:always", 1, "needed more memory"),
        ("CreateMAUTable:Athena.TooManyRequestsException:always", 7, "as its quota allows"),
        ("BuildMAUQuery:Sandbox.Timedout:always", 4, "longer than its own timeout"),
        ("CreateMAUTable:CANCELLED:always", 1, "stopped the query"),
    ],
)
def test_a_task_that_always_fails_is_explained_and_readers_keep_their_tables(
    own_otto: Shell, otto_shell: Shell, fault: str, attempts: int, why: str
) -> None:
    run = own_otto.run(*RUN, "--inject", fault, "--name", "always")
    state = fault.partition(":")[0]
    assert run.exit_code == 1
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("    why: ")]
    assert why in line
    assert f"\n  otto: {state}: " in run.stderr
    scheduled = [event for event in events_of(own_otto, "always") if event["type"] == "TaskFailed"]
    assert len(scheduled) == attempts
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")


def test_a_fault_of_one_service_leaves_the_other_alone(own_otto: Shell) -> None:
    fault = "DropMAUTable@oto:FAILED=Access Denied:always"
    run = own_otto.run("run", "oto", "otto", "--execution-date", E, "--inject", fault)
    assert run.exit_code == 1
    assert "\n  oto: DropMAUTable: States.TaskFailed: Access Denied" in run.stderr
    assert run.stdout.splitlines()[-1].startswith("PARTIALLY_COMPLETED: 1 of 2")


def test_a_fault_of_a_state_that_is_not_there_is_refused_and_the_states_are_named(
    otto_shell: Shell,
) -> None:
    before = otto_shell.done("executions", "--json").json
    message = otto_shell.refused(*RUN, "--inject", "CreateMauTable:crash")
    assert "there is no Task state 'CreateMauTable'; there are: " in message
    assert "DropMAUTable, BuildMAUQuery, CreateMAUTable" in message
    assert "runs no query" in otto_shell.refused(*RUN, "--inject", "PublishTables:FAILED")
    assert "write STATE:ERROR" in otto_shell.refused(*RUN, "--inject", "PublishTables")
    assert otto_shell.done("executions", "--json").json == before


def test_a_fault_that_did_not_happen_is_told(own_otto: Shell) -> None:
    denied = "DropMAUTable:FAILED=Access Denied"
    run = own_otto.run(*RUN, "--inject", denied, "--inject", "CreateMAUTable@otto:crash")
    assert run.exit_code == 1
    assert "warning: --inject CreateMAUTable@otto:crash did not happen" in run.stderr


def test_a_fault_of_a_service_that_is_not_asked_for_is_refused(otto_shell: Shell) -> None:
    message = otto_shell.refused(*RUN, "--inject", "CreateMAUTable@oto:crash")
    assert "the service 'oto' is not asked for; these are: otto" in message


@pytest.mark.parametrize("fault", ["CreateRetentionTable:crash", "PublishTables:crash-after"])
def test_a_crash_leaves_whole_tables_and_a_later_run_succeeds(
    own_otto: Shell, otto_shell: Shell, fault: str
) -> None:
    crashed = own_otto.start(*RUN, "--inject", fault, "--name", "crashed")
    assert ended(crashed).exit_code == -signal.SIGKILL
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")
    shown = own_otto.done("describe", "crashed").stdout
    assert "status: ABORTED" in shown
    assert "why: The process that carried the execution out is gone" in shown
    own_otto.done(*RUN)
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")


@pytest.fixture
def new_otto(shell: Shell, otto_exports: Path) -> Shell:
    """OTTO's events, and nothing published."""
    shell.done("ingest", otto_exports)
    return shell


def test_a_backfill_starts_an_execution_for_each_date_and_publishes_the_newest_last(
    new_otto: Shell, otto_shell: Shell
) -> None:
    done = new_otto.done(*THREE_DAYS, "--name", "august", "--json")
    assert [one["name"] for one in done.json] == [f"august-{date}" for date in DATES]
    assert [json.loads(one["input"])["execution_date"] for one in done.json] == DATES
    assert tables_of(new_otto, "otto") == tables_of(otto_shell, "otto")
    assert dates_of(new_otto, "otto_user_cohort_summary_history") == DATES


def test_a_date_of_a_backfill_that_fails_does_not_keep_the_others_back(new_otto: Shell) -> None:
    fault = "CreateMAUTable:FAILED=SYNTAX_ERROR: no"
    run = new_otto.run(*THREE_DAYS, "--name", "august", "--inject", fault)
    assert run.exit_code == 1
    assert [line.split() for line in run.stdout.splitlines()[-3:]] == [
        [DATES[0], f"august-{DATES[0]}", "FAILED"],
        [DATES[1], f"august-{DATES[1]}", "SUCCEEDED"],
        [DATES[2], f"august-{DATES[2]}", "SUCCEEDED"],
    ]
    assert dates_of(new_otto, "otto_user_cohort_summary_history") == DATES[1:]


def test_an_older_date_enters_the_history_and_is_published_only_if_told_to(
    own_otto: Shell, otto_shell: Shell
) -> None:
    older = ("run", "otto", "--execution-date", DATES[0])
    run = own_otto.run(*older)
    assert run.exit_code == 1
    assert "\n  otto: PublishTables: NewerPublished: " in run.stderr
    assert "--replace-newer" in run.stderr
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")
    assert dates_of(own_otto, "otto_user_cohort_summary_history") == [DATES[0], DATES[2]]
    done = own_otto.done(*older, "--replace-newer", "--json")
    assert json.loads(done.json["input"])["replace_newer"] is True
    assert dates_of(own_otto, "otto_user_cohort_summary") == [DATES[0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "2022-08-27"], "--from and --to belong together: give both"),
        (["--to", "2022-08-27"], "--from and --to belong together: give both"),
        (
            ["--from", "2022-08-27", "--to", "2022-08-28", "--execution-date", "2022-08-28"],
            "give --execution-date, or --from and --to, not both",
        ),
        (
            ["--from", "2022-08-28", "--to", "2022-08-27"],
            "--from 2022-08-28 is after --to 2022-08-27: give the older one to --from",
        ),
    ],
)
def test_dates_that_do_not_go_together_are_refused(
    otto_shell: Shell, options: list[str], message: str
) -> None:
    assert otto_shell.refused("run", "otto", *options) == message


def test_a_date_that_is_none_is_refused(otto_shell: Shell) -> None:
    message = otto_shell.refused("run", "otto", "--from", "2022-02-30", "--to", "2022-03-01")
    assert message.startswith("--from '2022-02-30' ")


def test_a_wrong_payload_ends_a_backfill_at_once(shell: Shell) -> None:
    run = shell.run("run", "--input", "-", *THREE_DAYS[2:], "--json", stdin="{}")
    assert run.exit_code == 2
    assert [one["error"] for one in run.json] == ["InvalidInput"]


def test_a_date_that_the_history_will_not_keep_is_said_before_the_run(own_otto: Shell) -> None:
    """29 August is published: two days before it are the 27th."""
    two_days = ("--set", "publish.history_days=2")
    old = own_otto.run("run", "otto", "--execution-date", "2022-08-26", *two_days)
    assert old.stderr.startswith("warning: otto: the history keeps the 2 days before its newest")
    assert "from 2022-08-27 on" in old.stderr
    kept = own_otto.run("run", "otto", "--execution-date", "2022-08-27", *two_days)
    assert "the history keeps" not in kept.stderr
    # of a backfill, its own last date counts
    many = own_otto.run("run", "otto", "--from", E, "--to", "2022-09-01", *two_days)
    assert "from 2022-08-30 on" in many.stderr


def test_a_broken_check_of_ones_own_is_refused_before_an_execution_begins(
    otto_shell: Shell, tmp_path: Path
) -> None:
    header = "-- title: t\n-- severity: error\n-- table: dau\n-- message: m\n-- reads: dau\n"
    (tmp_path / "mine.sql").write_text(header + "SELECT 'x' AS finding FORM dau")
    before = otto_shell.done("executions", "--json").json
    message = otto_shell.refused(*RUN, "--set", f"checks.folder={tmp_path}")
    assert message.startswith(f"{tmp_path}/mine.sql:6: is not SQL: ")
    assert otto_shell.done("executions", "--json").json == before


@pytest.mark.usefixtures("no_waiting")
def test_a_redrive_behind_the_services_is_refused_and_those_that_failed_are_named(
    own_otto: Shell,
) -> None:
    own_otto.run("run", "oto", "otto", "--execution-date", E, "--name", "two")
    message = own_otto.refused("asl", "redrive", "two")
    assert "would fail alike and build nothing" in message
    assert message.endswith(": otel-analytics run oto")
    own_otto.run(*RUN, "--inject", "StoreSummary:AccessDenied:always", "--name", "unsaid")
    message = own_otto.refused("asl", "redrive", "unsaid")
    assert message.endswith(": otel-analytics run SERVICE…")
