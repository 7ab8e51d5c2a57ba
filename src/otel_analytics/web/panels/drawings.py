"""How each panel is drawn; apart from the panels, as Altair takes a while to be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from altair.utils import schemapi

from otel_analytics.web.panels.bars import cohorts, events, funnel, months
from otel_analytics.web.panels.lines import Lines
from otel_analytics.web.panels.retention import retention_curve, retention_heatmap

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.web.panels.answer import Answer
    from otel_analytics.web.panels.scales import Sketch
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.words import Words

__all__ = ["DRAWINGS"]

# Charts are valid by a test; to validate each part of each one anew takes as long as to draw them.
schemapi.disable_debug_mode()

# By the panel's id.
DRAWINGS: Final[dict[str, Callable[[Answer, Selection, Words], Sketch]]] = {
    "dau": Lines(
        day="date",
        columns=("daily_active_users", "mean_of_7_days"),
        axis="users.axis",
        main="mean_of_7_days",
        zeros=("daily_active_users",),
    ),
    "mau": months,
    "stickiness": Lines(day="date", columns=("stickiness",), axis="stickiness.axis"),
    "daily_sessions": Lines(
        day="date",
        columns=("daily_sessions",),
        axis="sessions.axis",
        zeros=("daily_sessions",),
    ),
    "events_per_user": Lines(
        day="date", columns=("events_per_user",), axis="events_per_user.title"
    ),
    "retention": retention_heatmap,
    "retention_curve": retention_curve,
    "funnel": funnel,
    "conversion": Lines(
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
    "cohorts": cohorts,
    "cohort_history": Lines(
        day="execution_date",
        columns=("user_count",),
        axis="users.axis",
        names="cohort_type",
    ),
    "session_events": Lines(
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
    "events": events,
}
