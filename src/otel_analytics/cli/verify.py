"""`verify`: what the checks find of the published tables, beside their record count and date."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say
from otel_analytics.cli.own_checks import check_own_checks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_analytics.operations.engine import Engine
    from otel_analytics.operations.verification import CheckResult, PublishedTable, Verification

__all__ = ["verify_command"]


@click.command("verify", short_help="Check the published tables of services.")
@click.argument("services", nargs=-1, metavar="[SERVICE]…")
@json_option
@settings_options
@click.pass_context
def verify_command(
    ctx: click.Context, /, *, services: tuple[str, ...], as_json: bool, **flags: Any
) -> None:
    """Check the published tables of the services, as each run does before it publishes.

    Shows each table's record count and execution date, and each check: ok, warning or error, and
    what it found. Without SERVICE, of those that have at least one table. Exits with 1 if there is
    an error.

    With --json, a list of the tables, each with its checks; those of the service as a whole, whose
    query_type is empty, stand with its first table.
    """
    from otel_analytics.cli.engines import open_engine
    from otel_analytics.errors import Refused
    from otel_analytics.names import parse_service_names, table_prefix
    from otel_analytics.operations.verification import verify_published

    settings = settings_of(ctx, flags)
    if services:
        parse_service_names(services, field="SERVICE")
    check_own_checks(settings)
    with open_engine(settings, to_read=True) as aws:
        named: dict[str, str | None] = {table_prefix(service): service for service in services}
        wanted = named or dict.fromkeys(_published_prefixes(aws))
        if not wanted:
            raise Refused("nothing is published yet: run otel-analytics run SERVICE…")
        found = [
            verify_published(
                prefix,
                service_name=service_name,
                today=datetime.now(UTC).astimezone(settings.zone).date(),
                settings=settings,
                catalog=aws.catalog,
                run_query=aws.rows,
            )
            for prefix, service_name in wanted.items()
        ]
    if as_json:
        print_json([table for verification in found for table in _as_json(verification)])
    else:
        _print(found)
    _end(found)


def _published_prefixes(aws: Engine) -> list[str]:
    from otel_analytics.metrics import load_catalog

    names = [table.name for table in aws.catalog.tables(aws.settings.athena.database)]
    endings = [f"_{query_type}_summary" for query_type in load_catalog()]
    return sorted({n.removesuffix(e) for n in names for e in endings if n.endswith(e)})


def _table_row(table: PublishedTable) -> dict[str, Any]:
    return {
        "table": table.name,
        "exists": table.record_count is not None,
        "record_count": table.record_count,
        "last_execution": table.last_execution,
    }


def _as_json(verification: Verification) -> Iterable[dict[str, Any]]:
    for position, table in enumerate(verification.tables):
        query_types = (table.query_type,) if position else ("", table.query_type)
        yield {
            **_table_row(table),
            "service_name": verification.service_name,
            "checks": [
                {
                    "check_name": check.check_name,
                    "query_type": check.query_type,
                    "severity": check.severity,
                    "status": check.status,
                    "found": check.found,
                    "message": check.message,
                }
                for check in verification.checks
                if check.query_type in query_types
            ],
        }


def _print(found: Sequence[Verification]) -> None:
    rows = [_table_row(table) for verification in found for table in verification.tables]
    print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    click.echo()
    print_table(
        ("service", "check", "status", "found", "what"),
        [row for verification in found for row in _check_rows(verification)],
    )


def _check_rows(verification: Verification) -> Iterable[tuple[Any, ...]]:
    """Yield a row for each check that is more than information; it names the tables concerned."""
    for name, group in groupby(verification.checks, key=lambda check: check.check_name):
        checks = list(group)
        if checks[0].severity == "info":
            continue
        concerned = [check for check in checks if check.found]
        what = "; ".join(
            f"{check.query_type}: {check.message}" if check.query_type else check.message
            for check in concerned
        )
        status = concerned[0].status if concerned else "ok"
        yield verification.service_name, name, status, sum(c.found for c in concerned), what


def _end(found: Sequence[Verification]) -> None:
    """Say what is wrong, and exit with 1 if anything is."""
    tables = [table for verification in found for table in verification.tables]
    missing = [table.name for table in tables if table.record_count is None]
    if missing:
        say(f"missing: {', '.join(missing)}; build them: otel-analytics run SERVICE…")
    errors = [
        (verification.service_name, check)
        for verification in found
        for check in verification.checks
        if check.status == "error"
    ]
    if errors:
        say(f"errors: {', '.join(dict.fromkeys(_named(*error) for error in errors))}")
        sys.exit(1)


def _named(service_name: str, check: CheckResult) -> str:
    of = f" ({check.query_type})" if check.query_type else ""
    return f"{service_name} {check.check_name}{of}"
