"""DuckDB as Athena's engine: queries over tables of the catalog, and files of Parquet.

Must not know query executions nor the catalog's SQLite: it is given tables and paths.
"""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from uuid import uuid4

import duckdb

from otel_analytics.errors import InvalidSettings, QueryFailed
from otel_analytics.local.parquet_output import check_columns, copy_to_parquet, move_files
from otel_analytics.local.query_errors import (
    QueryCancelled,
    damaged_file,
    is_unexplained,
    needs_union,
    query_failure,
)
from otel_analytics.local.relations import (
    Relation,
    file_literal,
    quoted,
    relation_of,
    text_literal,
)
from otel_analytics.local.types import athena_type, stored_cast
from otel_analytics.query.dialects import DuckdbQuery, duckdb_prelude, to_duckdb
from otel_analytics.query.statements import Column, CreateTableAs, Query, Rows, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.names import S3Address
    from otel_analytics.operations.catalog import Table

_T = TypeVar("_T")

__all__ = ["Engine", "Job", "Written"]

_INTERRUPT_EVERY_S: Final = 0.02
# Those that are really read, by COPY too; to track all that DuckDB could takes as long as some
# queries: https://duckdb.org/docs/current/dev/metrics
_COUNT_BYTES: Final = (
    "CALL enable_profiling(format = 'no_output', coverage = 'all', "
    "metrics = ['io.total_bytes_read'])"
)
# What the Parquet reader raises over bytes that are none; some of it is of no class of its own.
_OF_DAMAGE: Final = (duckdb.InvalidInputException, duckdb.IOException)


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


