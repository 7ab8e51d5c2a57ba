"""The seven tables, computed once more: in plain Python, from the definitions alone.

Imports nothing of the package under test. It counts with sets, integers and fractions over a
list of records, a day or month at a time, and cares for being evidently right, not fast.

Where the definitions leave room, it reads them literally:

- A name, user or session that is NULL or '' is none: '' names nothing.
- An event setting without a name means every event, nameless ones included.
- An event whose name really is `(other)`, and the rest that is called so, are one row: the table
  has one row per name.
"""

from __future__ import annotations

import calendar
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["COLUMNS", "TABLES", "Definition", "Event", "seven_tables"]

Row = dict[str, Any]

OTHER = "(other)"

COLUMNS = {
    "mau": {
        "service_name": "VARCHAR",
        "year_month": "VARCHAR",
        "year": "VARCHAR",
        "month": "VARCHAR",
        "monthly_active_users": "BIGINT",
        "total_sessions": "BIGINT",
        "total_events": "BIGINT",
        "is_partial": "BOOLEAN",
        "execution_date": "DATE",
    },
    "dau": {
        "service_name": "VARCHAR",
        "date": "DATE",
        "year": "VARCHAR",
        "month": "VARCHAR",
        "day": "VARCHAR",
        "daily_active_users": "BIGINT",
        "daily_sessions": "BIGINT",
        "daily_events": "BIGINT",
        "events_per_user": "DOUBLE",
        "execution_date": "DATE",
    },
    "retention": {
        "service_name": "VARCHAR",
        "retention_type": "VARCHAR",
        "base_users": "BIGINT",
        "retained_users": "BIGINT",
        "retention_rate": "DOUBLE",
        "calculation_date": "DATE",
        "return_date": "DATE",
        "execution_date": "DATE",
    },
    "conversion": {
        "service_name": "VARCHAR",
        "calculation_date": "DATE",
        "total_sessions": "BIGINT",
        "product_view_sessions": "BIGINT",
        "cart_add_sessions": "BIGINT",
        "viewed_cart_sessions": "BIGINT",
        "total_users": "BIGINT",
        "purchasing_users": "BIGINT",
        "product_view_rate": "DOUBLE",
        "cart_conversion_rate": "DOUBLE",
        "overall_conversion_rate": "DOUBLE",
        "user_conversion_rate": "DOUBLE",
        "view_to_cart_rate": "DOUBLE",
        "execution_date": "DATE",
    },
    "user_cohort": {
        "service_name": "VARCHAR",
        "cohort_type": "VARCHAR",
        "user_count": "BIGINT",
        "calculation_date": "DATE",
        "execution_date": "DATE",
    },
    "session_metrics": {
        "service_name": "VARCHAR",
        "calculation_date": "DATE",
        "total_sessions": "BIGINT",
        "avg_events_per_session": "DOUBLE",
        "avg_event_types_per_session": "DOUBLE",
        "max_events_per_session": "BIGINT",
        "median_events_per_session": "BIGINT",
        "p90_events_per_session": "BIGINT",
        "execution_date": "DATE",
    },
    "event_distribution": {
        "service_name": "VARCHAR",
        "event_type": "VARCHAR",
        "event_count": "BIGINT",
        "unique_users": "BIGINT",
        "unique_sessions": "BIGINT",
        "percentage_of_total": "DOUBLE",
        "calculation_date": "DATE",
        "execution_date": "DATE",
    },
}


