"""What the logs hold of a service, asked before its tables are built: events, users, sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from otel_analytics.errors import UnknownService
from otel_analytics.metrics.catalog import find_metric
from otel_analytics.query.events import build_events, build_service_days

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from otel_analytics.config import Settings

    RunQuery = Callable[[str], Sequence[tuple[Any, ...]]]

__all__ = ["build_coverage", "build_known_services", "check_coverage", "coverage_window"]

_MOST_NAMES = 50
_NAMED_EVENTS = ("session_start", "product_view", "cart_add")


def check_coverage(
    service_names: Sequence[str], *, execution_date: date, settings: Settings, run_query: RunQuery
) -> list[str]:
    """Return warnings for services whose events carry no user, no session, or none of the names.

    Raises: UnknownService if the mau window holds no event of a service, saying which there are;
        what `run_query` raises
    """
    rows = run_query(
        build_coverage(
            service_names=service_names, execution_date=execution_date, settings=settings
        )
    )
    found = {service: counts for service, *counts in rows}
    absent = [name for name in service_names if name not in found]
    if absent:
        first_day, last_day = coverage_window(execution_date, settings)
        known = {row[0]: row[2:] for row in run_query(build_known_services(settings)) if row[0]}
        raise UnknownService(
            f"no event of {_listed(absent)} from {first_day} to {last_day}; "
            + _what_there_is(absent, known, settings.source.table)
        )
    return [
        warning
        for name in service_names
        for warning in (
            *_missing_keys(name, *found[name][:3], settings=settings),
            *_missing_events(name, found[name][3:], settings=settings),
        )
    ]


def _what_there_is(absent: Sequence[str], known: dict[str, tuple[date, date]], table: str) -> str:
    dated = [
        f"{name} from {known[name][0]} to {known[name][1]}" for name in absent if name in known
    ]
    if dated:
        return f"{table} has {_listed(dated)}: give --execution-date, a day after these"
    return f"the services in {table} are: {_listed(list(known)) or '(none)'}"


def _listed(names: Sequence[str]) -> str:
    shown, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _missing_keys(
    name: str, events: int, with_user: int, with_session: int, *, settings: Settings
) -> list[str]:
    return [
        f"{name} has {events:,} events and none with a {what} ({setting} = {', '.join(keys)}), so "
        "its tables will say little: otel-analytics inspect shows which attributes there are"
        for what, count, setting, keys in (
            ("user", with_user, "keys.user", settings.keys.user),
            ("session", with_session, "keys.session", settings.keys.session),
        )
        if not count
    ]


def _missing_events(name: str, counts: Sequence[int], *, settings: Settings) -> list[str]:
    missing = [
        f"events.{setting} = {', '.join(getattr(settings.events, setting))}"
        for setting, count in zip(_NAMED_EVENTS, counts, strict=True)
        if not count
    ]
    if not missing:
        return []
    return [
        f"{name} has no event named by {' or '.join(missing)}, so its conversion table will say "
        "little: otel-analytics inspect lists the event names"
    ]


def coverage_window(execution_date: date, settings: Settings) -> tuple[date, date]:
    """Return the first and last day of the longest window, that of mau."""
    first_day = find_metric("mau").window.first_day(execution_date)
    if settings.min_data_date is not None:
        first_day = max(first_day, settings.min_data_date)
    return first_day, execution_date - timedelta(days=1)


def build_coverage(
    *, service_names: Sequence[str], execution_date: date, settings: Settings
) -> str:
    """Return Athena SQL for what the mau window holds of the services.

    Shape:  service_name, events, of these with a user, with a session, and of each of
        `_NAMED_EVENTS`; one row for each service with an event
    """
    first_day, last_day = coverage_window(execution_date, settings)
    events = build_events(
        service_names=service_names, first_day=first_day, last_day=last_day, settings=settings
    )
    flags = [f"COUNT(CASE WHEN is_{name} THEN 1 END)" for name in _NAMED_EVENTS]
    columns = ["service_name", "COUNT(*)", "COUNT(user_key)", "COUNT(session_id)", *flags]
    query = exp.select(*columns).from_(events.subquery("events")).group_by("service_name")
    return query.sql(dialect="athena", comments=False)


def build_known_services(settings: Settings) -> str:
    """Return Athena SQL for the services that the logs know at all.

    Shape:  service_name, events, first and last UTC date; one row for each service
    """
    days = build_service_days(settings)
    columns = ["service_name", "COUNT(*)", "MIN(event_date)", "MAX(event_date)"]
    query = exp.select(*columns).from_(days.subquery("days")).group_by("service_name")
    return query.order_by("service_name").sql(dialect="athena", comments=False)
