"""What an engine offers to whoever reads tables and follows executions, and what starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.config import Settings
    from otel_analytics.operations.catalog import Catalog
    from otel_analytics.operations.cleaning import Cleaner
    from otel_analytics.operations.store import Store
    from otel_analytics.query.statements import Rows

__all__ = ["Engine", "Executions"]


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

    def events_after(self, arn: str, seen: int) -> list[dict[str, Any]]:
        """Return the events of an execution after the one with the id `seen`, oldest first."""

    def definition(self, reference: str) -> Any:
        """Return the document with which one was started."""


class Engine(Protocol):
    """What is asked of an engine, be it on this machine or in an account."""

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

    def query(self, sql: str, *, timeout_s: float | None = None) -> Rows:
        """Return the rows of one statement.

        Raises: InvalidQuery if the statement is malformed; QueryFailed with Athena's reason, which
            is EXCEEDED_TIME_LIMIT if it was not done after `timeout_s`
        """

    def rows(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Return the rows of one statement, without their columns."""

    def run(
        self, payload: Any, *, name: str | None, on_event: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        """Return an execution of the pipeline, which is over; `on_event` is given each event."""
