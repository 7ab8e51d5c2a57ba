"""What the logs hold of a service, before its tables are built: events, users, sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from otel_analytics.metrics.catalog import find_metric
from otel_analytics.query.events import build_events, build_service_days

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from otel_analytics.config import Settings

__all__ = ["build_coverage", "build_known_services", "coverage_window"]


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

    Shape:  service_name, events, events with a user, events with a session; one row for each
        service with an event
    """
    first_day, last_day = coverage_window(execution_date, settings)
    events = build_events(
        service_names=service_names, first_day=first_day, last_day=last_day, settings=settings
    )
    columns = ["service_name", "COUNT(*)", "COUNT(user_key)", "COUNT(session_id)"]
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
