"""The daily refresh beside the same questions asked of the raw logs: `python -m bench.refresh`.

All over the same Parquet files (bench/clickstream.py), in one run:

- the tables from the raw logs in DuckDB, with our own queries (bench/raw.py), and in ClickHouse,
  Spark and Polars (bench/peers), whose answers must equal ours; start-up is not counted, a round
  to warm up comes first, and a round is 14 questions, seven for each of two services
- the least that any of them must do: one bare pass over the needed columns (bench/floor.py)
- the executions of our state machine, from start to stop: the first build; the daily refresh after
  one new day, or with late events of two days past as well; and with nothing new. Each begins in a
  home of its own and a new process.

The environment may say how many events (SCALE, 17 million) over how many days (DAYS, 90), which
other lengths of history with as many events a day (GROWTH, "30,360"), and which peers (PEERS).
What is generated stays in build/bench; the report is build/bench/refresh.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from bench import ingest
from bench.clickstream import BIG_SERVICE, SMALL_SERVICE, Clickstream
from bench.homes import Execution, Home, new_home
from bench.peers.ask import QUESTIONS
from bench.processes import run
from bench.report import Case, Engine, Ingest, Measured, write_report
from otel_analytics.config import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Answers = dict[tuple[str, str], list[tuple[Any, ...]]]

__all__ = ["main"]

FOLDER = Path("build/bench").resolve()
PEERS_PYTHON = Path("build/peers/bin/python")
SERVICES = (BIG_SERVICE, SMALL_SERVICE)
EXECUTION_DATE = date(2025, 4, 16)  # in the midst of a month, as most days are
RECORDS = 300_000  # of the ingest


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often each thing is measured; of a history of another length, less often."""

    ours: int
    peers: int


ROUNDS = Rounds(ours=5, peers=3)
GROWTH_ROUNDS = Rounds(ours=3, peers=1)


