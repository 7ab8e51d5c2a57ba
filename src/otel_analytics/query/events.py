"""The relation `events` that metrics and checks read: over the raw logs, or over the levels."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from otel_analytics.query.binding import bind, date_literal
from otel_analytics.query.levels import (
    ACTIVITY,
    PERIOD,
    SERVICES,
    USERS,
    VISITS,
    days_between,
    partition_range,
    periods_of,
    ranges_of,
    whole_periods,
    without_periods,
)
from otel_analytics.query.source import (
    event_date,
    in_partitions,
    in_ranges,
    literals,
    mapped,
    mapped_columns,
    of_source,
    on_days,
    source_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.metrics import Reads
    from otel_analytics.query.levels import DayRange

__all__ = [
    "build_events",
    "build_known_services",
    "build_lake_days",
    "build_level_events",
    "level_table",
    "template",
]


def build_events(
    *, service_names: Sequence[str], first_day: date, last_day: date, settings: Settings
) -> exp.Select:
    """Return the SELECT of `events` of the raw logs, of these services and days.

    Shape:  one row per log record; columns as the package `metrics` lists them
    Raises: InvalidSettings if an expression of the source mapping is not one SQL expression
    """
    return template(
        "events.sql",
        {"source": source_table(settings)},
        {
            **mapped_columns(settings),
            "event_date": event_date(first_day, last_day, settings),
            "in_partitions": in_partitions(first_day, last_day, settings),
            "service_names": literals(service_names),
            "window_start": date_literal(first_day),
            "window_end": date_literal(last_day),
            **_meanings(settings),
        },
    )


def build_level_events(
    reads: Reads,
    *,
    service_names: Sequence[str] | None,
    days: Sequence[DayRange],
    settings: Settings,
) -> exp.Select:
    """Return the SELECT of `events` of the activity tables, in the coarsest rows that are read.

    `service_names` of None are all, records without a service among them.

    Shape:  columns and rows as the package `metrics` says of `reads`
    """
    of_services: exp.Expr = exp.true()
    if service_names is not None:
        of_services = exp.column("service_name").isin(*literals(service_names))
    if reads == "visits":
        return template(
            "visits_events.sql",
            {"visits": level_table(VISITS, settings)},
            {"in_days": in_ranges(exp.column(PERIOD), days), "of_services": of_services},
        )
    if reads == "users":
        months = [p for first, last in days for p in whole_periods(first, last, "month")]
        return template(
            "users_events.sql",
            {"users": level_table(USERS, settings), "visits": level_table(VISITS, settings)},
            {
                "in_months": exp.column(PERIOD).isin(*literals(months or [""])),
                "in_days": in_ranges(exp.column(PERIOD), without_periods(days, months)),
                "of_services": of_services,
            },
        )
    partitions = (partition_range(first, last, settings) for first, last in days)
    return template(
        "activity_events.sql",
        {"activity": level_table(ACTIVITY, settings)},
        {
            "in_partitions": in_ranges(exp.column(PERIOD), _merged(partitions)),
            "in_days": on_days(days),
            "of_services": of_services,
            **_meanings(settings),
        },
    )


def build_lake_days(
    *,
    first_day: date,
    last_day: date,
    source: str,
    settings: Settings,
    service_name: str | None = None,
) -> exp.Select:
    """Return the SELECT of the days of the reporting time zone that have raw data.

    Shape:  event_date, records, of one service or of all; raw, of our own lake in UTC, all are of
        the partitions alone
    """
    count: exp.Expr = exp.Count(this=exp.Star(), big_int=True)
    if source == "activity":
        count = exp.cast(exp.Sum(this=exp.column("event_count")), "BIGINT")
        records = _services(settings)
        months = periods_of(first_day, last_day, "month")
        records.where(exp.column(PERIOD).isin(*literals(months)), copy=False)
        of_service: exp.Expr = exp.column("service_name")
    else:
        records = of_source(settings, event_date=event_date(first_day, last_day, settings))
        records.where(in_partitions(first_day, last_day, settings), copy=False)
        of_service = mapped("service_name", settings)
    if service_name is not None:
        records.where(of_service.eq(exp.Literal.string(service_name)), copy=False)
    days = exp.select("event_date", count.as_("records"))
    days.from_(records.subquery("records", copy=False), copy=False)
    days.where(on_days([(first_day, last_day)]), copy=False)
    return days.group_by("event_date", copy=False)


def build_known_services(
    *, first_day: date, last_day: date, source: str, settings: Settings
) -> exp.Select:
    """Return the SELECT of every service that the logs know, at any time since min_data_date.

    Shape:  service_name, first_day, last_day, window_records (those of the days given); outside
        of these a raw day may be that of the hour before or after, where summer time begins or
        ends, and the activity tables know the days that they were built of
    """
    count: exp.Expr = exp.Literal.number(1)
    if source == "activity":
        records = _services(settings)
        count = exp.column("event_count")
    else:
        records = of_source(
            settings,
            service_name=mapped("service_name", settings),
            event_date=event_date(first_day, last_day, settings),
        )
        if settings.min_data_date is not None:
            records.where(in_partitions(settings.min_data_date, last_day, settings), copy=False)
    in_window = exp.If(this=on_days([(first_day, last_day)]), true=count)
    in_window_or_none = exp.Case(ifs=[in_window], default=exp.Literal.number(0))
    services = exp.select(
        "service_name",
        "MIN(event_date) AS first_day",
        "MAX(event_date) AS last_day",
        exp.cast(exp.Sum(this=in_window_or_none), "BIGINT").as_("window_records"),
    )
    services.from_(records.subquery("records", copy=False), copy=False)
    services.where("service_name IS NOT NULL", copy=False)
    return services.group_by("service_name", copy=False)


def _services(settings: Settings) -> exp.Select:
    columns = ("service_name", "event_date", "event_count")
    return exp.select(*columns).from_(level_table(SERVICES, settings))


def template(
    name: str, tables: Mapping[str, exp.Table], values: Mapping[str, exp.Expr | Sequence[exp.Expr]]
) -> exp.Select:
    """Return the SELECT of a `.sql` file of this package, with its tables and values put in."""
    select = _parse(name).copy()
    for table in list(select.find_all(exp.Table)):
        if table.name in tables:
            table.replace(tables[table.name].copy())
    bound = bind(select, values)
    assert isinstance(bound, exp.Select)  # noqa: S101 - the files are SELECTs
    return bound


@cache
def _parse(name: str) -> exp.Expr:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return sqlglot.parse_one(text, read="athena")


def level_table(name: str, settings: Settings) -> exp.Table:
    """Return the table of a level."""
    return exp.table_(name, db=settings.athena.database, quoted=True)


def _merged(ranges: Iterable[DayRange]) -> tuple[DayRange, ...]:
    """Return ranges of days as such that neither overlap nor touch."""
    return ranges_of(day for one in ranges for day in days_between(*one))


def _meanings(settings: Settings) -> dict[str, exp.Expr]:
    """Return what the settings say of an event by its name, one column each."""
    events = settings.events
    return {
        "is_active": _is_one_of(events.active),
        "is_session_start": _is_one_of(events.session_start),
        "is_product_view": _is_one_of(events.product_view),
        "is_cart_add": _is_one_of(events.cart_add),
    }


def _is_one_of(names: Sequence[str]) -> exp.Expr:
    if not names:
        return exp.true()
    is_in = exp.In(
        this=exp.column("event_name"), expressions=[exp.Literal.string(name) for name in names]
    )
    return exp.Coalesce(this=is_in, expressions=[exp.false()])
