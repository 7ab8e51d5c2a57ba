"""What charts show of the published tables is the same from Trino and from DuckDB."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from demo.otlp import export_requests, write_json_lines
from otel_analytics.lake.ingest import ingest
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.trino.opening import open_trino
from otel_analytics.web.panels import PANELS
from otel_analytics.web.services import list_services, select_services
from tests.trino.homes import settings_on, start
from tests.web.dashboard.shop import E, hostile_events, shop_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.web.panels import Panel
    from tests.trino.homes import Cluster

Engines = tuple["EmbeddedAws", "EmbeddedAws"]
SERVICES = ["app", "hostile", "web"]


@pytest.fixture(scope="module")
def engines(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """One home with published tables, read by DuckDB and by Trino."""
    settings = settings_on(cluster)
    logs = tmp_path_factory.mktemp("logs") / "shop"
    write_json_lines(logs, export_requests([*shop_events(), *hostile_events()]))
    with open_embedded_aws(settings) as on_duckdb, open_trino(settings) as on_trino:
        ingest([logs], lake=on_duckdb.lake_folder(), keys=settings.keys, processes=1)
        on_duckdb.register_logall()
        assert start(on_duckdb, SERVICES, E)["status"] == "SUCCEEDED"
        yield on_duckdb, on_trino
    shutil.rmtree(settings.home)


@pytest.mark.parametrize("days", [None, 10], ids=["all days", "ten days and those before"])
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.id)
def test_a_panel_has_the_same_rows_from_trino(
    panel: Panel, days: int | None, engines: Engines
) -> None:
    on_duckdb, on_trino = engines
    there = list_services(on_duckdb.catalog.tables(on_duckdb.settings.athena.database))
    selection = select_services([], there, days=days, compare=days is not None)
    expected = panel.ask(on_duckdb.query, there, selection, on_duckdb.settings)
    found = panel.ask(on_trino.query, there, selection, on_trino.settings)
    assert (found.columns, found.missing) == (expected.columns, {})
    assert sorted(map(repr, found.rows)) == sorted(map(repr, expected.rows))
    assert expected.rows
