"""What the logs hold of a service, beside its tables: events, users, sessions, named events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from otel_analytics.metrics.catalog import find_metric
from otel_analytics.query.build import QueryRequest, build_select, window_of
from otel_analytics.query.events import build_events, level_table, template
from otel_analytics.query.levels import PERIOD, SERVICES, periods_of
from otel_analytics.query.source import literals, on_days
from otel_analytics.query.syntax import athena_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from otel_analytics.config import Settings

    RunQuery = Callable[[str], Sequence[tuple[Any, ...]]]

__all__ = ["build_coverage", "build_level_coverage", "coverage_warnings"]

# They have one window.
_FACTS = ("dau", "session_metrics", "conversion")
_NAMED_EVENTS = ("session_start", "product_view", "cart_add")


def coverage_warnings(
    service_names: Sequence[str],
    *,
    execution_date: date,
    settings: Settings,
    run_query: RunQuery,
    source: str = "raw",
) -> list[str]:
    """Return warnings for services whose events carry no user, no session, or none of the names.

    Of a service without events it says nothing: the checks of its tables do.

    Raises: what `run_query` raises
    """
    build = build_coverage if source == "raw" else build_level_coverage
    rows = run_query(
        build(service_names=service_names, execution_date=execution_date, settings=settings)
    )
    found = {service: counts for service, *counts in rows}
    return [
        warning
        for name in service_names
        if name in found
        for warning in (
            *_missing_keys(name, *found[name][:3], settings=settings),
            *_missing_events(name, found[name][3:], settings=settings),
        )
    ]


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


def _missing_events(name: str, counts: Sequence[int | None], *, settings: Settings) -> list[str]:
    missing = [
        f"events.{setting} = {', '.join(getattr(settings.events, setting))}"
        for setting, count in zip(_NAMED_EVENTS, counts, strict=True)
        if count == 0
    ]
    if not missing:
        return []
    return [
        f"{name} has no event named by {' or '.join(missing)}, so its conversion table will say "
        "little: otel-analytics inspect lists the event names"
    ]


def build_coverage(
    *, service_names: Sequence[str], execution_date: date, settings: Settings
) -> str:
    """Return Athena SQL for what the mau window holds of the services.

    Shape:  service_name, events, of these with a user, with a session, and of each of
        `_NAMED_EVENTS`; one row for each service with an event
    """
    first_day, last_day = window_of(find_metric("mau"), execution_date, settings)
    events = build_events(
        service_names=service_names, first_day=first_day, last_day=last_day, settings=settings
    )
    flags = [f"COUNT(CASE WHEN is_{name} THEN 1 END)" for name in _NAMED_EVENTS]
    columns = ["service_name", "COUNT(*)", "COUNT(user_key)", "COUNT(session_id)", *flags]
    query = exp.select(*columns).from_(events.subquery("events")).group_by("service_name")
    return athena_text(query)


def build_level_coverage(
    *, service_names: Sequence[str], execution_date: date, settings: Settings
) -> str:
    """Return the same of the activity tables, in the window of their facts, by these.

    Shape:  that of `build_coverage`; what carries a user or a session, and named events, are
        counted as the tables count them, as events, sessions or users; where no event carries a
        session, named events are NULL
    """
    window = window_of(find_metric(_FACTS[0]), execution_date, settings)
    query: exp.Query = template(
        "level_coverage.sql",
        {"services": level_table(SERVICES, settings)},
        {
            "in_months": exp.column(PERIOD).isin(*literals(periods_of(*window, "month"))),
            "in_days": on_days([window]),
            "of_services": exp.column("service_name").isin(*literals(service_names)),
        },
    )
    for query_type in _FACTS:
        request = QueryRequest(query_type, tuple(service_names), execution_date, "activity")
        facts = build_select(request, settings)
        query = query.with_(query_type, as_=facts, copy=False)
    return athena_text(query)
