"""Which services have published tables, as the catalog says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from otel_analytics.errors import Refused
from otel_analytics.metrics import load_catalog
from otel_analytics.names import (
    EXECUTION_DATE_PARAMETER,
    SERVICE_NAME_PARAMETER,
    history_table_name,
    table_name,
    table_prefix,
)
from otel_analytics.web.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_analytics.operations.catalog import Table

__all__ = ["Service", "last_day", "list_services", "name_services", "select_services"]


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


def name_services(names: Sequence[str], there: Sequence[Service]) -> tuple[str, ...]:
    """Return the names, by default those of all services, if each has tables.

    Raises: Refused if there are none, or one is unknown
    """
    if not there:
        raise Refused("no tables are published yet: otel-analytics run SERVICE… builds them")
    known = tuple(service.name for service in there)
    for name in names:
        if name not in known:
            raise Refused(
                f"--service {name[:80]!r} has no published tables; those that have: "
                f"{', '.join(known)}"
            )
    return tuple(dict.fromkeys(names)) or known


def select_services(
    names: Sequence[str], there: Sequence[Service], *, days: int | None, compare: bool
) -> Selection:
    """Return a selection of services that have tables, by default all, and of their last days.

    Raises: Refused if there are none, one is unknown, or they are too many to be told apart
    """
    names = name_services(names, there)
    if compare and days is None:
        raise Refused("--compare needs a number of days: write e.g. --days 28 --compare")
    last = last_day(names, there)
    if days is None or last is None:
        return Selection(names)
    return Selection(names, last - timedelta(days=days - 1), last, compare)


def last_day(names: Iterable[str], there: Iterable[Service]) -> date | None:
    """Return the last day that the tables of these services may hold: the one before E."""
    dates = [one.execution_date for one in there if one.name in names and one.execution_date]
    return max(dates) - timedelta(days=1) if dates else None
