"""Which services have published tables, as the catalog says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from otel_analytics.metrics import load_catalog
from otel_analytics.names import (
    EXECUTION_DATE_PARAMETER,
    SERVICE_NAME_PARAMETER,
    history_table_name,
    table_name,
    table_prefix,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_analytics.local.catalog import Table

__all__ = ["Service", "list_services"]


@dataclass(frozen=True, slots=True)
class Service:
    """A service with published tables.

    `tables` are the names of those that there are, the histories among them. `execution_date` is E
    of the newest; None if the tables do not say.
    """

    name: str
    execution_date: date | None
    tables: frozenset[str]


def list_services(tables: Iterable[Table]) -> tuple[Service, ...]:
    """Return the services of a database's tables, in the order of their names."""
    there = {table.name: table for table in tables}
    said = (table.parameters.get(SERVICE_NAME_PARAMETER) for table in there.values())
    return tuple(_service(name, there) for name in sorted({name for name in said if name}))


def _service(name: str, there: dict[str, Table]) -> Service:
    prefix = table_prefix(name)
    own = [
        there[table]
        for query_type in load_catalog()
        for table in (table_name(prefix, query_type), history_table_name(prefix, query_type))
        if table in there
    ]
    dates = [table.parameters.get(EXECUTION_DATE_PARAMETER) for table in own]
    newest = max((text for text in dates if text), default=None)
    return Service(
        name,
        date.fromisoformat(newest) if newest else None,
        frozenset(table.name for table in own),
    )
