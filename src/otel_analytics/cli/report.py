"""`report`: the published tables as one file of charts, and as pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.files import write_file
from otel_analytics.cli.options import settings_of, settings_options
from otel_analytics.cli.output import as_megabytes, say
from otel_analytics.errors import UnreadablePath

if TYPE_CHECKING:
    from otel_analytics.web.words import Language

__all__ = ["report_command"]


@click.command("report", short_help="Write the tables as one file of charts.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="report.html",
    show_default=True,
    help="The file to write; one that is there is replaced.",
)
@click.option(
    "--service", "services", multiple=True, help="May be repeated, to compare; default: all."
)
@click.option(
    "--days", type=click.IntRange(1, 10_000), help="The last days; default: all there are."
)
@click.option("--compare", is_flag=True, help="Show the same number of days before beside them.")
@click.option("--png", metavar="DIR", help="Write each chart as a picture into this folder, too.")
@click.option(
    "--lang",
    type=click.Choice(["en", "ko"]),
    help="The language; default: Korean in a Korean environment, else English.",
)
@settings_options
@click.pass_context
def report_command(
    ctx: click.Context,
    /,
    *,
    output: str,
    services: tuple[str, ...],
    days: int | None,
    compare: bool,
    png: str | None,
    lang: Language | None,
    **flags: Any,
) -> None:
    """Write the published tables of services as one file of charts that needs no network.

    Open it in a browser, mail it, or put it on S3.
    """
    from otel_analytics.cli.engines import open_engine
    from otel_analytics.cli.extras import needing

    with needing("web", command="report"):
        from otel_analytics.web.report import build_picture, build_report, draw_panels
        from otel_analytics.web.services import list_services, select_services
        from otel_analytics.web.words import language_of_locale

    settings = settings_of(ctx, flags)
    language = lang or language_of_locale(os.environ)
    file, folder = Path(output), Path(png) if png else None
    _check_folder(file.parent)
    with open_engine(settings, to_read=True) as engine:
        there = list_services(engine.catalog.tables(settings.athena.database))
        selection = select_services(services, there, days=days, compare=compare)
        shown = draw_panels(engine.query, there, selection, settings, language=language)
    write_file(file, build_report(shown, selection, language=language).encode())
    drawn = [one for one in shown if one.drawing.chart]
    names = ", ".join(selection.services)
    count = f"{len(drawn)} of {len(shown)}" if len(drawn) < len(shown) else len(drawn)
    say(f"{output}: {count} charts of {names}, {as_megabytes(file.stat().st_size)}")
    for absent in dict.fromkeys(table for one in shown for table in one.answer.missing_tables):
        say(f"warning: there is no table {absent}: the next otel-analytics run builds it")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for one in drawn:
            write_file(folder / f"{one.panel.id}.png", build_picture(one, selection))
        say(f"{folder}: {len(drawn)} pictures")


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UnreadablePath("there is no such folder: make it, or name another", where=str(folder))
