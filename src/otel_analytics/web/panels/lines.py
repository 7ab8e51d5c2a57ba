"""Lines over days: one or several columns, of one or several services, the period before beside."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import altair as alt

from otel_analytics.web.panels.scales import (
    Sketch,
    day_axis,
    opacity_of_tones,
    told_apart,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_analytics.web.columns import Kind
    from otel_analytics.web.panels.panel import Answer
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.words import Words

__all__ = ["Lines"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Point:
    """One value of a line; `place` is the day at which it is drawn."""

    service: str
    series: str
    kind: Kind
    tone: str
    day: date
    place: date
    value: float | None


@dataclass(frozen=True, slots=True)
class Lines:
    """A chart of columns over days; `day` is the column of the days.

    `axis` is the key of the vertical axis' title. `zeros` are columns that are 0 on a day without a
    row; `main` is the one drawn thick. With `names`, there is a line for each text in that column.
    Where services or periods are compared, the lines are those of one column, or text, alone, which
    the reader chooses.
    """

    day: str
    columns: tuple[str, ...]
    axis: str
    main: str | None = None
    names: str | None = None
    zeros: tuple[str, ...] = ()
    is_log: bool = False

    def __call__(self, answer: Answer, selection: Selection, words: Words) -> Sketch:
        """Return the chart of an answer that has rows."""
        points = list(self._points(answer, selection, words))
        series = unique(point.series for point in points)
        services = unique(point.service for point in points)
        is_compared = len(services) > 1 or any(p.tone == "previous_period" for p in points)
        has_choice = is_compared and len(series) > 1
        main = words.column(answer.query_type, self.main).label if self.main else series[0]

        drawn = self._lines(points, words, has_choice=has_choice)
        if len(services) > 1 or has_choice:
            drawn = drawn.encode(**told_apart("service", services))
        else:
            drawn = drawn.encode(**told_apart("series", series))
        if self.main and not has_choice:
            drawn = drawn.encode(**_weights(main, series))
        bands, readings = _readings(points, words, by_series=has_choice)
        layers = [drawn, bands]
        data = {"points": _values(points, words), "readings": readings}
        if has_choice:
            choice = alt.binding_select(options=series, name=words("shown"))
            shown = alt.param(name="shown", value=main, bind=choice)
            layers = [layer.transform_filter("datum.series == shown") for layer in layers]
            # In the place of the axis' title, which cannot change.
            title = alt.Chart(alt.NamedData("title")).add_params(shown)
            layers.append(title.mark_text(align="left", x=0, y=-10, text=alt.ExprRef("shown")))
            data["title"] = [{}]
        return Sketch(alt.layer(*layers).properties(height=220), data)

    def _points(self, answer: Answer, selection: Selection, words: Words) -> Iterator[_Point]:
        rows = answer.records()
        rows += _absent(rows, self.day, self.zeros, selection)
        rows.sort(key=lambda row: row[self.day])
        for row in rows:
            day = row[self.day]
            tone, place = "partial" if row.get("is_partial") else "this_period", day
            if selection.first and selection.shift and day < selection.first:
                tone, place = "previous_period", day + selection.shift
            for column in self.columns:
                if column not in row:
                    continue
                meaning = words.column(answer.query_type, column)
                yield _Point(
                    service=row["service_name"],
                    series=words(f"cohort.{row[self.names]}") if self.names else meaning.label,
                    kind=meaning.kind,
                    tone=tone,
                    day=day,
                    place=place,
                    value=row[column],
                )

    def _lines(self, points: list[_Point], words: Words, *, has_choice: bool) -> alt.Chart:
        scale, axis = alt.Scale(zero=True), alt.Axis(format=",~f", tickCount=5)
        if self.is_log and not has_choice:
            ticks = [digit * 10**power for power in range(10) for digit in (1, 2, 5)]
            scale, axis = alt.Scale(type="log", nice=False), alt.Axis(format=",~f", values=ticks)
        # A value without neighbours is a point alone; among many days, hardly more than the line.
        places = {point.place for point in points}
        point = alt.OverlayMarkDef(size=16 if len(places) < 45 else 4)
        tones = unique(point.tone for point in points)
        has_services = len({point.service for point in points}) > 1
        lines = alt.Chart(alt.NamedData("points")).encode(
            x=day_axis(places, words),
            y=alt.Y(
                "value:Q", title=None if has_choice else words(self.axis), scale=scale, axis=axis
            ),
            opacity=opacity_of_tones(tones, words, has_legend=not has_services),
            detail=["service:N", "series:N"],
        )
        drawn: alt.Chart = lines.mark_line(point=point, strokeJoin="round")
        return drawn


def _weights(main: str, series: list[str]) -> dict[str, Any]:
    """Return the encodings that draw one line thick and the others thin."""
    widths = [3 if name == main else 1 for name in series]
    opacities = [1 if name == main else 0.6 for name in series]
    width = alt.Scale(type="ordinal", domain=series, range=widths)
    opacity = alt.Scale(type="ordinal", domain=series, range=opacities)
    return {
        "strokeWidth": alt.StrokeWidth("series:O", scale=width, legend=None),
        "strokeOpacity": alt.StrokeOpacity("series:O", scale=opacity, legend=None),
    }


def _values(points: Iterable[_Point], words: Words) -> list[dict[str, Any]]:
    return [
        {
            "service": point.service,
            "series": point.series,
            "tone": words(point.tone),
            "day": point.place.isoformat(),
            "value": point.value,
        }
        for point in points
    ]


def _absent(
    rows: list[dict[str, Any]], day: str, zeros: tuple[str, ...], selection: Selection
) -> list[dict[str, Any]]:
    """Return a row of zeros for each day after a service's first, up to E−1, that has no row."""
    if not zeros:
        return []
    absent = []
    for service in unique(row["service_name"] for row in rows):
        own = {row[day]: row for row in rows if row["service_name"] == service}
        one = min(own)
        last = own[one]["execution_date"] - _DAY
        while one < min(last, selection.last or last):
            one += _DAY
            if one not in own:
                absent.append({"service_name": service, day: one} | dict.fromkeys(zeros, 0))
    return absent


