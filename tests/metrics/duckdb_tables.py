"""Records as tables in DuckDB, in the lake's shape and in the seed's, and the metrics over them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from otel_analytics.config import Events, Settings, Source
from otel_analytics.query.build import QueryRequest, build_select
from otel_analytics.query.dialects import duckdb_prelude, to_duckdb
from otel_analytics.query.statements import Query, parse_statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.oracle.seven_tables import Definition, Event

__all__ = [
    "SEED_SOURCE",
    "connect",
    "read_logall",
    "render_metric",
    "run",
    "settings_of",
    "write_logall",
    "write_seed_table",
]

SEED_SOURCE = Source(
    table="seed_logs",
    service_name='attributes."resource.service.name"',
    event_name="body",
    user_key="attributes.userKey",
    session_id="attributes.sessionId",
    partition_slack_days=1,
)

MILLISECONDS = pa.timestamp("ms")
SEED_ATTRIBUTES = pa.struct(
    [(name, pa.string()) for name in ("resource.service.name", "userKey", "sessionId")]
)


def settings_of(definition: Definition, source: Source | None = None) -> Settings:
    """Return the settings that say what the oracle's definition says."""
    return Settings(
        timezone=definition.timezone,
        min_data_date=definition.min_data_date,
        events=Events(
            active=definition.active,
            session_start=definition.session_start,
            product_view=definition.product_view,
            cart_add=definition.cart_add,
            max_names=definition.max_names,
        ),
        source=source or Source(),
    )


def write_logall(connection: duckdb.DuckDBPyConnection, events: Sequence[Event]) -> None:
    """Make `log_db.logall` of these events, as `ingest` would: a partition is the UTC date."""
    days = [_utc_date(event) for event in events]
    columns = {
        "timestamp": pa.array([_ms(event) for event in events], MILLISECONDS),
        "time_unix_nano": pa.array([event.time_unix_nano for event in events], pa.int64()),
        "event_name": _texts(event.event_name for event in events),
        "service_name": _texts(event.service_name for event in events),
        "user_key": _texts(event.user_key for event in events),
        "session_id": _texts(event.session_id for event in events),
        **_partitions(days),
    }
    _create(connection, "logall", pa.table(columns))


def read_logall(connection: duckdb.DuckDBPyConnection, lake: Path) -> None:
    """Make `log_db.logall` of the Parquet files that `ingest` wrote to `lake`."""
    files = str(lake / "logall" / "*" / "*" / "*" / "*.parquet")
    connection.execute("CREATE SCHEMA IF NOT EXISTS log_db")
    connection.execute(
        "CREATE TABLE log_db.logall AS SELECT * FROM "
        "read_parquet($files, hive_partitioning = true, hive_types_autocast = false)",
        {"files": files},
    )


def write_seed_table(connection: duckdb.DuckDBPyConnection, events: Sequence[Event]) -> None:
    """Make `log_db.seed_logs`: the event in `body`, the rest in a STRUCT, partitions by arrival.

    A record's partition is the day before, of or after its UTC date, in turn.
    """
    days = [_utc_date(event) + timedelta(days=index % 3 - 1) for index, event in enumerate(events)]
    attributes = [
        {
            "resource.service.name": event.service_name,
            "userKey": event.user_key,
            "sessionId": event.session_id,
        }
        for event in events
    ]
    columns = {
        "timestamp": pa.array([_ms(event) for event in events], MILLISECONDS),
        "body": _texts(event.event_name for event in events),
        "attributes": pa.array(attributes, SEED_ATTRIBUTES),
        **_partitions(days),
    }
    _create(connection, "seed_logs", pa.table(columns))


def connect() -> duckdb.DuckDBPyConnection:
    """Return an empty DuckDB in memory in which queries mean what they mean in Athena."""
    connection = duckdb.connect(config={"threads": 1})
    for statement in duckdb_prelude():
        connection.execute(statement)
    return connection


def render_metric(request: QueryRequest, settings: Settings) -> str:
    """Return a metric's query in DuckDB's dialect, derived from the text that Athena would get."""
    statement = parse_statement(build_select(request, settings).sql(dialect="athena"))
    assert isinstance(statement, Query)
    return to_duckdb(statement).text()


def run(
    connection: duckdb.DuckDBPyConnection, sql: str
) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Return the columns with their types, and the rows, of a query."""
    relation = connection.execute(sql)
    assert relation.description is not None
    columns = {name: str(kind) for name, kind, *_ in relation.description}
    return columns, relation.fetchall()


def _create(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    connection.execute("CREATE SCHEMA IF NOT EXISTS log_db")
    connection.register("arriving", rows)
    connection.execute(f"CREATE OR REPLACE TABLE log_db.{table} AS SELECT * FROM arriving")
    connection.unregister("arriving")


def _texts(values: Any) -> pa.Array:
    return pa.array(list(values), pa.string())


def _partitions(days: Sequence[date]) -> dict[str, pa.Array]:
    return {
        "year": _texts(f"{day.year:04}" for day in days),
        "month": _texts(f"{day.month:02}" for day in days),
        "day": _texts(f"{day.day:02}" for day in days),
    }


def _ms(event: Event) -> int:
    return event.time_unix_nano // 10**6


def _utc_date(event: Event) -> date:
    return datetime.fromtimestamp(event.time_unix_nano // 10**9, UTC).date()
