"""Executions at the same time, and a catalog that someone else holds."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from otel_analytics.errors import Failed
from otel_analytics.local import home as home_module
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.pipeline import build_definition
from otel_analytics.pipeline.explanations import explain
from tests.faults.runs import (
    DAYS,
    Reader,
    clean,
    execution_date,
    fill,
    leaves,
    published_date,
    referred,
    run,
    settings_of,
    tables_of,
)

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = ("one", "two", "three")
# Longer than all retries of a task together wait, and half of what the catalog is waited for.
HOLD_S = 30.0


def test_eight_executions_at_once_leave_every_service_whole(tmp_path: Path) -> None:
    """Four of one service, as of four dates, and four of other services or of several."""
    home = tmp_path / "home"
    fill(home, SERVICES, tmp_path)
    assert run(home, SERVICES, DAYS - 4) == "SUCCEEDED"
    asked = [
        (("one",), DAYS - 3), (("one",), DAYS - 2), (("one",), DAYS - 1), (("one",), DAYS),
        (("two",), DAYS), (("two",), DAYS), (("three",), DAYS - 1), (("two", "three"), DAYS),
    ]  # fmt: skip
    with Reader(home, SERVICES).reading(), ThreadPoolExecutor(len(asked)) as pool:
        ended = list(pool.map(lambda one: run(home, *one), asked))
    for (services, day), status in zip(asked, ended, strict=True):
        # an earlier date that comes after a later one enters the history alone
        assert status == "SUCCEEDED" or day < DAYS, services
    for service in SERVICES:
        assert published_date(home, service) == execution_date(DAYS)
        alone = tmp_path / f"alone-{service}"
        fill(alone, SERVICES, tmp_path)
        assert run(alone, [service], DAYS) == "SUCCEEDED"
        assert tables_of(home, service) == tables_of(alone, service)
    assert clean(home) == ()
    assert leaves(home) <= referred(home)


class Holder:
    """Another program that holds the catalog of a home for some seconds, by a write of its own."""

    def __init__(self, home: Path, seconds: float) -> None:
        self._connection = sqlite3.connect(
            home / "catalog.sqlite", timeout=60, isolation_level=None, check_same_thread=False
        )
        self._seconds = seconds

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._release = threading.Timer(self._seconds, self._connection.execute, ["ROLLBACK"])
        self._release.start()

    def __exit__(self, *_: object) -> None:
        self._release.join()
        self._connection.close()


def test_a_run_waits_for_a_catalog_that_is_held_for_half_a_minute_in_its_midst(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    fill(home, ["one"], tmp_path)
    assert run(home, ["one"], DAYS - 1) == "SUCCEEDED"
    with Reader(home, ["one"]).reading(), ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, home, ["one"], DAYS)
        while not is_running(home):
            time.sleep(0.01)
        begun = time.monotonic()
        with Holder(home, HOLD_S):
            assert running.result() == "SUCCEEDED"
            assert time.monotonic() - begun >= HOLD_S
    assert published_date(home, "one") == execution_date(DAYS)


def is_running(home: Path) -> bool:
    with closing(sqlite3.connect(home / "catalog.sqlite")) as catalog:
        rows = catalog.execute("SELECT 1 FROM executions WHERE status = 'RUNNING'").fetchall()
    return bool(rows)


def test_a_run_that_has_waited_long_enough_says_who_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And readers, who wait as long, find what was published before once it is free again."""
    monkeypatch.setattr(home_module, "_BUSY_TIMEOUT_S", 0.1)
    home = tmp_path / "home"
    fill(home, ["one"], tmp_path)
    assert run(home, ["one"], DAYS - 1) == "SUCCEEDED"
    before = tables_of(home, "one")
    with open_embedded_aws(settings_of(home)) as aws:
        with Holder(home, 1), pytest.raises(Failed, match="no other process holds the") as held:
            aws.step_functions(now=lambda: datetime.now(UTC)).start_execution(
                build_definition(aws.settings), {"service_names": ["one"]}
            )
        explanation = explain("Failed", str(held.value))
    assert explanation is not None
    assert explanation.name == "Catalog locked"
    assert tables_of(home, "one") == before
