"""Every statement that is emitted for Athena is parsed and planned by Trino, as it goes to Athena.

What Trino's Hive connector does not take of it is in `FOR_TRINO`, all of it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from otel_analytics.config import Athena, Settings
from otel_analytics.metrics import load_catalog
from otel_analytics.names import table_name
from otel_analytics.operations.verification import verify_published
from otel_analytics.query.coverage import build_coverage, build_level_coverage
from otel_analytics.query.inspect import inspect_table
from otel_analytics.query.levels import load_levels
from otel_analytics.query.statements import TableName
from tests.metrics.duckdb_tables import SEED_SOURCE
from tests.oracle.seven_tables import Event
from tests.refresh.lakes import at
from tests.trino.homes import ask, open_both, start, write_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.local.embedded import EmbeddedAws

E = date(2025, 3, 12)
DAYS = [E - timedelta(days=days) for days in range(1, 41)]  # without a gap, over two months' ends
EVENTS = [
    Event("shop", at(f"{day} 12:00"), name, user, f"{user} {day}")
    for day in DAYS
    for user in ("u1", "u2")
    for name in ("commerce.product.view", "commerce.cart.add")
]
# Of a statement of Athena's, what is not Trino's, and what stands there in its place.
FOR_TRINO = (
    # the codec is a property of the session
    (r"\n  write_compression='\w+',", ""),
    # DDL is in Hive's dialect: names between backticks
    (r"`", '"'),
    # the server of the tests has no S3; where the tables lie by now is no place for others
    (r"s3://", "{storage}explained/"),
)


@pytest.fixture(params=["own lake", "a table by arrival"])
def settings(request: pytest.FixtureRequest, new_settings: Callable[..., Settings]) -> Settings:
    of_home = new_settings()
    # in the text a database, in Trino a schema: here of one name
    of_home = replace(
        of_home,
        athena=Athena(database=of_home.trino.schema),
        trino=replace(of_home.trino, schema=""),
    )
    if request.param == "own lake":
        return of_home
    return replace(of_home, source=SEED_SOURCE, timezone="America/New_York")


def test_every_statement_is_planned(settings: Settings) -> None:
    with open_both(settings) as (on_duckdb, on_trino):
        write_events(on_duckdb, EVENTS)
        emit_everything(on_duckdb.aws)
        statements = {
            one["Query"]
            for one in on_duckdb.aws.athena.executions.latest(1000)
            if one["Status"]["State"] == "SUCCEEDED"
        }
        show_everything(on_trino.aws, statements)
        texts = sorted(as_trino_takes_it(sql, settings) for sql in statements)
        explained = [ask(settings, f"EXPLAIN {sql}") for sql in texts]
    assert all(plan[0][0] for plan in explained)
    # none of the kinds of statements is missing
    made = [sql for sql in texts if sql.startswith("CREATE TABLE")]
    summaries = [sql for sql in made if "/summary/" in sql]
    assert len(summaries) == 2 * len(load_catalog())
    levels = {name for name in load_levels() if any(f"/activity/{name}/" in sql for sql in made)}
    assert levels == set(load_levels())
    assert len([sql for sql in texts if "findings AS (" in sql]) == 3
    assert len([sql for sql in texts if sql.startswith("DROP TABLE")]) == len(summaries)


def emit_everything(aws: EmbeddedAws) -> None:
    """Have every statement executed that the state machine, its Lambdas and commands make."""
    settings = aws.settings
    for source in ("activity", "raw"):
        execution = start(aws, ["shop"], E.isoformat(), payload={"source": source})
        assert execution["status"] == "SUCCEEDED", execution
    verify_published(
        "shop",
        service_name=None,
        today=datetime.now(UTC).date(),
        settings=settings,
        catalog=aws.catalog,
        run_query=aws.rows,
    )
    for build in (build_coverage, build_level_coverage):
        aws.rows(build(service_names=["shop"], execution_date=E, settings=settings))
    source = aws.catalog.table(TableName(settings.source.table, settings.athena.database))
    columns = (*source.columns, *source.partition_keys)
    inspect_table(f'"{source.database}"."{source.name}"', columns, aws.rows)


def show_everything(aws: EmbeddedAws, statements: set[str]) -> None:
    """Have views of all tables, and of the staging tables, which are gone: of what came of them."""
    database = aws.settings.athena.database
    aws.athena.show(TableName(table.name, database) for table in aws.catalog.tables(database))
    for query_type in load_catalog():
        published = aws.catalog.table(TableName(table_name("shop", query_type), database))
        pattern = rf'FROM .*?"(shop_{query_type}_[a-z0-9_]+_[0-9]+)"'
        names = {name for sql in statements for name in re.findall(pattern, sql)}
        staged = {TableName(name, database): replace(published, name=name) for name in names}
        aws.athena.engine.show(staged.copy)


def as_trino_takes_it(sql: str, settings: Settings) -> str:
    for pattern, replacement in FOR_TRINO:
        sql = re.sub(pattern, replacement.format(storage=settings.trino.storage), sql)

    return sql
