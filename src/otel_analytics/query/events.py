"""The relation `events`: raw log records as the metrics read them."""

from __future__ import annotations

from datetime import timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from otel_analytics.errors import InvalidSettings
from otel_analytics.query.binding import bind, date_literal, timestamp_literal
from otel_analytics.query.zone import offset_spans, utc_span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from otel_analytics.config import Settings

__all__ = ["build_events", "build_service_days"]


def build_events(
    *, service_names: Sequence[str], first_day: date, last_day: date, settings: Settings
) -> exp.Select:
    """Return the SELECT of `events` for these services and days of the reporting time zone.

    Shape:  one row per log record; columns as the package `metrics` lists them
    Raises: InvalidSettings if an expression of the source mapping is not one SQL expression
    """
    source, events = settings.source, settings.events
    select = _template().copy()
    for table in select.find_all(exp.Table):
        table.replace(exp.table_(source.table, db=settings.athena.database, quoted=True))
    bound = bind(
        select,
        {
            "service_name": _mapped("service_name", source.service_name),
            "event_name": _mapped("event_name", source.event_name),
            "user_key": _mapped("user_key", source.user_key),
            "session_id": _mapped("session_id", source.session_id),
            "event_date": _event_date(first_day, last_day, settings),
            "in_partitions": _in_partitions(first_day, last_day, settings),
            "service_names": [exp.Literal.string(name) for name in service_names],
            "window_start": date_literal(first_day),
            "window_end": date_literal(last_day),
            "is_active": _is_one_of(events.active),
            "is_session_start": _is_one_of(events.session_start),
            "is_product_view": _is_one_of(events.product_view),
            "is_cart_add": _is_one_of(events.cart_add),
        },
    )
    assert isinstance(bound, exp.Select)  # noqa: S101 - the template is a SELECT
    return bound


def build_service_days(settings: Settings) -> exp.Select:
    """Return a SELECT of every record's service and UTC date: `service_name`, `event_date`."""
    source = settings.source
    if settings.reads_own_lake:
        day = exp.cast(_partition_text(settings), "DATE")
    else:
        day = exp.cast(_mapped("timestamp", source.timestamp).copy(), "DATE")
    service = _mapped("service_name", source.service_name).copy()
    return exp.select(service.as_("service_name"), day.as_("event_date")).from_(
        exp.table_(source.table, db=settings.athena.database, quoted=True)
    )


@cache
def _template() -> exp.Expr:
    text = resources.files(__package__).joinpath("events.sql").read_text("utf-8")
    return sqlglot.parse_one(text, read="athena")


@lru_cache(maxsize=64)
def _mapped(name: str, sql: str) -> exp.Expr:
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


def _is_one_of(names: Sequence[str]) -> exp.Expr:
    if not names:
        return exp.true()
    is_in = exp.In(
        this=exp.column("event_name"), expressions=[exp.Literal.string(name) for name in names]
    )
    return exp.Coalesce(this=is_in, expressions=[exp.false()])


def _event_date(first_day: date, last_day: date, settings: Settings) -> exp.Expr:
    if settings.reads_own_lake and settings.timezone == "UTC":
        # The partition is the event's UTC date: no time stamp needs to be read.
        return exp.cast(_partition_text(settings), "DATE")
    timestamp = _mapped("timestamp", settings.source.timestamp)
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


def _in_partitions(first_day: date, last_day: date, settings: Settings) -> exp.Expr:
    if not settings.source.partitions:
        return exp.true()
    begin, end = utc_span(first_day, last_day, settings.zone)
    slack = timedelta(days=settings.source.partition_slack_days)
    first = (begin - slack).date()
    last = (end + slack - timedelta(microseconds=1)).date()
    year = exp.column(settings.source.partitions[0], quoted=True)
    years = exp.Between(
        this=year,
        low=exp.Literal.string(f"{first.year:04}"),
        high=exp.Literal.string(f"{last.year:04}"),
    )
    days = exp.Between(
        this=_partition_text(settings),
        low=exp.Literal.string(first.isoformat()),
        high=exp.Literal.string(last.isoformat()),
    )
    # The bare column lets a projected partition be bounded, the text cuts to the day.
    return exp.and_(years, days)


def _partition_text(settings: Settings) -> exp.Expr:
    year, month, day = (exp.column(name, quoted=True) for name in settings.source.partitions)
    dash = exp.Literal.string("-")
    text: exp.Expr = year
    for part in (dash, month, dash.copy(), day):
        text = exp.DPipe(this=text, expression=part)
    return text
