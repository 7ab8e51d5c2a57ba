"""Lines over days: one or several columns, of one or several services, the period before beside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import altair as alt

from otel_analytics.web.panels.readings import Point, bands, read_points
from otel_analytics.web.panels.scales import (
    Sketch,
    day_axis,
    from_zero,
    marks_of_tones,
    told_apart,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_analytics.web.panels.answer import Answer
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.words import Words

__all__ = ["Lines"]

_DAY = timedelta(days=1)
# From this many times the least value on, a linear axis would lay the small ones on each other.
_MUCH: Final = 20


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
        readings, keys = read_points(points, words, by_series=has_choice)
        layers = [drawn, bands({point.place for point in points}, keys, words)]
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

    def _points(self, answer: Answer, selection: Selection, words: Words) -> Iterator[Point]:
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
                yield Point(
                    service=row["service_name"],
                    series=words(f"cohort.{row[self.names]}") if self.names else meaning.label,
                    kind=meaning.kind,
                    tone=tone,
                    day=day,
                    place=place,
                    value=row[column],
                )

    def _lines(self, points: list[Point], words: Words, *, has_choice: bool) -> alt.Chart:
        scale, axis = from_zero(point.value for point in points), dict[str, Any](tickCount=5)
        title: str | None = words(self.axis)
        if has_choice:
            title, scale = None, _from_zero_each(points)
        elif self.is_log and (ticks := _log_ticks(points)):
            title = words("log_scale", axis=title)
            scale, axis = alt.Scale(type="log", domain=[ticks[0], ticks[-1]]), {"values": ticks}
        # A value without neighbours is a point alone; among many days, hardly more than the line.
        places = {point.place for point in points}
        point = alt.OverlayMarkDef(size=16 if len(places) < 45 else 4)
        tones = unique(point.tone for point in points)
        has_services = len({point.service for point in points}) > 1
        lines = alt.Chart(alt.NamedData("points")).encode(
            x=day_axis(places, words),
            y=alt.Y("value:Q", title=title, scale=scale, axis=alt.Axis(format=",~f", **axis)),
            detail=[alt.Detail("service:N"), alt.Detail("series:N")],
            **marks_of_tones(tones, words, has_legend=not has_services),
        )
        drawn: alt.Chart = lines.mark_line(point=point, strokeJoin="round")
        return drawn


def _log_ticks(points: Iterable[Point]) -> list[int]:
    """Return the ticks of a logarithmic axis; none where a linear one shows small values, too."""
    values = [point.value for point in points if point.value is not None]
    least, most = min(values, default=0), max(values, default=0)
    if least < 1 or most < _MUCH * least:
        return []
    ticks = [digit * 10**power for power in range(20) for digit in (1, 2, 5)]
    first = max(at for at, tick in enumerate(ticks) if tick <= least)
    last = min(at for at, tick in enumerate(ticks) if tick >= most)
    return ticks[first : last + 1]


def _from_zero_each(points: Iterable[Point]) -> alt.Scale:
    """Return the scale of a chart of the series that is shown alone, so that it begins at 0."""
    points = list(points)
    above = {point.series for point in points if point.value}
    zeros = [name for name in unique(point.series for point in points) if name not in above]
    of_zeros = f"indexof({json.dumps(zeros)}, shown) < 0 ? null : 1"
    return alt.Scale(zero=True, domainMax=alt.ExprRef(of_zeros))


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


def _values(points: Iterable[Point], words: Words) -> list[dict[str, Any]]:
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
    """Return a row of zeros for each day since its table begins, up to E−1, that has no row."""
    if not zeros:
        return []
    absent = []
    for service in unique(row["service_name"] for row in rows):
        own = {row[day]: row for row in rows if row["service_name"] == service}
        begins, ends = own[min(own)]["table_begins"], own[min(own)]["execution_date"] - _DAY
        one = max(begins, selection.first_read or begins)
        while one <= min(ends, selection.last or ends):
            if one not in own:
                absent.append({"service_name": service, day: one} | dict.fromkeys(zeros, 0))
            one += _DAY
    return absent
