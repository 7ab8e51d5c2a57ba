"""Ingest against DuckDB's own JSON reader: records a second and memory, in one run.

    .venv/bin/python bench/ingest.py [--records 300000] [--a-line 1000] [--processes 2]

The data are synthetic: log records of 13 attributes over three days, for two services.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from otel_analytics.config import Keys
from otel_analytics.lake.ingest import ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_START_NS = 1_700_000_000 * 10**9
_EVENTS = ("commerce.session.start", "commerce.product.view", "commerce.cart.add", "page.view")


def log_record(rng: random.Random, index: int) -> dict[str, object]:
    """Return one OTLP/JSON log record of 13 attributes."""
    user, name = rng.randrange(20_000), rng.choice(_EVENTS)
    texts = {
        "event.name": name,
        "userKey": f"user-{user:06d}",
        "sessionId": f"session-{user:06d}-{index // 5000}",
        "page.url": f"https://shop.example/{name}/{rng.randrange(1000)}",
        "product.id": f"P{rng.randrange(5000):05d}",
        "device.type": rng.choice(("mobile", "desktop", "tablet")),
        "os.name": rng.choice(("ios", "android", "windows", "macos")),
        "browser.name": rng.choice(("chrome", "safari", "firefox")),
        "country": rng.choice(("KR", "JP", "US", "DE")),
        "app.version": f"3.{rng.randrange(20)}.0",
    }
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in texts.items()]
    attributes.append({"key": "quantity", "value": {"intValue": str(rng.randrange(5))}})
    attributes.append({"key": "price", "value": {"doubleValue": rng.randrange(10_000) / 100}})
    attributes.append({"key": "logged.in", "value": {"boolValue": rng.random() < 0.5}})
    time_ns = _START_NS + index * 864_000 * 1000
    return {
        "timeUnixNano": str(time_ns),
        "observedTimeUnixNano": str(time_ns),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": name},
        "attributes": attributes,
        "traceId": f"{rng.getrandbits(128):032x}",
        "spanId": f"{rng.getrandbits(64):016x}",
    }


def write_lines(path: Path, *, records: int, a_line: int) -> None:
    """Write OTLP/JSON, `a_line` records a line."""
    rng = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, records, a_line):
            service = {
                "key": "service.name",
                "value": {"stringValue": f"shop-{start // a_line % 2}"},
            }
            logs = [log_record(rng, index) for index in range(start, min(start + a_line, records))]
            scopes = [{"scope": {"name": "bench"}, "logRecords": logs}]
            message = {
                "resourceLogs": [{"resource": {"attributes": [service]}, "scopeLogs": scopes}]
            }
            file.write(json.dumps(message, separators=(",", ":")) + "\n")


def with_duckdb(path: Path, target: Path) -> None:
    """Do about the same with DuckDB's typed read_json: the peer."""
    value = "STRUCT(stringValue VARCHAR, intValue VARCHAR, doubleValue DOUBLE, boolValue BOOLEAN)"
    pairs = f"STRUCT(key VARCHAR, value {value})[]"
    record = (
        "STRUCT(timeUnixNano VARCHAR, severityNumber INT, severityText VARCHAR, body "
        f"{value}, attributes {pairs}, traceId VARCHAR, spanId VARCHAR)[]"
    )
    resource_logs = (
        f"STRUCT(resource STRUCT(attributes {pairs}), scopeLogs STRUCT(logRecords {record})[])[]"
    )
    duckdb.sql(
        f"""
        COPY (
            WITH resources AS (
                SELECT unnest(resourceLogs) AS r FROM read_json(
                    '{path}', format = 'newline_delimited', maximum_object_size = 67108864,
                    columns = {{resourceLogs: '{resource_logs}'}})
            ), scopes AS (
                SELECT r.resource.attributes AS resource, unnest(r.scopeLogs) AS s FROM resources
            ), records AS (SELECT resource, unnest(s.logRecords) AS l FROM scopes)
            SELECT make_timestamp(l.timeUnixNano::BIGINT // 1000) AS timestamp,
                l.body.stringValue AS body,
                l.traceId, l.spanId, l.severityNumber, l.severityText,
                map_from_entries(list_transform(l.attributes, lambda a: {{k: a.key,
                    v: coalesce(a.value.stringValue, a.value.intValue, a.value.doubleValue::VARCHAR,
                        a.value.boolValue::VARCHAR)}})) AS attributes,
                strftime(timestamp, '%Y-%m-%d') AS day
            FROM records
        ) TO '{target}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day))
        """
    )


def measured(work: Callable[[Path], object], folder: Path, *, runs: int) -> tuple[float, float]:
    """Return the median of `runs` in seconds, and the peak in MB of one more run.

    The peak is of this process and its children together; to watch it costs time, so that run
    is not timed. Each run gets a folder of its own.
    """
    folder.mkdir(parents=True)
    seconds = []
    for number in range(runs):
        started = time.perf_counter()
        work(folder / str(number))
        seconds.append(time.perf_counter() - started)
        shutil.rmtree(folder / str(number))
    return statistics.median(seconds), _watched_mb(lambda: work(folder / "watched"))


def _watched_mb(work: Callable[[], object]) -> float:
    peak, stop = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.1):
            peak = max(peak, sum(map(_resident_mb, _family(os.getpid()))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        stop.set()
        watcher.join()
    return peak


def _family(process: int) -> Iterator[int]:
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from _family(int(child))


def _resident_mb(process: int) -> float:
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass  # it has ended
    return 0.0


def main() -> None:
    """Generate, ingest, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--a-line", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        path = folder / "logs.jsonl"
        write_lines(path, records=arguments.records, a_line=arguments.a_line)
        print(f"{arguments.records} records, {path.stat().st_size / 1e6:.0f} MB of JSON lines")

        def ours(lake: Path) -> None:
            report = ingest([path], lake=lake, keys=Keys(), processes=arguments.processes)
            assert report.written == arguments.records, report

        for name, work in (
            ("otel-analytics", ours),
            ("DuckDB read_json", lambda target: with_duckdb(path, target)),
        ):
            seconds, peak = measured(work, folder / name, runs=arguments.runs)
            rate = arguments.records / seconds
            print(
                f"{name:18} {rate:9,.0f} records/s {seconds:7.2f} s (median of {arguments.runs}) "
                f"{peak:7.0f} MB at most"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
