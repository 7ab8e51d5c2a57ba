"""Retention: a heatmap of base days, and the curve over all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import altair as alt

from otel_analytics.web.panels.notes import RETENTION_TYPES
from otel_analytics.web.panels.scales import (
    Sketch,
    day_axis,
    from_zero,
    marks_of_tones,
    told_apart,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.web.panels.answer import Answer
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.words import Words

__all__ = ["retention_curve", "retention_heatmap"]

_DAY = timedelta(days=1)
# What a number above a point needs, of the height of the chart.
_ROOM: Final = 0.12


def retention_heatmap(answer: Answer, selection: Selection, words: Words) -> Sketch:
    """Return a row of cells for each D+n, coloured by its rate, hollow where it is not over yet."""
    rows = answer.records()
    cells = list(_cells(rows, selection, words))
    order = [cell["row"] for cell in sorted(cells, key=lambda cell: cell["place"])]
    days = day_axis((cell.pop("date") for cell in cells), words)
    meanings = [
        words.column("retention", name)
        for name in ("calculation_date", "return_date", "base_users", "retained_users")
    ]
    rate = words.column("retention", "retention_rate")
    chart = alt.Chart(alt.NamedData("cells")).encode(
        x=days,
        x2=alt.X2("end:T"),
        y=alt.Y("row:N", title=None, sort=unique(order), axis=alt.Axis(labelLimit=300)),
        tooltip=[
            alt.Tooltip("row:N", title=words.column("retention", "retention_type").label),
            *(alt.Tooltip(f"{one.name}:N", title=one.label) for one in meanings),
            alt.Tooltip("text:N", title=rate.label),
        ],
    )
    scale = alt.Scale(domainMin=0, zero=True)
    bar = alt.Legend(orient="right", title=words("rate"), format=",~f", gradientLength=70)
    known = (
        chart.transform_filter("isValid(datum.rate)")
        .mark_rect()
        .encode(color=alt.Color("rate:Q", scale=scale, legend=bar))
    )
    pending = chart.transform_filter("!isValid(datum.rate)").mark_rect(style="pending")
    height = max(150, 26 * len(unique(order)))
    return Sketch(alt.layer(pending, known).properties(height=height), {"cells": cells})


def _cells(
    rows: list[dict[str, Any]], selection: Selection, words: Words
) -> Iterator[dict[str, Any]]:
    services = unique(row["service_name"] for row in rows)
    for row in [*rows, *_pending(rows)]:
        day, name = row["calculation_date"], row["retention_type"]
        is_previous = selection.first is not None and day < selection.first
        label = f"{row['service_name']} {name}" if len(services) > 1 else name
        if is_previous:
            label = f"{label} ({words('previous_period')})"
        shown = day + selection.shift if is_previous and selection.shift else day
        rate = row["retention_rate"]
        yield {
            "row": label,
            "place": (
                services.index(row["service_name"]),
                RETENTION_TYPES.index(name),
                is_previous,
            ),
            "date": shown,
            "day": shown.isoformat(),
            "end": (shown + _DAY).isoformat(),
            "rate": rate,
            "text": words("not_over") if rate is None else words.value(rate, "percent"),
            "calculation_date": words.day(day),
            "return_date": words.day(row["return_date"]),
            "base_users": words.value(row["base_users"], "count"),
            "retained_users": words.value(row["retained_users"], "count"),
        }


def _pending(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row without a rate for each D+n of a base day that is not over yet."""
    there = {(row["service_name"], row["calculation_date"], row["retention_type"]) for row in rows}
    for row in rows:
        if row["retention_type"] != "D+1":
            continue
        for name in RETENTION_TYPES:
            day = row["calculation_date"]
            back = day + timedelta(days=_days_of(name))
            is_over = back < row["execution_date"]
            if not is_over and (row["service_name"], day, name) not in there:
                unknown = {"retention_rate": None, "retained_users": None}
                yield row | {"retention_type": name, "return_date": back} | unknown


def _days_of(retention_type: str) -> int:
    return int(retention_type.removeprefix("D+"))


def retention_curve(answer: Answer, selection: Selection, words: Words) -> Sketch:  # noqa: ARG001
    """Return the weighted rate at D+1, D+7 and D+30."""
    records = answer.records()
    # at each D+n from above, as each number must be seen to fit below the point before
    rows = sorted(records, key=lambda row: (_days_of(row["retention_type"]), -_rate(row)))
    most = max(map(_rate, rows))
    names = ("base_users", "retained_users", "base_days", "first_base_day", "last_base_day")
    meanings = [words.column("retention", name) for name in names]
    rate = words.column("retention", "retention_rate")
    tones = ["previous_period" if row["is_previous"] else "this_period" for row in rows]
    values = [
        {
            "service": row["service_name"],
            "type": row["retention_type"],
            "tone": words(tone),
            "rate": row["retention_rate"],
            "text": words.value(row["retention_rate"], "percent"),
            "has_room": _has_room(row, above, most),
            **{one.name: words.value(row[one.name], one.kind) for one in meanings},
        }
        for above, row, tone in zip([None, *rows], rows, tones, strict=False)
    ]
    services = unique(row["service_name"] for row in records)
    encodings: dict[str, Any] = {
        "x": alt.X("type:O", title=None, sort=None, axis=alt.Axis(labelAngle=0, grid=False)),
        "y": alt.Y(
            "rate:Q",
            title=words("rate"),
            scale=from_zero(row["retention_rate"] for row in rows),
            axis=alt.Axis(format=",~f", tickCount=5),
        ),
        "tooltip": [
            alt.Tooltip("service:N", title=words.column("retention", "service_name").label),
            alt.Tooltip("type:N", title=words.column("retention", "retention_type").label),
            alt.Tooltip("text:N", title=rate.label),
            *(alt.Tooltip(f"{one.name}:N", title=one.label) for one in meanings),
        ],
    }
    chart = alt.Chart(alt.NamedData("points")).encode(
        **encodings, **told_apart("service", services)
    )
    marks = marks_of_tones(unique(tones), words, has_legend=len(services) == 1)
    line = chart.mark_line(point={"size": 60}).encode(**marks)
    texts = (
        chart.transform_filter("datum.has_room")
        .mark_text(dy=-12)
        .encode(opacity=marks["opacity"], text=alt.Text("text:N"))
    )
    # Large enough to be pointed at.
    targets = chart.mark_circle(size=900, opacity=0)
    return Sketch(alt.layer(line, texts, targets).properties(height=220), {"points": values})


def _has_room(row: dict[str, Any], above: dict[str, Any] | None, most: float) -> bool:
    """Return whether the number over a point lies on no other point, or its number."""
    if above is None or above["retention_type"] != row["retention_type"]:
        return True
    return bool(_rate(above) - _rate(row) > _ROOM * most)


def _rate(row: dict[str, Any]) -> float:
    return float(row["retention_rate"] or 0.0)
