"""Which partitions of the levels have to be built, dropped or left: a small build system, as data.

Every partition has a version: a hash of the query that builds it and of the versions of what it is
built from; those of raw partitions are of their files. It is built if the version that is
registered is another one. Must not know any catalog nor storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from otel_analytics.metrics import load_catalog
from otel_analytics.query.build import MAX_PARTITIONS, window_of
from otel_analytics.query.level_queries import level_fingerprint
from otel_analytics.query.levels import (
    ACTIVITY,
    USERS,
    Level,
    days_of,
    input_periods,
    load_levels,
    partition_range,
    periods_of,
    whole_periods,
)
from otel_analytics.query.zone import offset_spans

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.query.levels import DayRange

    # By level, the version of each period.
    Versions = Mapping[str, Mapping[str, str]]

__all__ = [
    "IS_EMPTY",
    "LEVEL",
    "PREVIOUS",
    "VERSION",
    "RawFile",
    "RefreshPlan",
    "Step",
    "needed_days",
    "plan_refresh",
    "versions_of",
]

# What the table of a level and its partitions say of themselves, as parameters of their entries.
LEVEL: Final = "otel_analytics.level"
VERSION: Final = "otel_analytics.version"
IS_EMPTY: Final = "otel_analytics.is_empty"
# Where a partition was before, for readers under way: it goes with the next change.
PREVIOUS: Final = "otel_analytics.previous"

# The reply of the Lambda that plans passes through a state's 256 KiB, and its history's.
_MAX_PERIODS: Final = 1000
# By how many a query may read more days than of the raw logs: there are fewer rows of a day.
_MORE_DAYS: Final = (1, 2, 6)
_DAYS_PER_MONTH: Final = 30
_VERSION_DIGITS: Final = 24


@dataclass(frozen=True, slots=True)
class RawFile:
    """One file of raw logs, and what changes whenever it does: an ETag, or a time."""

    key: str
    size_bytes: int
    version: str


@dataclass(frozen=True, slots=True)
class Step:
    """Partitions of one level that one query builds: each period, and the version it will have."""

    level: str
    periods: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """What has to be done: steps one after the other, and partitions that nothing is left of.

    `has_more` says that there are further steps once these are done.
    """

    steps: tuple[Step, ...]
    gone: tuple[tuple[str, str], ...]
    has_more: bool

    @property
    def stages(self) -> list[list[Step]]:
        """The steps by stage: those of one need nothing of each other, only of stages before."""
        stages: dict[int, list[Step]] = {}
        for step in self.steps:
            stages.setdefault(load_levels()[step.level].depth, []).append(step)
        return [stages[depth] for depth in sorted(stages)]


def needed_days(execution_date: date, settings: Settings) -> DayRange:
    """Return the days of events that the metrics read as of E."""
    windows = [window_of(metric, execution_date, settings) for metric in load_catalog().values()]
    return min(first for first, _ in windows), windows[0][1]


def plan_refresh(
    execution_date: date,
    *,
    files: Mapping[str, Collection[RawFile]],
    registered: Versions,
    settings: Settings,
) -> RefreshPlan:
    """Return what makes the levels those of the raw files, as far as E's tables read them.

    `files` are those of each raw partition, by its day; `registered` are the versions that stand.
    """
    wanted = _wanted_versions(execution_date, files, registered, settings)
    steps: list[Step] = []
    gone: list[tuple[str, str]] = []
    room = _MAX_PERIODS
    for name, versions in wanted.items():
        there = registered.get(name, {})
        gone += [(name, p) for p, version in versions.items() if version is None and p in there]
        due = [(p, v) for p, v in versions.items() if v is not None and there.get(p) != v]
        steps += _steps(load_levels()[name], due[:room], files, settings)
        room -= len(due)
        if room < 0:
            return RefreshPlan(tuple(steps), tuple(gone), has_more=True)
    return RefreshPlan(tuple(steps), tuple(gone), has_more=False)


def _steps(
    level: Level,
    due: Iterable[tuple[str, str]],
    files: Mapping[str, Collection[RawFile]],
    settings: Settings,
) -> Iterator[Step]:
    most_periods = min(MAX_PARTITIONS, settings.activity.days_per_query * _MORE_DAYS[level.depth])
    if level.grain == "month":
        most_periods = max(1, most_periods // _DAYS_PER_MONTH)
    most_bytes = settings.activity.raw_mb_per_query * 1_000_000
    periods: list[tuple[str, str]] = []
    size_bytes = 0
    for period, version in due:
        raw = files[period] if level.source is None else ()
        more_bytes = sum(file.size_bytes for file in raw)
        if periods and (len(periods) == most_periods or size_bytes + more_bytes > most_bytes):
            yield Step(level.name, tuple(periods))
            periods, size_bytes = [], 0
        periods.append((period, version))
        size_bytes += more_bytes
    if periods:
        yield Step(level.name, tuple(periods))


def _wanted_versions(
    execution_date: date,
    files: Mapping[str, Collection[RawFile]],
    registered: Versions,
    settings: Settings,
) -> dict[str, dict[str, str | None]]:
    """Return, by level and period, the version that a partition must have; None if it must go."""
    raw = {day: _digest(_lines(listed)) for day, listed in files.items()}
    wanted: dict[str, dict[str, str | None]] = {}
    for level in load_levels().values():
        source: Mapping[str, str | None] = raw
        if level.source is not None:
            # Partitions that E does not need stay as they are, and queries read them too.
            source = {**registered.get(level.source, {}), **wanted[level.source]}
        inputs = {period: version for period, version in source.items() if version is not None}
        periods = _needed_periods(level, execution_date, settings)
        wanted[level.name] = versions_of(level, periods, inputs, settings)
    return wanted


def _lines(files: Iterable[RawFile]) -> list[str]:
    return sorted(f"{file.key} {file.size_bytes} {file.version}" for file in files)


def _needed_periods(level: Level, execution_date: date, settings: Settings) -> list[str]:
    catalog = load_catalog()
    if level.query_type is not None:
        window = window_of(catalog[level.query_type], execution_date, settings)
        return whole_periods(*window, level.grain)
    if level.name == USERS:
        windows = (
            window_of(metric, execution_date, settings)
            for metric in catalog.values()
            if metric.reads == "users"
        )
        months = (month for window in windows for month in whole_periods(*window, level.grain))
        return list(dict.fromkeys(months))
    first, last = needed_days(execution_date, settings)
    if level.name == ACTIVITY:
        first, last = partition_range(first, last, settings)
    return periods_of(first, last, level.grain)


def versions_of(
    level: Level, periods: Iterable[str], inputs: Mapping[str, str], settings: Settings
) -> dict[str, str | None]:
    """Return the versions of partitions, by those of its source; None of what nothing makes up."""
    fingerprint = level_fingerprint(level, settings)
    versions: dict[str, str | None] = {}
    for period in periods:
        names = [name for name in input_periods(level, period, settings) if name in inputs]
        lines = [f"{name} {inputs[name]}" for name in names]
        if level.source is None:
            lines.append(_offsets(period, settings))
        versions[period] = _digest([level.name, fingerprint, period, *lines]) if names else None
    return versions


def _offsets(period: str, settings: Settings) -> str:
    """Return what the days of a raw partition's events depend on, beside its query's text."""
    if settings.timezone == "UTC":
        return ""
    day, _ = days_of(period)
    slack = timedelta(days=settings.source.partition_slack_days + 1)
    return str(offset_spans(day - slack, day + slack, settings.zone))


def _digest(lines: Iterable[str]) -> str:
    return sha256("\n".join(lines).encode()).hexdigest()[:_VERSION_DIGITS]
