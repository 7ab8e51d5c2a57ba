"""The table of raw logs as the settings map it: columns, the day of an event, partitions."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from otel_analytics.errors import InvalidSettings
from otel_analytics.query.binding import date_literal, timestamp_literal
from otel_analytics.query.levels import partition_range
from otel_analytics.query.zone import offset_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.query.levels import DayRange

__all__ = [
    "any_of",
    "check_mapping",
    "event_date",
    "in_partitions",
    "in_ranges",
    "literals",
    "mapped",
    "mapped_columns",
    "of_partitions",
    "of_source",
    "on_days",
    "partition_text",
    "source_table",
]


def source_table(settings: Settings) -> exp.Table:
    """Return the table of raw logs."""
    return exp.table_(settings.source.table, db=settings.athena.database, quoted=True)


def of_source(settings: Settings, **columns: exp.Expr) -> exp.Select:
    """Return the SELECT of some expressions over the raw logs."""
    items = [expression.as_(name) for name, expression in columns.items()]
    return exp.select(*items).from_(source_table(settings))


def check_mapping(settings: Settings) -> None:
    """Check that every column of the source mapping is an SQL expression.

    Raises: InvalidSettings naming the setting
    """
    mapped_columns(settings)
    mapped("timestamp", settings)


def mapped_columns(settings: Settings) -> dict[str, exp.Expr]:
    """Return the expressions of the columns that the source mapping gives, but for the time's.

    Raises: InvalidSettings if one is not one SQL expression
    """
    names = ("service_name", "event_name", "user_key", "session_id")
    return {name: mapped(name, settings) for name in names}


def mapped(name: str, settings: Settings) -> exp.Expr:
    """Return the expression of one column of the source mapping.

    Raises: InvalidSettings if it is not one SQL expression
    """
    return _parsed(name, getattr(settings.source, name)).copy()


@lru_cache(maxsize=64)
def _parsed(name: str, sql: str) -> exp.Expr:
    where = f"source.{name}"
    try:
        expressions = sqlglot.parse(sql, read="athena")
    except SqlglotError as error:
        raise InvalidSettings(f"'{sql}' is not SQL: {error}", where=where) from error
    expression = expressions[0] if len(expressions) == 1 else None
    if not isinstance(expression, exp.Condition) or expression.find(exp.Query, exp.Star):
        raise InvalidSettings(
            f"'{sql}' is not one SQL expression over the columns of the table", where=where
        )
    for identifier in expression.find_all(exp.Identifier):
        identifier.set("quoted", True)
    return expression


def event_date(first_day: date, last_day: date, settings: Settings) -> exp.Expr:
    """Return the expression of an event's day, where that is one of these or beside them."""
    if settings.reads_own_lake and settings.timezone == "UTC":
        # The partition is the event's UTC date: no time stamp needs to be read.
        return exp.cast(partition_text(settings), "DATE")
    timestamp = mapped("timestamp", settings)
    spans = offset_spans(first_day, last_day, settings.zone)
    offset: exp.Expr = exp.Literal.number(spans[-1].offset_s)
    if len(spans) > 1:
        case = exp.Case(default=offset)
        for span in spans[:-1]:
            assert span.until is not None  # noqa: S101 - only the last span is open
            is_before = exp.LT(this=timestamp.copy(), expression=timestamp_literal(span.until))
            case = case.when(is_before, exp.Literal.number(span.offset_s))
        offset = case
    elif spans[0].offset_s == 0:
        return exp.cast(timestamp.copy(), "DATE")
    local = exp.DateAdd(this=timestamp.copy(), expression=offset, unit=exp.var("second"))
    return exp.cast(local, "DATE")


def in_partitions(first_day: date, last_day: date, settings: Settings) -> exp.Expr:
    """Return the predicate of the partitions that may hold events of these days."""
    if not settings.source.partitions:
        return exp.true()
    return of_partitions([partition_range(first_day, last_day, settings)], settings)


def of_partitions(ranges: Sequence[DayRange], settings: Settings) -> exp.Expr:
    """Return the predicate of raw partitions, by their days."""
    first, last = ranges[0][0], ranges[-1][1]
    if first == last:
        columns = (exp.column(name, quoted=True) for name in settings.source.partitions)
        values = literals(first.isoformat().split("-"))
        same = (
            exp.EQ(this=column, expression=value)
            for column, value in zip(columns, values, strict=True)
        )
        return exp.and_(*same, copy=False)
    year = exp.column(settings.source.partitions[0], quoted=True)
    years = _between(year, *literals((f"{first.year:04}", f"{last.year:04}")))
    # The bare column lets a projected partition be bounded, the text cuts to the day.
    return exp.and_(years, in_ranges(partition_text(settings), ranges), copy=False)


def in_ranges(text: exp.Expr, ranges: Sequence[DayRange]) -> exp.Expr:
    """Return the predicate that a day's text, YYYY-MM-DD, lies in one of these ranges."""
    if not ranges:
        return exp.false()
    return any_of(
        _between(text.copy(), *literals((first.isoformat(), last.isoformat())))
        for first, last in ranges
    )


def on_days(days: Sequence[DayRange]) -> exp.Expr:
    """Return the predicate that an event is of one of these ranges of days."""
    return any_of(
        _between(exp.column("event_date"), date_literal(first), date_literal(last))
        for first, last in days
    )


def _between(value: exp.Expr, low: exp.Expr, high: exp.Expr) -> exp.Expr:
    """Return the predicate that a value lies between two literals, which may be the same."""
    if low == high:
        return exp.EQ(this=value, expression=low)
    return exp.Between(this=value, low=low, high=high)


def literals(names: Sequence[str]) -> list[exp.Expr]:
    """Return texts as literals."""
    return [exp.Literal.string(name) for name in names]


def any_of(predicates: Iterable[exp.Expr]) -> exp.Expr:
    """Return the predicate that one of these holds, in brackets where they are several."""
    listed = list(predicates)
    return listed[0] if len(listed) == 1 else exp.paren(exp.or_(*listed), copy=False)


def partition_text(settings: Settings) -> exp.Expr:
    """Return the expression of a raw partition's day as YYYY-MM-DD."""
    year, month, day = (exp.column(name, quoted=True) for name in settings.source.partitions)
    dash = exp.Literal.string("-")
    text: exp.Expr = year
    for part in (dash, month, dash.copy(), day):
        text = exp.DPipe(this=text, expression=part)
    return text
