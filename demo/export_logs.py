"""Write the clickstream as two services' OTLP exports: `python -m demo.export_logs CSV FOLDER`.

The web shop's Collector writes OTLP/JSON lines in gzip, the app's OTLP protobuf in zstd; each has
a file a month.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from demo.clickstream import APP, WEB, read_events
from demo.otlp import export_requests, write_json_lines, write_length_delimited

if TYPE_CHECKING:
    from demo.otlp import ShopEvent

__all__ = ["export_logs"]

WRITERS = {WEB: (write_json_lines, ".jsonl.gz"), APP: (write_length_delimited, ".binpb.zst")}


def export_logs(data_set: Path, folder: Path) -> dict[str, int]:
    """Return how many log records each service has; its files lie in `folder`/service."""
    events = read_events(data_set)
    counts = {}
    for service_name, (write, suffix) in WRITERS.items():
        own = [event for event in events if event.service_name == service_name]
        target = folder / service_name
        target.mkdir(parents=True, exist_ok=True)
        for month, of_month in groupby(own, key=_month):
            write(target / f"{month}{suffix}", export_requests(of_month))
        counts[service_name] = len(own)
    return counts


def _month(event: ShopEvent) -> str:
    return f"{datetime.fromtimestamp(event.time_unix_nano // 10**9, UTC):%Y-%m}"


if __name__ == "__main__":
    for name, records in export_logs(Path(sys.argv[1]), Path(sys.argv[2])).items():
        print(f"{name}: {records:,} log records")
