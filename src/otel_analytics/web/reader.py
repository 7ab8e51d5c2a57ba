"""What pages read, for many requests at once; a result is kept until tables are published again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otel_analytics.names import EXECUTION_PARAMETER
from otel_analytics.web.services import list_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.config import Settings
    from otel_analytics.operations.catalog import Table
    from otel_analytics.operations.engine import Engine
    from otel_analytics.query.statements import Rows
    from otel_analytics.web.services import Service

__all__ = ["Reader"]

_KEPT_ROWS: Final = 500_000
_CATALOG_S: Final = 1.0


@dataclass(slots=True)
class Reader:
    """One engine, read by many threads.

    Queries are cancelled after `timeout_s`. `clock` gives seconds that never go back.
    """

    engine: Engine
    timeout_s: float
    clock: Callable[[], float] = time.monotonic
    _turn: threading.Lock = field(default_factory=threading.Lock)
    # of its own: a catalog may take long to answer, and results that are there need not wait for it
    _catalog_turn: threading.Lock = field(default_factory=threading.Lock)
    _tables: tuple[float, tuple[Table, ...]] | None = None
    # by statement and what was published then; a result that is awaited is awaited by all
    _results: OrderedDict[tuple[str, str], Future[Rows]] = field(default_factory=OrderedDict)

    @property
    def settings(self) -> Settings:
        """The settings of the engine."""
        return self.engine.settings

    def services(self) -> tuple[Service, ...]:
        """Return the services that have published tables."""
        return list_services(self.tables())

    def tables(self) -> tuple[Table, ...]:
        """Return the tables of the database, as they were at most a second ago."""
        with self._catalog_turn:
            now = self.clock()
            if self._tables is None or now - self._tables[0] > _CATALOG_S:
                found = self.engine.catalog.tables(self.settings.athena.database)
                self._tables = now, tuple(found)
            return self._tables[1]

    def query(self, sql: str) -> Rows:
        """Return the rows of a query on published tables; at once, if they were read before.

        Raises: QueryFailed, after `timeout_s` at the latest
        """
        key = sql, self._publications()
        with self._turn:
            future = self._results.get(key)
            is_mine = future is None
            if future is None:
                future = self._results[key] = Future()
            self._results.move_to_end(key)
        if is_mine:
            try:
                future.set_result(self.query_anew(sql))
            except BaseException as error:  # noqa: BLE001 - raised below, here and where awaited
                with self._turn:
                    self._results.pop(key, None)
                future.set_exception(error)
            self._forget()
        return future.result()

    def query_anew(self, sql: str) -> Rows:
        """Return the rows of a query, as of now.

        Raises: what `query` raises
        """
        return self.engine.query(sql, timeout_s=self.timeout_s)

    def _publications(self) -> str:
        """Return what changes with every publication."""
        published = (
            f"{table.name} {table.location} {table.update_time} {sorted(table.parameters.items())}"
            for table in self.tables()
            if EXECUTION_PARAMETER in table.parameters
        )
        return "\n".join(published)

    def _forget(self) -> None:
        """Let go of what was asked for longest ago, so that not too many rows are kept."""
        with self._turn:
            kept = 0
            for key, future in reversed(list(self._results.items())):
                if future.done() and future.exception() is None:
                    kept += len(future.result().rows) + 1
                    if kept > _KEPT_ROWS:
                        del self._results[key]
