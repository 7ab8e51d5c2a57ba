"""The seven questions from the raw logs, our queries in DuckDB: `python -m bench.raw`.

Asked as the peers are (bench/peers/ask.py): no state machine, no tables written. The instance is
new for each round, since DuckDB keeps in memory what it has read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from bench.peers.ask import main
from otel_analytics.config import Settings
from otel_analytics.query.build import QueryRequest, build_select
from otel_analytics.query.dialects import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.peers.ask import Question

__all__ = ["connect", "scanned_bytes"]

SETTINGS = Settings()


def connect(lake: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection that has `logall` and counts what it reads."""
    files = sorted(str(file) for file in lake.rglob("*.parquet"))
    connection = duckdb.connect(config={"memory_limit": SETTINGS.memory_limit})
    connection.execute(f"CREATE SCHEMA {SETTINGS.athena.database}")
    connection.execute(
        f"CREATE VIEW {SETTINGS.athena.database}.logall AS FROM read_parquet({files}, "
        "hive_partitioning = true, hive_types_autocast = false)"
    )
    connection.execute("PRAGMA enable_profiling = 'no_output'")
    return connection


def scanned_bytes(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the bytes that the last statement read."""
    return int(json.loads(connection.get_profiling_information("json"))["io"]["total_bytes_read"])


def run() -> None:
    """Answer what the command line asks."""
    texts: dict[Question, list[str]] = {}
    total = 0

    def opened(lake: Path) -> Callable[[Question], pa.Table]:
        connection = connect(lake)

        def answer(question: Question) -> pa.Table:
            nonlocal total
            if question not in texts:
                texts[question] = statements(question)
            *prelude, query = texts[question]
            for statement in prelude:
                connection.execute(statement)
            rows = connection.execute(query).fetchall()
            total += scanned_bytes(connection)
            names = [name for name, *_ in connection.description or ()]
            return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])

        return answer

    main(opened, anew=True, bytes_read=lambda: total)


def statements(question: Question) -> list[str]:
    """Return a question in DuckDB's dialect, after what its session needs."""
    request = QueryRequest(
        question.name, (question.service,), question.execution_date, source="raw"
    )
    return render(build_select(request, SETTINGS), "duckdb").split(";\n")


if __name__ == "__main__":
    run()
