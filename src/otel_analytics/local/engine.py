"""DuckDB as Athena's engine: queries over tables of the catalog, and files of Parquet.

Must not know query executions nor the catalog's SQLite: it is given tables and paths.
"""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import duckdb

from otel_analytics.errors import InvalidSettings, QueryFailed
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
from otel_analytics.local.types import athena_type, storable, stored_cast
from otel_analytics.query.build import MAX_PARTITIONS
from otel_analytics.query.dialects import DuckdbQuery, duckdb_prelude, to_duckdb
from otel_analytics.query.statements import Column, Query, Rows, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.operations.catalog import Table

_T = TypeVar("_T")

__all__ = ["COMPRESSIONS", "Engine", "Job", "Written"]

COMPRESSIONS: Final = ("GZIP", "SNAPPY", "ZSTD", "LZ4", "NONE", "UNCOMPRESSED")
# Rows by which statistics can rule a part of a file out, and by which threads share it.
_ROW_GROUP_SIZE: Final = 8192
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
    """What a CTAS wrote: its columns and its files, still in a folder of their own."""

    columns: tuple[Column, ...]
    files: tuple[Path, ...]
    scanned_bytes: int


class Job:
    """One query under way, which can be cancelled from another thread."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._done = threading.Event()
        # while it is held, the cursor is not closed
        self._turn = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None

    def cancel(self) -> None:
        """Have the query stop soon; returns at once."""
        self._cancelled.set()
        threading.Thread(target=self._interrupt, name="cancel-query", daemon=True).start()

    def _interrupt(self) -> None:
        # DuckDB forgets an interrupt that comes just before a statement begins
        while not self._done.wait(_INTERRUPT_EVERY_S):
            with self._turn:
                if self._cursor is not None:
                    self._cursor.interrupt()

    def run_on(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Say which cursor works for this job.

        Raises: QueryCancelled if the job was cancelled already
        """
        self._done.clear()
        with self._turn:
            self._cursor = cursor
        if self._cancelled.is_set():
            raise QueryCancelled("Query cancelled by user")

    def finish(self) -> None:
        """Say that the job is over; its cursor may be closed then."""
        with self._turn:
            self._cursor = None
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
        query: Query,
        tables: Mapping[TableName, Table],
        job: Job,
        *,
        folder: Path,
        compression: str,
        partitioned_by: tuple[str, ...],
        with_data: bool,
    ) -> Written:
        """Write a query's rows as Parquet under `folder`, at least one file.

        Raises: QueryFailed in Athena's words; QueryCancelled
        """
        written = to_duckdb(query)
        with self._cursor(job) as cursor:

            def attempt(text: str, empty: str) -> tuple[Column, ...]:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                relation = cursor.sql(empty)
                types = [athena_type(kind) for kind in relation.types]
                names = [name.lower() for name in relation.columns]
                columns = tuple(map(Column, names, types))
                _check_columns(columns, written, partitioned_by)
                casts = map(stored_cast, relation.types, types)
                items = [
                    f"CAST(c{i} AS {cast}) AS {quoted(name)}" if cast else f"c{i} AS {quoted(name)}"
                    for i, (name, cast) in enumerate(zip(names, casts, strict=True))
                ]
                aliases = ", ".join(f"c{i}" for i in range(len(names)))
                select = f"SELECT {', '.join(items)} FROM ({text}) AS q({aliases})"  # noqa: S608
                if not with_data:
                    select += " WHERE false"
                _copy(cursor, select, folder, compression, partitioned_by)
                return columns

            columns = self._attempt(query, written, tables, cursor, attempt)
            files = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
            return Written(columns, files, _scanned_bytes(cursor))

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


def _check_columns(
    columns: tuple[Column, ...], written: DuckdbQuery, partitioned_by: tuple[str, ...]
) -> None:
    """Refuse what Athena refuses of a CTAS's columns."""
    if written.unnamed:
        raise QueryFailed(
            "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position "
            f"{written.unnamed[0]}"
        )
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise QueryFailed(
                f"DUPLICATE_COLUMN_NAME: line 1:1: Column name '{name}' specified more than once"
            )
    for position, column in enumerate(columns, start=1):
        if column.type == "unknown":
            raise QueryFailed(
                f"COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position {position}"
            )
        if not storable(column.type):
            raise QueryFailed(
                f"NOT_SUPPORTED: Unsupported Hive type: {column.type} (column '{column.name}'): "
                "CAST it to TIMESTAMP, DATE or VARCHAR"
            )
    if partitioned_by and names[-len(partitioned_by) :] != list(partitioned_by):
        raise QueryFailed(
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and "
            f"in the same order as the table properties: [{', '.join(partitioned_by)}]"
        )
    if len(names) == len(partitioned_by):
        raise QueryFailed("INVALID_TABLE_PROPERTY: Table contains only partition columns")


def _copy(
    cursor: duckdb.DuckDBPyConnection,
    select: str,
    folder: Path,
    compression: str,
    partitioned_by: tuple[str, ...],
) -> None:
    codec = "UNCOMPRESSED" if compression == "NONE" else compression
    options = f"FORMAT parquet, COMPRESSION {codec}, ROW_GROUP_SIZE {_ROW_GROUP_SIZE}"
    if not partitioned_by:
        target = text_literal(str(folder / "part-0.parquet"))
        cursor.execute(f"COPY ({select}) TO {target} ({options})")
        return
    keys = ", ".join(quoted(key) for key in partitioned_by)
    target = text_literal(str(folder))
    cursor.execute(f"COPY ({select}) TO {target} ({options}, PARTITION_BY ({keys}))")
    folders = {path.parent for path in folder.rglob("*.parquet")}
    if len(folders) > MAX_PARTITIONS:
        raise QueryFailed(
            f"HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {MAX_PARTITIONS} open writers for "
            "partitions"
        )
