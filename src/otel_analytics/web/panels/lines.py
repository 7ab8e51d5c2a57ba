"""Lines over days: one or several columns, of one or several services, the period before beside."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import altair as alt

from otel_analytics.web.panels.scales import day_axis, legend, opacity_of_tones, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    is_quiet: bool
    kind: Kind
    tone: str
    day: date
    place: date
    value: float | None


@dataclass(frozen=True, slots=True)
class Lines:
    """A chart of columns over days; `day` is the column of the days.

    `axis` is the key of the vertical axis' title. With `names`, there is a line for each text in
    that column. `zeros` are columns that are 0 on a day without a row, `quiet` those drawn thin.
    """

    day: str
    columns: tuple[str, ...]
    axis: str
    names: str | None = None
    zeros: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    is_log: bool = False

    def __call__(self, answer: Answer, selection: Selection, words: Words) -> alt.LayerChart:
        """Return the chart of an answer that has rows."""
        points = list(self._points(answer, selection, words))
        days = day_axis([point.place for point in points], words)
        layers = self._lines(points, days, words), _readings(points, days, words)
        return alt.layer(*layers).properties(height=220)

    def _points(self, answer: Answer, selection: Selection, words: Words) -> Iterator[_Point]:
        rows = answer.records()
        rows += _absent(rows, self.day, self.zeros, selection)
        for row in sorted(rows, key=lambda row: row[self.day]):
            day = row[self.day]
            tone, place = "partial" if row.get("is_partial") else "this_period", day
            if selection.first and selection.shift and day < selection.first:
                tone, place = "previous_period", day + selection.shift
            for column in self.columns:
                if column not in row:
                    continue
                meaning = words.column(answer.query_type, column)
                series = words(f"cohort.{row[self.names]}") if self.names else meaning.label
                yield _Point(
                    service=row["service_name"],
                    series=series,
                    is_quiet=column in self.quiet,
                    kind=meaning.kind,
                    tone=tone,
                    day=day,
                    place=place,
                    value=row[column],
                )

    def _lines(self, points: list[_Point], days: alt.X, words: Words) -> alt.Chart:
        services = unique(point.service for point in points)
        series = unique(point.series for point in points)
        scale = alt.Scale(type="log", domainMin=1) if self.is_log else alt.Scale(zero=True)
        axis = alt.Axis(format=",~f", tickCount=5)
        encodings: dict[str, Any] = {
            "x": days,
            "y": alt.Y("value:Q", title=words(self.axis), scale=scale, axis=axis),
            "opacity": opacity_of_tones(unique(point.tone for point in points), words),
        }
        told_by, names = ("service", services) if len(services) > 1 else ("series", series)
        if len(names) > 1:
            encodings["color"] = alt.Color(f"{told_by}:N", sort=names, legend=legend(names))
        if len(services) > 1 and len(series) > 1:
            dash = alt.StrokeDash("series:N", sort=series, legend=legend(series))
            encodings["strokeDash"] = dash
        if self.quiet:
            width = alt.Scale(domain=[False, True], range=[2.5, 1])
            encodings["strokeWidth"] = alt.StrokeWidth("is_quiet:N", scale=width, legend=None)
        values = [
            {
                "service": point.service,
                "series": point.series,
                "is_quiet": point.is_quiet,
                "tone": words(point.tone),
                "day": point.place.isoformat(),
                "value": point.value,
            }
            for point in points
        ]
        mark = {"type": "line", "point": {"size": 12}, "strokeJoin": "round"}
        return alt.Chart(alt.InlineData(values), mark=mark).encode(**encodings)


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


def _readings(points: list[_Point], days: alt.X, words: Words) -> alt.Chart:
    """Return a rule at the day under the pointer, which says every line's value there."""
    several = {
        "service": len({point.service for point in points}) > 1,
        "series": len({point.series for point in points}) > 1,
    }
    keys: dict[str, str] = {}
    at: defaultdict[date, dict[str, str]] = defaultdict(dict)
    for point in points:
        parts = [getattr(point, name) for name, is_told in several.items() if is_told]
        label, day = " · ".join(parts) or point.series, words("day")
        if point.tone == "previous_period":
            day = words("previous_period")
            label = f"{label} ({day})"
        texts = {label: words.value(point.value, point.kind), day: words.day(point.day)}
        for title, text in texts.items():
            at[point.place][keys.setdefault(title, f"text_{len(keys)}")] = text
    values = [{"day": place.isoformat(), **texts} for place, texts in sorted(at.items())]
    # Days first, this period's before the previous one's.
    titles = sorted(keys, key=lambda title: title not in (words("day"), words("previous_period")))
    tooltip = [alt.Tooltip(f"{keys[title]}:N", title=title) for title in titles]
    hover = alt.selection_point(
        name="hover",
        nearest=True,
        on="pointerover",
        clear="pointerout",
        fields=["day"],
        empty=False,
    )
    opacity = alt.when(hover).then(alt.value(0.6)).otherwise(alt.value(0))
    rule = alt.Chart(alt.InlineData(values), mark="rule")
    return rule.encode(x=days, opacity=opacity, tooltip=tooltip).add_params(hover)
