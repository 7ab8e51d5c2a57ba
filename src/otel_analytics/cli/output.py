"""What is printed: data on stdout, as a table or one JSON document; the rest on stderr."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.names import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "as_megabytes",
    "as_text",
    "as_usd",
    "print_json",
    "print_table",
    "say",
]

# Wider than any row: what is piped into another program is never cut.
_PIPE_WIDTH = 100_000
# Control characters that JSON lets stand in a text as they are.
_JSON_CONTROLS = re.compile("[\x7f-\x9f]")


def say(message: str = "") -> None:
    """Print a line for a person, on stderr."""
    click.echo(harmless(message, "\n"), err=True)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout: dates as ISO text, decimals as text, NaN as null."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    click.echo(_JSON_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def as_text(value: Any) -> str:
    """Return a value as a table's cell: nothing for NULL, JSON for what is nested."""
    import msgspec

    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    plain = msgspec.to_builtins(value)
    text = plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()
    return harmless(text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under their column names, numbers to the right; whole, if not to a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [tuple(row) for row in rows]
    is_terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for position, name in enumerate(columns):
        values = [row[position] for row in rows if row[position] is not None]
        numeric = bool(values) and all(isinstance(value, (int, float)) for value in values)
        table.add_column(
            Text(as_text(name)), justify="right" if numeric else "left", no_wrap=not is_terminal
        )
    for row in rows:
        table.add_row(*(Text(as_text(value)) for value in row))
    Console(width=None if is_terminal else _PIPE_WIDTH, highlight=False).print(table)


def as_megabytes(size: int) -> str:
    """Return a number of bytes as a person reads it, in millions."""
    return f"{size / 1_000_000:,.2f} MB"


def as_usd(amount: float) -> str:
    """Return an amount of money to the precision at which a run can be told from another."""
    return f"${amount:.6f}"
