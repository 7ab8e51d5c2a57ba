"""Query executions as Athena reports them, and their record in the home's SQLite."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import QueryFailed
from otel_analytics.query.statements import Column

if TYPE_CHECKING:
    from otel_analytics.local.home import Home
    from otel_analytics.query.statements import Rows

__all__ = ["QueryExecution", "QueryExecutions"]

# In the record beside what get-query-execution shows: the columns of a query's rows.
_COLUMNS: Final = "ResultColumns"
_SYSTEM_CODES: Final = (
    "EXHAUSTED_RESOURCES_AT_THIS_SCALE_FACTOR", "GENERIC_INTERNAL_ERROR", "HIVE_FILESYSTEM_ERROR",
)  # fmt: skip
_ENGINE_VERSION: Final = {
    "SelectedEngineVersion": "AUTO",
    "EffectiveEngineVersion": "Athena engine version 3",
}


@dataclass(frozen=True, slots=True)
class QueryExecution:
    """One query execution. Units: times in seconds since 1970."""

    id: str
    query: str
    statement_type: str
    database: str
    output_location: str | None
    work_group: str
    state: str
    submitted: float
    completed: float | None = None
    reason: str | None = None
    retryable: bool | None = None
    engine_s: float = 0.0
    queued_s: float = 0.0
    scanned_bytes: int = 0
    rows: Rows | None = None

    def document(self) -> dict[str, Any]:
        """Return what `aws athena get-query-execution` shows."""
        return self._document(_iso_time)

    def task_document(self) -> dict[str, Any]:
        """Return what a Step Functions task gets: times in milliseconds since 1970."""
        return self._document(lambda seconds: round(seconds * 1000))

    def raise_if_failed(self) -> None:
        """Raise QueryFailed with Athena's reason unless the query succeeded."""
        if self.state != "SUCCEEDED":
            raise QueryFailed(self.reason or self.state)

    def _document(self, time: Any) -> dict[str, Any]:
        status: dict[str, Any] = {"State": self.state}
        if self.reason is not None:
            status["StateChangeReason"] = self.reason
        status["SubmissionDateTime"] = time(self.submitted)
        if self.completed is not None:
            status["CompletionDateTime"] = time(self.completed)
        if self.state == "FAILED" and self.reason is not None:
            status["AthenaError"] = _athena_error(self.reason, is_retryable=self.retryable)
        result = {} if self.output_location is None else {"OutputLocation": self.output_location}
        total_s = (self.completed or self.submitted) - self.submitted
        return {
            "QueryExecutionId": self.id,
            "Query": self.query,
            "StatementType": self.statement_type,
            "ResultConfiguration": result,
            "QueryExecutionContext": {"Database": self.database},
            "Status": status,
            "Statistics": {
                "EngineExecutionTimeInMillis": round(self.engine_s * 1000),
                "DataScannedInBytes": self.scanned_bytes,
                "TotalExecutionTimeInMillis": max(0, round(total_s * 1000)),
                "QueryQueueTimeInMillis": round(self.queued_s * 1000),
                "ServiceProcessingTimeInMillis": 0,
            },
            "WorkGroup": self.work_group,
            "EngineVersion": dict(_ENGINE_VERSION),
        }


def _athena_error(message: str, *, is_retryable: bool | None = None) -> dict[str, Any]:
    """Return the `AthenaError` of a failed query execution; by default its code tells.

    Source: https://docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html
        (category 1 is the system, 2 the user; ErrorType is left out: its numbers are not published
        for all of these codes)
    """
    system = message.startswith(_SYSTEM_CODES) if is_retryable is None else is_retryable
    return {
        "ErrorCategory": 1 if system else 2,
        "Retryable": system,
        "ErrorMessage": message,
    }


def _iso_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class QueryExecutions:
    """The record of query executions in a home."""

    home: Home
    keeps_record: bool = True

    def record(self, execution: QueryExecution) -> None:
        """Write down how a query execution stands, and the columns of its rows.

        A home that is read-only keeps no record.
        """
        if self.home.read_only or not self.keeps_record:
            return
        document = execution.document()
        if execution.rows is not None:
            document[_COLUMNS] = [[column.name, column.type] for column in execution.rows.columns]
        with self.home.transaction() as connection:
            connection.execute(
                "REPLACE INTO query_executions VALUES (?, ?, ?, ?)",
                (
                    execution.id,
                    execution.state,
                    execution.submitted,
                    json.dumps(document, ensure_ascii=False),
                ),
            )

    def get(self, identifier: str) -> dict[str, Any]:
        """Return one query execution as `get-query-execution` shows it.

        Raises: QueryFailed if there is none
        """
        return _shown(self._get(identifier))

    def columns(self, identifier: str) -> tuple[Column, ...]:
        """Return the columns of the rows of a query; none if it has no rows, or is not done.

        Raises: QueryFailed if there is no such query execution
        """
        return tuple(Column(*pair) for pair in self._get(identifier).get(_COLUMNS, ()))

    def _get(self, identifier: str) -> dict[str, Any]:
        with self.home.reading() as connection:
            row = connection.execute(
                "SELECT document FROM query_executions WHERE id = ?", (identifier,)
            ).fetchone()
        if row is None:
            raise QueryFailed(f"InvalidRequestException: QueryExecution {identifier} was not found")
        document: dict[str, Any] = json.loads(row[0])
        return document

    def latest(self, max_results: int = 50) -> list[dict[str, Any]]:
        """Return the latest query executions, newest first."""
        with self.home.reading() as connection:
            rows = connection.execute(
                "SELECT document FROM query_executions ORDER BY submitted DESC, id LIMIT ?",
                (max_results,),
            ).fetchall()
        return [_shown(json.loads(document)) for (document,) in rows]


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != _COLUMNS}
