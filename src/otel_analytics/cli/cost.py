"""`cost`: what an execution used, by service and table, and what AWS would ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import as_megabytes, as_usd, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_analytics.config import Prices
    from otel_analytics.operations.engine import Engine
    from otel_analytics.operations.executions import Executions
    from otel_analytics.pipeline.billing import Usage
    from otel_analytics.pipeline.cost import ExecutionCost

__all__ = ["cost_command", "table_row", "total_line", "usage_document"]


@click.command("cost", short_help="Show what an execution scanned and would cost on AWS.")
@click.argument("execution", required=False, metavar="[EXECUTION]")
@json_option
@settings_options
@click.pass_context
def cost_command(
    ctx: click.Context, /, *, execution: str | None, as_json: bool, **flags: Any
) -> None:
    """Show what an execution of the pipeline scanned, and what AWS would ask for it.

    EXECUTION is its ARN, its name, or the beginning of its name; default: the last one. What it has
    started as its parts counts with it. Bytes are
    those that this engine read, prices are settings (prices.…), and what AWS gives free of charge
    each month is not taken off.
    """
    from otel_analytics.cli.engines import open_engine
    from otel_analytics.pipeline.cost import table_documents

    settings = settings_of(ctx, flags)
    with open_engine(settings, to_read=True) as aws:
        described = aws.executions.describe_execution(execution or _last(aws))
        name = described["name"]
        cost = _cost_of(aws.executions, name)
    rows = table_documents(cost.queries, settings.prices)
    if as_json:
        total = usage_document(cost.usage, settings.prices)
        print_json({"execution": name, "status": described["status"], "tables": rows, **total})
        return
    print_table(
        ("service", "table", "queries", "scanned", "billed", "usd"),
        [table_row(row) for row in rows],
    )
    click.echo(f"{name} {described['status']}: {total_line(cost.usage, settings.prices)}")


def _cost_of(executions: Executions, reference: str) -> ExecutionCost:
    """Return what an execution used, with those that it has started."""
    from otel_analytics.pipeline.cost import cost_of, nested_executions

    history = executions.get_execution_history(reference)
    cost = cost_of(history)
    for nested in nested_executions(history):
        cost += _cost_of(executions, nested)
    return cost


def _last(aws: Engine) -> str:
    """Return the name of the last execution of the pipeline.

    Raises: Refused if there is none
    """
    from otel_analytics.errors import Refused
    from otel_analytics.pipeline.parts import is_part

    for one in aws.executions.list_executions():
        if one["stateMachineArn"] == aws.state_machine_arn and not is_part(one["name"]):
            return str(one["name"])
    raise Refused("there is no execution yet: otel-analytics run SERVICE…")


def table_row(document: Mapping[str, Any], *more: object) -> tuple[object, ...]:
    """Return it as a person reads it; `more` goes between what was queried and what it took."""
    return (
        document["service_name"],
        document["name"],
        document["queries"],
        *more,
        as_megabytes(document["scanned_bytes"]),
        as_megabytes(document["billed_bytes"]),
        as_usd(document["estimated_cost_usd"]),
    )


def usage_document(usage: Usage, prices: Prices) -> dict[str, Any]:
    """Return what was used as JSON."""
    return {
        "queries": usage.queries,
        "scanned_bytes": usage.scanned_bytes,
        "billed_bytes": usage.billed_bytes,
        "transitions": usage.transitions,
        "lambda_calls": usage.lambda_calls,
        "estimated_cost_usd": usage.usd(prices),
    }


def total_line(usage: Usage, prices: Prices) -> str:
    """Return what was used as a sentence's end."""
    return (
        f"{usage.queries} queries, {as_megabytes(usage.scanned_bytes)} scanned, "
        f"{as_megabytes(usage.billed_bytes)} billed, {usage.transitions} transitions, "
        f"{usage.lambda_calls} Lambda calls: about {as_usd(usage.usd(prices))}"
    )
