"""What a panel's query answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from otel_analytics.query.statements import Column

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a panel over a query type, of all services that were asked for.

    `statements` are the queries that were run, one for each service that has the tables; `missing`
    the tables that are not there, of each other service; none named of one that has no table at
    all. `begins` is the first day that a table as new as these may hold;
    None if there is no row.
    """

    query_type: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    statements: tuple[str, ...]
    missing: dict[str, tuple[str, ...]]
    begins: date | None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def missing_tables(self) -> tuple[str, ...]:
        """The tables that are not there, of services that have others."""
        return tuple(table for tables in self.missing.values() for table in tables)

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as objects."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]
