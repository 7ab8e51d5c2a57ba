"""Athena on a laptop: a statement in, a query execution out.

What Athena refuses is refused, in its words; a failed query is a record, not an exception.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from uuid import uuid4

from otel_analytics.errors import Failed, InvalidName, QueryFailed
from otel_analytics.local.csv_result import csv_result
from otel_analytics.local.jobs import Job, QueryCancelled
from otel_analytics.local.parquet_output import COMPRESSIONS
from otel_analytics.local.query_executions import QueryExecution, QueryExecutions
from otel_analytics.local.submission import Submission
from otel_analytics.names import S3Address
from otel_analytics.operations.catalog import AlreadyExists, EntityNotFound, Table
from otel_analytics.pipeline.leaves import is_staging
from otel_analytics.query.statements import (
    Column,
    CreateExternalTable,
    CreateTableAs,
    DescribeTable,
    DropTable,
    Query,
    Rows,
    ShowTables,
    Statement,
    TableName,
    parse_statement,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_analytics.local.catalog import Catalog
    from otel_analytics.local.jobs import QueryEngine
    from otel_analytics.local.s3 import ObjectStore

    Tables = dict[TableName, Table]

__all__ = ["Athena"]

_T = TypeVar("_T")


class _Outcome(NamedTuple):
    """What a statement that succeeded leaves."""

    rows: Rows | None = None
    scanned_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Athena:
    """Query executions over a catalog and its objects.

    `clock` gives seconds since 1970, `new_id` an id as Athena gives them.
    """

    catalog: Catalog
    store: ObjectStore
    engine: QueryEngine
    executions: QueryExecutions
    clock: Callable[[], float] = time.time
    new_id: Callable[[], str] = lambda: str(uuid4())

    def start_query_execution(
        self,
        sql: str,
        *,
        database: str = "default",
        output_location: str | None = None,
        work_group: str = "primary",
        on_submit: Callable[[str], None] | None = None,
        on_cancel: Callable[[Callable[[], None]], None] | None = None,
    ) -> QueryExecution:
        """Execute a statement and return its query execution, which is over.

        With `output_location`, the rows of a query are also written there as CSV, as Athena does.
        `on_submit` is given its id, `on_cancel` a function that cancels the query.
        """
        submission = Submission(
            self.executions,
            QueryExecution(
                id=self.new_id(),
                query=sql,
                statement_type="DML",
                database=database.lower(),
                output_location=output_location,
                work_group=work_group,
                state="RUNNING",
                submitted=self.clock(),
            ),
            on_submit,
        )
        job = Job(submission.submit)
        begun = time.perf_counter()
        try:
            submission.place(statement := parse_statement(sql))
            if on_cancel is not None:
                on_cancel(job.cancel)
            outcome = self._execute(statement, submission, job)
            changes = {"state": "SUCCEEDED", **outcome._asdict()}
        except QueryCancelled as cancelled:
            changes = {"state": "CANCELLED", "reason": str(cancelled)}
        except QueryFailed as failed:
            changes = {"state": "FAILED", "reason": str(failed), "retryable": failed.is_retryable}
        except InvalidName as failed:
            changes = {"state": "FAILED", "reason": str(failed)}
        except (Failed, OSError) as error:
            changes = {"state": "FAILED", "reason": f"GENERIC_INTERNAL_ERROR: {error}"}
        except BaseException as error:
            # an interrupt; nobody else would say in the record that the query is over
            reason = f"Query cancelled: {type(error).__name__}"
            submission.finish(state="CANCELLED", reason=reason, completed=self.clock())
            raise
        finally:
            job.finish()
        engine_s, queued_s = job.times_s or (time.perf_counter() - begun, 0.0)
        measured = {"engine_s": engine_s, "queued_s": queued_s, "scanned_bytes": job.scanned_bytes}
        return submission.finish(**{**measured, **changes}, completed=self.clock())

    def _execute(self, statement: Statement, submission: Submission, job: Job) -> _Outcome:
        database = submission.execution.database
        match statement:
            case Query():
                rows = self._read(
                    statement, database, lambda tables: self.engine.select(statement, tables, job)
                )
                if submission.execution.output_location is not None:
                    address = S3Address.parse(submission.execution.output_location)
                    self._put_result(address, csv_result(rows))
                return _Outcome(rows, rows.scanned_bytes)
            case CreateTableAs():
                return _Outcome(None, self._create_table_as(statement, submission.execution, job))
        submission.submit()
        match statement:
            case CreateExternalTable():
                self._create_external_table(statement, database)
            case DropTable():
                self._drop_table(statement, database)
            case ShowTables():
                return _Outcome(self._show_tables(statement, database))
            case DescribeTable():
                return _Outcome(self._describe(statement, database))
        return _Outcome()

    def _put_result(self, address: S3Address, body: bytes) -> None:
        try:
            self.store.put(address, body)
        except Failed as error:
            raise QueryFailed(f"GENERIC_INTERNAL_ERROR: {error}") from error

    def _read(self, query: Query, database: str, read: Callable[[Tables], _T]) -> _T:
        """Return what `read` makes of the tables of a query.

        Raises: what `read` raises, unless the tables were published again meanwhile
        """
        tables = self._tables(query, database)
        while True:
            try:
                return read(tables)
            except QueryFailed:
                # the data of an older publication may be gone
                before, tables = tables, self._tables(query, database)
                if tables == before:
                    raise

    def _tables(self, query: Query, database: str) -> Tables:
        """Return the tables of a query as they are at one moment."""
        tables = {}
        with self.catalog.home.snapshot():
            for reference in query.tables:
                name = _full(reference.table, database)
                try:
                    tables[reference.table] = self.catalog.table(name)
                except EntityNotFound as error:
                    raise QueryFailed(
                        f"TABLE_NOT_FOUND: line {reference.line}:{reference.column}: "
                        f"Table 'awsdatacatalog.{name.database}.{name.name}' does not exist"
                    ) from error
        return tables

    def _create_table_as(
        self, statement: CreateTableAs, execution: QueryExecution, job: Job
    ) -> int:
        name = _full(statement.table, execution.database)
        if (there := self.catalog.entry(name)) is not None:
            if statement.if_not_exists:
                self._show_made(there)
                return 0
            raise _already_exists(name)
        location = self._free_location(statement, name, execution)
        _check_properties(statement)
        written = self._read(
            statement.query,
            execution.database,
            lambda tables: self.engine.create_table_as(
                statement, tables, job, location=location, token=execution.id
            ),
        )
        keys = len(written.columns) - len(statement.partitioned_by)
        table = Table(
            database=str(name.database),
            name=name.name,
            columns=written.columns[:keys],
            partition_keys=written.columns[keys:],
            location=str(location),
            parameters={"classification": "parquet"},
        )
        try:
            self._add(table)
        except BaseException as error:
            self.store.delete_objects(written.objects)
            if isinstance(error, AlreadyExists):
                raise _already_exists(name) from error
            raise
        return written.scanned_bytes

    def _add(self, table: Table) -> None:
        """Put a table into the catalog and show it: both, or neither.

        Raises: AlreadyExists; QueryFailed
        """
        self.catalog.create_table(table)
        try:
            self._show_made(table)
        except BaseException:
            with suppress(EntityNotFound):
                self.catalog.drop_table(TableName(table.name, table.database))
            raise

    def show(self, names: Iterable[TableName]) -> None:
        """Have whoever reads without this catalog find the tables as they are in it now.

        Raises: QueryFailed if the engine cannot
        """
        names = list(names)

        def find() -> dict[TableName, Table | None]:
            with self.catalog.home.snapshot():
                return {name: self.catalog.find(name) for name in names}

        self.engine.show(find)

    def show_published(self, names: Iterable[TableName]) -> None:
        """Show the tables of a publication, and have what earlier ones have left forgotten.

        Raises: what `show` raises
        """
        names = list(names)
        self.show(names)
        # what is superseded now is deleted after this, and forgotten by the next one
        for database in {str(name.database) for name in names}:
            self.engine.sweep(database)

    def _show_made(self, table: Table) -> None:
        # what an execution builds is nobody's to read but its own
        if not is_staging(table.name, table.location):
            self.show([TableName(table.name, table.database)])

    def _free_location(
        self, statement: CreateTableAs, name: TableName, execution: QueryExecution
    ) -> S3Address:
        """Return where the table goes, which holds no object."""
        text = statement.location
        if text is None:
            if execution.output_location is None:
                raise QueryFailed(
                    "INVALID_TABLE_PROPERTY: line 1:1: the table needs an external_location, or "
                    "the query an output location"
                )
            text = f"{execution.output_location.rstrip('/')}/tables/{execution.id}/"
        location = S3Address.parse(f"{text.rstrip('/')}/", field="external_location")
        if next(self.store.list(location), None) is not None:
            raise QueryFailed(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{name.database}."
                f"{name.name}' already exists: {str(location).rstrip('/')}. You may need to "
                f"manually clean the data at location '{str(location).rstrip('/')}' before "
                "retrying. Athena will not delete data in your account."
            )
        return location

    def _create_external_table(self, statement: CreateExternalTable, database: str) -> None:
        name = _full(statement.table, database)
        if statement.if_not_exists and (there := self.catalog.entry(name)) is not None:
            self._show_made(there)
            return
        location = S3Address.parse(f"{statement.location.rstrip('/')}/", field="LOCATION")
        table = Table(
            database=str(name.database),
            name=name.name,
            columns=statement.columns,
            partition_keys=statement.partition_keys,
            location=str(location),
            parameters=dict(statement.parameters),
        )
        try:
            self._add(table)
        except AlreadyExists as error:
            if not statement.if_not_exists:
                raise QueryFailed(
                    "FAILED: Execution Error, return code 1 from "
                    "org.apache.hadoop.hive.ql.exec.DDLTask. AlreadyExistsException: Table "
                    f"{name.name} already exists."
                ) from error

    def _drop_table(self, statement: DropTable, database: str) -> None:
        name = _full(statement.table, database)
        table = self.catalog.entry(name)
        if table is None:
            if statement.if_exists:
                return
            raise _semantic_error(statement.table)
        # while it is in the catalog, dropping it again has this done again
        if not is_staging(table.name, table.location):
            self.engine.show(lambda: {name: None})
        with suppress(EntityNotFound):
            self.catalog.drop_table(name)

    def _show_tables(self, statement: ShowTables, database: str) -> Rows:
        tables = self.catalog.tables(statement.database or database, statement.pattern)
        return Rows((Column("tab_name", "string"),), tuple((t.name,) for t in tables), 0)

    def _describe(self, statement: DescribeTable, database: str) -> Rows:
        try:
            table = self.catalog.table(_full(statement.table, database))
        except EntityNotFound as error:
            raise _semantic_error(statement.table) from error
        heads = ("col_name", "data_type", "comment")
        rows = [(c.name, c.type, "") for c in table.columns]
        rows += [(key.name, key.type, "Partition key") for key in table.partition_keys]
        return Rows(tuple(Column(head, "string") for head in heads), tuple(rows), 0)


def _full(name: TableName, database: str) -> TableName:
    return TableName(name.name, name.database or database)


def _already_exists(name: TableName) -> QueryFailed:
    return QueryFailed(
        f"TABLE_ALREADY_EXISTS: line 1:1: Destination table 'awsdatacatalog.{name.database}."
        f"{name.name}' already exists"
    )


def _semantic_error(name: TableName) -> QueryFailed:
    return QueryFailed(f"FAILED: SemanticException [Error 10001]: Table not found {name.name}")


def _check_properties(statement: CreateTableAs) -> None:
    if statement.format != "PARQUET":
        raise QueryFailed(
            f"NOT_SUPPORTED: format '{statement.format}' is not supported here: use PARQUET"
        )
    if statement.compression not in COMPRESSIONS:
        raise QueryFailed(
            f"INVALID_TABLE_PROPERTY: write_compression '{statement.compression}' is not one of "
            f"{', '.join(COMPRESSIONS)}"
        )
