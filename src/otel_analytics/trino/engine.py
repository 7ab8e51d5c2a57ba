"""Trino as Athena's engine: queries over tables of the catalog, and files of Parquet."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from otel_analytics.errors import QueryFailed
from otel_analytics.local.jobs import Job, Written
from otel_analytics.names import S3Address
from otel_analytics.query.statements import Column, Rows
from otel_analytics.query.trino_dialect import TrinoStatement, trino_create_table_as, trino_query
from otel_analytics.trino.types import athena_type, python_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.operations.catalog import Table
    from otel_analytics.query.statements import CreateTableAs, Query, TableName
    from otel_analytics.trino.client import Result, TrinoClient
    from otel_analytics.trino.mirror import Mirror

__all__ = ["TrinoEngine"]


class TrinoEngine:
    """A cluster that reads and writes what lies in the home's object store.

    `write_empty` writes a Parquet file without rows, of some columns, at an address.
    """

    def __init__(
        self,
        client: TrinoClient,
        mirror: Mirror,
        store: ObjectStore,
        *,
        database: str,
        write_empty: Callable[[tuple[Column, ...], S3Address], None],
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._store = store
        self._database = database
        self._write_empty = write_empty

    def select(self, query: Query, tables: Mapping[TableName, Table], job: Job) -> Rows:
        """Return the rows of a query.

        Raises: QueryFailed in Trino's words, which are Athena's; QueryCancelled
        """
        result = self._mirror.again_if_gone(
            lambda: self._run(trino_query(query, self._relations(tables, job)), job)
        )
        rows = (tuple(map(python_value, row)) for row in result.rows)
        return Rows(_columns(result), tuple(rows), result.statistics.scanned_bytes)

    def create_table_as(
        self,
        create: CreateTableAs,
        tables: Mapping[TableName, Table],
        job: Job,
        *,
        location: S3Address,
        token: str,
    ) -> Written:
        """Write a query's rows as Parquet at a location, at least one file unless partitioned.

        The table by which Trino writes them is in nobody's way, and goes.

        Raises: QueryFailed in Trino's words, which are Athena's; QueryCancelled
        """
        return self._mirror.again_if_gone(
            lambda: self._create_table_as(create, tables, job, location=location, token=token)
        )

    def _create_table_as(
        self,
        create: CreateTableAs,
        tables: Mapping[TableName, Table],
        job: Job,
        *,
        location: S3Address,
        token: str,
    ) -> Written:
        scratch = self._mirror.scratch_name(self._database, token, job)
        statement = trino_create_table_as(
            create,
            self._relations(tables, job),
            table=scratch,
            comment=str(location),
            location=self._mirror.address(str(location)),
        )
        identifiers: list[str] = []
        try:
            result = self._run(statement, job, on_submit=identifiers.append)
            columns = self._columns_of(scratch, job)
        except BaseException:
            self._forget(scratch, identifiers, location)
            raise
        self._client.run_repeatable(f"DROP TABLE IF EXISTS {scratch}", job=Job())
        objects = self._objects(location, identifiers)
        if not objects and not create.partitioned_by:
            # Trino writes none where there are no rows
            empty = S3Address(location.bucket, f"{location.key}{result.identifier}_empty")
            self._write_empty(columns, empty)
            objects = (empty,)
        return Written(columns, objects, result.statistics.scanned_bytes)

    def show(self, find: Callable[[], Mapping[TableName, Table | None]]) -> None:
        """Have the views be those of the tables that `find` gives; None: there is no such view.

        Raises: QueryFailed
        """
        shown, tables = None, find()
        # what another has shown meanwhile, of later tables, may just have been undone
        while tables != shown:
            for name, table in tables.items():
                self._mirror.show(name, table)
            shown, tables = tables, find()

    def sweep(self, database: str) -> None:
        """Forget what Trino knows of a database whose files are gone.

        Raises: QueryFailed
        """
        self._mirror.sweep(database)

    def _relations(self, tables: Mapping[TableName, Table], job: Job) -> dict[TableName, str]:
        return {name: self._mirror.relation(table, job) for name, table in tables.items()}

    def _run(
        self,
        statement: TrinoStatement,
        job: Job,
        on_submit: Callable[[str], None] = lambda _identifier: None,
    ) -> Result:
        """Execute the statement that the job is about."""

        def submitted(identifier: str) -> None:
            on_submit(identifier)
            job.submitted(identifier)

        catalog = self._mirror.catalog
        properties = {f"{catalog}.{name}": value for name, value in statement.of_catalog.items()}
        try:
            return self._client.run(
                statement.text,
                job=job,
                properties=properties,
                on_submit=submitted,
                on_end=lambda found: job.measured(found.times_s, found.scanned_bytes),
            )
        except QueryFailed as failure:
            raise QueryFailed(
                statement.in_the_original(failure.message), is_retryable=failure.is_retryable
            ) from failure

    def _columns_of(self, table: str, job: Job) -> tuple[Column, ...]:
        select = f"SELECT * FROM {table} WHERE false"  # noqa: S608 - quoted
        return _columns(self._client.run_repeatable(select, job=job))

    def _objects(self, location: S3Address, identifiers: list[str]) -> tuple[S3Address, ...]:
        """Return what queries have written at a location: their ids are in the names."""
        return tuple(
            one.address
            for one in self._store.list(location)
            if any(identifier in one.address.key for identifier in identifiers)
        )

    def _forget(self, scratch: str, identifiers: list[str], location: S3Address) -> None:
        """Take away what a statement left that did not succeed, as far as that can be done."""
        with suppress(QueryFailed):
            self._client.run_repeatable(f"DROP TABLE IF EXISTS {scratch}", job=Job())
        self._store.delete_objects(self._objects(location, identifiers))


def _columns(result: Result) -> tuple[Column, ...]:
    return tuple(Column(one["name"], athena_type(one["typeSignature"])) for one in result.columns)
