"""What the tests of the lake share: messages to ingest, and the rows and quarantine that result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from otel_analytics.config import Keys
from otel_analytics.lake.ingest import ingest

if TYPE_CHECKING:
    from pathlib import Path

    from otel_analytics.lake.report import IngestReport, SourceReport

NOON = 1_704_110_400 * 10**9  # 2024-01-01T12:00:00Z
DAY = 86_400 * 10**9


def take_in(lake: Path, *paths: Path, processes: int = 1) -> IngestReport:
    return ingest(paths, lake=lake, keys=Keys(), processes=processes)


def take_in_content(folder: Path, content: bytes | str, *, name: str = "logs") -> SourceReport:
    """Ingest one file into `folder / "lake"` and return its report."""
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return take_in(folder / "lake", file).sources[0]


def rows(lake: Path) -> list[dict[str, Any]]:
    """The rows of `logall`, its partition included, in order of time and body."""
    found = []
    for file in sorted((lake / "logall").rglob("*.parquet")):
        partition = dict(part.split("=") for part in file.parent.relative_to(lake / "logall").parts)
        for row in pq.ParquetFile(file).read().to_pylist():
            row["attributes"] = dict(row["attributes"])
            found.append(row | partition)
    return sorted(found, key=lambda row: (row["time_unix_nano"], row["body"] or ""))


def quarantine(lake: Path) -> list[dict[str, Any]]:
    files = sorted((lake / "quarantine").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def files_in(lake: Path) -> dict[str, bytes]:
    """Every file of the lake but the lock, with its content."""
    return {
        str(path.relative_to(lake)): path.read_bytes()
        for path in lake.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def record(body: str = "b", *, time: Any = str(NOON), **fields: Any) -> dict[str, Any]:
    return {"timeUnixNano": time, "body": {"stringValue": body}, **fields}


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def message(*records: Any, service: str | None = "shop") -> dict[str, Any]:
    named = [attribute("service.name", stringValue=service)] if service else []
    return {
        "resourceLogs": [
            {"resource": {"attributes": named}, "scopeLogs": [{"logRecords": list(records)}]}
        ]
    }


def json_message(*records: Any, service: str | None = "shop") -> str:
    return json.dumps(message(*records, service=service))
