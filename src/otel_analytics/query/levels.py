"""The activity tables, level by level: which there are, and what each partition is built from.

A level is a table with one partition for each period, a day or a month, that is built whole. The
first is built from the raw logs, each other one from a level before it. Knows no SQL.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from otel_analytics.metrics import load_catalog
from otel_analytics.query.zone import utc_span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from otel_analytics.config import Settings
    from otel_analytics.metrics import Metric, Period

__all__ = [
    "ACTIVITY",
    "PERIOD",
    "SERVICES",
    "USERS",
    "VISITS",
    "DayRange",
    "Level",
    "days_between",
    "days_of",
    "event_days",
    "facts_of",
    "input_periods",
    "load_levels",
    "partition_range",
    "period_of",
    "periods_of",
    "ranges_of",
    "whole_periods",
    "without_periods",
]

ACTIVITY: Final = "activity"
VISITS: Final = "activity_visits"
USERS: Final = "activity_users"
SERVICES: Final = "activity_services"
# The partition key of every level: the day as YYYY-MM-DD, or the month as YYYY-MM.
PERIOD: Final = "period"

Grain = Literal["day", "month"]
# The first and the last day.
DayRange = tuple[date, date]

_FLAGS: Final = ("is_active", "is_session_start", "is_product_view", "is_cart_add")
_KEYS: Final = (
    ("service_name", "VARCHAR"),
    ("event_date", "DATE"),
    ("session_id", "VARCHAR"),
    ("user_key", "VARCHAR"),
)


@dataclass(frozen=True, slots=True)
class Level:
    """One table. A row is of the days of its partition's period, and of days `days_back` of them.

    `source` is the level that it is built from, None for the raw logs. `query_type` is that of the
    metric whose facts it holds; `columns` have their types in Athena's SQL.
    """

    name: str
    grain: Grain
    source: str | None
    columns: tuple[tuple[str, str], ...]
    days_back: tuple[int, ...] = ()
    query_type: str | None = None

    @property
    def depth(self) -> int:
        """How many levels lie between this one and the raw logs."""
        return 0 if self.source is None else 1 + load_levels()[self.source].depth


@cache
def load_levels() -> dict[str, Level]:
    """Return the levels by name, each after the one that it is built from."""
    service, day, _, user = _KEYS
    count = ("event_count", "BIGINT")
    flags = ((name, "BOOLEAN") for name in _FLAGS)
    levels = [
        Level(ACTIVITY, "day", None, (*_KEYS, ("event_name", "VARCHAR"), count)),
        Level(VISITS, "day", ACTIVITY, (*_KEYS, *flags, count)),
        Level(SERVICES, "month", VISITS, (service, day, count)),
        Level(USERS, "month", VISITS, (service, user, day)),
        *(_facts(one, one.period) for one in load_catalog().values() if one.period is not None),
    ]
    return {level.name: level for level in levels}


def _facts(metric: Metric, period: Period) -> Level:
    return Level(
        facts_of(metric),
        period.grain,
        ACTIVITY if metric.reads == "events" else VISITS,
        # all but execution_date, which is of a table and not of a fact
        tuple((column.name, column.type) for column in metric.columns[:-1]),
        period.days_back,
        metric.query_type,
    )


def facts_of(metric: Metric) -> str:
    """Return the name of the level that holds a metric's facts."""
    return f"{ACTIVITY}_{metric.query_type}"


def period_of(day: date, grain: Grain) -> str:
    """Return the period in which a day lies."""
    return day.isoformat() if grain == "day" else f"{day:%Y-%m}"


def days_of(period: str) -> DayRange:
    """Return the days of a period.

    Raises: ValueError if it is none
    """
    if len(period) != len("YYYY-MM"):
        day = date.fromisoformat(period)
        return day, day
    first = date.fromisoformat(f"{period}-01")
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def days_between(first: date, last: date) -> Iterator[date]:
    """Yield the days from the first to the last."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def ranges_of(days: Iterable[date]) -> tuple[DayRange, ...]:
    """Return days as ranges without gaps, in order."""
    ranges: list[DayRange] = []
    for day in sorted(set(days)):
        if ranges and ranges[-1][1] + timedelta(days=1) == day:
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return tuple(ranges)


def periods_of(first: date, last: date, grain: Grain) -> list[str]:
    """Return the periods in which these days lie."""
    if grain == "day":
        return [day.isoformat() for day in days_between(first, last)]
    if last < first:
        return []
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in months]


def whole_periods(first: date, last: date, grain: Grain) -> list[str]:
    """Return the periods that lie wholly in these days."""
    periods = periods_of(first, last, grain)
    if grain == "day":
        return periods
    return [p for p in periods if first <= days_of(p)[0] and days_of(p)[1] <= last]


def without_periods(ranges: Iterable[DayRange], periods: Iterable[str]) -> tuple[DayRange, ...]:
    """Return the days of these ranges that are in none of the periods."""
    gone = {day for period in periods for day in days_between(*days_of(period))}
    return ranges_of(day for one in ranges for day in days_between(*one) if day not in gone)


def event_days(level: Level, periods: Collection[str]) -> tuple[DayRange, ...]:
    """Return the days whose events make the rows of these periods."""
    days: set[date] = set()
    for period in periods:
        for day in days_between(*days_of(period)):
            days.add(day)
            days.update(day - timedelta(days=back) for back in level.days_back)
    return ranges_of(days)


def input_periods(level: Level, period: str, settings: Settings) -> list[str]:
    """Return the periods of its source that a partition is built from, be they there or not."""
    if level.source is None:
        return [period]
    ranges = event_days(level, [period])
    if level.source == ACTIVITY:
        ranges = tuple(partition_range(first, last, settings) for first, last in ranges)
    return [day for one in ranges for day in periods_of(*one, "day")]


def partition_range(first_day: date, last_day: date, settings: Settings) -> DayRange:
    """Return the raw partitions that may hold events of these days of the reporting time zone."""
    begin, end = utc_span(first_day, last_day, settings.zone)
    slack = timedelta(days=settings.source.partition_slack_days)
    return (begin - slack).date(), (end + slack - timedelta(microseconds=1)).date()
