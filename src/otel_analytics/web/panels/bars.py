"""Bars: months upright, and steps, cohorts and events lying, each with its number written on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import altair as alt

from otel_analytics.web.panels.scales import Sketch, from_zero, opacity_of_tones, told_apart, unique
from otel_analytics.web.words import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_analytics.web.panels.answer import Answer
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.words import Words

__all__ = ["cohorts", "events", "funnel", "months"]

_STEPS: Final = ("total_sessions", "product_view_sessions", "cart_add_sessions")
_MOST_EVENTS: Final = 25
_FEW: Final = 4  # rows, as many as there are cohorts
_LABEL_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class _Bar:
    """One lying bar: its row of the chart, its length, and what is written on it."""

    row: str
    service: str
    tone: str
    length: float
    text: str
    tooltip: dict[str, str]
    more: dict[str, Any]


def months(answer: Answer, selection: Selection, words: Words) -> Sketch:  # noqa: ARG001
    """Return the users of each month, as upright bars."""
    column = words.column(answer.query_type, "monthly_active_users")
    rows = answer.records()
    services = unique(row["service_name"] for row in rows)
    values = [
        {
            "service": row["service_name"],
            "month": row["year_month"],
            "users": row["monthly_active_users"],
            "text": words.value(row["monthly_active_users"], column.kind),
            "tone": words("partial" if row["is_partial"] else "this_period"),
            "is_partial": words.value(row["is_partial"], "flag"),
        }
        for row in rows
    ]
    x = alt.X("month:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True))
    encodings: dict[str, Any] = {
        "x": x,
        "y": alt.Y("users:Q", title=column.label, axis=alt.Axis(format=",~f", tickCount=5)),
        "tooltip": [
            alt.Tooltip("service:N", title=words.column("mau", "service_name").label),
            alt.Tooltip("month:N", title=words.column("mau", "year_month").label),
            alt.Tooltip("text:N", title=column.label),
            alt.Tooltip("is_partial:N", title=words("partial")),
        ],
    }
    if len(services) > 1:
        encodings["xOffset"] = alt.XOffset("service:N", sort=services)
    chart = alt.Chart(alt.NamedData("bars")).encode(**encodings)
    opacity = opacity_of_tones(["this_period", "partial"], words, has_legend=False)
    bars = chart.mark_bar().encode(opacity=opacity, **told_apart("service", services))
    texts = chart.mark_text(baseline="bottom", dy=-3).encode(text=alt.Text("text:N"))
    return Sketch(alt.layer(bars, texts).properties(height=220), {"bars": values})


def funnel(answer: Answer, selection: Selection, words: Words) -> Sketch:  # noqa: ARG001
    """Return the steps of the funnel as shares of all sessions."""
    steps = [words.column("conversion", name) for name in _STEPS]
    both = words.column("conversion", "viewed_cart_sessions")
    bars = []
    for row in answer.records():
        share_of_all = [100.0 if row["total_sessions"] else None]
        share_of_all += [row["product_view_rate"], row["overall_conversion_rate"]]
        of_step_before = [None, row["product_view_rate"], row["cart_conversion_rate"]]
        for step, share, rate in zip(steps, share_of_all, of_step_before, strict=True):
            count, percent = words.value(row[step.name], "count"), words.value(share, "percent")
            also_viewed = row[both.name] if step.name == "cart_add_sessions" else None
            bars.append(
                _Bar(
                    row=step.label,
                    service=row["service_name"],
                    tone="previous_period" if row["is_previous"] else "this_period",
                    length=share or 0.0,
                    text=f"{count} ({percent})",
                    tooltip={
                        words("sessions.axis"): count,
                        words("of_sessions"): percent,
                        words("of_step_before"): words.value(rate, "percent"),
                        both.label: words.value(also_viewed, "count"),
                        words("period"): words.period(row["first_day"], row["last_day"]),
                    },
                    more={},
                )
            )
    return _lying(bars, words("step"), words)


def cohorts(answer: Answer, selection: Selection, words: Words) -> Sketch:  # noqa: ARG001
    """Return the users of each cohort, the newest first."""
    users = words.column("user_cohort", "user_count")
    share = words.column("user_cohort", "user_share")
    bars = []
    for row in answer.records():
        count, percent = words.value(row["user_count"], "count"), row["user_share"]
        tooltip = {users.label: count, share.label: words.value(percent, "percent")}
        text = f"{count} ({words.value(percent, 'percent')})"
        label = words(f"cohort.{row['cohort_type']}")
        bars.append(
            _Bar(label, row["service_name"], "this_period", row["user_count"], text, tooltip, {})
        )
    return _lying(bars, words.column("user_cohort", "cohort_type").label, words)


def events(answer: Answer, selection: Selection, words: Words) -> Sketch:  # noqa: ARG001
    """Return the most frequent events, of those whose name holds what is searched for."""
    rows = answer.records()
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["event_type"]] = counts.get(row["event_type"], 0) + row["event_count"]
    names = sorted(counts, key=lambda name: (-counts[name], name))
    labels = _labels(names)
    places = {name: place for place, name in enumerate(names)}
    columns = ("event_count", "percentage_of_total", "unique_users", "unique_sessions")
    meanings = [words.column("event_distribution", name) for name in columns]
    bars = [
        _Bar(
            row=labels[row["event_type"]],
            service=row["service_name"],
            tone="this_period",
            length=row["event_count"],
            text=f"{row['event_count']:,} ({words.value(row['percentage_of_total'], 'percent')})",
            tooltip={one.label: words.value(row[one.name], one.kind) for one in meanings},
            more={
                "name": words.value(row["event_type"], "text"),
                "place": places[row["event_type"]],
            },
        )
        for row in sorted(rows, key=lambda row: places[row["event_type"]])
    ]
    search = alt.param(
        name="search",
        value="",
        bind=alt.BindInput(input="search", autocomplete="off", name=words("search_events")),
    )
    name = words.column("event_distribution", "event_type").label
    sketch = _lying(bars, name, words)
    chart = (
        sketch.chart.transform_filter("indexof(lower(datum.name), lower(search)) >= 0")
        .transform_window(rank="dense_rank()", sort=[alt.SortField("place")])
        .transform_filter(f"datum.rank <= {_MOST_EVENTS}")
        .add_params(search)
    )
    return replace(sketch, chart=chart)


def _labels(names: Iterable[str]) -> dict[str, str]:
    """Return a short label for each name, no two alike."""
    labels: dict[str, str] = {}
    taken: dict[str, int] = {}
    for name in names:
        label = shortened(name, _LABEL_CHARACTERS)
        taken[label] = taken.get(label, 0) + 1
        labels[name] = label if taken[label] == 1 else f"{label} [{taken[label]}]"
    return labels


def _lying(bars: list[_Bar], title: str, words: Words) -> Sketch:
    """Return a row of bars for each `row`; `title` says what a row is."""
    services = unique(bar.service for bar in bars)
    tones = unique(bar.tone for bar in bars)
    rows = unique(bar.row for bar in bars)
    keys = {t: f"text_{n}" for n, t in enumerate(unique(t for bar in bars for t in bar.tooltip))}
    values = [
        {
            "row": bar.row,
            "name": bar.row,
            "service": bar.service,
            "beside": f"{services.index(bar.service)} {tones.index(bar.tone)}",
            "tone": words(bar.tone),
            "length": bar.length,
            "text": bar.text,
            **{keys[title]: text for title, text in bar.tooltip.items()},
            **bar.more,
        }
        for bar in bars
    ]
    service = alt.Tooltip("service:N", title=words.column("mau", "service_name").label)
    encodings: dict[str, Any] = {
        "y": alt.Y(
            "row:N",
            title=None,
            sort=rows,
            axis=alt.Axis(labelLimit=300, ticks=False, domain=False),
        ),
        "x": alt.X(
            "length:Q",
            axis=None,
            # Room for the text behind the longest bar.
            scale=from_zero(
                (bar.length for bar in bars), range=[0, alt.ExprRef("max(40, width - 110)")]
            ),
        ),
        "tooltip": [
            alt.Tooltip("name:N", title=title),
            service,
            *(alt.Tooltip(f"{key}:N", title=text) for text, key in keys.items()),
        ],
    }
    together = len(services) * len(tones)
    if together > 1:
        encodings["yOffset"] = alt.YOffset("beside:N")
    chart = alt.Chart(alt.NamedData("bars")).encode(**encodings)
    opacity = opacity_of_tones(tones, words, has_legend=len(services) == 1)
    drawn = chart.mark_bar().encode(opacity=opacity, **told_apart("service", services))
    texts = chart.mark_text(align="left", dx=4).encode(text=alt.Text("text:N"))
    height: float | alt.Step = max(180, len(rows) * (16 * together + 12))
    if len(rows) > _FEW:
        # Of as many as the search leaves.
        height = alt.Step(16 * together + 8, **{"for": "position"})
    return Sketch(alt.layer(drawn, texts).properties(height=height), {"bars": values})
