"""What the catalog's tables are in Trino, where others are at the same tables, or have been."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Trino
from otel_analytics.errors import QueryFailed
from otel_analytics.local.jobs import Job
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.names import S3Address
from otel_analytics.operations.catalog import Table
from otel_analytics.query.statements import Column, TableName
from otel_analytics.trino.client import TrinoClient
from otel_analytics.trino.mirror import Mirror
from tests.trino.coordinators import coordinator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.trino.coordinators import Coordinator

LOGS = Table(
    database="log_db",
    name="logall",
    columns=(Column("body", "string"),),
    partition_keys=(Column("day", "string"),),
    location="s3://bucket/logall/",
)


class Metastore:
    """Answers statements: `failing` are codes that those fail with, once, that begin so."""

    def __init__(self, server: Coordinator, *, home: str | None) -> None:
        self.server, self.home = server, home
        self.failing: list[tuple[str, str]] = []
        server.pages += [self.answer] * 99

    def answer(self) -> dict[str, Any]:
        sql = self.server.statements[-1]
        for place, (beginning, code) in enumerate(self.failing):
            if sql.startswith(beginning):
                del self.failing[place]
                return self.failure(code)
        if found := re.match(r"CREATE VIEW .*\"home\" AS SELECT '(.*)' AS home$", sql):
            if self.home is not None:
                return self.failure("TABLE_ALREADY_EXISTS")
            self.home = found[1]
        if sql.startswith("SELECT home FROM"):
            if self.home is None:
                return self.failure("TABLE_NOT_FOUND")
            kind = {"rawType": "varchar", "arguments": [{"kind": "LONG", "value": 99}]}
            columns = [{"name": "home", "type": "varchar", "typeSignature": kind}]
            return self.server.page(columns=columns, data=[[self.home]])
        return self.server.page()

    def failure(self, code: str) -> dict[str, Any]:
        error = {"errorName": code, "errorType": "USER_ERROR", "message": "as it is"}
        return self.server.page(error=error)

    def heard(self, beginning: str) -> int:
        return sum(sql.startswith(beginning) for sql in self.server.statements)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    store = ObjectStore(tmp_path / "s3", tmp_path / "tmp")
    (tmp_path / "s3").mkdir()
    (tmp_path / "tmp").mkdir()
    store.put(S3Address.parse("s3://bucket/logall/day=01/a.parquet"), b"PAR1")
    return store


@contextmanager
def metastore(store: ObjectStore, *, home: str | None = None) -> Iterator[tuple[Metastore, Mirror]]:
    with coordinator() as server:
        settings = Trino(host="127.0.0.1", port=server.port)
        client = TrinoClient(settings, environment={}, pause=lambda _seconds: None)
        mirror = Mirror(client, store, "hive", {}, storage="s3://", home="mine")
        yield Metastore(server, home=home), mirror


@pytest.mark.parametrize("code", ["ALREADY_EXISTS", "NOT_FOUND"])
def test_another_process_may_look_for_the_same_partitions(code: str, store: ObjectStore) -> None:
    call = 'CALL "hive"."system"."sync_partition_metadata"'
    with metastore(store) as (trino, mirror):
        trino.failing.append((call, code))
        assert mirror.relation(LOGS, Job()).startswith('"hive"."log_db_files"."logall_')
        assert trino.heard(call) == 2
        # and from then on they are known
        mirror.relation(LOGS, Job())
        assert trino.heard(call) == 2


def test_a_schema_is_the_first_homes_that_comes(store: ObjectStore) -> None:
    with metastore(store) as (trino, mirror):
        mirror.relation(LOGS, Job())
        assert trino.home == "mine"


@pytest.mark.parametrize("moment", ["before", "just now"])
def test_the_schema_of_another_home_is_refused_and_left_alone(
    moment: str, store: ObjectStore
) -> None:
    with metastore(store, home="theirs") as (trino, mirror):
        if moment == "just now":  # after this one has looked
            trino.failing.append(("SELECT home", "TABLE_NOT_FOUND"))
        message = (
            r'^PERMISSION_DENIED: the schema "hive"\."log_db_files" is of another home, theirs, .*'
            r"set trino\.schema"
        )
        for use in (
            lambda: mirror.relation(LOGS, Job()),
            lambda: mirror.show(TableName("logall", "log_db"), LOGS),
            lambda: mirror.show(TableName("logall", "log_db"), None),
            lambda: mirror.sweep("log_db"),
            lambda: mirror.scratch_name("log_db", "token", Job()),
        ):
            with pytest.raises(QueryFailed, match=message) as refused:
                use()
            assert not refused.value.is_retryable
        said = {sql.split(" ")[0] for sql in trino.server.statements} - {"SELECT"}
        assert said == {"CREATE"}  # its own schema, if it is not there
        assert trino.heard("CREATE OR REPLACE") + trino.heard("CREATE TABLE") == 0


def test_what_was_dropped_meanwhile_is_made_again(store: ObjectStore) -> None:
    with metastore(store) as (trino, mirror):
        mirror.relation(LOGS, Job())
        trino.home = None  # DROP SCHEMA … CASCADE
        trino.failing.append(("CREATE OR REPLACE VIEW", "TABLE_NOT_FOUND"))
        mirror.show(TableName("logall", "log_db"), LOGS)
        assert trino.home == "mine"
        assert trino.heard("CREATE TABLE IF NOT EXISTS") == 2
        assert trino.heard("CREATE OR REPLACE VIEW") == 2
        # what is not there though it was just made is no matter of that
        trino.failing += [("CREATE OR REPLACE VIEW", "TABLE_NOT_FOUND")] * 2
        with pytest.raises(QueryFailed, match="TABLE_NOT_FOUND"):
            mirror.show(TableName("logall", "log_db"), LOGS)
