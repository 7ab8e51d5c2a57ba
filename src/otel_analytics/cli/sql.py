"""`sql` and `definition`: what would run, printed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from otel_analytics.cli.options import settings_of, settings_options
from otel_analytics.cli.output import print_json

__all__ = ["definition_command", "sql_command"]


@click.command("sql", short_help="Print the query that builds a table.")
@click.argument("query_type")
@click.option("--service", "services", multiple=True, required=True, help="May be repeated.")
@click.option(
    "--dialect",
    type=click.Choice(["athena", "trino", "duckdb"]),
    default="athena",
    show_default=True,
    help="The SQL dialect.",
)
@click.option("--execution-date", metavar="YYYY-MM-DD", help="E; default: today.")
@settings_options
@click.pass_context
def sql_command(
    ctx: click.Context,
    /,
    *,
    query_type: str,
    services: tuple[str, ...],
    dialect: str,
    execution_date: str | None,
    **flags: Any,
) -> None:
    """Print the SELECT that computes QUERY_TYPE for the services, in a dialect of your choice."""
    from otel_analytics.names import parse_service_names
    from otel_analytics.query.build import QueryRequest, build_select
    from otel_analytics.query.dialects import render
    from otel_analytics.query.handler import execution_date_of
    from otel_analytics.query.trino_dialect import over_views

    settings = settings_of(ctx, flags)
    request = QueryRequest(
        query_type=query_type,
        service_names=parse_service_names(services, field="--service"),
        execution_date=execution_date_of(
            {"execution_date": execution_date}, settings=settings, now=lambda: datetime.now(UTC)
        ),
    )
    select = build_select(request, settings)
    if dialect == "trino":
        database = settings.athena.database
        select = over_views(
            select,
            database=database,
            catalog=settings.trino.catalog,
            schema=settings.trino.schema or database,
        )
    # In colour or not: click would take escape sequences out of the text of literals.
    click.echo(render(select, dialect), color=True)


@click.command("definition", short_help="Print the state machine document.")
@settings_options
@click.pass_context
def definition_command(ctx: click.Context, /, **flags: Any) -> None:
    """Print the state machine document, in the Amazon States Language."""
    from otel_analytics.pipeline import build_definition

    print_json(build_definition(settings_of(ctx, flags)))