@dataclass(frozen=True, slots=True)
class Event:
    """One record: whose, when, what, by whom and in which session."""

    service_name: str | None
    time_unix_nano: int
    event_name: str | None = None
    user_key: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """What the tables depend on beside the records."""

    execution_date: date
    timezone: str = "UTC"
    min_data_date: date | None = None
    active: tuple[str, ...] = ()
    session_start: tuple[str, ...] = ()
    product_view: tuple[str, ...] = ("commerce.product.view",)
    cart_add: tuple[str, ...] = ("commerce.cart.add",)
    max_names: int = 1000

    @property
    def last_day(self) -> date:
        """The last complete day, E−1."""
        return self.days_before(1)

    def days_before(self, days: int) -> date:
        """Return E−`days`."""
        return self.execution_date - timedelta(days=days)

    def day_of(self, event: Event) -> date:
        """Return the event's date in the reporting time zone."""
        return datetime.fromtimestamp(event.time_unix_nano // 10**9, ZoneInfo(self.timezone)).date()


def seven_tables(
    records: Iterable[Event], service_name: str, definition: Definition
) -> dict[str, list[Row]]:
    """Return each table's rows for one service, the columns in their order."""
    dated = [
        (definition.day_of(record), record)
        for record in records
        if record.service_name == service_name
    ]
    return {
        query_type: [
            {"service_name": service_name, **row, "execution_date": definition.execution_date}
            for row in table(dated, definition)
        ]
        for query_type, table in TABLES.items()
    }


Dated = tuple[date, Event]


def mau(dated: Sequence[Dated], definition: Definition) -> list[Row]:
    """Return a row for each month, of thirteen, with an event that carries a user."""
    last = definition.last_day
    first = date(last.year - 1, last.month, 1)
    with_user = [(day, event) for day, event in window(dated, definition, first) if event.user_key]
    rows = []
    for year, month in sorted({(day.year, day.month) for day, _ in with_user}):
        events = [event for day, event in with_user if (day.year, day.month) == (year, month)]
        month_first = date(year, month, 1)
        month_last = date(year, month, calendar.monthrange(year, month)[1])
        cut = definition.min_data_date is not None and definition.min_data_date > month_first
        rows.append(
            {
                "year_month": f"{year:04}-{month:02}",
                "year": f"{year:04}",
                "month": f"{month:02}",
                "monthly_active_users": len(users(actives(events, definition))),
                "total_sessions": len(sessions(actives(events, definition))),
                "total_events": len(events),
                "is_partial": month_last > last or cut,
            }
        )
    return rows


def dau(dated: Sequence[Dated], definition: Definition) -> list[Row]:
    """Return a row for each of 90 days with an event that carries a user."""
    rows = []
    for day, all_events in by_day(window(dated, definition, definition.days_before(90))):
        events = [event for event in all_events if event.user_key]
        if not events:
            continue
        active_users = len(users(actives(events, definition)))
        rows.append(
            {
                "date": day,
                "year": f"{day.year:04}",
                "month": f"{day.month:02}",
                "day": f"{day.day:02}",
                "daily_active_users": active_users,
                "daily_sessions": len(sessions(actives(events, definition))),
                "daily_events": len(events),
                "events_per_user": average(len(events), active_users),
            }
        )
    return rows


def retention(dated: Sequence[Dated], definition: Definition) -> list[Row]:
    """Return a row for each type and base day whose return day is over."""
    active_on = {
        day: users(actives(events, definition))
        for day, events in by_day(window(dated, definition, definition.days_before(90)))
    }
    rows = []
    for n in (1, 7, 30):
        for base_day, base in active_on.items():
            return_day = base_day + timedelta(days=n)
            if not base or return_day > definition.last_day:
                continue
            retained = len(base & active_on.get(return_day, set()))
            rows.append(
                {
                    "retention_type": f"D+{n}",
                    "base_users": len(base),
                    "retained_users": retained,
                    "retention_rate": rate(retained, len(base)),
                    "calculation_date": base_day,
                    "return_date": return_day,
                }
            )
    return rows


def conversion(dated: Sequence[Dated], definition: Definition) -> list[Row]:
    """Return a row for each of 90 days on which any event carries a session."""
    rows = []
    for day, events in by_day(window(dated, definition, definition.days_before(90))):
        if not sessions(events):
            continue
        starts = named(events, definition.session_start)
        carts = named(events, definition.cart_add)
        viewed = sessions(named(events, definition.product_view))
        total, carted, both = len(sessions(starts)), sessions(carts), viewed & sessions(carts)
        total_users, purchasing = len(users(starts)), len(users(carts))
        rows.append(
            {
                "calculation_date": day,
                "total_sessions": total,
                "product_view_sessions": len(viewed),
                "cart_add_sessions": len(carted),
                "viewed_cart_sessions": len(both),
                "total_users": total_users,
                "purchasing_users": purchasing,
                "product_view_rate": rate(len(viewed), total),
                "cart_conversion_rate": rate(len(carted), len(viewed)),
                "overall_conversion_rate": rate(len(carted), total),
                "user_conversion_rate": rate(purchasing, total_users),
                "view_to_cart_rate": rate(len(both), len(viewed)),
            }
        )
    return rows


def user_cohort(dated: Sequence[Dated], definition: Definition) -> list[Row]:
    """Return the four bands, or nothing where no user was active in the window."""
    first_active: dict[str, date] = {}
    for day, events in by_day(window(dated, definition, definition.days_before(365))):
        for user in users(actives(events, definition)):
            first_active.setdefault(user, day)
    if not first_active:
        return []
    bands = {"New (0-7d)": 7, "Recent (8-30d)": 30, "Active (31-90d)": 90, "Veteran (90d+)": 365}
    counts = Counter(
        next(name for name, days in bands.items() if first >= definition.days_before(days))
        for first in first_active.values()
    )
    return [
        {
            "cohort_type": name,
            "user_count": counts[name],
            "calculation_date": definition.execution_date,
        }
        for name in bands
    ]


def session_metrics(dated: Sequence[Dated], definition: Definition) -> list[Row]:
    """Return a row for each of 90 days with a session."""
    rows = []
    for day, events in by_day(window(dated, definition, definition.days_before(90))):
        per_session = {
            session: [event for event in events if event.session_id == session]
            for session in sessions(events)
        }
        if not per_session:
            continue
        lengths = [len(inside) for inside in per_session.values()]
        types = [
            len({event.event_name for event in inside if event.event_name})
            for inside in per_session.values()
        ]
        rows.append(
            {
                "calculation_date": day,
                "total_sessions": len(per_session),
                "avg_events_per_session": average(sum(lengths), len(lengths)),
                "avg_event_types_per_session": average(sum(types), len(types)),
                "max_events_per_session": max(lengths),
                "median_events_per_session": percentile(lengths, Fraction(1, 2)),
                "p90_events_per_session": percentile(lengths, Fraction(9, 10)),
            }
        )
    return rows


def event_distribution(dated: Sequence[Dated], definition: Definition) -> list[Row]:
    """Return a row for each event name of the last 7 days, the rarest together as `(other)`."""
    names = [
        (event.event_name, event)
        for _, event in window(dated, definition, definition.days_before(7))
        if event.event_name
    ]
    counts = Counter(name for name, _ in names)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    kept = set(ranked[: definition.max_names])
    rows = []
    for label in sorted(kept | {OTHER}):
        inside = [event for name, event in names if label == (name if name in kept else OTHER)]
        if inside:
            rows.append(
                {
                    "event_type": label,
                    "event_count": len(inside),
                    "unique_users": len(users(inside)),
                    "unique_sessions": len(sessions(inside)),
                    "percentage_of_total": rate(len(inside), len(names)),
                    "calculation_date": definition.execution_date,
                }
            )
    return rows


TABLES: dict[str, Callable[[Sequence[Dated], Definition], list[Row]]] = {
    "mau": mau,
    "dau": dau,
    "retention": retention,
    "conversion": conversion,
    "user_cohort": user_cohort,
    "session_metrics": session_metrics,
    "event_distribution": event_distribution,
}


def window(dated: Sequence[Dated], definition: Definition, first: date) -> list[Dated]:
    """Return the records of the complete days from `first`, cut by `min_data_date`."""
    if definition.min_data_date is not None:
        first = max(first, definition.min_data_date)
    return [(day, event) for day, event in dated if first <= day <= definition.last_day]


def by_day(dated: Sequence[Dated]) -> list[tuple[date, list[Event]]]:
    """Return each day that has a record with its records, the earliest first."""
    days = sorted({day for day, _ in dated})
    return [(day, [event for other, event in dated if other == day]) for day in days]


def named(events: Iterable[Event], names: tuple[str, ...]) -> list[Event]:
    """Return the events with one of these names; every event where there are none."""
    return [event for event in events if not names or event.event_name in names]


def actives(events: Iterable[Event], definition: Definition) -> list[Event]:
    """Return the active events."""
    return named(events, definition.active)


def users(events: Iterable[Event]) -> set[str]:
    """Return the distinct users of these events."""
    return {event.user_key for event in events if event.user_key}


def sessions(events: Iterable[Event]) -> set[str]:
    """Return the distinct sessions of these events."""
    return {event.session_id for event in events if event.session_id}


def rate(a: int, b: int) -> float | None:
    """Return 100·a/b to two decimals, None where b = 0."""
    return two_decimals(Fraction(100 * a, b)) if b else None


def average(a: int, b: int) -> float | None:
    """Return a/b to two decimals, None where b = 0."""
    return two_decimals(Fraction(a, b)) if b else None


def two_decimals(value: Fraction) -> float:
    """Return the double nearest to `value` rounded half away from zero; `value` is not negative."""
    return float(Decimal(floor(value * 100 + Fraction(1, 2))).scaleb(-2))


def percentile(values: Sequence[int], p: Fraction) -> int:
    """Return the smallest value whose cumulative count reaches ⌈p·N⌉."""
    return sorted(values)[ceil(p * len(values)) - 1]
