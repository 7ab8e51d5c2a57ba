"""The rows of a query as the CSV file that Athena leaves in its output location."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_analytics.local.engine import Rows

__all__ = ["cell_text", "csv_result"]


def csv_result(rows: Rows) -> bytes:
    """Return the CSV: every value in quotes, NULL as nothing at all."""
    lines = [",".join(_quoted(column.name) for column in rows.columns)]
    for row in rows.rows:
        lines.append(",".join("" if cell is None else _quoted(cell_text(cell)) for cell in row))
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def cell_text(cell: Any) -> str:
    """Return one value as Athena prints it."""
    match cell:
        case bool():
            return "true" if cell else "false"
        case datetime():
            return cell.isoformat(sep=" ", timespec="milliseconds")
        case date():
            return cell.isoformat()
        case bytes():
            return cell.hex(" ")
        case list():
            return f"[{', '.join(_inner(item) for item in cell)}]"
        case dict():
            return f"{{{', '.join(f'{key}={_inner(item)}' for key, item in cell.items())}}}"
        case float() if cell.is_integer() and abs(cell) < 1e7:
            return f"{cell:.1f}"
    return str(cell)


def _inner(cell: Any) -> str:
    return "null" if cell is None else cell_text(cell)
