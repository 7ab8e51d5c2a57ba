"""The 14 tables' queries on Trino, from the raw logs and from the activity tables.

    python -m bench.trino

Seven for each of two services, over the history of bench.refresh (which must have generated it), on
one node with all of this machine's processors. Bytes are those that Trino says it has read of
storage. Both ways must answer the same, and what DuckDB answers over the same files; the raw logs
must take 15 times the bytes of the activity tables, which are built by Trino itself. The
environment may say which history (SCALE, DAYS), where it lies (LAKE), and how often to ask
(ROUNDS).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.homes import Home, new_home
from bench.levels import Round, asked
from bench.refresh import EXECUTION_DATE, FOLDER, SERVICES
from bench.report import table
from otel_analytics.config import Settings, Trino
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.metrics import load_catalog
from otel_analytics.query.build import QueryRequest, build_select
from otel_analytics.trino.opening import open_trino
from scripts import trino as script

if TYPE_CHECKING:
    from otel_analytics.local.embedded import EmbeddedAws

__all__: list[str] = []

LEAST_RATIO: Final = 15  # of the bytes read, raw logs to activity tables
ROUNDS: Final = int(os.environ.get("ROUNDS", "3"))


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds and bytes of a first build, and rounds of the 14 queries."""

    built_s: float
    built_bytes: int
    activity: list[Round]


def main() -> None:
    """Measure each way, compare the rows, print the medians."""
    events, days = os.environ.get("SCALE", "17000000"), os.environ.get("DAYS", "90")
    lake = Path(os.environ.get("LAKE") or FOLDER / f"{events}-{days}" / "logall")
    folder = FOLDER / "trino"
    command = [sys.executable, script.__file__]
    arguments = ["--folder", str(folder), "--memory", "4g"]
    subprocess.run([*command, "start", *arguments], check=True)
    try:
        cluster = script.read_state(folder)
        measure(cluster, lake)
    finally:
        subprocess.run([*command, "stop", *arguments], check=True)


def measure(cluster: script.Cluster, lake: Path) -> None:
    """Print what each way took."""
    home = new_trino_home(cluster, lake)
    with open_embedded_aws(replace(home.settings, engine="duckdb")) as aws:
        expected = ask(aws, "raw")
    with open_trino(home.settings) as aws:
        raw = [ask(aws, "raw") for _ in range(ROUNDS)]
    way = home.measured()
    for one in (*raw, *way.activity):
        assert one.rows == expected.rows
    ratio = raw[0].read / way.activity[0].read
    first = (f"{way.built_s:.1f}", f"{way.built_bytes / 1e6:,.0f}")
    lines = [
        ("raw logs", *shown(raw), "", "", ""),
        ("activity tables", *shown(way.activity), f"{ratio:.1f}", *first),
    ]
    heads = ("read from", "seconds", "MB read", "raw ÷ this", "first refresh, s", "MB read by it")
    print(table(heads, lines))
    if ratio < LEAST_RATIO:
        raise SystemExit(f"raw logs ÷ activity tables is {ratio:.1f}, less than {LEAST_RATIO}")


def shown(rounds: list[Round]) -> tuple[str, str]:
    return f"{median(one.seconds for one in rounds):.1f}", f"{rounds[0].read / 1e6:,.1f}"


@dataclass(frozen=True, slots=True)
class TrinoHome:
    """A home below the cluster's folder, and the settings that it goes by."""

    home: Home
    settings: Settings

    def measured(self) -> Measured:
        """Build the activity tables by a first execution, then ask them."""
        trino = self.settings.trino
        execution = self.home.run(
            SERVICES,
            EXECUTION_DATE,
            environment={
                "OTEL_ANALYTICS_ENGINE": "trino",
                "OTEL_ANALYTICS_TRINO_PORT": str(trino.port),
                "OTEL_ANALYTICS_TRINO_SCHEMA": trino.schema,
                "OTEL_ANALYTICS_TRINO_STORAGE": trino.storage,
            },
        )
        with open_trino(self.settings) as aws:
            levels = sum(
                one["Statistics"]["DataScannedInBytes"]
                for one in aws.athena.executions.latest(1000)
                if "partitioned_by" in one["Query"]
            )
            rounds = [ask(aws, "activity") for _ in range(ROUNDS)]
        return Measured(execution.refresh_s, levels, rounds)


def new_trino_home(cluster: script.Cluster, lake: Path) -> TrinoHome:
    """Return a home over a lake, with nothing built."""
    home = new_home(Path(cluster.folder) / "homes" / "bench", lake)
    trino = Trino(port=cluster.port, schema="bench", storage="local:///homes/bench/s3/")
    return TrinoHome(home, replace(home.settings, engine="trino", trino=trino))


def ask(aws: EmbeddedAws, source: str) -> Round:
    """Return what the 14 statements took."""
    return asked(aws.athena, aws.settings.athena.database, texts(aws.settings, source))


def texts(settings: Settings, source: str) -> list[str]:
    """Return the 14 statements."""
    return [
        build_select(QueryRequest(query_type, (service,), EXECUTION_DATE, source), settings).sql(
            "athena"
        )
        for service in SERVICES
        for query_type in load_catalog()
    ]


if __name__ == "__main__":
    main()
