"""The commands with --engine trino."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.cli import engines
from otel_analytics.config import Settings
from otel_analytics.errors import Refused
from tests.faults.runs import DAYS, SERVICE, execution_date, fill
from tests.trino.homes import ask

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND = Path(sys.executable).with_name("otel-analytics")


def otel_analytics(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    trino = settings.trino
    environment = {
        "PATH": "/usr/bin:/bin",
        "OTEL_ANALYTICS_HOME": settings.home,
        "OTEL_ANALYTICS_ENGINE": "trino",
        "OTEL_ANALYTICS_TRINO_PORT": str(trino.port),
        "OTEL_ANALYTICS_TRINO_SCHEMA": trino.schema,
        "OTEL_ANALYTICS_TRINO_STORAGE": trino.storage,
        "OTEL_ANALYTICS_ACTIVITY_DAYS_PER_QUERY": "100",
    }
    return subprocess.run(
        [COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def as_json(settings: Settings, *arguments: str) -> Any:
    done = otel_analytics(settings, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_commands_of_a_day(new_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = new_settings()
    fill(Path(settings.home), [SERVICE], tmp_path)
    day = execution_date(DAYS)
    # what would be read is told from the files, and nothing is run
    estimate = as_json(settings, "run", SERVICE, "--execution-date", day, "--dry-run")
    assert estimate["scanned_bytes"] > 0
    assert as_json(settings, "executions") == {"executions": []}
    execution = as_json(settings, "run", SERVICE, "--execution-date", day)
    assert execution["status"] == "SUCCEEDED"
    months = "SELECT year_month, monthly_active_users FROM shop_mau_summary"
    # each day of March the same two users come
    march = [{"year_month": "2025-03", "monthly_active_users": 2}]
    assert as_json(settings, "query", months) == march
    tables = {one["table"]: one for one in as_json(settings, "tables")}
    assert tables["shop_dau_summary"]["row_count"] == DAYS
    verified = as_json(settings, "verify", SERVICE)
    assert [one["exists"] for one in verified] == [True] * 7
    # two users a day, three events of each
    inspected = as_json(settings, "inspect", "logall")
    assert (inspected["records"], inspected["days"]) == (DAYS * 2 * 3, DAYS)
    # the same home, read on this machine
    days = "SELECT * FROM shop_dau_summary ORDER BY date"
    assert as_json(settings, "query", days, "--engine", "duckdb") == as_json(
        settings, "query", days
    )
    # what is printed for people is executed by whoever knows Trino alone
    printed = otel_analytics(
        settings, "sql", "mau", "--service", SERVICE, "--execution-date", day, "--dialect", "trino"
    )
    assert len(ask(settings, printed.stdout)) == 1
    report = tmp_path / "report.html"
    written = otel_analytics(settings, "report", "-o", str(report), "--lang", "en")
    assert written.returncode == 0, written.stderr
    assert f"charts of {SERVICE}" in written.stderr
    assert report.stat().st_size > 0


def test_logs_come_by_ingest_and_faults_happen_as_on_this_machine(
    new_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = new_settings()
    run = ["run", SERVICE, "--execution-date", execution_date(DAYS)]
    empty = otel_analytics(settings, *run)
    assert empty.returncode == 2
    assert "put logs into it with otel-analytics ingest" in empty.stderr
    fill(Path(settings.home), [SERVICE], tmp_path)
    done = otel_analytics(
        settings, *run, "--name", "once", "--inject", "CreateMAUTable:States.Timeout"
    )
    assert (done.returncode, "did not happen" in done.stderr) == (0, False)
    kinds = [event["type"] for event in as_json(settings, "history", "once")]
    assert kinds.count("TaskTimedOut") == 1


def test_a_query_that_is_wrong_is_refused_and_one_that_fails_fails(
    new_settings: Callable[..., Settings],
) -> None:
    settings = new_settings()
    wrong = otel_analytics(settings, "query", "SELECT FROM WHERE")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    failed = otel_analytics(settings, "query", "SELECT 1 / 0")
    assert (failed.returncode, "DIVISION_BY_ZERO" in failed.stderr) == (1, True)


def _is_of_trino(module: str) -> bool:
    return module.removeprefix("otel_analytics.").split(".")[0] == "trino"


def test_without_the_client_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if _is_of_trino(name)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "trino", None)
    message = r"pip install '\.\[trino\]'"
    with pytest.raises(Refused, match=message), engines.open_engine(Settings(engine="trino")):
        pass


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    arguments = ["--home", str(tmp_path), "--engine", "trino", "--set", "trino.port=1"]
    done = subprocess.run(
        [COMMAND, "query", "SELECT 1", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Trino at http://localhost:1 does not answer" in done.stderr
    assert "trino.host" in done.stderr
