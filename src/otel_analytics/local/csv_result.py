"""The rows of a query as the CSV file that Athena leaves in its output location."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.query.statements import Rows

__all__ = ["cell_text", "csv_result"]


def csv_result(rows: Rows) -> bytes:
    """Return the CSV: every value in quotes, NULL as nothing at all."""
    lines = [",".join(_quoted(column.name) for column in rows.columns)]
    lines += [
        ",".join("" if cell is None else _quoted(cell_text(cell)) for cell in row)
        for row in rows.rows
    ]
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def cell_text(cell: Any) -> str:
    """Return one value as Athena prints it."""
    for kind, write in _WRITERS:
        if isinstance(cell, kind):
            return write(cell)
    return str(cell)


def _number(cell: float) -> str:
    """Return a DOUBLE as Java writes it: with an exponent below 0.001 and from 10^7 on."""
    if not math.isfinite(cell):
        return "NaN" if math.isnan(cell) else "Infinity" if cell > 0 else "-Infinity"
    if cell == 0 or 1e-3 <= abs(cell) < 1e7:
        return repr(cell)
    digits, exponent = f"{Decimal(repr(cell)).normalize():E}".split("E")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


# in this order: a bool is an int, a datetime is a date
_WRITERS: Final[tuple[tuple[type, Callable[[Any], str]], ...]] = (
    (bool, lambda cell: "true" if cell else "false"),
    (float, _number),
    (datetime, lambda cell: cell.isoformat(sep=" ", timespec="milliseconds")),
    (date, lambda cell: cell.isoformat()),
    (bytes, lambda cell: cell.hex(" ")),
    (list, lambda cell: f"[{', '.join(map(_inner, cell))}]"),
    (
        dict,
        lambda cell: f"{{{', '.join(f'{key}={_inner(item)}' for key, item in cell.items())}}}",
    ),
)


def _inner(cell: Any) -> str:
    return "null" if cell is None else cell_text(cell)
