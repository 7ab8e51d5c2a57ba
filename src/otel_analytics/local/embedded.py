"""The embedded AWS of one home, put together: what a command opens and closes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.asl import Identity
from otel_analytics.errors import InvalidQuery, QueryFailed, Refused
from otel_analytics.lake.schema import LOGALL_COLUMNS, LOGALL_PARTITIONS, LOGALL_TABLE
from otel_analytics.local.athena import Athena
from otel_analytics.local.catalog import Catalog
from otel_analytics.local.engine import Engine
from otel_analytics.local.executions import Executions
from otel_analytics.local.home import Home, open_home
from otel_analytics.local.interrupts import interrupt_calls
from otel_analytics.local.publications import Publications
from otel_analytics.local.query_executions import QueryExecution, QueryExecutions
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.local.step_functions import ACCOUNT, REGION, STATE_MACHINE, StepFunctions
from otel_analytics.names import S3Address
from otel_analytics.operations.catalog import EntityNotFound, Table
from otel_analytics.operations.cleaning import Cleaner
from otel_analytics.operations.publisher import Publisher
from otel_analytics.operations.refresher import activity_refresher
from otel_analytics.operations.verification import checks_builder
from otel_analytics.pipeline import build_definition
from otel_analytics.query.handler import build_query
from otel_analytics.query.statements import Column, Rows, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from otel_analytics.config import Settings
    from otel_analytics.local.jobs import QueryEngine
    from otel_analytics.local.step_functions import Tasks

    OpenEngine = Callable[[Settings, Home, ObjectStore], AbstractContextManager[QueryEngine]]

__all__ = ["EmbeddedAws", "open_embedded_aws"]

_LOOK_FOR_SIGNAL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class EmbeddedAws:
    """S3, Glue, Athena and the executions of one home.

    `around` is given what does which resource, and gives what is called in its place.
    """

    settings: Settings
    home: Home
    store: ObjectStore
    catalog: Catalog
    athena: Athena
    executions: Executions
    around: Callable[[Tasks], Tasks] = dict

    @property
    def state_machine_arn(self) -> str:
        """The pipeline's state machine."""
        return Identity.of(STATE_MACHINE, "", region=REGION, account=ACCOUNT).state_machine_arn

    @property
    def publications(self) -> Publications:
        """What publication remembers of the database."""
        return Publications(self.home, self.settings.athena.database)

    @property
    def cleaner(self) -> Cleaner:
        """What finds and deletes what executions left."""
        return Cleaner(self.settings, self.catalog, self.store, self.executions, self.publications)

    def step_functions(self, *, now: Callable[[], datetime]) -> StepFunctions:
        """Return Step Functions over this Athena, with the pipeline's Lambdas as functions."""

        def query_builder(event: Any) -> dict[str, Any]:
            return build_query(
                event,
                settings=self.settings,
                delete_prefix=self.store.delete_prefix,
                delete_directly_under=self.store.delete_directly_under,
                now=now,
            )

        names = self.settings.athena
        functions = {
            names.query_builder_function: query_builder,
            names.checks_builder_function: checks_builder(self.settings, self.catalog),
            names.table_publisher_function: Publisher(
                self.settings,
                self.catalog,
                self.store,
                self.publications,
                show=self.athena.show_published,
            ).publish,
            names.activity_refresher_function: activity_refresher(
                self.settings, self.catalog, self.store, now=now, show=self.athena.show
            ),
        }
        return StepFunctions(self.athena, self.executions, functions, around=self.around)

    def run(
        self, payload: Any, *, name: str | None, on_event: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        """Carry out an execution of the pipeline; return it.

        Raises: InvalidName if the name is taken or not allowed; what `build_definition` raises
        """
        return self.step_functions(now=lambda: datetime.now(UTC)).start_execution(
            build_definition(self.settings), payload, name=name, on_event=on_event
        )

    def query(self, sql: str, *, timeout_s: float | None = None) -> Rows:
        """Return the rows of one statement of Athena's dialect.

        Raises: InvalidQuery if the statement is malformed; QueryFailed with Athena's reason, which
            is EXCEEDED_TIME_LIMIT if it was not done after `timeout_s`
        """
        cancellation = _Cancellation()
        # in a thread of its own, since DuckDB may miss an interrupt that comes as a query begins
        with interrupt_calls(cancellation.cancel), ThreadPoolExecutor(max_workers=1) as pool:
            try:
                future = pool.submit(
                    self.athena.start_query_execution,
                    sql,
                    database=self.settings.athena.database,
                    on_cancel=cancellation.be_given,
                )
                execution = _result(future, timeout_s)
            except TimeoutError as error:
                cancellation.cancel()
                raise QueryFailed(
                    f"EXCEEDED_TIME_LIMIT: the query took more than {timeout_s:g} s"
                ) from error
            except BaseException:
                cancellation.cancel()
                raise
        if execution.reason and execution.reason.startswith("SYNTAX_ERROR"):
            raise InvalidQuery(execution.reason)
        execution.raise_if_failed()
        return execution.rows or Rows((), (), execution.scanned_bytes)

    def rows(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Return the rows of a query, without their columns.

        Raises: what `query` raises
        """
        return self.query(sql).rows

    def lake_folder(self) -> Path:
        """Return the folder of the lake, where `ingest` writes."""
        return self.store.path(S3Address.parse(f"{self.settings.lake.rstrip('/')}/"))

    def check_logall(self) -> bool:
        """Return whether the catalog has `logall`.

        Raises: Refused if it lies elsewhere than where `ingest` writes
        """
        name = TableName(LOGALL_TABLE, self.settings.athena.database)
        try:
            location = self.catalog.table(name).location
        except EntityNotFound:
            return False
        if location.rstrip("/") != self._logall_location.rstrip("/"):
            raise Refused(
                f"the table {name.database}.{name.name} lies at {location}, and by the setting "
                f"lake its records would go to {self._logall_location}, where it does not see "
                "them: set lake back, or take the table out of the catalog (its data stay) with "
                f"otel-analytics query 'DROP TABLE {name.name}', then ingest again"
            )
        return True

    @property
    def _logall_location(self) -> str:
        return f"{self.settings.lake.rstrip('/')}/{LOGALL_TABLE}/"

    def register_logall(self) -> None:
        """Make `logall` known to the catalog, over the lake's folder, unless it is.

        Raises: what `check_logall` raises
        """
        if not self.check_logall():
            self.catalog.create_table(
                Table(
                    database=self.settings.athena.database,
                    name=LOGALL_TABLE,
                    columns=tuple(Column(*item) for item in LOGALL_COLUMNS.items()),
                    partition_keys=tuple(Column(*item) for item in LOGALL_PARTITIONS.items()),
                    location=self._logall_location,
                    parameters={"classification": "parquet"},
                )
            )


def _result(future: Future[QueryExecution], timeout_s: float | None) -> QueryExecution:
    """Return what came of it; wake now and then for a signal that came before the wait.

    Raises: TimeoutError if it is not done after `timeout_s`
    """
    end = None if timeout_s is None else time.monotonic() + timeout_s
    while not future.done():
        left_s = _LOOK_FOR_SIGNAL_S if end is None else end - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        wait((future,), timeout=min(_LOOK_FOR_SIGNAL_S, left_s))
    return future.result()


class _Cancellation:
    """The wish to cancel a query, which may come before there is a way to."""

    def __init__(self) -> None:
        self._wanted = False
        self._cancel: Callable[[], None] | None = None

    def be_given(self, cancel: Callable[[], None]) -> None:
        """Take what cancels the query."""
        self._cancel = cancel
        if self._wanted:
            cancel()

    def cancel(self) -> None:
        """Cancel the query, now or as soon as that is possible."""
        self._wanted = True
        if self._cancel is not None:
            self._cancel()


@contextmanager
def _duckdb(settings: Settings, home: Home, store: ObjectStore) -> Iterator[QueryEngine]:
    engine = Engine(
        store,
        schemas=home.schemas,
        memory_limit=settings.memory_limit,
        builds_at_once=settings.activity.concurrency,
    )
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def open_embedded_aws(
    settings: Settings,
    *,
    to_read: bool = False,
    keeps_record: bool = True,
    open_engine: OpenEngine = _duckdb,
) -> Iterator[EmbeddedAws]:
    """Open the home of the settings, and close it; `to_read` alone it need not be writable.

    Unless it `keeps_record`, its queries leave no trace in the catalog.

    Raises: HomeTooNew, InvalidHome, InvalidSettings
    """
    with ExitStack() as stack:
        home = open_home(Path(settings.home), to_read=to_read)
        stack.callback(home.close)
        store = ObjectStore(home.s3, home.tmp)
        catalog = Catalog(home)
        if not home.read_only:
            catalog.create_database(settings.athena.database)
        engine = stack.enter_context(open_engine(settings, home, store))
        athena = Athena(catalog, store, engine, QueryExecutions(home, keeps_record))
        yield EmbeddedAws(settings, home, store, catalog, athena, Executions(home))
