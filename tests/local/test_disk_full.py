"""A disk that fills while a table is written, on a small file system of its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from otel_analytics.local.athena import Athena
from otel_analytics.local.catalog import Catalog
from otel_analytics.local.engine import Engine
from otel_analytics.local.home import open_home
from otel_analytics.local.query_executions import QueryExecutions
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.names import S3Address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode != 0:
        pytest.skip("a tmpfs may not be mounted here")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_table_for_which_there_is_no_room_leaves_nothing(small_disk: Path) -> None:
    home = open_home(small_disk / "home")
    store = ObjectStore(home.s3, home.tmp)
    engine = Engine(store, schemas=home.schemas, memory_limit="200MB")
    athena = Athena(Catalog(home), store, engine, QueryExecutions(home))
    execution = athena.start_query_execution(
        "CREATE TABLE t WITH (external_location = 's3://bucket/t/') AS "
        "SELECT n * 7919 % 1000003 AS a FROM UNNEST(sequence(1, 2000000)) AS t(n)"
    )
    assert execution.state == "FAILED"
    assert execution.reason is not None
    assert "is full: make room" in execution.reason
    assert list(store.list(S3Address.parse("s3://bucket/"))) == []
    assert athena.catalog.tables("default") == []
    assert athena.start_query_execution("SELECT 1").state == "SUCCEEDED"
    engine.close()
    home.close()
