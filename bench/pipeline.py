"""The daily run through the state machine, beside the same queries in bare DuckDB.

The peer is what a person would write without this project: the seven queries of each service, one
after the other, over the same Parquet files, into Parquet, and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from otel_analytics.config import Settings, load_settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.metrics import load_catalog
from otel_analytics.query.build import QueryRequest, build_select
from otel_analytics.query.dialects import render

__all__ = ["main"]

SERVICES = ("theshop-web", "theshop-app")
EXECUTION_DATE = date(2025, 4, 1)
DAYS = 90
RUNS = 5

# Two services of different size; sessions that cross midnight; a tenth of the records without a
# user, a twentieth without a session; hashes of a counter instead of chance.
GENERATE = """
COPY (
    SELECT
        ts::TIMESTAMP_MS AS timestamp,
        epoch_ns(ts) AS time_unix_nano,
        CASE hash(i, 'name') % 10
            WHEN 0 THEN 'commerce.session.start' WHEN 1 THEN 'commerce.cart.add'
            WHEN 2 THEN 'commerce.product.view' WHEN 3 THEN 'commerce.product.view'
            ELSE 'page.' || (hash(i, 'page') % 40) END AS event_name,
        NULL::VARCHAR AS body, 9 AS severity_number, 'INFO' AS severity_text,
        NULL::VARCHAR AS trace_id, NULL::VARCHAR AS span_id,
        CASE WHEN session % 4 = 0 THEN 'theshop-app' ELSE 'theshop-web' END AS service_name,
        CASE WHEN hash(i, 'user') % 10 > 0
            THEN 'user-' || (hash(session) % {users}) END AS user_key,
        CASE WHEN hash(i, 'session') % 20 > 0 THEN 'session-' || session END AS session_id,
        '{source}' AS source_id,
        MAP {{'device': 'd' || (i % 3), 'resource.service.version': '1.2.3'}} AS attributes,
        strftime(ts, '%Y') AS year, strftime(ts, '%m') AS month, strftime(ts, '%d') AS day
    FROM (
        SELECT i, i // 12 AS session,
            TIMESTAMP '{first} 00:00:00'
            + INTERVAL ({day} * 86400000::BIGINT + hash(i // 12, 'start') % 86400000
                        + (i % 12) * 40000) MILLISECOND AS ts
        FROM range({begin}, {end}) AS counter(i)
    )
    ORDER BY ts
) TO '{folder}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (year, month, day), APPEND)
"""


def main() -> None:
    """Generate, run both, print the medians and their ratio. SCALE is the number of events."""
    events = int(os.environ.get("SCALE", "1_000_000"))
    home = Path("build/bench") / f"pipeline-{events}"
    settings = load_settings(environment={}, flags={"home": str(home)})
    with open_embedded_aws(settings) as aws:
        folder = aws.lake_folder() / "logall"
        aws.register_logall()
    if not folder.exists():
        generate(folder, events)
    files = sorted(str(file) for file in folder.rglob("*.parquet"))
    ours = [run_pipeline(home) for _ in range(RUNS)]
    peer = [run_bare(files, settings, home / "bare") for _ in range(RUNS)]
    ratio = statistics.median(ours) / statistics.median(peer)
    print(f"{events:,} events, {DAYS} days, {len(files)} files, {len(SERVICES)} services")
    print(f"state machine, start to stop: {shown(ours)}")
    print(f"bare DuckDB, 14 queries:      {shown(peer)}")
    print(f"ratio: {ratio:.2f}")


def shown(seconds: list[float]) -> str:
    """Return the median and the range."""
    middle = statistics.median(seconds)
    return f"{middle:.2f} s (median of {len(seconds)}; {min(seconds):.2f}–{max(seconds):.2f})"


def generate(folder: Path, events: int) -> None:
    """Write the days' events as the lake has them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        per_day = events // DAYS // 12 * 12
        for day in range(DAYS):
            connection.execute(
                GENERATE.format(
                    first=EXECUTION_DATE - timedelta(days=DAYS),
                    day=day,
                    begin=day * per_day,
                    end=(day + 1) * per_day,
                    users=max(1, events // 60),
                    source=f"{day:064}",
                    folder=folder,
                )
            )


def run_pipeline(home: Path) -> float:
    """Return how long one execution took, from its start to its stop."""
    command = [Path(sys.executable).with_name("otel-analytics"), "--home", home, "run", *SERVICES]
    command += ["--execution-date", EXECUTION_DATE.isoformat(), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    execution = json.loads(done.stdout)
    start, stop = (datetime.fromisoformat(execution[key]) for key in ("startDate", "stopDate"))
    return (stop - start).total_seconds()


def run_bare(files: list[str], settings: Settings, folder: Path) -> float:
    """Return how long the same queries take one after the other, without anything around them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA log_db")
        connection.execute(
            f"CREATE VIEW log_db.logall AS FROM read_parquet({files}, hive_partitioning = true, "
            "hive_types_autocast = false)"
        )
        texts = [
            render(build_select(QueryRequest(kind, (service,), EXECUTION_DATE), settings), "duckdb")
            for service in SERVICES
            for kind in load_catalog()
        ]
        began = time.perf_counter()
        for number, text in enumerate(texts):
            *prelude, query = text.rstrip(";").split(";\n")
            for statement in prelude:
                connection.execute(statement)
            connection.execute(f"COPY ({query}) TO '{folder}/{number}.parquet' (FORMAT parquet)")
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
