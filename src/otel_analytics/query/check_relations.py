"""The relations that checks read, over the tables of one service and the raw logs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from otel_analytics.metrics.catalog import find_metric, load_catalog
from otel_analytics.query.binding import date_literal
from otel_analytics.query.build import window_of
from otel_analytics.query.events import (
    build_events,
    build_known_services,
    build_lake_days,
    build_level_events,
    template,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from otel_analytics.config import Settings
    from otel_analytics.metrics import Reads

__all__ = ["CheckedTable", "Subject", "relation_builders", "union_all", "with_what_they_read"]

# Of each relation of gaps, the one whose days it looks at.
_GAPS: Final = {"lake_gaps": "lake_days", "service_gaps": "service_days"}


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """One table to check, as the catalog has it.

    `execution` is the execution that it is of, '' if none is known; `published_rows` the row count
    of the last publication.
    """

    query_type: str
    name: str
    is_there: bool
    execution: str
    published_rows: int | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: the tables of one service, as of E.

    `has_source` says whether the table of raw logs is there; `source` is what is read of them: it,
    or the activity tables.
    """

    service_name: str
    execution_date: date
    execution: str | None
    tables: tuple[CheckedTable, ...]
    has_source: bool
    source: str = "raw"

    def window(self, query_type: str, settings: Settings) -> tuple[date, date]:
        """Return the first and the last day of a metric's window."""
        return window_of(find_metric(query_type), self.execution_date, settings)


def relation_builders(
    subject: Subject, settings: Settings, *, reads: Reads
) -> dict[str, Callable[[], exp.Query]]:
    """Return what builds the SELECT of each relation that there is, by the relation's name.

    `reads` are the coarsest rows of `events` that the checks read.
    """
    database = settings.athena.database
    there = [table for table in subject.tables if table.is_there]
    builders: dict[str, Callable[[], exp.Query]] = {
        "tables": lambda: _tables(subject, settings),
        "previous": lambda: _previous(subject.tables),
        "accepted_gaps": lambda: _accepted_gaps(settings),
    }
    for table in there:
        source = exp.table_(table.name, db=database, quoted=True)
        builders[table.query_type] = exp.select("*").from_(source).copy
    if there:
        builders["table_rows"] = lambda: _table_rows(table.query_type for table in there)
    if subject.has_source:
        first_day, last_day = subject.window("mau", settings)
        builders |= {
            "events": lambda: _events(subject, "mau", reads, settings),
            "active_users": lambda: _active_users(subject, settings),
            "lake_days": lambda: _days(subject, None, settings),
            "service_days": lambda: _days(subject, subject.service_name, settings),
            "known_services": lambda: build_known_services(
                first_day=first_day, last_day=last_day, source=subject.source, settings=settings
            ),
            **{name: partial(_gaps, of, subject.execution_date) for name, of in _GAPS.items()},
        }
    return builders


def _days(subject: Subject, service_name: str | None, settings: Settings) -> exp.Select:
    first_day, last_day = subject.window("mau", settings)
    return build_lake_days(
        first_day=first_day,
        last_day=last_day,
        source=subject.source,
        settings=settings,
        service_name=service_name,
    )


def _active_users(subject: Subject, settings: Settings) -> exp.Select:
    events = _events(subject, "user_cohort", "users", settings)
    users = exp.select("user_key", "event_date")
    users.from_(events.subquery("events", copy=False), copy=False)
    return users.where("is_active AND user_key IS NOT NULL", copy=False)


def _events(subject: Subject, query_type: str, reads: Reads, settings: Settings) -> exp.Select:
    """Return the service's events in the window of a metric."""
    first_day, last_day = subject.window(query_type, settings)
    if subject.source == "activity":
        return build_level_events(
            reads,
            service_names=(subject.service_name,),
            days=[(first_day, last_day)],
            settings=settings,
        )
    return build_events(
        service_names=(subject.service_name,),
        first_day=first_day,
        last_day=last_day,
        settings=settings,
    )


def with_what_they_read(relations: Iterable[str]) -> set[str]:
    """Return the relations, and those of which they are made."""
    names = set(relations)
    if "table_rows" in names:
        names |= load_catalog().keys()
    for gaps in names & _GAPS.keys():
        names |= {_GAPS[gaps], "accepted_gaps"}
    return names


def _gaps(of: str, execution_date: date) -> exp.Select:
    values = {"execution_date": date_literal(execution_date)}
    return template("gaps.sql", {"data_days": exp.to_table(of)}, values)


def _tables(subject: Subject, settings: Settings) -> exp.Select:
    rows = [
        (table.query_type, table.name, table.is_there, table.execution) for table in subject.tables
    ]
    rows.append(("", settings.source.table, subject.has_source, ""))
    return _values(rows, ("query_type", "table_name", "is_there", "execution"))


def _previous(tables: Iterable[CheckedTable]) -> exp.Select:
    rows = [
        (table.query_type, table.published_rows)
        for table in tables
        if table.published_rows is not None
    ]
    names = ("query_type", "row_count")
    # VALUES cannot be empty.
    return _values(rows, names) if rows else _values([("", 0)], names).where("false")


def _accepted_gaps(settings: Settings) -> exp.Select:
    days = settings.checks.accepted_gaps
    rows = [(date_literal(date.fromisoformat(day)),) for day in days]
    if not rows:
        return exp.select(exp.cast(exp.null(), "DATE").as_("event_date")).where("false")
    return _values(rows, ("event_date",))


def _values(rows: Sequence[tuple[Any, ...]], names: tuple[str, ...]) -> exp.Select:
    values = exp.values(list(rows), alias="listed", columns=names)
    return exp.select(*names).from_(values, copy=False)


def _table_rows(query_types: Iterable[str]) -> exp.Query:
    selects: list[exp.Query] = [
        exp.select(
            exp.Literal.string(query_type).as_("query_type"),
            "service_name",
            _row_key(query_type).as_("row_key"),
            "execution_date",
        ).from_(query_type)
        for query_type in query_types
    ]
    return union_all(selects)


def union_all(selects: Sequence[exp.Query]) -> exp.Query:
    """Return the rows of all of them."""
    first, *others = selects
    return exp.union(first, *others, distinct=False, copy=False) if others else first


def _row_key(query_type: str) -> exp.Expr:
    """Return the columns of a table's key as one text, but for the service."""
    names = [name for name in load_catalog()[query_type].keys if name != "service_name"]
    key: exp.Expr | None = None
    for name in names:
        text = exp.cast(exp.column(name, quoted=True), "VARCHAR")
        key = (
            text
            if key is None
            else exp.DPipe(
                this=exp.DPipe(this=key, expression=exp.Literal.string(" ")), expression=text
            )
        )
    return key or exp.Literal.string("")
