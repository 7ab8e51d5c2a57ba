"""The engine that the settings name, opened: where a command works."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from otel_analytics.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.config import Settings
    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.operations.catalog import Catalog
    from otel_analytics.operations.cleaning import Cleaner
    from otel_analytics.operations.store import Store
    from otel_analytics.query.statements import Rows

__all__ = ["Engine", "Executions", "check_is_local", "open_engine", "open_local"]

_EXTRAS = {"boto3": "aws", "botocore": "aws", "requests": "trino", "trino": "trino"}


class Executions(Protocol):
    """Executions, in the shapes that the AWS CLI prints; `reference` as `describe` takes it."""

    def list_executions(
        self, *, max_results: int | None = None, status: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the executions, newest first."""

    def describe_execution(self, reference: str) -> dict[str, Any]:
        """Return one execution."""

    def get_execution_history(
        self, reference: str, *, reverse_order: bool = False, max_results: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the events of one execution."""

    def definition(self, reference: str) -> Any:
        """Return the document with which one was started."""


class Engine(Protocol):
    """What the commands need, be it on this machine or in an account."""

    @property
    def settings(self) -> Settings:
        """The settings with which it was opened."""

    @property
    def catalog(self) -> Catalog:
        """The databases and tables."""

    @property
    def store(self) -> Store:
        """The objects under `s3://` addresses."""

    @property
    def executions(self) -> Executions:
        """The executions that are known."""

    @property
    def state_machine_arn(self) -> str:
        """The pipeline's state machine."""

    @property
    def cleaner(self) -> Cleaner:
        """What finds and deletes what executions left."""

    def query(self, sql: str) -> Rows:
        """Return the rows of one statement."""

    def rows(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Return the rows of one statement, without their columns."""

    def run(
        self, payload: Any, *, name: str | None, on_event: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        """Return an execution of the pipeline, which is over; `on_event` is given each event."""


@contextmanager
def open_engine(settings: Settings, *, to_read: bool = False) -> Iterator[Engine]:
    """Open the engine of the settings, and close it; `to_read` alone it need not be writable.

    Raises: Refused if what it needs is not installed; what opening it raises
    """
    if settings.engine != "aws":
        with open_local(settings, to_read=to_read) as embedded:
            yield embedded
        return
    with _what_it_needs(settings.engine):
        from otel_analytics.aws.engine import open_aws
    with open_aws(settings) as account:
        yield account


@contextmanager
def open_local(settings: Settings, *, to_read: bool = False) -> Iterator[EmbeddedAws]:
    """Open the home of the settings, its queries here or on a cluster, and close it.

    Raises: Refused if what it needs is not installed; what opening it raises
    """
    if settings.engine == "trino":
        with _what_it_needs(settings.engine):
            from otel_analytics.trino.opening import open_trino
        with open_trino(settings, to_read=to_read) as embedded:
            yield embedded
        return
    from otel_analytics.local.embedded import open_embedded_aws

    with open_embedded_aws(settings, to_read=to_read) as embedded:
        yield embedded


@contextmanager
def _what_it_needs(engine: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise Refused(
            f"the engine {engine} needs {error.name}, which is not installed: "
            f"pip install 'otel-analytics[{extra}]'"
        ) from error


def check_is_local(settings: Settings, what: str, instead: str) -> None:
    """Check that executions run on this machine, since only there can be done what is asked.

    Raises: Refused saying what to do instead
    """
    if settings.engine == "aws":
        raise Refused(
            f"{what} works on this machine only, not with the engine {settings.engine}: {instead}"
        )
