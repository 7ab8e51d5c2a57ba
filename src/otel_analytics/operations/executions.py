"""Executions of state machines, as whoever follows them or cleans up after them asks for them."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Executions"]


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
