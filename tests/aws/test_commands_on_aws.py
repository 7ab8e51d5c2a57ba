"""The commands with `--engine aws`: the same output and exit codes as on a laptop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.aws import engine
from otel_analytics.local.embedded import EmbeddedAws
from otel_analytics.metrics import load_catalog
from otel_analytics.web.app import build_app
from otel_analytics.web.assets import Assets
from otel_analytics.web.panels import PANELS
from otel_analytics.web.reader import Reader
from tests.aws.test_whole_on_aws import DAY_1, DAY_2, Deployed, E, deployed
from tests.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_analytics.query.statements import Rows


# the account of this module is made once
pytestmark = pytest.mark.xdist_group("commands on aws")


class Queries:
    """DuckDB in Athena's place."""

    def __init__(self, account: Deployed) -> None:
        self.embedded = account.on.home

    def query(self, sql: str, *, timeout_s: float | None = None) -> Rows:
        return EmbeddedAws.query(self.embedded, sql, timeout_s=timeout_s)


class Executions:
    """The runtime in the place of Step Functions."""

    def __init__(self, account: Deployed) -> None:
        self.account = account
        self.known = account.on.home.executions
        self.arn = account.on.home.state_machine_arn
        self.list_executions = self.known.list_executions
        self.describe_execution = self.known.describe_execution
        self.get_execution_history = self.known.get_execution_history
        self.events_after = self.known.events_after
        self.definition = self.known.definition

    def start(self, value: Any, *, name: str | None = None) -> str:
        return str(self.account.run(value, name=name)["executionArn"])

    def watch(self, arn: str, on_event: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        for event in self.known.get_execution_history(arn):
            on_event(event)
        return self.known.describe_execution(arn)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """An account in which one run has been, and one has failed."""
    with deployed(tmp_path_factory.mktemp("account")) as opened:
        opened.put(1, "a", DAY_1)
        opened.put(2, "a", DAY_2)
        yield opened


@pytest.fixture(scope="module")
def shell(account: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Commands in that account."""

    @contextmanager
    def opened(settings: Any) -> Iterator[Any]:
        yield replace(
            account.on.aws,
            settings=settings,
            athena=Queries(account),  # type: ignore[arg-type]
            executions=Executions(account),  # type: ignore[arg-type]
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "open_aws", opened)
        shell = Shell(tmp_path_factory.mktemp("work"), {"OTEL_ANALYTICS_ENGINE": "aws"})
        shell.done("run", "shop", "brand.kr", "--execution-date", str(E), "--name", "run-1")
        yield shell


def test_a_run_shows_its_progress_its_tables_and_its_cost(shell: Shell) -> None:
    ended = shell.done("run", "shop", "--execution-date", str(E), "--name", "again")
    assert "COMPLETED: 1 of 1 services in database log_db" in ended.stdout
    assert "shop_mau_summary" in ended.stdout
    assert "  shop  CreateMAUTable" in ended.stderr
    assert "again SUCCEEDED in " in ended.stderr
    assert "about $" in ended.stderr


def test_a_run_of_which_a_service_fails_exits_with_1_and_says_why(shell: Shell) -> None:
    ended = shell.run("run", "nobody", "--execution-date", str(E), "--name", "failing")
    assert ended.exit_code == 1
    assert "UnknownService" in ended.stderr
    assert "what to do: " in ended.stderr


def test_a_payload_that_the_machine_refuses_exits_with_2(shell: Shell) -> None:
    ended = shell.run("run", "--input", "-", stdin='{"service_names": []}')
    assert ended.exit_code == 2
    assert "InvalidInput" in ended.stderr


def test_the_run_is_the_execution_as_json(shell: Shell) -> None:
    execution = shell.done("describe", "run-1", "--json").json
    assert (execution["name"], execution["status"]) == ("run-1", "SUCCEEDED")
    listed = shell.done("executions", "--json").json["executions"]
    assert "run-1" in {one["name"] for one in listed}


def test_a_history_begins_with_the_start_of_the_execution(shell: Shell) -> None:
    events = shell.done("history", "run-1", "--json").json
    assert events[0]["type"] == "ExecutionStarted"
    (last,) = shell.done("history", "run-1", "--reverse-order", "--max-results", "1", "--json").json
    assert last["type"] == "ExecutionSucceeded"


def test_tables_are_listed_with_what_they_are_of(shell: Shell) -> None:
    tables = {one["table"]: one for one in shell.done("tables", "--json").json}
    assert len([name for name in tables if name.startswith("shop_")]) == 2 * len(load_catalog())
    mau = tables["shop_mau_summary"]
    assert (mau["kind"], mau["execution_date"], mau["row_count"]) == ("published", str(E), 1)
    assert tables["shop_mau_summary_history"]["kind"] == "history"
    assert tables["logall"]["kind"] == "other"


def test_a_query_gives_its_rows(shell: Shell) -> None:
    assert shell.query("SELECT count(*) AS n FROM logall") == [{"n": len(DAY_1) + len(DAY_2)}]


@pytest.mark.parametrize(("sql", "exit_code"), [("SELECT", 2), ("SELECT * FROM no_such_table", 1)])
def test_a_query_that_is_none_exits_with_2_and_one_that_fails_with_1(
    shell: Shell, sql: str, exit_code: int
) -> None:
    assert shell.run("query", sql).exit_code == exit_code


def test_verify_checks_the_published_tables(shell: Shell) -> None:
    ended = shell.done("verify", "brand.kr", "--json")
    assert {one["exists"] for one in ended.json} == {True}
    checks = [check for one in ended.json for check in one["checks"]]
    assert {check["status"] for check in checks} <= {"ok", "warning"}


def test_cost_tells_what_each_table_took(shell: Shell) -> None:
    cost = shell.done("cost", "run-1", "--json").json
    assert (cost["execution"], cost["status"]) == ("run-1", "SUCCEEDED")
    names = {one["name"] for one in cost["tables"]}
    assert {"mau", "activity", "checks"} <= names
    assert cost["estimated_cost_usd"] > 0


def test_clean_lists_and_then_deletes_what_a_failed_run_left(
    shell: Shell, account: Deployed
) -> None:
    shell.run("run", "nobody", "--execution-date", str(E), "--name", "left-behind")
    listed = shell.done("clean", "--json").json
    assert {one["kind"] for one in listed["leftovers"]} == {"staging"}
    assert listed["deleted"] is False
    assert shell.done("clean", "--yes", "--json").json["deleted"] is True
    assert "nothing is left to delete" in shell.done("clean").stderr
    assert account.tables("shop")["mau"]


def test_a_report_asks_athena_one_query_for_each_chart(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    query = Queries.query

    def counted(self: Queries, sql: str, *, timeout_s: float | None = None) -> Rows:
        asked.append(sql)
        return query(self, sql, timeout_s=timeout_s)

    monkeypatch.setattr(Queries, "query", counted)
    done = shell.done("report", "-o", tmp_path / "report.html", "--service", "shop")
    assert "report.html: 13 charts of shop" in done.stderr
    assert len(asked) == len(PANELS) == 13
    assert all("logall" not in sql for sql in asked)
    assert "<html" in (tmp_path / "report.html").read_text("utf-8")


def test_the_dashboard_shows_executions_and_how_each_state_went(
    account: Deployed, shell: Shell
) -> None:
    shell.run("run", "nobody", "--execution-date", str(E), "--name", "to-look-at")
    on_aws = replace(
        account.on.aws,
        athena=Queries(account),  # type: ignore[arg-type]
        executions=Executions(account),  # type: ignore[arg-type]
    )
    app = build_app(Reader(on_aws, 30), Assets(None), now=lambda: datetime.now(UTC))
    status, listed = asked_of(app, "/executions")
    assert (status, "to-look-at" in listed, "run-1" in listed) == (200, True, True)
    status, page = asked_of(app, "/executions/to-look-at")
    assert status == 200
    assert "ServicesFailed" in page
    assert "CreateMAUTable" in page
    assert asked_of(app, "/executions/nosuch")[0] == 404


def asked_of(app: Any, path: str) -> tuple[int, str]:
    """Return the status and the body that an ASGI application answers with."""
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "server": ("127.0.0.1", 8321),
        "client": ("127.0.0.1", 1),
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8321")],
    }
    # a browser's tests leave an event loop in the thread of the tests
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, app(scope, receive, send)).result()
    body = b"".join(message.get("body", b"") for message in messages)
    return messages[0]["status"], body.decode()


def test_another_execution_under_way_is_told_of(
    shell: Shell, account: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = account.on.home.state_machine_arn
    since = "2025-03-03T02:00:00.000+00:00"
    nightly = {"name": "nightly", "stateMachineArn": machine, "startDate": since}
    listed = type(account.on.home.executions).list_executions

    def with_another(self: Any, **asked: Any) -> list[dict[str, Any]]:
        return [nightly] if asked.get("status") == "RUNNING" else listed(self, **asked)

    monkeypatch.setattr(type(account.on.home.executions), "list_executions", with_another)
    ended = shell.done("run", "shop", "--execution-date", str(E), "--name", "beside")
    assert f"warning: nightly is under way since {since}: both take from the same" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "shop", "--dry-run"), "an estimate (--dry-run, --max-scan, budget.max_scan)"),
        (("run", "shop", "--max-scan", "1GB"), "set a limit of bytes per query in the work group"),
        (("run", "shop", "--inject", "CreateMAUTable:FAILED"), "--inject works on this machine"),
        (("ingest", "."), "ingest works on this machine only, not with the engine aws"),
        (("inspect",), "inspect works on this machine only"),
    ],
)
def test_what_can_only_be_done_here_is_refused(
    shell: Shell, arguments: tuple[str, ...], message: str
) -> None:
    assert message in shell.refused(*arguments)
