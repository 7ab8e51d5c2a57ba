"""An engine whose readers do without the catalog is told of each change, until it has heard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.errors import QueryFailed
from otel_analytics.query.statements import TableName

if TYPE_CHECKING:
    from local.conftest import Account

    from otel_analytics.local.engine import Engine
    from otel_analytics.local.jobs import Job
    from otel_analytics.operations.catalog import Table

CTAS = "CREATE TABLE {}t WITH (external_location = 's3://bucket/t/') AS SELECT 1 AS a"
EXTERNAL = "CREATE EXTERNAL TABLE {}t (a int) STORED AS PARQUET LOCATION 's3://bucket/t/'"


class Shown:
    """An engine that remembers what it has shown, and may be out of reach."""

    def __init__(self, engine: Engine) -> None:
        self.select, self.create_table_as = engine.select, engine.create_table_as
        self.views: dict[str, Table] = {}
        self.is_reached = True

    def show(self, find: Any) -> None:
        if not self.is_reached:
            raise QueryFailed("GENERIC_INTERNAL_ERROR: the cluster does not answer")
        for name, table in find().items():
            self.views.pop(name.name, None)
            if table is not None:
                self.views[name.name] = table


@pytest.fixture
def shown(account: Account) -> tuple[Account, Shown]:
    engine = Shown(account.athena.engine)
    return replace(account, athena=replace(account.athena, engine=engine)), engine


@pytest.mark.parametrize("create", [CTAS, EXTERNAL])
def test_a_table_that_cannot_be_shown_is_not_made_and_can_be_made_again(
    create: str, shown: tuple[Account, Shown]
) -> None:
    account, engine = shown
    engine.is_reached = False
    assert "does not answer" in account.reason(create.format(""))
    assert account.catalog.find(TableName("t", "log_db")) is None
    assert account.objects("s3://bucket/") == []
    engine.is_reached = True
    account.done(create.format(""))
    assert list(engine.views) == ["t"]


@pytest.mark.parametrize("create", [CTAS, EXTERNAL])
def test_a_table_that_is_there_already_is_shown_again(
    create: str, shown: tuple[Account, Shown]
) -> None:
    account, engine = shown
    account.done(create.format("IF NOT EXISTS "))
    engine.views.clear()  # as if the process had ended before the view was made
    account.done(create.format("IF NOT EXISTS "))
    assert list(engine.views) == ["t"]


def test_a_table_whose_view_cannot_be_dropped_stays_and_can_be_dropped_again(
    shown: tuple[Account, Shown],
) -> None:
    account, engine = shown
    account.done(CTAS.format(""))
    engine.is_reached = False
    assert "does not answer" in account.reason("DROP TABLE IF EXISTS t")
    assert account.rows("SELECT a FROM t") == [(1,)]
    engine.is_reached = True
    account.done("DROP TABLE IF EXISTS t")
    assert (account.catalog.find(TableName("t", "log_db")), engine.views) == (None, {})


def test_a_table_that_is_not_there_needs_nobody_to_be_told(shown: tuple[Account, Shown]) -> None:
    account, engine = shown
    engine.is_reached = False
    account.done("DROP TABLE IF EXISTS t")


class Measuring:
    """An engine that says what a query took, and fails."""

    def select(self, _query: Any, _tables: Any, job: Job) -> Any:
        job.measured((90.0, 5.0), 10**12)
        raise QueryFailed("REMOTE_HOST_GONE: a worker is gone", is_retryable=True)


def test_a_query_that_failed_is_recorded_with_what_it_took(account: Account) -> None:
    athena = replace(account.athena, engine=Measuring())
    failed = athena.start_query_execution("SELECT 1")
    statistics = athena.executions.get(failed.id)["Statistics"]
    assert statistics["DataScannedInBytes"] == 10**12
    assert statistics["EngineExecutionTimeInMillis"] == 90_000
    assert statistics["QueryQueueTimeInMillis"] == 5_000
