"""The commands with --engine trino."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demo.otlp import export_requests, write_json_lines
from otel_analytics.cli import engines
from otel_analytics.config import Settings
from otel_analytics.errors import Refused
from tests.oracle.otto import SERVICE, read_otto

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


def test_run_query_tables_and_verify(
    new_settings: Callable[..., Settings], shared_data: Path, tmp_path: Path
) -> None:
    settings = new_settings()
    logs = tmp_path / "otto"
    write_json_lines(logs, export_requests(read_otto(shared_data)))
    assert otel_analytics(settings, "ingest", str(logs)).returncode == 0
    execution = as_json(settings, "run", SERVICE, "--execution-date", "2022-08-29")
    assert execution["status"] == "SUCCEEDED"
    rows = as_json(
        settings, "query", "SELECT year_month, monthly_active_users FROM otto_mau_summary"
    )
    # counted by hand: see tests/oracle/test_oracle_on_otto.py
    assert sorted(map(tuple, (row.values() for row in rows))) == [("2022-07", 10), ("2022-08", 19)]
    tables = {one["table"]: one for one in as_json(settings, "tables")}
    assert tables["otto_mau_summary"]["row_count"] == 2
    verified = as_json(settings, "verify", SERVICE)
    assert [one["exists"] for one in verified] == [True] * 7
    # the same home, read on this machine
    on_duckdb = as_json(settings, "query", "SELECT * FROM otto_dau_summary", "--engine", "duckdb")
    assert on_duckdb == as_json(settings, "query", "SELECT * FROM otto_dau_summary")


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
    message = r"pip install 'otel-analytics\[trino\]'"
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
