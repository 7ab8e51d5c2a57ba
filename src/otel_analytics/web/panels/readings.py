"""What lines over days say under the pointer: a band for each day, with the value of each line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import altair as alt

from otel_analytics.web.panels.scales import day_axis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_analytics.web.columns import Kind
    from otel_analytics.web.words import Words

__all__ = ["Point", "bands", "read_points"]

_HALF_A_DAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a line; `place` is the day at which it is drawn."""

    service: str
    series: str
    kind: Kind
    tone: str
    day: date
    place: date
    value: float | None


def read_points(
    points: Sequence[Point], words: Words, *, by_series: bool
) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return what each band says, and the field of each title in it.

    `by_series` there are bands of each series, in which lines are named by their services alone.
    """
    has_services = len({point.service for point in points}) > 1
    has_series = len({point.series for point in points}) > 1 and not by_series
    day, previous = words("day"), words("previous_period")
    keys = {day: "text_0"}
    if any(point.tone == "previous_period" for point in points):
        keys[previous] = "text_1"
    said: defaultdict[tuple[date, str], dict[str, str]] = defaultdict(dict)
    for point in points:
        told = [point.service] * has_services + [point.series] * has_series
        label = " · ".join(told) or (words("value") if by_series else point.series)
        texts = {day: words.day(point.day), label: words.value(point.value, point.kind)}
        if point.tone == "previous_period":
            texts = dict(zip((previous, f"{label} ({previous})"), texts.values(), strict=True))
        here = said[point.place, point.series if by_series else ""]
        for title, text in texts.items():
            here[keys.setdefault(title, f"text_{len(keys)}")] = text
    nothing = dict.fromkeys(keys.values(), "–")
    edges = _edges(place for place, _ in said)
    readings = [
        {"series": series, **edges[place], **nothing, **texts}
        for (place, series), texts in sorted(said.items())
    ]
    return readings, keys


def bands(places: Iterable[date], keys: Mapping[str, str], words: Words) -> alt.Chart:
    """Return the bands over the data `readings`, seen only under the pointer."""
    hover = alt.selection_point(
        name="hover", on="pointerover", clear="pointerout", fields=["from"], empty=False
    )
    chart = alt.Chart(alt.NamedData("readings")).encode(
        x=day_axis(places, words, field="from"),
        x2=alt.X2("to:T"),
        opacity=alt.OpacityValue(0, condition={"param": hover.name, "empty": False, "value": 0.12}),
        tooltip=[alt.Tooltip(f"{key}:N", title=title) for title, key in keys.items()],
    )
    drawn: alt.Chart = chart.mark_rect(style="band").add_params(hover)
    return drawn


def _edges(places: Iterable[date]) -> dict[date, dict[str, str]]:
    """Return where the band of each place begins and ends: midway to its neighbours."""
    times = [datetime(one.year, one.month, one.day, tzinfo=UTC) for one in sorted(set(places))]
    between = [one + (two - one) / 2 for one, two in pairwise(times)]
    ends = [times[0] - _HALF_A_DAY, *between, times[-1] + _HALF_A_DAY]
    return {
        time.date(): {"from": start.isoformat(), "to": end.isoformat()}
        for time, (start, end) in zip(times, pairwise(ends), strict=True)
    }
