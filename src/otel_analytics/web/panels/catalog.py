"""The panels, in the order in which they are shown."""

from __future__ import annotations

from typing import Final

from otel_analytics.errors import InvalidName
from otel_analytics.web.panels.panel import Panel

__all__ = ["GROUPS", "PANELS", "find_panel"]

GROUPS: Final = ("users", "retention", "conversion", "cohorts", "sessions", "events")

PANELS: Final = (
    Panel("dau", "users", ("dau",), "day"),
    Panel("mau", "users", ("mau",), "months"),
    Panel("stickiness", "users", ("dau", "mau"), "day"),
    Panel("daily_sessions", "users", ("dau",), "day"),
    Panel("events_per_user", "users", ("dau",), "day"),
    Panel("retention", "retention", ("retention",), "day"),
    Panel("retention_curve", "retention", ("retention",), "day"),
    Panel("funnel", "conversion", ("conversion",), "day"),
    Panel("conversion", "conversion", ("conversion",), "day"),
    Panel("cohorts", "cohorts", ("user_cohort",), "none"),
    Panel("cohort_history", "cohorts", ("user_cohort_history",), "execution"),
    Panel("session_events", "sessions", ("session_metrics",), "day"),
    Panel("events", "events", ("event_distribution",), "none"),
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
