"""A home whose raw logs the tests write file by file, and its activity tables, refreshed."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from otel_analytics.config import Settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.metrics import load_catalog
from otel_analytics.names import S3Address
from otel_analytics.operations.catalog import Table
from otel_analytics.operations.refresher import activity_refresher
from otel_analytics.query.build import QueryRequest, build_select
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.local.query_executions import QueryExecution
    from otel_analytics.operations.catalog import Partition
    from tests.oracle.seven_tables import Event

__all__ = ["Lake", "at", "open_lake", "partitions_of"]

# The columns of `logall` that anything reads, and those of a table in the seed's shape.
_TYPES = {"timestamp": "timestamp", "service_name": "string", "event_name": "string",
          "user_key": "string", "session_id": "string"}  # fmt: skip
_SEED_TYPES = {
    "timestamp": "timestamp",
    "body": "string",
    "attributes": "struct<`resource.service.name`:string,`userKey`:string,`sessionId`:string>",
}


def at(text: str) -> int:
    """Return a time of UTC, written as `2025-03-01 12:00`, in nanoseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@dataclass(frozen=True)
class Lake:
    """One home and its settings, which a test may change."""

    aws: EmbeddedAws
    settings: Settings

    def with_settings(self, settings: Settings) -> Lake:
        return replace(self, settings=settings)

    def folder(self, partition: date) -> Path:
        """Return the folder of a partition of the raw logs."""
        table = f"{self.settings.lake}/{self.settings.source.table}/"
        root = self.aws.store.path(S3Address.parse(table))
        return root / f"year={partition:%Y}" / f"month={partition:%m}" / f"day={partition:%d}"

    def write(self, partition: date, name: str, events: Sequence[Event]) -> Path:
        """Write a file of raw logs; one of that name is replaced."""
        folder = self.folder(partition)
        folder.mkdir(parents=True, exist_ok=True)
        rows = _seed_rows if self.settings.source.table == "seed_logs" else _rows
        pq.write_table(rows(events), folder / "unfinished")
        return (folder / "unfinished").replace(folder / f"{name}.parquet")

    def remove(self, file: Path) -> None:
        file.unlink()
        if not any(file.parent.iterdir()):
            file.parent.rmdir()

    def call(self, action: str, **event: Any) -> dict[str, Any]:
        """Call the Lambda."""
        aws = self.aws
        refresher = activity_refresher(
            self.settings, aws.catalog, aws.store, now=_no_clock, show=aws.athena.show
        )
        return refresher({"action": action, **event})

    def plan(self, execution_date: date) -> dict[str, Any]:
        return self.call("plan", execution_time=None, execution_date=execution_date.isoformat())

    def refresh(self, execution_date: date, execution: str = "test") -> list[dict[str, Any]]:
        """Do what the state machine does; return the steps that were taken."""
        steps = []
        for number in range(20):
            plan = self.plan(execution_date)
            for place, stage in enumerate(plan["stages"]):
                for index, step in enumerate(stage["steps"]):
                    self.take(step, execution=execution, number=f"{number}_{place}_{index}")
                    steps.append(step)
            if not plan["has_more"]:
                return steps
        raise AssertionError("there is no end to the refresh")

    def take(self, step: dict[str, Any], *, execution: str, number: str) -> None:
        """Build and register one step."""
        inputs = self.build(step, execution=execution, number=number)
        self.register(step, inputs, execution=execution, number=number)

    def build(self, step: dict[str, Any], *, execution: str, number: str) -> str:
        built = self.call("build", **step, execution=execution, step=number)
        self.query(built["query_string"].replace("{attempt}", "0")).raise_if_failed()
        return str(built["inputs"])

    def register(
        self, step: dict[str, Any], inputs: str, *, execution: str, number: str
    ) -> dict[str, Any]:
        return self.call(
            "register", **step, execution=execution, step=number, attempt="0", inputs=inputs
        )

    def query(self, sql: str) -> QueryExecution:
        return self.aws.athena.start_query_execution(sql, database=self.settings.athena.database)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        execution = self.query(sql)
        execution.raise_if_failed()
        assert execution.rows is not None
        return list(execution.rows.rows)

    def tables(
        self, source: str, services: Sequence[str], execution_date: date
    ) -> dict[str, tuple[Any, list[str]]]:
        """Return columns and rows of the seven tables, as built from a source."""
        tables = {}
        for query_type in load_catalog():
            request = QueryRequest(query_type, tuple(services), execution_date, source)
            execution = self.query(build_select(request, self.settings).sql("athena"))
            execution.raise_if_failed()
            assert execution.rows is not None
            rows = sorted(map(repr, execution.rows.rows))
            tables[query_type] = (execution.rows.columns, rows)
        return tables


def partitions_of(lake: Lake, level: str) -> dict[str, Partition]:
    """Return the partitions that are registered of a level, by their periods."""
    table = lake.aws.catalog.table(TableName(level, lake.settings.athena.database))
    return {partition.values[0]: partition for partition in table.partitions}


def _no_clock() -> datetime:
    raise AssertionError("the tests give the date")


@contextmanager
def open_lake(
    folder: Path,
    settings: Settings | None = None,
    *,
    copy_of: Path | None = None,
    open_aws: Callable[..., AbstractContextManager[EmbeddedAws]] = open_embedded_aws,
) -> Iterator[Lake]:
    """Open a home with an empty table of raw logs, or a copy of a home; it is gone afterwards.

    `open_aws` opens it; by default its engine is DuckDB.
    """
    settings = replace(settings or Settings(), home=str(folder))
    if copy_of is not None:
        shutil.copytree(copy_of, folder)  # with the files' times, which tell one from another
    with open_aws(settings) as aws:
        if copy_of is None:
            aws.catalog.create_table(_raw_logs(settings))
        yield Lake(aws, settings)
    shutil.rmtree(folder)


def _raw_logs(settings: Settings) -> Table:
    table = settings.source.table
    types = _SEED_TYPES if table == "seed_logs" else _TYPES
    return Table(
        database=settings.athena.database,
        name=table,
        columns=tuple(Column(*item) for item in types.items()),
        partition_keys=tuple(Column(key, "string") for key in settings.source.partitions),
        location=f"{settings.lake}/{table}/",
    )


def _rows(events: Sequence[Event]) -> pa.Table:
    return pa.table(
        {
            "timestamp": _times(events),
            "service_name": _texts(event.service_name for event in events),
            "event_name": _texts(event.event_name for event in events),
            "user_key": _texts(event.user_key for event in events),
            "session_id": _texts(event.session_id for event in events),
        }
    )


def _seed_rows(events: Sequence[Event]) -> pa.Table:
    names = ("resource.service.name", "userKey", "sessionId")
    attributes = [
        dict(zip(names, (event.service_name, event.user_key, event.session_id), strict=True))
        for event in events
    ]
    return pa.table(
        {
            "timestamp": _times(events),
            "body": _texts(event.event_name for event in events),
            "attributes": pa.array(attributes, pa.struct([(name, pa.string()) for name in names])),
        }
    )


def _times(events: Sequence[Event]) -> pa.Array:
    return pa.array([event.time_unix_nano // 10**6 for event in events], pa.timestamp("ms"))


def _texts(values: Any) -> pa.Array:
    return pa.array(list(values), pa.string())
