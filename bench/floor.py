"""One bare pass over the columns that the tables need: `python -m bench.floor LAKE ROUNDS`.

Each column is hashed and summed apart from the others, which is the least that any query over the
raw logs does; prints the seconds and bytes of each round, in an instance of its own.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bench.raw import connect, scanned_bytes

__all__: list[str] = []

COLUMNS = ("service_name", "event_name", "user_key", "session_id")


def run(lake: Path, rounds: int) -> list[dict[str, float]]:
    """Return what each round took, after one to warm up."""
    sums = ", ".join(f"sum(hash({column}))" for column in COLUMNS)
    found = []
    for _ in range(rounds + 1):
        connection = connect(lake)
        began = time.perf_counter()
        connection.execute(f"SELECT {sums} FROM log_db.logall").fetchall()
        seconds = time.perf_counter() - began
        found.append({"seconds": seconds, "bytes": scanned_bytes(connection)})
        connection.close()
    return found[1:]


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]))))
