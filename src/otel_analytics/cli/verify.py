"""`verify`: whether the published tables are there, how many rows they have, and as of when."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from otel_analytics.local.embedded import EmbeddedAws

__all__ = ["verify_command"]


@click.command("verify", short_help="Check the published tables of services.")
@click.argument("services", nargs=-1, metavar="[SERVICE]…")
@json_option
@settings_options
@click.pass_context
def verify_command(
    ctx: click.Context, /, *, services: tuple[str, ...], as_json: bool, **flags: Any
) -> None:
    """Check that each table of the services exists; show its record count and execution date.

    Without SERVICE, those that have at least one table. Exits with 1 if a table is missing.
    """
    from otel_analytics.errors import Refused
    from otel_analytics.local.embedded import open_embedded_aws
    from otel_analytics.names import parse_service_names, table_prefix

    settings = settings_of(ctx, flags)
    if services:
        parse_service_names(services, field="SERVICE")
    with open_embedded_aws(settings) as aws:
        prefixes = [table_prefix(service) for service in services] or _published_prefixes(aws)
        if not prefixes:
            raise Refused("nothing is published yet: run otel-analytics run SERVICE…")
        found = [_verify(aws, prefix, query_type) for prefix in prefixes for query_type in _types()]
    if as_json:
        print_json(found)
    else:
        print_table(tuple(found[0]), [tuple(row.values()) for row in found])
    missing = [row["table"] for row in found if not row["exists"]]
    if missing:
        say(f"missing: {', '.join(missing)}; build them: otel-analytics run SERVICE…")
        sys.exit(1)


def _types() -> tuple[str, ...]:
    from otel_analytics.metrics import load_catalog

    return tuple(load_catalog())


def _published_prefixes(aws: EmbeddedAws) -> list[str]:
    names = [table.name for table in aws.catalog.tables(aws.settings.athena.database)]
    endings = [f"_{query_type}_summary" for query_type in _types()]
    return sorted({n.removesuffix(e) for n in names for e in endings if n.endswith(e)})


def _verify(aws: EmbeddedAws, prefix: str, query_type: str) -> dict[str, Any]:
    from otel_analytics.local.catalog import EntityNotFound
    from otel_analytics.names import table_name
    from otel_analytics.query.statements import TableName

    name = table_name(prefix, query_type)
    try:
        aws.catalog.table(TableName(name, aws.settings.athena.database))
    except EntityNotFound:
        return {"table": name, "exists": False, "record_count": None, "last_execution": None}
    ((record_count, last_execution),) = aws.rows(
        f'SELECT COUNT(*), MAX(execution_date) FROM "{name}"'  # noqa: S608 - a checked name
    )
    return {
        "table": name,
        "exists": True,
        "record_count": record_count,
        "last_execution": last_execution,
    }
