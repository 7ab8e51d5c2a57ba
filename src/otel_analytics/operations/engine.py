"""What an engine offers to whoever reads tables, follows executions and starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.config import Settings
    from otel_analytics.operations.catalog import Catalog
    from otel_analytics.operations.cleaning import Cleaner
    from otel_analytics.operations.executions import Executions
    from otel_analytics.operations.store import Store
    from otel_analytics.query.statements import Rows

__all__ = ["Engine"]


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
