"""Real events through the OpenTelemetry SDK, ingest and the seven queries: numbers counted by hand.

20 users, 10 of them from 31 July at 22:00 UTC on, 10 on 28 August from 21:59 UTC. User 8 has events
on 31 July only.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from demo.otlp import export_requests, write_json_lines, write_length_delimited
from otel_analytics.config import Events, Keys, Settings
from otel_analytics.lake.ingest import ingest
from otel_analytics.query.build import QueryRequest
from tests.metrics.duckdb_tables import connect, read_logall, render_metric, run
from tests.oracle.otto import SERVICE, as_oracle_events, read_otto
from tests.oracle.seven_tables import Definition, seven_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from demo.otlp import ShopEvent

E = date(2022, 8, 29)


@pytest.fixture(scope="module")
def otto(shared_data: Path) -> list[ShopEvent]:
    return read_otto(shared_data)


@pytest.fixture(scope="module")
def connection(
    otto: list[ShopEvent], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Half of the events come as JSON, named by their field, half as protobuf, by an attribute."""
    folder = tmp_path_factory.mktemp("otto")
    half = len(otto) // 2
    exports = folder / "exports"
    exports.mkdir()
    write_json_lines(exports / "json", export_requests(otto[:half]))
    write_length_delimited(exports / "protobuf", export_requests(otto[half:], named_by="attribute"))
    report = ingest([exports], lake=folder / "lake", keys=Keys())
    assert sum(source.written for source in report.sources) == len(otto)
    with connect() as opened:
        read_logall(opened, folder / "lake")
        yield opened


def table(
    connection: duckdb.DuckDBPyConnection, query_type: str, settings: Settings | None = None
) -> list[dict[str, Any]]:
    request = QueryRequest(query_type, (SERVICE,), E)
    columns, rows = run(connection, render_metric(request, settings or Settings()))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_mau_is_10_in_july_and_19_in_august(connection: duckdb.DuckDBPyConnection) -> None:
    assert {
        row["year_month"]: (row["monthly_active_users"], row["is_partial"])
        for row in table(connection, "mau")
    } == {"2022-07": (10, False), "2022-08": (19, True)}


def test_there_are_144_sessions(connection: duckdb.DuckDBPyConnection) -> None:
    # No session of these data crosses midnight, so those of the days and months add up.
    by_month = [row["total_sessions"] for row in table(connection, "mau")]
    by_day = [row["total_sessions"] for row in table(connection, "session_metrics")]
    starts = Settings(events=Events(session_start=("commerce.session.start",)))
    started = [row["total_sessions"] for row in table(connection, "conversion", starts)]
    assert [sum(by_month), sum(by_day), sum(started)] == [144, 144, 144]


@pytest.mark.parametrize(
    ("active", "users"),
    [((), 20), (("commerce.cart.add",), 7), (("commerce.order.complete",), 3)],
)
def test_7_of_20_users_added_to_a_cart_and_3_ordered(
    connection: duckdb.DuckDBPyConnection, active: tuple[str, ...], users: int
) -> None:
    cohorts = table(connection, "user_cohort", Settings(events=Events(active=active)))
    assert sum(row["user_count"] for row in cohorts) == users


def test_all_rows_are_the_oracles(
    connection: duckdb.DuckDBPyConnection, otto: list[ShopEvent]
) -> None:
    tables = seven_tables(as_oracle_events(otto), SERVICE, Definition(E))
    for query_type, expected in tables.items():
        computed = table(connection, query_type)
        assert sorted(map(repr, computed)) == sorted(map(repr, expected)), query_type
