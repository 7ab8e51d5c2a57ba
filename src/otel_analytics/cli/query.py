"""`tables` and `query`: what is published, and SQL over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.input import read_text
from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from otel_analytics.local.catalog import Table
    from otel_analytics.local.engine import Rows

__all__ = ["query_command", "tables_command"]


@click.command("tables", short_help="List the tables.")
@json_option
@settings_options
@click.pass_context
def tables_command(ctx: click.Context, /, *, as_json: bool, **flags: Any) -> None:
    """List the tables of the database: the published ones, their histories, and the lake's.

    What executions are building is left out; `query 'SHOW TABLES'` lists that too.
    """
    from otel_analytics.cli.engines import open_engine
    from otel_analytics.pipeline.leaves import is_staging

    settings = settings_of(ctx, flags)
    with open_engine(settings, to_read=True) as aws:
        tables = [
            table
            for table in aws.catalog.tables(settings.athena.database)
            if not is_staging(table.name, table.location)
        ]
    if as_json:
        print_json([_document(table) for table in tables])
    elif tables:
        print_table(
            ("table", "kind", "execution_date", "rows", "location"),
            [
                (
                    one["table"],
                    one["kind"],
                    one["execution_date"],
                    one["row_count"],
                    one["location"],
                )
                for one in map(_document, tables)
            ],
        )
    else:
        say("no tables yet: otel-analytics ingest PATH…, then otel-analytics run SERVICE…")


def _document(table: Table) -> dict[str, Any]:
    from otel_analytics.names import (
        EXECUTION_DATE_PARAMETER,
        EXECUTION_PARAMETER,
        ROW_COUNT_PARAMETER,
    )

    kind = "history" if table.partition_keys else "published"
    row_count = table.parameters.get(ROW_COUNT_PARAMETER, "")
    return {
        "database": table.database,
        "table": table.name,
        # the state machine did not make the others
        "kind": kind if EXECUTION_PARAMETER in table.parameters else "other",
        "execution_date": table.parameters.get(EXECUTION_DATE_PARAMETER),
        "row_count": int(row_count) if row_count.isdecimal() else None,
        "location": table.location,
        "columns": {column.name: column.type for column in table.columns},
        "partitions": {key.name: key.type for key in table.partition_keys},
    }


@click.command(
    "query",
    short_help="Run one SQL statement in Athena's dialect.",
    # A statement may begin with a comment: `-- validation`.
    context_settings={"ignore_unknown_options": True},
)
@click.argument("sql")
@json_option
@settings_options
@click.pass_context
def query_command(ctx: click.Context, /, *, sql: str, as_json: bool, **flags: Any) -> None:
    """Run one SQL statement, in Athena's dialect, over the published tables and logall.

    SQL may be - to read the statement from standard input.
    """
    from otel_analytics.cli.engines import open_engine

    if sql == "-":
        sql = read_text(sql)
    with open_engine(settings_of(ctx, flags), to_read=True) as aws:
        result = aws.query(sql)
    if as_json:
        names = _unique_names(result)
        print_json([dict(zip(names, row, strict=True)) for row in result.rows])
    elif result.columns:
        print_table([column.name for column in result.columns], result.rows)
    else:
        say("done")


def _unique_names(result: Rows) -> list[str]:
    """Return the columns' names; a second `a` is `a_2`, so that no value is lost in an object."""
    names: list[str] = []
    for column in result.columns:
        name, number = column.name, 2
        while name in names:
            name, number = f"{column.name}_{number}", number + 1
        names.append(name)
    return names
