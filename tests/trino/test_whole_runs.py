"""The state machine on Trino publishes what it publishes on DuckDB, and finds the same."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.export_logs import export_logs
from demo.fetch import fetch
from demo.otlp import export_requests, write_json_lines
from otel_analytics.config import Activity, Checks, Events
from otel_analytics.lake.ingest import ingest
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.metrics import load_catalog
from otel_analytics.names import history_table_name, table_name, table_prefix
from otel_analytics.operations.verification import verify_published
from otel_analytics.query.statements import TableName
from otel_analytics.trino.opening import open_trino
from tests.faults.runs import DAYS, execution_date
from tests.faults.runs import fill as fill_home
from tests.oracle.otto import SERVICE, read_otto
from tests.trino.homes import ask, start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_analytics.config import Settings
    from otel_analytics.local.embedded import EmbeddedAws

ROOT = Path(__file__).parents[2]


def fill(settings: Settings, logs: Path) -> None:
    with open_embedded_aws(settings) as aws:
        ingest([logs], lake=aws.lake_folder(), keys=aws.settings.keys, processes=1)
        aws.register_logall()


def published(aws: EmbeddedAws, services: Sequence[str]) -> dict[str, Any]:
    """Return columns and rows of all published tables and histories."""
    found = {}
    for service in services:
        for query_type in load_catalog():
            for name_of in (table_name, history_table_name):
                name = name_of(table_prefix(service), query_type)
                rows = aws.query(f"SELECT * FROM {name}")
                entry = aws.catalog.table(TableName(name, aws.settings.athena.database))
                found[name] = (rows.columns, entry.columns, sorted(map(repr, rows.rows)))
    return found


def verified(aws: EmbeddedAws, services: Sequence[str]) -> list[Any]:
    return [
        verify_published(
            table_prefix(service),
            service_name=service,
            today=datetime.now(UTC).date(),
            settings=aws.settings,
            catalog=aws.catalog,
            run_query=aws.rows,
        )
        for service in services
    ]


def assert_same(
    of_trino: Settings, folder: Path, services: Sequence[str], execution_date: str
) -> None:
    """Check that runs on both engines, over copies of one home, publish the same."""
    of_duckdb = replace(of_trino, engine="duckdb", home=str(folder / "copy"))
    shutil.copytree(of_trino.home, of_duckdb.home)  # with the times that versions are made of
    with open_embedded_aws(of_duckdb) as on_duckdb:
        assert start(on_duckdb, services, execution_date).get("cause") is None
        with open_trino(of_trino) as on_trino:
            assert start(on_trino, services, execution_date).get("cause") is None
            expected = published(on_duckdb, services)
            assert published(on_trino, services) == expected
            assert verified(on_trino, services) == verified(on_duckdb, services)
            assert scanned(on_trino) > 0
    # and whoever asks Trino alone finds as many rows
    for name, (_, _, rows) in expected.items():
        assert ask(of_trino, f"SELECT count(*) FROM {{schema}}.{name}") == ((len(rows),),)


def scanned(aws: EmbeddedAws) -> int:
    queries = aws.athena.executions.latest(500)
    assert all("_" in one["QueryExecutionId"] for one in queries if "CREATE" in one["Query"])
    return sum(one["Statistics"]["DataScannedInBytes"] for one in queries)


def test_real_shop_events(
    new_settings: Callable[..., Settings], shared_data: Path, tmp_path: Path
) -> None:
    settings = new_settings(events=Events(session_start=("commerce.session.start",)))
    logs = tmp_path / "otto"
    write_json_lines(logs, export_requests(read_otto(shared_data)))
    fill(settings, logs)
    assert_same(settings, tmp_path, [SERVICE], "2022-08-29")


def test_the_demonstration_data(new_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = new_settings(
        events=Events(session_start=("commerce.session.start",)),
        checks=Checks(accepted_gaps=("2024-01-05",)),
        activity=Activity(days_per_query=100),  # fewer queries: each takes Trino half a second
    )
    services = list(export_logs(fetch(ROOT / "build" / "demo"), tmp_path / "otlp"))
    fill(settings, tmp_path / "otlp")
    assert_same(settings, tmp_path, services, "2024-06-30")


def test_two_executions_at_once_publish_as_one_after_the_other(
    new_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = new_settings(activity=Activity(days_per_query=100))
    fill_home(Path(settings.home), ["shop", "app"], tmp_path)
    of_duckdb = replace(settings, engine="duckdb", home=str(tmp_path / "copy"))
    shutil.copytree(settings.home, of_duckdb.home)
    day = execution_date(DAYS)

    def run(service: str) -> dict[str, Any]:
        # as two processes have it: nothing is shared but the home and the cluster
        with open_trino(settings) as aws:
            return start(aws, [service], day)

    with ThreadPoolExecutor(2) as pool:
        executions = list(pool.map(run, ["shop", "app"]))
    assert [one.get("cause") for one in executions] == [None, None]
    with open_embedded_aws(of_duckdb) as on_duckdb, open_trino(settings) as on_trino:
        assert start(on_duckdb, ["shop", "app"], day)["status"] == "SUCCEEDED"
        expected = published(on_duckdb, ["shop", "app"])
        assert published(on_trino, ["shop", "app"]) == expected
    for name, (_, _, rows) in expected.items():
        assert ask(settings, f"SELECT count(*) FROM {{schema}}.{name}") == ((len(rows),),)
