"""The panels, in the order in which they are shown."""

from __future__ import annotations

from typing import Final

from otel_analytics.errors import InvalidName
from otel_analytics.web.panels.bars import cohorts, events, funnel, months
from otel_analytics.web.panels.lines import Lines
from otel_analytics.web.panels.panel import Panel
from otel_analytics.web.panels.retention import retention_curve, retention_heatmap

__all__ = ["GROUPS", "PANELS", "find_panel"]

GROUPS: Final = ("users", "retention", "conversion", "cohorts", "sessions", "events")

PANELS: Final = (
    Panel(
        "dau",
        "users",
        ("dau",),
        "day",
        Lines(
            day="date",
            columns=("daily_active_users", "mean_of_7_days"),
            axis="users.axis",
            main="mean_of_7_days",
            zeros=("daily_active_users",),
        ),
    ),
    Panel("mau", "users", ("mau",), "months", months),
    Panel(
        "stickiness",
        "users",
        ("dau", "mau"),
        "day",
        Lines(day="date", columns=("stickiness",), axis="stickiness.axis"),
    ),
    Panel(
        "daily_sessions",
        "users",
        ("dau",),
        "day",
        Lines(
            day="date",
            columns=("daily_sessions",),
            axis="sessions.axis",
            zeros=("daily_sessions",),
        ),
    ),
    Panel(
        "events_per_user",
        "users",
        ("dau",),
        "day",
        Lines(day="date", columns=("events_per_user",), axis="events_per_user.title"),
    ),
    Panel("retention", "retention", ("retention",), "day", retention_heatmap),
    Panel("retention_curve", "retention", ("retention",), "day", retention_curve),
    Panel("funnel", "conversion", ("conversion",), "day", funnel),
    Panel(
        "conversion",
        "conversion",
        ("conversion",),
        "day",
        Lines(
            day="calculation_date",
            columns=(
                "product_view_rate",
                "cart_conversion_rate",
                "view_to_cart_rate",
                "user_conversion_rate",
                "overall_conversion_rate",  # above the others
            ),
            axis="rate",
            main="overall_conversion_rate",
        ),
    ),
    Panel("cohorts", "cohorts", ("user_cohort",), "none", cohorts),
    Panel(
        "cohort_history",
        "cohorts",
        ("user_cohort_history",),
        "execution",
        Lines(
            day="execution_date",
            columns=("user_count",),
            axis="users.axis",
            names="cohort_type",
        ),
    ),
    Panel(
        "session_events",
        "sessions",
        ("session_metrics",),
        "day",
        Lines(
            day="calculation_date",
            columns=(
                "median_events_per_session",
                "avg_events_per_session",
                "p90_events_per_session",
                "max_events_per_session",
            ),
            axis="events_per_session",
            is_log=True,
        ),
    ),
    Panel("events", "events", ("event_distribution",), "none", events),
)


def find_panel(panel_id: str) -> Panel:
    """Return the panel of an id.

    Raises: InvalidName listing the known ones
    """
    for panel in PANELS:
        if panel.id == panel_id:
            return panel
    known = ", ".join(panel.id for panel in PANELS)
    raise InvalidName(f"there is no panel {panel_id[:80]!r}; the panels are: {known}")
