"""A statement on its way through Athena: what is known of it so far, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.names import S3Address
from otel_analytics.query.statements import (
    CreateExternalTable,
    CreateTableAs,
    DescribeTable,
    DropTable,
    Query,
    ShowTables,
    Statement,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.local.query_executions import QueryExecution, QueryExecutions

__all__ = ["Submission"]

_STATEMENT_TYPES: Final[dict[type, str]] = {
    Query: "DML",
    CreateTableAs: "DDL",
    CreateExternalTable: "DDL",
    DropTable: "DDL",
    ShowTables: "UTILITY",
    DescribeTable: "UTILITY",
}


@dataclass(slots=True)
class Submission:
    """A statement on its way: its query execution so far, and who is told of it."""

    executions: QueryExecutions
    execution: QueryExecution
    on_submit: Callable[[str], None] | None
    _statement: Statement | None = None
    _is_submitted: bool = False

    def place(self, statement: Statement) -> None:
        """Say what the statement is.

        Raises: InvalidName if the address for results is none
        """
        if self.execution.output_location is not None:
            S3Address.parse(self.execution.output_location, field="OutputLocation")
        kind = _STATEMENT_TYPES[type(statement)]
        self.execution = replace(self.execution, statement_type=kind)
        self._statement = statement

    def submit(self, identifier: str | None = None) -> None:
        """Record, once, that the query is under way, by the engine's own id for it if it has one.

        If the engine is asked again, since tables have changed, the first id stays.
        """
        if self._is_submitted:
            return
        self._is_submitted = True
        if identifier is not None:
            self.execution = replace(self.execution, id=identifier)
        self.execution = replace(self.execution, output_location=self._output_location())
        self.executions.record(self.execution)
        if self.on_submit is not None:
            self.on_submit(self.execution.id)

    def finish(self, **changes: Any) -> QueryExecution:
        """Record how the query ended, and return its execution."""
        self.submit()
        self.execution = replace(self.execution, **changes)
        self.executions.record(self.execution)
        return self.execution

    def _output_location(self) -> str | None:
        """Return the address of the result."""
        output = self.execution.output_location
        if output is None or self._statement is None:
            return output
        ending = ".csv" if self.execution.statement_type == "DML" else ".txt"
        if isinstance(self._statement, CreateTableAs):
            ending = ""
        return f"{output.rstrip('/')}/{self.execution.id}{ending}"
