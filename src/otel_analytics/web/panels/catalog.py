"""The panels, in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt

from otel_analytics.errors import InvalidName
from otel_analytics.web.panels.panel import Answer, Panel

if TYPE_CHECKING:
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.words import Words

__all__ = ["GROUPS", "PANELS", "find_panel"]

GROUPS: Final = ("users", "retention", "conversion", "cohorts", "sessions", "events")


def _dau(answer: Answer, selection: Selection, words: Words) -> dict[str, Any]:
    chart = (
        alt.Chart(alt.Data(values=_values(answer)))
        .mark_line()
        .encode(x="date:T", y="daily_active_users:Q", color="service_name:N")
    )
    return dict(chart.to_dict(validate=False))


def _mau(answer: Answer, selection: Selection, words: Words) -> dict[str, Any]:
    chart = (
        alt.Chart(alt.Data(values=_values(answer)))
        .mark_bar()
        .encode(x="year_month:O", y="monthly_active_users:Q", color="service_name:N")
    )
    return dict(chart.to_dict(validate=False))


def _values(answer: Answer) -> list[dict[str, Any]]:
    return [
        {k: v if v is None or isinstance(v, (int, float, str)) else str(v) for k, v in r.items()}
        for r in answer.records()
    ]


PANELS: Final = (
    Panel("dau", "users", ("dau",), "day", _dau),
    Panel("mau", "users", ("mau",), "none", _mau),
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
