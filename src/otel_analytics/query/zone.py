"""Days of a time zone as spans of UTC, so that SQL needs no time zone database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["OffsetSpan", "offset_spans", "utc_span"]

# No zone of the IANA database changes its offset twice within six hours.
_STEP = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class OffsetSpan:
    """A zone's offset from UTC up to, and without, the instant `until` (None: from then on).

    Units:  offset_s in seconds east of UTC; until a naive UTC time
    """

    until: datetime | None
    offset_s: int


def utc_span(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the UTC instants at which day `first` begins and day `last` is over in `zone`.

    Shape:  naive UTC times; the second is exclusive
    """

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)

    return midnight(first), midnight(last + timedelta(days=1))


@lru_cache(maxsize=64)
def offset_spans(first: date, last: date, zone: ZoneInfo) -> tuple[OffsetSpan, ...]:
    """Return the zone's offsets that hold from a day before `first` to a day after `last`."""
    here = datetime.combine(first - timedelta(days=1), time(), UTC)
    end = datetime.combine(last + timedelta(days=2), time(), UTC)
    spans = []
    while here < end:
        there = min(here + _STEP, end)
        if _offset_s(here, zone) != _offset_s(there, zone):
            change = _first_change(here, there, zone)
            spans.append(OffsetSpan(change.replace(tzinfo=None), _offset_s(here, zone)))
        here = there
    return (*spans, OffsetSpan(None, _offset_s(end, zone)))


def _offset_s(instant: datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset() or timedelta()
    return int(offset.total_seconds())


def _first_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    old = _offset_s(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset_s(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after
