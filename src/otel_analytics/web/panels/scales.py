"""What charts are made of, and the axes and scales that they share.

Days are drawn in UTC, so that no reader's time zone shifts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import altair as alt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_analytics.web.words import Words

__all__ = [
    "Sketch",
    "day_axis",
    "from_zero",
    "legend",
    "marks_of_tones",
    "opacity_of_tones",
    "told_apart",
    "unique",
]

T = TypeVar("T")

# How strongly is drawn what the reader asked for, what is not complete, and what was before.
_TONES: Final = {"this_period": 1.0, "partial": 0.45, "previous_period": 0.4}
# As a line: two tones that are as light as each other must not look the same.
_DASHES: Final = {"this_period": [1, 0], "partial": [1, 0], "previous_period": [5, 3]}
_MOST_TICKS: Final = 9


@dataclass(frozen=True, slots=True)
class Sketch:
    """A chart, and the data that it names.

    They are apart because Altair would walk through each value that it is given.
    """

    chart: alt.LayerChart | alt.FacetChart  # the latter is what Altair says of `properties`
    data: dict[str, list[dict[str, Any]]]


def day_axis(days: Iterable[date], words: Words, *, field: str = "day") -> alt.X:
    """Return the horizontal axis over days, with a tick on each, or each second, week, …

    `field` is where the data have the time at which to draw.
    """
    first, last = min(days := list(days)), max(days)
    length = (last - first).days
    step = next(
        n for n in (1, 2, 7, 14, 28, 91, 364, 3640, 36400, 10**7) if length / n < _MOST_TICKS
    )
    ticks = [_tick(last - timedelta(days=n)) for n in range(0, length + 1, step)]
    of_year = first.year != last.year
    pattern = {"en": "%-d %b", "ko": "%-m월 %-d일"}[words.language]
    if of_year:
        pattern = {"en": "%-d %b %Y", "ko": "%Y. %-m. %-d."}[words.language]
    axis = alt.Axis(values=ticks, format=pattern, grid=False, labelFlush=True)
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def _tick(day: date) -> alt.DateTime:
    return alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True)


def from_zero(values: Iterable[float | None], **looks: Any) -> alt.Scale:
    """Return a scale that begins at 0, wherever the values end."""
    # of zeros alone, Vega would draw 0 in the middle
    return alt.Scale(zero=True, **looks) if any(values) else alt.Scale(domain=[0, 1], **looks)


def legend(names: Sequence[str], **looks: Any) -> alt.Legend | None:
    """Return the legend above a chart; None where there is nothing to tell apart."""
    if len(names) < 2:
        return None
    # Two fit on a phone.
    return alt.Legend(orient="top", title=None, labelLimit=160, columns=2, **looks)


def opacity_of_tones(tones: Sequence[str], words: Words, *, has_legend: bool) -> alt.Opacity:
    """Return how strongly each tone is drawn, with a legend if periods are compared."""
    names = [name for name in _TONES if name in tones]
    shown = legend(names) if has_legend and "previous_period" in names else None
    return alt.Opacity("tone:O", scale=_scale(names, _TONES, words), legend=shown)


def marks_of_tones(tones: Sequence[str], words: Words, *, has_legend: bool) -> dict[str, Any]:
    """Return the encodings of a line's tones: how strongly it is drawn, and whether in dashes."""
    names = [name for name in _TONES if name in tones]
    opacity = opacity_of_tones(tones, words, has_legend=has_legend)
    is_compared = has_legend and "previous_period" in names
    shown = legend(names, symbolType="stroke", symbolSize=400) if is_compared else None
    dash = alt.StrokeDash("tone:O", scale=_scale(names, _DASHES, words), legend=shown)
    return {"opacity": opacity.legend(shown), "strokeDash": dash}


def _scale(names: Sequence[str], looks: dict[str, Any], words: Words) -> alt.Scale:
    # Vega-Lite would take a scale of one name for one of places.
    domain = [words(name) for name in names]
    return alt.Scale(type="ordinal", domain=domain, range=[looks[name] for name in names])


def unique(values: Iterable[T]) -> list[T]:
    """Return values without repetitions, in the order of their first."""
    return list(dict.fromkeys(values))


def told_apart(field: str, names: Sequence[str]) -> dict[str, Any]:
    """Return the encoding that gives each name a colour; none where there is one name alone."""
    if len(names) < 2:
        return {}
    return {"color": alt.Color(f"{field}:N", sort=list(names), legend=legend(names))}
