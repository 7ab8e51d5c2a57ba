"""`dashboard`: the published tables and the pipeline in a browser."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from otel_analytics.cli.engines import open_engine
from otel_analytics.cli.extras import needing
from otel_analytics.cli.options import settings_of, settings_options
from otel_analytics.cli.output import say

__all__ = ["dashboard_command"]

TOKEN_VARIABLE: Final = "OTEL_ANALYTICS_DASHBOARD_TOKEN"  # noqa: S105 - its name, not a token


@click.command("dashboard", short_help="Show the published tables and the pipeline in a browser.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8321,
    show_default=True,
    help="The port; 0 takes one that is free.",
)
@click.option(
    "--token",
    envvar=TOKEN_VARIABLE,
    help="Answer only who has this token; needed for an address that other machines reach. "
    f"Better kept in {TOKEN_VARIABLE}, as a command line can be seen by others.",
)
@click.option("--allow-query", is_flag=True, help="Have a page on which any SELECT can be asked.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 3600),
    default=30,
    show_default=True,
    help="Seconds after which a query is cancelled.",
)
@settings_options
@click.pass_context
def dashboard_command(
    ctx: click.Context,
    /,
    *,
    host: str,
    port: int,
    token: str | None,
    allow_query: bool,
    timeout_s: float,
    **flags: Any,
) -> None:
    """Serve the published tables and the pipeline to a browser, until Ctrl+C.

    Only reads. Loopback by default; on an address that other machines reach, only with a token.
    """
    settings = settings_of(ctx, flags)
    with needing("web", command="dashboard"):
        from otel_analytics.web.assets import Assets
        from otel_analytics.web.reader import Reader
        from otel_analytics.web.server import Listener, serve

    with (
        Listener(host, port, token=token) as listener,
        open_engine(settings, to_read=True, keeps_record=False) as engine,
    ):
        say(f"dashboard: {listener.address} (Ctrl+C ends it)")
        serve(
            listener,
            Reader(engine, timeout_s),
            Assets(_cache_folder()),
            now=lambda: datetime.now(UTC),
            allows_query=allow_query,
        )


def _cache_folder() -> Path | None:
    """Return the folder for what can be made again, as the XDG base directories say."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return folder / "otel-analytics" if folder.is_absolute() else None
