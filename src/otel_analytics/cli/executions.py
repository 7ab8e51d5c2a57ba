"""`executions`, `describe` and `history`: what the AWS CLI shows of executions, for those here."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say
from otel_analytics.cli.results import explanation_lines, failure_lines, summary_of
from otel_analytics.names import harmless
from otel_analytics.pipeline.trail import Place, Trail, details_of, failure_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["describe_command", "executions_command", "history_command"]


@click.command("executions", short_help="List executions, newest first.")
@click.option("--max-results", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@settings_options
@click.pass_context
def executions_command(
    ctx: click.Context, /, *, max_results: int, as_json: bool, **flags: Any
) -> None:
    """List executions, newest first, as `aws stepfunctions list-executions` does."""
    from otel_analytics.cli.engines import open_engine

    with open_engine(settings_of(ctx, flags), to_read=True) as aws:
        executions = aws.executions.list_executions(max_results=max_results)
    if as_json:
        print_json({"executions": executions})
    elif executions:
        columns = ("name", "status", "startDate", "stopDate")
        print_table(columns, [[one.get(column) for column in columns] for one in executions])
    else:
        say("no executions yet: otel-analytics run SERVICE…")


@click.command("describe", short_help="Show one execution.")
@click.argument("execution", metavar="ID")
@json_option
@settings_options
@click.pass_context
def describe_command(ctx: click.Context, /, *, execution: str, as_json: bool, **flags: Any) -> None:
    """Show one execution, as `aws stepfunctions describe-execution` does.

    ID is its ARN, its name, or the beginning of its name. Of one that failed, also says which
    services failed, why, and what to do.
    """
    from otel_analytics.cli.engines import open_engine

    with open_engine(settings_of(ctx, flags), to_read=True) as aws:
        described = aws.executions.describe_execution(execution)
        summary = summary_of(described, aws.store)
    if as_json:
        print_json(described)
        return
    for key, value in described.items():
        if key in ("input", "output", "cause"):
            click.echo(f"{key}:\n{_indented(value)}")
        elif not key.endswith("Details"):
            click.echo(harmless(f"{key}: {value}"))
    if summary is None:
        lines = explanation_lines(described.get("error"), described.get("cause"))
    else:
        lines = failure_lines(summary)
    for line in lines:
        click.echo(harmless(line))


@click.command("history", short_help="Show the events of one execution.")
@click.argument("execution", metavar="ID")
@click.option("--reverse-order", is_flag=True, help="The newest event first.")
@click.option("--max-results", type=click.IntRange(1, 25_000), help="At most so many events.")
@json_option
@settings_options
@click.pass_context
def history_command(
    ctx: click.Context,
    /,
    *,
    execution: str,
    reverse_order: bool,
    max_results: int | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Show the events of one execution, as `aws stepfunctions get-execution-history` does.

    ID is its ARN, its name, or the beginning of its name. Without --json, the failures among the
    events are explained below them.
    """
    from otel_analytics.cli.engines import open_engine

    with open_engine(settings_of(ctx, flags), to_read=True) as aws:
        shown = aws.executions.get_execution_history(
            execution, reverse_order=reverse_order, max_results=max_results
        )
        if as_json:
            print_json(shown)
            return
        trail = Trail()
        history = aws.executions.get_execution_history(execution)
        places = {event["id"]: trail.follow(event) for event in history}
    columns = ("id", "timestamp", "type", "what")
    print_table(columns, [_line(event, places[event["id"]]) for event in shown])
    for line in _explanations(shown):
        click.echo(harmless(line))


def _line(event: dict[str, Any], place: Place) -> tuple[Any, ...]:
    from otel_analytics.pipeline.explanations import reason_of

    details = details_of(event)
    parts = [str(details[key]) for key in ("name", "resource") if key in details]
    is_again = event["type"].endswith("Scheduled") and place.attempt > 1
    if is_again or (place.attempt and failure_of(event)):
        parts.append(f"({place.state}, attempt {place.attempt})")
    parts += [str(details["error"])] if "error" in details else []
    if "cause" in details:
        parts.append(_shortened(reason_of(details["cause"])))
    return event["id"], event["timestamp"], event["type"], " ".join(parts)


def _explanations(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yield each error of the events that is of a known kind, why it came, and what to do."""
    told = set()
    for event in events:
        details = details_of(event)
        lines = tuple(explanation_lines(details.get("error"), details.get("cause")))
        if lines and lines not in told:
            told.add(lines)
            yield from ("", str(details.get("error")), *(f"  {line}" for line in lines))


def _shortened(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _indented(text: str) -> str:
    with suppress(ValueError):  # a cause need not be JSON
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    return "\n".join(f"  {harmless(line)}" for line in text.splitlines())
