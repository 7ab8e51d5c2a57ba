"""What is read is kept until tables are published again, and asked for once by all."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Settings
from otel_analytics.errors import QueryFailed
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.query.statements import Rows
from otel_analytics.web.reader import Reader
from tests.cli.shell import Shell
from tests.web.dashboard.shop import E, publish, shop_events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("dashboard")

COUNT = "SELECT COUNT(*) FROM web_dau_summary"


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    publish(shell, shop_events()[:100], "web")
    return shell


@pytest.fixture
def reader(shell: Shell) -> Iterator[Reader]:
    settings = Settings(home=str(shell.home))
    with open_embedded_aws(settings, to_read=True, keeps_record=False) as engine:
        yield Reader(engine, 30, clock=Clock())


def test_the_same_query_is_executed_once_until_tables_are_published(
    reader: Reader, shell: Shell
) -> None:
    first = reader.query(COUNT)
    assert reader.query(COUNT) is first
    shell.done("run", "web", "--execution-date", E)
    reader.clock.seconds += 0.9  # type: ignore[attr-defined]
    assert reader.query(COUNT) is first
    reader.clock.seconds += 0.2  # type: ignore[attr-defined]
    assert reader.query(COUNT) is not first


def test_a_failure_is_not_kept(reader: Reader, shell: Shell) -> None:
    with pytest.raises(QueryFailed, match="TABLE_NOT_FOUND"):
        reader.query("SELECT * FROM app_dau_summary")
    publish(shell, shop_events()[:100], "app")
    assert reader.query("SELECT COUNT(*) FROM app_dau_summary").rows[0][0] > 0


def test_who_asks_at_once_gets_the_same_answer(reader: Reader) -> None:
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(reader.query(COUNT))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(answer) for answer in answers}) == 1


class SlowEngine:
    """An engine whose catalog answers when it may, and whose queries do."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.catalog = self
        self.may_list, self.may_query = threading.Event(), threading.Event()
        self.is_listing, self.is_querying = threading.Event(), threading.Event()

    def tables(self, _database: str) -> list[Any]:
        self.is_listing.set()
        assert self.may_list.wait(30)
        return []

    def query(self, _sql: str, *, timeout_s: float) -> Rows:  # noqa: ARG002 - of any engine
        self.is_querying.set()
        assert self.may_query.wait(30)
        return Rows((), (), 0)


def test_a_result_does_not_wait_for_a_catalog_that_is_asked_again() -> None:
    engine, clock = SlowEngine(), Clock()
    engine.may_list.set()
    reader = Reader(engine, 30, clock=clock)  # type: ignore[arg-type]
    asking = threading.Thread(target=reader.query, args=("SELECT 1",))
    asking.start()
    assert engine.is_querying.wait(30)
    engine.is_listing.clear()
    engine.may_list.clear()
    clock.seconds += 2
    listing = threading.Thread(target=reader.tables)
    listing.start()
    assert engine.is_listing.wait(30)
    engine.may_query.set()
    asking.join(30)
    assert not asking.is_alive()
    engine.may_list.set()
    listing.join(30)


def test_reading_leaves_no_trace_and_waits_for_no_writer(reader: Reader, shell: Shell) -> None:
    with closing(sqlite3.connect(shell.home / "catalog.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")  # as a run does at any moment
        before = writer.execute("SELECT COUNT(*) FROM query_executions").fetchone()
        assert reader.services()[0].name == "web"
        assert reader.query(COUNT).rows
        assert reader.engine.executions.list_executions()
        assert writer.execute("SELECT COUNT(*) FROM query_executions").fetchone() == before
        writer.execute("ROLLBACK")
