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

__all__ = ["build_events", "build_known_services", "build_lake_days"]


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


def build_lake_days(*, first_day: date, last_day: date, settings: Settings) -> exp.Select:
    """Return the SELECT of the days of the reporting time zone that have raw data of any service.

    Shape:  event_date, records; of our own lake in UTC it reads the partitions alone
    """
    records = _of_source(settings, event_date=_event_date(first_day, last_day, settings))
    records = records.where(_in_partitions(first_day, last_day, settings))
    in_window = exp.Between(
        this=exp.column("event_date"), low=date_literal(first_day), high=date_literal(last_day)
    )
    days = exp.select("event_date", "COUNT(*) AS records").from_(
        records.subquery("records", copy=False)
    )
    return days.where(in_window).group_by("event_date")


def build_known_services(*, first_day: date, last_day: date, settings: Settings) -> exp.Select:
    """Return the SELECT of every service that the logs know, at any time since min_data_date.

    Shape:  service_name, first_day, last_day, window_records (those of the days given); outside
        of these a day may be that of the hour before or after, where summer time begins or ends
    """
    records = _of_source(
        settings,
        service_name=_mapped("service_name", settings.source.service_name).copy(),
        event_date=_event_date(first_day, last_day, settings),
    )
    in_window = exp.Between(
        this=exp.column("event_date"), low=date_literal(first_day), high=date_literal(last_day)
    )
    services = exp.select(
        "service_name",
        "MIN(event_date) AS first_day",
        "MAX(event_date) AS last_day",
        exp.Count(
            this=exp.Case(ifs=[exp.If(this=in_window, true=exp.Literal.number(1))]), big_int=True
        ).as_("window_records"),
    )
    if settings.min_data_date is not None:
        records = records.where(_in_partitions(settings.min_data_date, last_day, settings))
    services = services.from_(records.subquery("records", copy=False))
    return services.where("service_name IS NOT NULL").group_by("service_name")


def _of_source(settings: Settings, **columns: exp.Expr) -> exp.Select:
    table = exp.table_(settings.source.table, db=settings.athena.database, quoted=True)
    items = [expression.as_(name) for name, expression in columns.items()]
    return exp.select(*items).from_(table)


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
