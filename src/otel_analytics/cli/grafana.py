"""`grafana`: the panels as a dashboard of Grafana's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.options import settings_of, settings_options

if TYPE_CHECKING:
    from otel_analytics.web.words import Language

__all__ = ["grafana_command"]


@click.command("grafana", short_help="Print a dashboard for Grafana's Athena data source.")
@click.option(
    "--service", "services", multiple=True, help="May be repeated; default: all with tables."
)
@click.option(
    "--lang",
    type=click.Choice(["en", "ko"]),
    help="The language; default: Korean in a Korean environment, else English.",
)
@settings_options
@click.pass_context
def grafana_command(
    ctx: click.Context, /, *, services: tuple[str, ...], lang: Language | None, **flags: Any
) -> None:
    """Print a dashboard with the panels of the report, as JSON that Grafana imports.

    It asks Athena by Grafana's own data source for it; the data source and the service are chosen
    in Grafana.
    """
    from otel_analytics.cli.engines import open_engine
    from otel_analytics.cli.extras import needing

    with needing("grafana", command="grafana"):
        from otel_analytics.web.grafana import build_dashboard
        from otel_analytics.web.services import list_services, name_services
        from otel_analytics.web.words import language_of_locale

    settings = settings_of(ctx, flags)
    with open_engine(settings, to_read=True) as engine:
        there = list_services(engine.catalog.tables(settings.athena.database))
    language = lang or language_of_locale(os.environ)
    click.echo(build_dashboard(name_services(services, there), settings, language=language))
