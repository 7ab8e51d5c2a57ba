"""DuckDB as Athena's engine: queries over tables of the catalog, and files of Parquet.

Must not know query executions nor the catalog's SQLite: it is given tables and paths.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import duckdb

from otel_analytics.errors import InvalidSettings, QueryFailed
from otel_analytics.local.jobs import Written
from otel_analytics.local.parquet_output import check_columns, copy_to_parquet, move_files
from otel_analytics.local.query_errors import (
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
from otel_analytics.local.threads import Threads
from otel_analytics.local.types import athena_type, stored_cast
from otel_analytics.query.dialects import DuckdbQuery, duckdb_prelude, to_duckdb
from otel_analytics.query.statements import Column, CreateTableAs, Query, Rows, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from otel_analytics.local.jobs import Job, QueryCancelled
    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.names import S3Address
    from otel_analytics.operations.catalog import Table

_T = TypeVar("_T")

__all__ = ["Engine"]

# Those that are really read, by COPY too; to track all that DuckDB could takes as long as some
# queries: https://duckdb.org/docs/current/dev/metrics
_COUNT_BYTES: Final = (
    "CALL enable_profiling(format = 'no_output', coverage = 'all', "
    "metrics = ['io.total_bytes_read'])"
)
# What the Parquet reader raises over bytes that are none; some of it is of no class of its own.
_OF_DAMAGE: Final = (duckdb.InvalidInputException, duckdb.IOException)


class Engine:
    """One DuckDB instance; each query has a cursor of its own, so that they run at once.

    `builds_at_once` is how many partitioned tables are built at a time.
    """

    def __init__(
        self, store: ObjectStore, *, schemas: Path, memory_limit: str, builds_at_once: int = 1
    ) -> None:
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
        self._threads = Threads(self._connection, builds_at_once=builds_at_once)
        self._idle: list[duckdb.DuckDBPyConnection] = []  # cursors, for queries to come

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

    def sweep(self, database: str) -> None:
        """Do nothing: nothing is known but the catalog."""

    def _write(
        self,
        create: CreateTableAs,
        tables: Mapping[TableName, Table],
        job: Job,
        folder: Path,
    ) -> tuple[tuple[Column, ...], int]:
        """Write a query's rows under a folder; return their columns, and what was read for it."""
        written = to_duckdb(create.query)
        with self._cursor(job, is_build=bool(create.partitioned_by)) as cursor:

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
                copy_to_parquet(cursor, select, folder, create)
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
    def _cursor(self, job: Job, *, is_build: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        self._threads.share(is_build=is_build)
        try:
            cursor = self._idle.pop()
        except IndexError:
            cursor = self._connection.cursor()
            cursor.execute(_COUNT_BYTES)
        try:
            job.submitted()
            job.run_on(cursor)
            yield cursor
        except BaseException:
            job.finish()
            cursor.close()
            raise
        # in this order: who cancels the job would interrupt another one's query
        job.finish()
        self._idle.append(cursor)


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
