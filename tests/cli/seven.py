"""The seven tables as `query --json` prints them, beside the oracle's."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tests.oracle.seven_tables import TABLES, Definition, Event, seven_tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.cli.shell import Shell

__all__ = ["assert_tables_are_the_oracles", "tables_of"]

Tables = dict[str, list[dict[str, Any]]]


def tables_of(shell: Shell, prefix: str) -> Tables:
    """Return the published tables of a service, rows in a fixed order."""
    return {
        query_type: _ordered(shell.query(f"SELECT * FROM {prefix}_{query_type}_summary"))
        for query_type in TABLES
    }


def assert_tables_are_the_oracles(
    tables: Tables, events: Iterable[Event], service: str, definition: Definition
) -> None:
    """Compare row for row and digit for digit."""
    expected = seven_tables(events, service, definition)
    for query_type, rows in expected.items():
        printed = [
            {k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()} for row in rows
        ]
        assert tables[query_type] == _ordered(printed), query_type


def _ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=repr)
