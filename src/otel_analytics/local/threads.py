"""How many threads DuckDB works with, those of its callers included."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["Threads"]


class Threads:
    """The threads of one DuckDB instance: one for each core.

    DuckDB counts one caller among them, but of several queries at once each has its own. With more
    threads than cores, a first build of the activity tables took a fifth longer. Nobody knows
    whether another build is about to start, so that one by itself has fewer threads, too: a day of
    190,000 events took one thread 60 ms, two 54.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, builds_at_once: int) -> None:
        ((cores,),) = connection.execute("SELECT current_setting('threads')").fetchall()
        self._connection = connection
        self._now = self._of_one = cores
        self._of_builds = max(1, cores - builds_at_once + 1)
        self._turn = threading.Lock()

    def share(self, *, is_build: bool) -> None:
        """Have the threads for a build of partitions, beside which there may be others, or not."""
        wanted = self._of_builds if is_build else self._of_one
        with self._turn:
            if self._now != wanted:
                self._connection.cursor().execute(f"SET threads = {wanted}")
                self._now = wanted
