"""Options that every command takes, and the settings that come of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.config import ENGINES
from otel_analytics.errors import InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.config import Settings

__all__ = ["json_option", "settings_file_of", "settings_of", "settings_options"]

_OPTIONS = (
    click.option("--home", metavar="DIR", help="The folder that stands for S3 and Glue."),
    click.option("--config", metavar="FILE", help="Settings file instead of otel-analytics.toml."),
    click.option(
        "--set",
        "assignments",
        metavar="NAME=VALUE",
        multiple=True,
        help="One setting, as --set timezone=Asia/Seoul; may be repeated.",
    ),
    click.option(
        "--engine",
        type=click.Choice(ENGINES),
        help="Where commands work: duckdb (default), trino (queries on a cluster) or aws.",
    ),
    click.option("--region", help="The region of AWS, for --engine aws."),
    click.option("--profile", help="The profile of ~/.aws, for --engine aws."),
)

# Options that are settings, by their names.
_SETTINGS = {
    "home": "home",
    "engine": "engine",
    "region": "aws.region",
    "profile": "aws.profile",
}

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options from which settings come; a command may stand before or behind them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings_of(ctx: click.Context, flags: dict[str, Any]) -> Settings:
    """Return the settings of a command: file, environment, the group's flags, its own flags.

    Raises: InvalidSettings
    """
    from otel_analytics.config import load_settings

    outer = ctx.obj or {}
    file = settings_file_of(ctx, flags)
    config = flags.get("config") or outer.get("config")
    values = dict(
        _assignment(text) for text in (*outer.get("assignments", ()), *flags.get("assignments", ()))
    )
    for option, name in _SETTINGS.items():
        if value := flags.get(option) or outer.get(option):
            values[name] = value
    return load_settings(
        file=file if config or file.exists() else None, environment=os.environ, flags=values
    )


def settings_file_of(ctx: click.Context, flags: dict[str, Any]) -> Path:
    """Return the settings file of a command, which need not exist unless it was named."""
    from otel_analytics.config import SETTINGS_FILE

    return Path(flags.get("config") or (ctx.obj or {}).get("config") or SETTINGS_FILE)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidSettings(f"--set {text}: write --set NAME=VALUE")
    return name.strip(), value
