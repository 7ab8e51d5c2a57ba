"""`ingest`: OTLP log files into `logall`, and what became of each."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.engines import check_is_local
from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.lake.report import IngestReport, Progress, SourceReport

__all__ = ["ingest_command"]


@click.command("ingest", short_help="Put OTLP log files into the lake table logall.")
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH…",
    type=click.Path(path_type=Path, readable=False),
)
@click.option(
    "--processes", type=click.IntRange(min=1), help="Decoding processes; default: one a core."
)
@json_option
@settings_options
@click.pass_context
def ingest_command(
    ctx: click.Context,
    /,
    *,
    paths: tuple[Path, ...],
    processes: int | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Put OTLP log files, or folders of them, into the lake table logall.

    Files are recognised by their bytes: OTLP/JSON (documents, lines) or protobuf (bare, or behind
    a length), plain, gzip or zstd. The same content counts once, whatever it is called. What
    cannot be read is set aside in the lake's quarantine, with the reason.

    Exits with 1 if a file had no readable log record; the others are ingested all the same.
    """
    from otel_analytics.cli.engines import open_local
    from otel_analytics.lake.ingest import ingest
    from otel_analytics.lake.sources import find_files

    settings = settings_of(ctx, flags)
    check_is_local(settings, "ingest", "put the files where the stack looks for logs in its bucket")
    # A wrong path is refused before a home is made; what the home holds is no log to take in.
    files = find_files(paths, outside=Path(settings.home))
    with open_local(settings) as aws, _progress() as progress:
        aws.check_logall()
        lake = aws.lake_folder()
        report = ingest(
            files, lake=lake, keys=settings.keys, processes=processes, progress=progress
        )
        aws.register_logall()
    if as_json:
        print_json(_as_json(report, lake))
    else:
        _print(report, lake)
    if report.under_other_keys:
        say(
            "warning: files known already, under other keys.user or keys.session: "
            f"{len(report.under_other_keys):,}; their records keep the user and session of then: "
            "the settings source.user_key and source.session_id read them from logall's attributes "
            "instead (otel-analytics inspect, without arguments, proposes them)"
        )
    if report.failed:
        sys.exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("reading…") as status:
        yield lambda now: status.update(
            f"{now.files_done} of {now.files} files, {now.records:,} records"
        )


def _print(report: IngestReport, lake: Path) -> None:
    for source in report.sources:
        if source.outcome == "failed":
            say(f"otel-analytics: {source.path}: {source.error}")
    ingested = [source for source in report.sources if source.outcome == "ingested"]
    known = [source for source in report.sources if source.outcome == "already ingested"]
    click.echo(
        f"{report.records_in:,} records in = {report.written:,} written + "
        f"{report.quarantined:,} quarantined + {report.skipped.total():,} skipped"
        + (f" ({_kinds(report.skipped)})" if report.skipped else "")
    )
    click.echo(
        f"{len(ingested):,} files ingested, {len(known):,} known already, "
        f"{len(report.failed):,} failed, in {report.seconds:.1f} s"
        + (f" ({report.written / report.seconds:,.0f} records/s)" if report.written else "")
    )
    if report.quarantined:
        click.echo(f"quarantine, with reasons: {lake / 'quarantine'}")
    if report.without_service:
        click.echo(f"{report.without_service:,} records have no service.name")


def _kinds(skipped: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in skipped.items())


def _as_json(report: IngestReport, lake: Path) -> dict[str, Any]:
    return {
        "records_in": report.records_in,
        "written": report.written,
        "quarantined": report.quarantined,
        "skipped": report.skipped.total(),
        "skipped_by_kind": dict(report.skipped),
        "without_service": report.without_service,
        "seconds": report.seconds,
        "quarantine": str(lake / "quarantine"),
        "files": [_source_as_json(source) for source in report.sources],
    }


def _source_as_json(source: SourceReport) -> dict[str, Any]:
    return {
        "path": os.fsencode(source.path).decode("utf-8", "backslashreplace"),
        "source_id": source.source_id,
        "outcome": source.outcome,
        "error": source.error,
        "records_in": source.records_in,
        "written": source.written,
        "quarantined": source.quarantined,
        "skipped": dict(source.skipped),
        "other_keys": source.other_keys,
    }