class Engine:
    """One DuckDB instance; each query has a cursor of its own, so that they run at once."""

    def __init__(self, store: ObjectStore, *, schemas: Path, memory_limit: str) -> None:
        self._store = store
        self._schemas = schemas
        self._spill = store.tmp / f"spill-{uuid4().hex}"
        try:
            self._connection = duckdb.connect(
                ":memory:",
                config={
                    "memory_limit": memory_limit,
                    "temp_directory": str(self._spill),
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                },
            )
        except duckdb.Error as error:
            raise InvalidSettings(
                f"memory_limit: '{memory_limit}' is not understood; write e.g. 2GB ({error})"
            ) from error
        # the files of the activity tables are read for one service after the other
        self._connection.execute("SET parquet_metadata_cache = true")
        for statement in duckdb_prelude():
            self._connection.execute(statement)

    def close(self) -> None:
        """Close the instance and remove what it spilled."""
        self._connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    def select(self, query: Query, tables: Mapping[TableName, Table], job: Job) -> Rows:
        """Return the rows of a query.

        Raises: QueryFailed in Athena's words; QueryCancelled
        """
        written = to_duckdb(query)
        with self._cursor(job) as cursor:

            def attempt(text: str, _empty: str) -> tuple[tuple[Column, ...], list[Any]]:
                cursor.execute(text)
                description = list(cursor.description or ())
                columns = tuple(Column(name, athena_type(kind)) for name, kind, *_ in description)
                if any("time zone" in column.type for column in columns):
                    cursor.execute(_with_zones_as_text(text, columns))
                return columns, cursor.fetchall()

            columns, rows = self._attempt(query, written, tables, cursor, attempt)
            return Rows(columns, tuple(rows), _scanned_bytes(cursor))

    def create_table_as(
        self,
        create: CreateTableAs,
        tables: Mapping[TableName, Table],
        job: Job,
        *,
        location: S3Address,
        token: str,
    ) -> Written:
        """Write a query's rows as Parquet at a location, at least one file, all of it or nothing.

        `token` is in the files' names, which no other query has.

        Raises: QueryFailed in Athena's words; QueryCancelled
        """
        folder = self._store.tmp / token
        try:
            columns, scanned_bytes = self._write(create, tables, job, folder)
            objects = move_files(folder, location, token=token, store=self._store)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return Written(columns, objects, scanned_bytes)

    def show(self, find: Callable[[], Mapping[TableName, Table | None]]) -> None:
        """Do nothing: whoever reads here reads the catalog."""

    def _write(
        self,
        create: CreateTableAs,
        tables: Mapping[TableName, Table],
        job: Job,
        folder: Path,
    ) -> tuple[tuple[Column, ...], int]:
        """Write a query's rows under a folder; return their columns, and what was read for it."""
        written = to_duckdb(create.query)
        with self._cursor(job) as cursor:

            def attempt(text: str, empty: str) -> tuple[Column, ...]:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                relation = cursor.sql(empty)
                types = [athena_type(kind) for kind in relation.types]
                names = [name.lower() for name in relation.columns]
                columns = tuple(map(Column, names, types))
                check_columns(columns, written, create.partitioned_by)
                casts = map(stored_cast, relation.types, types)
                items = [
                    f"CAST(c{i} AS {cast}) AS {quoted(name)}" if cast else f"c{i} AS {quoted(name)}"
                    for i, (name, cast) in enumerate(zip(names, casts, strict=True))
                ]
                aliases = ", ".join(f"c{i}" for i in range(len(names)))
                select = f"SELECT {', '.join(items)} FROM ({text}) AS q({aliases})"  # noqa: S608
                if not create.with_data:
                    select += " WHERE false"
                copy_to_parquet(cursor, select, folder, create.compression, create.partitioned_by)
                return columns

            columns = self._attempt(create.query, written, tables, cursor, attempt)
            return columns, _scanned_bytes(cursor)

    def _attempt(
        self,
        query: Query,
        written: DuckdbQuery,
        tables: Mapping[TableName, Table],
        cursor: duckdb.DuckDBPyConnection,
        attempt: Callable[[str, str], _T],
    ) -> _T:
        """Call `attempt` with the query's text, and with its text over tables without rows.

        Again, if it turns out that files lack columns of their table.
        """
        relations = {name: self._relation(table) for name, table in tables.items()}
        in_order = [relations[name] for name in written.tables]
        empty = written.text([relation.empty for relation in in_order])
        try:
            try:
                return attempt(written.text([relation.sql for relation in in_order]), empty)
            except duckdb.Error as error:
                if not needs_union(error):
                    raise
                return attempt(written.text([relation.united for relation in in_order]), empty)
        except duckdb.Error as error:
            failure = query_failure(error, query=query, store=self._store)
            if is_unexplained(failure) and _may_be_damage(error):
                failure = self._damage(in_order, cursor) or failure
            raise failure from error

    def _damage(
        self, relations: list[Relation], cursor: duckdb.DuckDBPyConnection
    ) -> QueryFailed | QueryCancelled | None:
        """Return the failure that names the first damaged file of the relations, if one is.

        DuckDB does not say which file holds a page that cannot be decoded.
        """
        for file in dict.fromkeys(file for relation in relations for file in relation.files):
            try:
                relation = f"read_parquet([{file_literal(file)}]) AS t"
                cursor.execute(f"SELECT bit_xor(hash(t)) FROM {relation}").fetchall()  # noqa: S608
            except duckdb.InterruptException as error:
                return query_failure(error, query=None, store=self._store)
            except duckdb.Error as error:
                if _may_be_damage(error):
                    return damaged_file(file, error, store=self._store)
        return None

    def _relation(self, table: Table) -> Relation:
        return relation_of(table, self._store, schemas=self._schemas, write_empty=self._write_empty)

    def _write_empty(self, select: str, path: Path) -> None:
        unfinished = self._store.tmp / f"{uuid4().hex}.schema"
        try:
            self._connection.cursor().execute(
                f"COPY ({select}) TO {text_literal(str(unfinished))} (FORMAT parquet)"
            )
            unfinished.replace(path)
        except duckdb.Error as error:
            raise query_failure(error, query=None, store=self._store) from error

    @contextmanager
    def _cursor(self, job: Job) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        try:
            cursor.execute(_COUNT_BYTES)
            job.submitted()
            job.run_on(cursor)
            yield cursor
        finally:
            job.finish()
            cursor.close()


def _may_be_damage(error: duckdb.Error) -> bool:
    return type(error) is duckdb.Error or isinstance(error, _OF_DAMAGE)


def _scanned_bytes(cursor: duckdb.DuckDBPyConnection) -> int:
    profile = json.loads(cursor.get_profiling_information("json"))
    return int(profile["io"]["total_bytes_read"])


def _with_zones_as_text(text: str, columns: tuple[Column, ...]) -> str:
    """Write times with a zone as Athena prints them; Python would need a library for them."""
    items = [
        f"strftime(c{i}, '%Y-%m-%d %H:%M:%S.%g UTC')" if "time zone" in column.type else f"c{i}"
        for i, column in enumerate(columns)
    ]
    aliases = ", ".join(f"c{i}" for i in range(len(columns)))
    return f"SELECT {', '.join(items)} FROM ({text}) AS q({aliases})"  # noqa: S608
