"""DuckDB's threads: as many as cores, those of its callers included."""

from __future__ import annotations

import duckdb
import pytest

from otel_analytics.local.threads import Threads


@pytest.mark.parametrize(
    ("cores", "builds_at_once", "of_builds"), [(8, 2, 7), (8, 1, 8), (2, 2, 1), (2, 5, 1)]
)
def test_of_builds_at_once_each_brings_a_thread_of_its_own(
    cores: int, builds_at_once: int, of_builds: int
) -> None:
    with duckdb.connect(config={"threads": cores}) as connection:
        threads = Threads(connection, builds_at_once=builds_at_once)

        def now() -> int:
            ((found,),) = connection.execute("SELECT current_setting('threads')").fetchall()
            return int(found)

        for is_build, wanted in ((False, cores), (True, of_builds), (True, of_builds)):
            threads.share(is_build=is_build)
            assert now() == wanted
        threads.share(is_build=False)
        assert now() == cores
