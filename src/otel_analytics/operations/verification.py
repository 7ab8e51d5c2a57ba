"""The Lambda `athena-checks-builder`, and the same checks of tables that are published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.errors import Refused
from otel_analytics.metrics import load_catalog
from otel_analytics.names import (
    EXECUTION_DATE_PARAMETER,
    EXECUTION_PARAMETER,
    SERVICE_NAME_PARAMETER,
    table_name,
)
from otel_analytics.query.levels import VISITS
from otel_analytics.query.statements import TableName
from otel_analytics.query.verification import CatalogTable, build_verification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.operations.catalog import Catalog, Table

    RunQuery = Callable[[str], Sequence[tuple[Any, ...]]]

__all__ = ["CheckResult", "PublishedTable", "Verification", "checks_builder", "verify_published"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found of one table, or, with query_type '', of the service as a whole."""

    check_name: str
    severity: str
    query_type: str
    found: int
    message: str

    @property
    def status(self) -> str:
        """`ok`, `warning` or `error`."""
        return self.severity if self.found and self.severity != "info" else "ok"


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One published table: how many rows, and of which execution date the latest is.

    Both are None if there is no such table.
    """

    query_type: str
    name: str
    record_count: int | None
    last_execution: date | None


@dataclass(frozen=True, slots=True)
class Verification:
    """The seven tables of one service, and what the checks found, in order of the checks' names."""

    service_name: str
    tables: tuple[PublishedTable, ...]
    checks: tuple[CheckResult, ...]


def checks_builder(settings: Settings, catalog: Catalog) -> Callable[[Any], dict[str, Any]]:
    """Return the function: an event in, the statement of its checks out."""

    def get_table(name: str) -> CatalogTable | None:
        table = catalog.entry(TableName(name, settings.athena.database))
        return CatalogTable(table.location, table.parameters) if table else None

    def build(event: Any) -> dict[str, Any]:
        # Tables may be published at any time: all of them are looked up at one moment.
        with catalog.moment():
            return build_verification(event, settings=settings, get_table=get_table)

    return build


def verify_published(
    prefix: str,
    *,
    service_name: str | None,
    today: date,
    settings: Settings,
    catalog: Catalog,
    run_query: RunQuery,
) -> Verification:
    """Return what the checks find of the published tables of one prefix, as of their own date.

    Of tables that no execution has published, whatever their columns, it is found that they are so.

    A `service_name` of None is taken from the tables; `today` counts where there is no table.

    Raises: Refused if the tables do not say whose they are; what `run_query` raises
    """
    names = {query_type: table_name(prefix, query_type) for query_type in load_catalog()}
    there = _published(names, settings, catalog)
    if there and _said(there, EXECUTION_PARAMETER) is None:
        return _not_published(service_name or prefix, names, there, run_query)
    while True:
        counted = _count(there, run_query)
        event = {
            "table_prefix": prefix,
            "s3_base": settings.athena.s3_base,
            "service_name": service_name or _service_name(prefix, there, counted),
            "execution_date": _said(there, EXECUTION_DATE_PARAMETER)
            or str(_of_rows(counted, 1) or today),
            "execution": None,
            "source": _source(settings, catalog),
            "tables": [
                {
                    "query_type": query_type,
                    "table": name,
                    "location": there[query_type].location if query_type in there else "",
                }
                for query_type, name in names.items()
            ],
        }
        rows = run_query(checks_builder(settings, catalog)(event)["query_string"])
        # Should another execution have published meanwhile, it is its tables that count.
        before, there = there, _published(names, settings, catalog)
        if there == before:
            break
    tables = [
        PublishedTable(query_type, name, *counted.get(query_type, (None, None))[:2])
        for query_type, name in names.items()
    ]
    checks = sorted(
        (CheckResult(*row) for row in rows),
        key=lambda check: (check.check_name, check.severity, check.query_type),
    )
    return Verification(str(event["service_name"]), tuple(tables), tuple(checks))


def _not_published(
    service_name: str, names: Mapping[str, str], there: Mapping[str, Table], run_query: RunQuery
) -> Verification:
    selects = (
        f"SELECT '{query_type}', COUNT(*) FROM \"{table.name}\""  # noqa: S608 - the catalog's names
        for query_type, table in there.items()
    )
    counted = {row[0]: row[1] for row in run_query(" UNION ALL ".join(selects))}
    finding = CheckResult(
        "one_execution",
        "error",
        "",
        len(there),
        "not published by an execution yet: otel-analytics run SERVICE builds all seven, and takes "
        "their names over",
    )
    tables = (PublishedTable(one, name, counted.get(one), None) for one, name in names.items())
    return Verification(service_name, tuple(tables), (finding,))


def _source(settings: Settings, catalog: Catalog) -> str:
    """Return what is read of the logs: the raw ones where the activity tables were never built."""
    has_visits = catalog.entry(TableName(VISITS, settings.athena.database)) is not None
    return settings.default_source if has_visits else "raw"


def _service_name(
    prefix: str, there: Mapping[str, Table], counted: Mapping[str, Sequence[Any]]
) -> str:
    name = _said(there, SERVICE_NAME_PARAMETER) or _of_rows(counted, 2)
    if name is None:
        raise Refused(
            f"the tables {prefix}_… do not say of which service they are: name it, "
            "otel-analytics verify SERVICE"
        )
    return str(name)


def _published(names: Mapping[str, str], settings: Settings, catalog: Catalog) -> dict[str, Table]:
    """Return the entries of the tables that there are, at one moment."""
    with catalog.moment():
        found = {
            name: catalog.entry(TableName(table, settings.athena.database))
            for name, table in names.items()
        }
    return {query_type: table for query_type, table in found.items() if table is not None}


def _count(there: Mapping[str, Table], run_query: RunQuery) -> dict[str, tuple[Any, ...]]:
    """Return row count, latest execution date and service of the rows, by query type."""
    if not there:
        return {}
    # The names are those of the catalog.
    selects = (
        f"SELECT '{query_type}', COUNT(*), MAX(execution_date), MAX(service_name) "  # noqa: S608
        f'FROM "{table.name}"'
        for query_type, table in there.items()
    )
    return {query_type: tuple(rest) for query_type, *rest in run_query(" UNION ALL ".join(selects))}


def _said(tables: Mapping[str, Table], parameter: str) -> str | None:
    """Return what the tables' entries say; the greatest, should they not agree."""
    return max((t.parameters.get(parameter, "") for t in tables.values()), default="") or None


def _of_rows(counted: Mapping[str, Sequence[Any]], position: int) -> Any:
    return max((row[position] for row in counted.values() if row[position]), default=None)