def main() -> None:
    """Measure, and write the report."""
    events = int(os.environ.get("SCALE", "17_000_000"))
    days = int(os.environ.get("DAYS", "90"))
    growth = [int(text) for text in os.environ.get("GROWTH", "30,360").split(",") if text]
    peers = os.environ.get("PEERS", "clickhouse,polars,spark").split(",")
    FOLDER.mkdir(parents=True, exist_ok=True)
    ingested = measure_ingest()
    case = measure(Clickstream(events, days, EXECUTION_DATE), peers, ROUNDS)
    others = [
        measure(Clickstream(events * other // days, other, EXECUTION_DATE), peers, GROWTH_ROUNDS)
        for other in growth
    ]
    write_report(FOLDER / "refresh.md", ingested, case, others)
    print((FOLDER / "refresh.md").read_text())


def say(text: str) -> None:
    """Show what is measured now."""
    print(f"  {text}", file=sys.stderr, flush=True)


def measure_ingest() -> Ingest:
    """Return the records a second and the peak of an ingest, as bench/ingest.py takes them."""
    say(f"ingest of {RECORDS:,} records")
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        path = Path(name, "logs.jsonl")
        ingest.write_lines(path, records=RECORDS, a_line=1000)

        def work(lake: Path) -> None:
            report = ingest.ingest([path], lake=lake, keys=Keys(), processes=2)
            assert report.written == RECORDS, report

        seconds, peak = ingest.measured(work, Path(name, "lake"), runs=3)
    return Ingest(RECORDS, seconds, peak)


def measure(stream: Clickstream, peers: list[str], rounds: Rounds) -> Case:
    """Return everything about one history."""
    folder = FOLDER / f"{stream.events}-{stream.days}"
    lake = folder / "logall"
    say(f"{stream.events:,} events over {stream.days} days")
    stream.write(lake)
    floor = measure_floor(lake, rounds.ours)
    raw, rows = ask(Path(sys.executable), "bench.raw", lake, rounds.ours)
    ours = {table: without_ends(of) for table, of in rows.items()}
    engines = {"raw": raw}
    for peer in peers:
        engines[peer], answers = ask(PEERS_PYTHON, f"bench.peers.{peer}", lake, rounds.peers)
        compare(peer, answers, ours)
    executions = Executions(stream, lake, folder, ours, rounds.ours).measure()
    return Case(stream.events, stream.days, size_mb(lake), floor, engines, executions)


def size_mb(lake: Path) -> float:
    """Return what a lake weighs."""
    return sum(file.stat().st_size for file in lake.rglob("*.parquet")) / 1e6


def measure_floor(lake: Path, rounds: int) -> Measured:
    """Return the bare passes."""
    say("bare pass")
    finished = run([sys.executable, "-m", "bench.floor", lake, str(rounds)])
    passes = json.loads(finished.stdout)
    return Measured(
        tuple(one["seconds"] for one in passes), passes[-1]["bytes"] / 1e6, finished.peak_mb
    )


def ask(python: Path, module: str, lake: Path, rounds: int) -> tuple[Engine, Answers]:
    """Return what an engine took for the 14 questions, and its answers."""
    say(module)
    folder = lake.parent / "answers" / module
    arguments = [lake, folder, EXECUTION_DATE.isoformat(), str(rounds), *SERVICES]
    finished = run([python, "-m", module, *arguments])
    found = json.loads(finished.stdout)
    measured = Measured(
        tuple(sum(one["seconds"].values()) for one in found),
        median(one["bytes"] for one in found) / 1e6,
        finished.peak_mb,
    )
    seconds = {name: median(one["seconds"][name] for one in found) for name in QUESTIONS}
    answers = {}
    for table in product(SERVICES, QUESTIONS):
        columns = pq.read_table(folder / f"{'.'.join(table)}.parquet").to_pydict().values()
        answers[table] = list(zip(*columns, strict=True))
    return Engine(measured, seconds), answers


def compare(name: str, answers: Answers, ours: Answers) -> None:
    """Compare every row with ours from the raw logs, but for the service and the execution date.

    Raises: AssertionError naming the table
    """
    for table, rows in ours.items():
        assert sorted(answers[table]) == sorted(rows), f"{name} answers {table} otherwise"


@dataclass(frozen=True, slots=True)
class Executions:
    """The executions of our state machine over one history."""

    stream: Clickstream
    lake: Path
    folder: Path
    answers: Answers
    rounds: int

    def measure(self) -> dict[str, tuple[Execution, ...]]:
        """Return the executions of each kind, the published tables compared each time."""
        last = self.stream.days - 1
        new_day = self.stream.file(self.lake, last).parent
        came_last = f"{last:05}.parquet"
        return {
            "first build": self.first_builds(self.rounds),
            "first build, 1 GB": self.first_builds(1, OTEL_ANALYTICS_MEMORY_LIMIT="1GB"),
            "new day": self.refreshes(lambda file: file.parent != new_day),
            "new day, services at once": self.refreshes(
                lambda file: file.parent != new_day, OTEL_ANALYTICS_CONCURRENCY_SERVICES="2"
            ),
            "new day, late events": self.refreshes(lambda file: file.name != came_last),
            "nothing new": self.refreshes(lambda _: True, EXECUTION_DATE),
            "raw": self.first_builds(1, OTEL_ANALYTICS_SOURCE_READ="raw"),
        }

    def first_builds(self, rounds: int, **environment: str) -> tuple[Execution, ...]:
        """Return executions in homes that have nothing but the lake."""
        say(f"first build {' '.join(environment.values())}")
        homes = [new_home(folder, self.lake) for folder in self.folders(rounds)]
        return self.execute_in(homes, environment)

    def refreshes(
        self,
        came_before: Callable[[Path], bool],
        before: date = EXECUTION_DATE - timedelta(days=1),
        **environment: str,
    ) -> tuple[Execution, ...]:
        """Return executions after one of the date `before`, when not all files had come."""
        say("refresh")
        past = new_home(self.folder / "past", self.lake, came_before)
        past.run(SERVICES, before)
        homes = [past.copy(folder) for folder in self.folders(self.rounds)]
        for home in homes:
            home.add(self.lake)
        return self.execute_in(homes, environment)

    def folders(self, rounds: int) -> list[Path]:
        """Return where the homes of so many executions are."""
        return [self.folder / f"home-{number}" for number in range(rounds)]

    def execute_in(
        self, homes: Iterable[Home], environment: Mapping[str, str] | None = None
    ) -> tuple[Execution, ...]:
        """Return an execution in each home; what it took to prepare them is over by then."""
        os.sync()
        return tuple(self.execute(home, environment) for home in homes)

    def execute(self, home: Home, environment: Mapping[str, str] | None = None) -> Execution:
        """Return the execution, its tables compared."""
        execution = home.run(SERVICES, EXECUTION_DATE, environment=environment)
        tables = {table: without_ends(home.rows(*table)) for table in self.answers}
        compare("the state machine", tables, self.answers)
        return execution


def without_ends(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows of ours as the peers give them, without the service and the execution date."""
    return [row[1:-1] for row in rows]


if __name__ == "__main__":
    main()