def _readings(
    points: Sequence[_Point], words: Words, *, by_series: bool
) -> tuple[alt.Chart, list[dict[str, str]]]:
    """Return a band around each day, and what it says under the pointer: each line's value there.

    `by_series` there is one for each series, which names its lines by their services alone.
    """
    has_services = len({point.service for point in points}) > 1
    has_series = len({point.series for point in points}) > 1 and not by_series
    previous = words("previous_period")
    keys = {words("day"): "text_0"}
    if any(point.tone == "previous_period" for point in points):
        keys[previous] = "text_1"
    at: defaultdict[tuple[date, str], dict[str, str]] = defaultdict(dict)
    for point in points:
        told = [point.service] * has_services + [point.series] * has_series
        label = " · ".join(told) or (words("value") if by_series else point.series)
        is_previous = point.tone == "previous_period"
        texts = {
            previous if is_previous else words("day"): words.day(point.day),
            f"{label} ({previous})" if is_previous else label: words.value(point.value, point.kind),
        }
        texts_there = at[point.place, point.series if by_series else ""]
        for title, text in texts.items():
            texts_there[keys.setdefault(title, f"text_{len(keys)}")] = text
    nothing = dict.fromkeys(keys.values(), "–")
    edges = _edges({place for place, _ in at})
    readings = [
        {"series": series, **edges[place], **nothing, **texts}
        for (place, series), texts in sorted(at.items())
    ]
    hover = alt.selection_point(
        name="hover", on="pointerover", clear="pointerout", fields=["from"], empty=False
    )
    opacity = alt.when(hover).then(alt.value(0.12)).otherwise(alt.value(0))
    tooltip = [alt.Tooltip(f"{key}:N", title=title) for title, key in keys.items()]
    bands = alt.Chart(alt.NamedData("readings")).mark_rect(style="band")
    bands = bands.encode(
        x=day_axis(edges, words, field="from"), x2="to:T", opacity=opacity, tooltip=tooltip
    )
    return bands.add_params(hover), readings


def _edges(places: set[date]) -> dict[date, dict[str, str]]:
    """Return where the band of each place begins and ends: midway to its neighbours."""
    times = [datetime(one.year, one.month, one.day, tzinfo=UTC) for one in sorted(places)]
    before = [times[0] - _DAY / 2] + [one + (two - one) / 2 for one, two in pairwise(times)]
    after = [*before[1:], times[-1] + _DAY / 2]
    return {
        time.date(): {"from": start.isoformat(), "to": end.isoformat()}
        for time, start, end in zip(times, before, after, strict=True)
    }
