"""`run --dry-run` and `run --max-scan`: what runs would scan, told or held against a budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.cost import table_row, total_line, usage_document
from otel_analytics.cli.output import as_megabytes, print_json, print_table
from otel_analytics.cli.payload import check_fields, check_source, with_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_analytics.config import Prices
    from otel_analytics.local.dry_run import QueryEstimate
    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.pipeline.billing import Usage

__all__ = ["Estimate", "check_budget", "estimate_of", "parse_budget", "print_estimates"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one execution would use."""

    execution_date: date
    queries: tuple[QueryEstimate, ...]
    usage: Usage
    prices: Prices


def estimate_of(aws: EmbeddedAws, payload: Any, execution_date: str | None) -> Estimate:
    """Return what an execution on this payload would use.

    Raises: InvalidPayload or InvalidName if it would be refused; Refused if there are no logs
    """
    from otel_analytics.local.dry_run import estimate_run
    from otel_analytics.names import parse_service_names
    from otel_analytics.pipeline import build_definition
    from otel_analytics.pipeline.billing import Usage, planned_usage
    from otel_analytics.pipeline.parts import part_count
    from otel_analytics.query.handler import execution_date_of, source_of

    if execution_date is not None:
        payload = with_field(payload, "execution_date", execution_date)
    check_fields(payload)
    services = parse_service_names(payload.get("service_names"))
    day = execution_date_of(payload, settings=aws.settings, now=lambda: datetime.now(UTC))
    check_source(aws)
    run = estimate_run(aws, services, day, source_of(payload, aws.settings))
    usage = Usage.of_queries(query.scanned_bytes for query in run.queries) + planned_usage(
        build_definition(aws.settings),
        services=len(services),
        parts=part_count(len(services), aws.settings),
        plans=run.plans,
    )
    return Estimate(day, run.queries, usage, aws.settings.prices)


def parse_budget(text: str | None, setting: int | None) -> int | None:
    """Return the bytes that an execution may scan, None if it is no matter.

    Raises: InvalidSettings
    """
    from otel_analytics.config import parse_size
    from otel_analytics.errors import InvalidSettings

    if text is None:
        return setting
    try:
        return parse_size(text)
    except ValueError as error:
        raise InvalidSettings(f"{text[:80]!r} is no size: {error}", where="--max-scan") from error


def check_budget(estimates: Sequence[Estimate], max_scan: int | None) -> None:
    """Check that no execution would scan more than it may, if that is said.

    Raises: OverBudget saying by how much
    """
    from otel_analytics.errors import OverBudget

    for estimate in estimates:
        scanned = estimate.usage.scanned_bytes
        if max_scan is not None and scanned > max_scan:
            raise OverBudget(
                f"the run as of {estimate.execution_date} would scan {as_megabytes(scanned)}, "
                f"{as_megabytes(scanned - max_scan)} more than its budget of "
                f"{as_megabytes(max_scan)}: see what reads how much with --dry-run, name fewer "
                "services, or allow more (--max-scan, budget.max_scan)"
            )


def print_estimates(estimates: Sequence[Estimate], *, as_json: bool, is_backfill: bool) -> None:
    """Print what each execution would use: its queries, and all of them together."""
    if as_json:
        documents = [_document(estimate) for estimate in estimates]
        print_json(documents if is_backfill else documents[0])
        return
    for estimate in estimates:
        _print(estimate)


def _print(estimate: Estimate) -> None:
    rows = []
    for table in _tables(estimate):
        reads = table["reads"]
        names = ", ".join(read["table"] for read in reads if read["scanned_bytes"])
        rows.append(table_row(table, names, sum(read["files"] for read in reads)))
    heads = ("service", "table", "queries", "reads", "files", "scanned", "billed", "usd")
    print_table(heads, rows)
    click.echo(
        f"{estimate.execution_date} would take {total_line(estimate.usage, estimate.prices)}"
    )


def _document(estimate: Estimate) -> dict[str, Any]:
    return {
        "execution_date": estimate.execution_date,
        "tables": _tables(estimate),
        **usage_document(estimate.usage, estimate.prices),
    }


def _tables(estimate: Estimate) -> list[dict[str, Any]]:
    """Return what each table would take, and of what; a file counts as often as it is read."""
    from otel_analytics.pipeline.cost import table_documents

    documents = table_documents(estimate.queries, estimate.prices)
    for document in documents:
        found: dict[str, dict[str, Any]] = {}
        for query in estimate.queries:
            if (query.service_name, query.name) != (document["service_name"], document["name"]):
                continue
            for read in query.reads:
                of_table = found.setdefault(
                    read.table, {"table": read.table, "files": 0, "columns": [], "scanned_bytes": 0}
                )
                of_table["files"] += read.files
                of_table["columns"] = sorted({*of_table["columns"], *read.columns})
                of_table["scanned_bytes"] += read.scanned_bytes
        document["reads"] = list(found.values())
    return documents
