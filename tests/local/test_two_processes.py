"""A run in one process and queries in another, over the same home."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.conftest import Account

_BUILD_TABLES = """
import sys
from pathlib import Path
from otel_analytics.local.athena import Athena
from otel_analytics.local.catalog import Catalog
from otel_analytics.local.engine import Engine
from otel_analytics.local.home import open_home
from otel_analytics.local.query_executions import QueryExecutions
from otel_analytics.local.s3 import ObjectStore

home = open_home(Path(sys.argv[1]))
store = ObjectStore(home.s3, home.tmp)
engine = Engine(store, schemas=home.schemas, memory_limit="200MB")
athena = Athena(Catalog(home), store, engine, QueryExecutions(home))
print("ready", flush=True)
for number in range(25):
    athena.start_query_execution(
        f"CREATE TABLE t{number} WITH (external_location = 's3://bucket/t{number}/') AS "
        f"SELECT n, {number} AS k FROM UNNEST(sequence(1, 1000)) AS t(n)",
        database="log_db",
    ).raise_if_failed()
"""


def test_a_reader_sees_each_table_whole_or_not_at_all(account: Account) -> None:
    command = [sys.executable, "-c", _BUILD_TABLES, str(account.home.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        seen: set[str] = set()
        while len(seen) < 25:
            died = writer.poll()
            for (name,) in account.rows("SHOW TABLES"):
                rows = account.rows(f"SELECT count(*), sum(n), max(k) FROM {name}")
                assert rows == [(1000, 500500, int(name[1:]))]
                seen.add(name)
            assert died in (None, 0)
            assert died is None or len(account.rows("SHOW TABLES")) == 25
    assert len(account.athena.executions.latest(1000)) > 50
