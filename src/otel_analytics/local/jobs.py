"""What Athena has an engine do: a query under way, what it wrote, and that it was cancelled.

Must not know an engine.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.names import S3Address
    from otel_analytics.operations.catalog import Table
    from otel_analytics.query.statements import Column, CreateTableAs, Query, Rows, TableName

__all__ = ["Interruptible", "Job", "QueryCancelled", "QueryEngine", "Written"]

_INTERRUPT_EVERY_S: Final = 0.02


class QueryCancelled(Exception):  # noqa: N818 - reads as what happened
    """The query was interrupted because its task was cancelled."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a CTAS wrote: its columns, those that it is partitioned by last, and its objects."""

    columns: tuple[Column, ...]
    objects: tuple[S3Address, ...]
    scanned_bytes: int


class Interruptible(Protocol):
    """What does a query, and can be asked from another thread to stop."""

    def interrupt(self) -> None:
        """Ask it to stop; more than once is no matter."""


class Job:
    """One query under way, which can be cancelled from another thread.

    `on_submit` is told that an engine has it, and by which id if the engine gives one.
    """

    def __init__(self, on_submit: Callable[[str | None], None] = lambda _identifier: None) -> None:
        self._on_submit = on_submit
        # how long the engine took, how long the query waited before, and what was read, where the
        # engine says it of queries that fail too
        self.times_s: tuple[float, float] | None = None
        self.scanned_bytes = 0
        self._cancelled = threading.Event()
        self._done = threading.Event()
        # while it is held, what does the query is not closed
        self._turn = threading.Lock()
        self._worker: Interruptible | None = None

    def cancel(self) -> None:
        """Have the query stop soon; returns at once."""
        self._cancelled.set()
        threading.Thread(target=self._interrupt, name="cancel-query", daemon=True).start()

    def _interrupt(self) -> None:
        # DuckDB forgets an interrupt that comes just before a statement begins
        while not self._done.wait(_INTERRUPT_EVERY_S):
            with self._turn:
                if self._worker is not None:
                    self._worker.interrupt()

    def submitted(self, identifier: str | None = None) -> None:
        """Say that the engine has the query."""
        self._on_submit(identifier)

    def measured(self, times_s: tuple[float, float], scanned_bytes: int) -> None:
        """Say what the query has taken, however it ended."""
        self.times_s = times_s
        self.scanned_bytes = scanned_bytes

    def run_on(self, worker: Interruptible) -> None:
        """Say what works for this job.

        Raises: QueryCancelled if the job was cancelled already
        """
        self._done.clear()
        with self._turn:
            self._worker = worker
        if self._cancelled.is_set():
            raise QueryCancelled("Query cancelled by user")

    def finish(self) -> None:
        """Say that the job is over; what worked for it may be closed then."""
        with self._turn:
            self._worker = None
        self._done.set()


class QueryEngine(Protocol):
    """What executes queries over tables of the catalog: DuckDB, or Trino."""

    def select(self, query: Query, tables: Mapping[TableName, Table], job: Job) -> Rows:
        """Return the rows of a query.

        Raises: QueryFailed in Athena's words; QueryCancelled
        """

    def create_table_as(
        self,
        create: CreateTableAs,
        tables: Mapping[TableName, Table],
        job: Job,
        *,
        location: S3Address,
        token: str,
    ) -> Written:
        """Write a query's rows as Parquet at a location, all of it or nothing.

        `token` is no other query's.

        Raises: QueryFailed in Athena's words; QueryCancelled
        """

    def sweep(self, database: str) -> None:
        """Forget what is known of a database's tables whose data are gone.

        Raises: QueryFailed
        """

    def show(self, find: Callable[[], Mapping[TableName, Table | None]]) -> None:
        """Have whoever reads without the catalog see the tables that `find` gives; None: none.

        Raises: QueryFailed
        """
