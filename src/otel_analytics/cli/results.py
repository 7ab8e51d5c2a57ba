"""What an execution of the pipeline says of its services: read, and told to a person."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import click

from otel_analytics.cli.output import as_megabytes, as_usd, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_analytics.operations.store import Store

__all__ = [
    "cost_line",
    "explanation_lines",
    "failure_lines",
    "print_results",
    "summary_of",
    "warning_lines",
]

# The cause of ServicesFailed holds the head of the summary, and says where the whole lies.
_SUMMARY: Final = re.compile(r"The whole summary: (s3://\S+)")


def summary_of(execution: Mapping[str, Any], store: Store) -> dict[str, Any] | None:
    """Return the summary of an execution of the pipeline; of a failed one, that which it stored.

    Of one that was split into parts, with the results of all of them. None if it has none: it
    failed before, is under way, or is of another document.
    """
    text: str | bytes | None = execution.get("output") or ""
    found = _SUMMARY.search(execution.get("cause") or "")
    if execution.get("error") == "ServicesFailed" and found:
        text = _stored(found[1], store)  # deleted since: the cause's head is all that is left
    summary = _parsed(text)
    if summary is None or "parts" not in summary:
        return summary
    results = [one for one in summary["results"] if one["state"] == "RunPart"]
    for part in summary["parts"]:
        of_part = _parsed(_stored(part.get("summary_location"), store))
        results += of_part["results"] if of_part else ()
    return {**summary, "results": results}


def _stored(location: str | None, store: Store) -> bytes | None:
    """Return an object, None if there is none."""
    from otel_analytics.errors import Failed, InvalidName
    from otel_analytics.names import S3Address

    try:
        return store.get(S3Address.parse(location))
    except (Failed, InvalidName):
        return None


def _parsed(text: str | bytes | None) -> dict[str, Any] | None:
    """Return the summary that a text is, None if it is none."""
    try:
        summary = json.loads(text or "")
    except ValueError:
        return None
    is_ours = isinstance(summary, dict) and isinstance(summary.get("results"), list)
    return summary if is_ours and "execution_summary" in summary else None


def print_results(summary: Mapping[str, Any]) -> None:
    """Print each service with its status and its tables."""
    columns = ("service", "status", "table", "execution_date", "rows", "scanned")
    rows: list[tuple[Any, ...]] = []
    for result in summary["results"]:
        head = (result["service_name"], result["status"])
        rows += [
            (
                *head,
                table["table"],
                table["execution_date"],
                table.get("row_count"),
                as_megabytes(table["scanned_bytes"]),
            )
            for table in result["tables"]
        ] or [(*head, None, None, None, None)]
    print_table(columns, rows)
    completed = sum(result["status"] == "COMPLETED" for result in summary["results"])
    click.echo(
        f"{summary['status']}: {completed} of {len(summary['results'])} services in database "
        f"{summary['execution_summary']['database']}"
    )


def cost_line(summary: Mapping[str, Any]) -> str:
    """Return what the execution used, by its own count, and what AWS would ask for it."""
    whole = summary["execution_summary"]
    return (
        f"{whole['queries']} queries, {as_megabytes(whole['scanned_bytes'])} scanned, "
        f"{as_megabytes(whole['billed_bytes'])} billed, at least {whole['least_transitions']} "
        f"transitions: about {as_usd(whole['estimated_cost_usd'])} on AWS"
    )


def warning_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each warning of the checks."""
    for result in summary["results"]:
        for line in _found(result, "warnings"):
            yield f"warning: {result['service_name']}: {line}"


def failure_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield, for each service that failed, where and with what, why, and what to do."""
    for result in summary["results"]:
        if result["status"] == "COMPLETED":
            continue
        where, error, cause = result["state"], result["error"], result.get("cause") or ""
        found = list(_found(result, "errors"))
        # of what the checks found, the cause only repeats the messages
        said = "" if found and error in ("ChecksFailed", "UnknownService") else f": {cause}"
        yield f"{result['service_name']}: {where}: {error}{said}"
        yield from (f"  {line}" for line in found)
        yield from (f"  {line}" for line in explanation_lines(error, cause))


def explanation_lines(error: str | None, cause: str | None) -> Iterator[str]:
    """Yield why something failed and what to do, if its error and cause are of a known kind."""
    from otel_analytics.pipeline.explanations import explain

    explanation = explain(error, cause)
    if explanation is not None:
        yield f"why: {explanation.why}"
        yield f"what to do: {explanation.what_to_do}"


def _found(result: Mapping[str, Any], kind: str) -> Iterator[str]:
    """Yield a line for each finding of a kind, and one for those that a result leaves out."""
    checks = result.get("checks") or {}
    findings = checks.get(kind, ())
    yield from (_checked(check) for check in findings)
    if left_out := checks.get(f"{kind}_found", len(findings)) - len(findings):
        yield f"and {left_out} more {kind}: {checks.get('findings_location')}"


def _checked(check: Mapping[str, Any]) -> str:
    of = f" ({check['query_type']})" if check.get("query_type") else ""
    return f"{check['check_name']}{of}: {check['message']}"
