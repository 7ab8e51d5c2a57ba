"""Executions at the same time, and a catalog that someone else holds."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

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
    tables_of,
)

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = ("one", "two", "three")
HOLD_S = 3.0


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
    clean(home)
    assert leaves(home) <= referred(home)


def test_a_run_waits_for_a_catalog_that_another_process_holds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    fill(home, ["one"], tmp_path)
    holder = sqlite3.connect(home / "catalog.sqlite", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    release = threading.Timer(HOLD_S, lambda: holder.execute("ROLLBACK"))
    release.start()
    try:
        assert run(home, ["one"], DAYS) == "SUCCEEDED"
    finally:
        release.join()
        holder.close()
    assert time.monotonic() - began >= HOLD_S
