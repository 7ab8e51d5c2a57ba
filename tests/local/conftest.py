"""A home with its parts, for each test of this room."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.local.athena import Athena
from otel_analytics.local.catalog import Catalog
from otel_analytics.local.engine import Engine
from otel_analytics.local.executions import Executions
from otel_analytics.local.home import Home, open_home
from otel_analytics.local.query_executions import QueryExecution, QueryExecutions
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.names import S3Address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Account:
    """What stands for one AWS account."""

    home: Home
    store: ObjectStore
    catalog: Catalog
    athena: Athena
    executions: Executions

    def execute(self, sql: str, **options: Any) -> QueryExecution:
        return self.athena.start_query_execution(sql, database="log_db", **options)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        execution = self.execute(sql)
        execution.raise_if_failed()
        assert execution.rows is not None
        return list(execution.rows.rows)

    def done(self, sql: str) -> QueryExecution:
        execution = self.execute(sql)
        execution.raise_if_failed()
        return execution

    def reason(self, sql: str) -> str:
        execution = self.execute(sql)
        assert execution.state == "FAILED"
        assert execution.reason is not None
        return execution.reason

    def objects(self, prefix: str) -> list[str]:
        return [str(one.address) for one in self.store.list(S3Address.parse(prefix))]

    def path(self, address: str) -> Path:
        return self.store.path(S3Address.parse(address))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def account(home: Home) -> Iterator[Account]:
    store = ObjectStore(home.s3, home.tmp)
    ticks = itertools.count(1_700_000_000)
    numbers = itertools.count(1)
    catalog = Catalog(home, clock=lambda: 1_700_000_000.5)
    engine = Engine(store, schemas=home.schemas, memory_limit="500MB")
    athena = Athena(
        catalog,
        store,
        engine,
        QueryExecutions(home),
        clock=lambda: float(next(ticks)),
        new_id=lambda: f"query-{next(numbers)}",
    )
    yield Account(home, store, catalog, athena, Executions(home))
    engine.close()
