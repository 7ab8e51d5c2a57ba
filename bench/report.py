"""What was measured, as Markdown."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bench.homes import Execution

__all__ = ["Case", "Engine", "Ingest", "Measured", "write_report"]

NAMES = {
    "raw": "DuckDB, our queries from raw",
    "clickhouse": "ClickHouse",
    "polars": "Polars",
    "spark": "Spark",
}
KINDS = {
    "raw": "the same from raw, through the state machine",
    "first build": "first build",
    "first build, 1 GB": "first build, memory limit 1 GB",
    "new day": "**daily refresh**: one new day",
    "new day, services at once": "the same, both services at once (`concurrency.services=2`)",
    "new day, late events": "and late events of two days past",
    "nothing new": "nothing new",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each round, what one read, and the peak of the process."""

    seconds: tuple[float, ...]
    read_mb: float
    peak_mb: float

    @property
    def median_s(self) -> float:
        """The median of the rounds."""
        return median(self.seconds)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine's rounds of all questions, and the median of each question, in seconds."""

    measured: Measured
    questions: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ingest:
    """OTLP to Parquet."""

    records: int
    seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Case:
    """All that was measured over one history."""

    events: int
    days: int
    lake_mb: float
    floor: Measured
    engines: Mapping[str, Engine]
    executions: Mapping[str, Sequence[Execution]]

    def execution(self, kind: str) -> Measured:
        """Return the executions of a kind as rounds."""
        of = self.executions[kind]
        return Measured(
            tuple(one.seconds for one in of),
            median(one.summary["scanned_bytes"] for one in of) / 1e6,
            max(one.peak_mb for one in of),
        )

    def refresh_s(self, kind: str) -> float:
        """Return the seconds before the first service's turn."""
        return median(one.refresh_s for one in self.executions[kind])


def write_report(file: Path, ingest: Ingest, case: Case, others: Sequence[Case]) -> None:
    """Write the tables: everything of one history, then how each grows."""
    cases = sorted((case, *others), key=lambda one: one.days)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    parts = [
        "# The daily refresh, measured",
        f"{case.events:,} events over {case.days} days, {case.lake_mb:,.0f} MB of Parquet, two "
        f"services; {os.cpu_count()} cores of {platform.machine()}, Python "
        f"{platform.python_version()}, DuckDB {version('duckdb')}; load at the end {load}. "
        "Seconds are medians (n; lowest–highest). MB read are DuckDB's own count, and for peers "
        "what their processes read from files. Every answer was compared, row for row.",
        table(("what", "seconds", "÷ daily refresh", "MB read", "peak MB"), overview(case)),
        f"Ingest: {ingest.records / ingest.seconds:,.0f} OTLP/JSON records a second "
        f"({ingest.records:,} records, two processes), {ingest.peak_mb:,.0f} MB at most.",
        "Billed by Athena, 10 MB at least for each query: "
        + "; ".join(
            f"{KINDS[kind].strip('*')} {of[-1].summary['billed_bytes'] / 1e6:,.0f} MB in "
            f"{of[-1].summary['queries']} queries"
            for kind, of in case.executions.items()
        )
        + ".",
        "## Each question, both services, seconds",
        table(("question", *(NAMES[name] for name in case.engines)), by_question(case)),
        "## What must hold",
        table(("what", "measured", "limit", "holds"), limits(cases, case)),
        "## Growth, seconds",
        table(("what", *(f"{one.days} days" for one in cases)), growth(cases)),
    ]
    file.write_text("\n\n".join(parts) + "\n")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def overview(case: Case) -> Iterator[Sequence[str]]:
    """Give a row for each thing measured."""
    daily = case.execution("new day").median_s
    measured = {
        "one bare pass over four columns": case.floor,
        **{f"{NAMES[name]}, 14 tables": one.measured for name, one in case.engines.items()},
        **{title: case.execution(kind) for kind, title in KINDS.items()},
    }
    for title, one in measured.items():
        yield (
            title,
            shown(one.seconds),
            f"{one.median_s / daily:.2f}",
            f"{one.read_mb:,.0f}",
            f"{one.peak_mb:,.0f}",
        )


def shown(seconds: Sequence[float]) -> str:
    """Return the median, how many there are, and their range."""
    return f"{median(seconds):.2f} ({len(seconds)}; {min(seconds):.2f}–{max(seconds):.2f})"


def by_question(case: Case) -> Iterator[Sequence[str]]:
    """Give a row for each question."""
    for name in case.engines["raw"].questions:
        yield (name, *(f"{one.questions[name]:.2f}" for one in case.engines.values()))


def limits(cases: Sequence[Case], case: Case) -> Iterator[Sequence[str]]:
    """Give a row for each limit: at least, or at most."""
    daily, first = case.execution("new day"), case.execution("first build")
    raw = case.engines["raw"].measured
    at_least = {"raw ÷ daily refresh": (raw.median_s / daily.median_s, 8)}
    for peer, limit in (("clickhouse", 12), ("spark", 50)):
        if peer in case.engines:
            ratio = case.engines[peer].measured.median_s / daily.median_s
            at_least[f"{NAMES[peer]} ÷ daily refresh"] = (ratio, limit)
    at_least["MB read, raw ÷ daily refresh"] = (raw.read_mb / daily.read_mb, 15)
    at_most = {
        "daily refresh, s, and 3 bare passes + 0.3 s": (
            daily.median_s,
            3 * case.floor.median_s + 0.3,
        ),
        "first build ÷ raw": (first.median_s / raw.median_s, 1.2),
        "peak of the first build, MB": (first.peak_mb, 2000),
        "peak of the daily refresh, MB": (daily.peak_mb, 2000),
    }
    if "clickhouse" in case.engines:
        ratio = raw.median_s / case.engines["clickhouse"].measured.median_s
        at_most["raw ÷ ClickHouse"] = (ratio, 1.5)
    by_days = {one.days: one for one in cases}
    if {90, 360} <= by_days.keys():
        ratio = (
            by_days[360].execution("new day").median_s / by_days[90].execution("new day").median_s
        )
        at_most["daily refresh, 360 days ÷ 90 days"] = (ratio, 1.6)
    longest = cases[-1]
    at_most[f"refresh that finds nothing, {longest.days} days, s"] = (
        longest.refresh_s("nothing new"),
        0.5,
    )
    for title, (value, limit) in at_least.items():
        yield title, f"{value:.2f}", f"≥ {limit}", "yes" if value >= limit else "**no**"
    for title, (value, limit) in at_most.items():
        yield title, f"{value:.2f}", f"≤ {limit:.4g}", "yes" if value <= limit else "**no**"


def growth(cases: Sequence[Case]) -> Iterator[Sequence[str]]:
    """Give a row for each thing measured."""
    yield "events", *(f"{one.events:,}" for one in cases)
    yield "Parquet, MB", *(f"{one.lake_mb:,.0f}" for one in cases)
    yield "bare pass", *(f"{one.floor.median_s:.2f}" for one in cases)
    for name in cases[0].engines:
        yield NAMES[name], *(f"{one.engines[name].measured.median_s:.2f}" for one in cases)
    for kind, title in KINDS.items():
        yield title, *(f"{one.execution(kind).median_s:.2f}" for one in cases)
    yield (
        "nothing new: before the first service's turn",
        *(f"{one.refresh_s('nothing new'):.2f}" for one in cases),
    )
    for kind in ("first build", "new day"):
        yield (
            f"peak MB of the {kind}",
            *(f"{one.execution(kind).peak_mb:,.0f}" for one in cases),
        )
