"""Queries of Athena: a statement in, its rows out, with the types that they have in a table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import AwsFailed, InvalidQuery, QueryFailed
from otel_analytics.query.statements import Column, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.aws.clients import Client
    from otel_analytics.config import Athena as AthenaSettings

__all__ = ["Athena"]

_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 2.0
_ENDED: Final = ("SUCCEEDED", "FAILED", "CANCELLED")


def _timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix(" UTC")).replace(
        tzinfo=UTC if text.endswith(" UTC") else None
    )


# https://docs.aws.amazon.com/athena/latest/ug/data-types.html; what is not here stays text.
_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "int", "bigint"), int),
    **dict.fromkeys(("float", "real", "double"), float),
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "timestamp": _timestamp,
    "decimal": Decimal,
    "varbinary": bytes.fromhex,
}


@dataclass(frozen=True, slots=True)
class Athena:
    """The query executions of an account; `athena` is a client of Athena."""

    athena: Client
    settings: AthenaSettings
    sleep: Callable[[float], None] = time.sleep

    def query(self, sql: str, *, timeout_s: float | None = None) -> Rows:
        """Return the rows of one statement. An interrupt stops the query; what it read is billed.

        Raises: InvalidQuery if the statement is malformed; QueryFailed with Athena's reason, which
            is EXCEEDED_TIME_LIMIT if it was not done after `timeout_s`
        """
        identifier = self._start(sql)
        try:
            execution = self._wait(identifier, timeout_s)
        except (KeyboardInterrupt, QueryFailed):
            self.athena.call("stop_query_execution", QueryExecutionId=identifier)
            raise
        status = execution["Status"]
        if status["State"] != "SUCCEEDED":
            reason = status.get("StateChangeReason") or f"the query is {status['State']}"
            raise InvalidQuery(reason) if reason.startswith("SYNTAX_ERROR") else QueryFailed(reason)
        scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
        return self._rows(identifier, execution.get("StatementType") == "DML", scanned)

    def _start(self, sql: str) -> str:
        try:
            reply = self.athena.call(
                "start_query_execution",
                QueryString=sql,
                QueryExecutionContext={"Database": self.settings.database},
                ResultConfiguration={"OutputLocation": self.settings.output_location},
                WorkGroup=self.settings.workgroup,
            )
        except AwsFailed as error:
            # of some statements Athena says at once that they are none
            if error.code == "InvalidRequestException" and ": line " in str(error):
                said = str(error).partition(": line ")[2]
                raise InvalidQuery(f"SYNTAX_ERROR: line {said}") from error
            raise
        return str(reply["QueryExecutionId"])

    def _wait(self, identifier: str, timeout_s: float | None) -> Any:
        wait_s, waited_s = _FIRST_WAIT_S, 0.0
        while True:
            reply = self.athena.call("get_query_execution", QueryExecutionId=identifier)
            execution = reply["QueryExecution"]
            if execution["Status"]["State"] in _ENDED:
                return execution
            if timeout_s is not None and waited_s >= timeout_s:
                raise QueryFailed(f"EXCEEDED_TIME_LIMIT: the query took more than {timeout_s:g} s")
            self.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _rows(self, identifier: str, has_head: bool, scanned_bytes: int) -> Rows:
        columns: tuple[Column, ...] = ()
        rows: list[tuple[Any, ...]] = []
        for page in self.athena.pages("get_query_results", QueryExecutionId=identifier):
            result = page["ResultSet"]
            infos = result.get("ResultSetMetadata", {}).get("ColumnInfo", ())
            columns = tuple(Column(one["Name"], one["Type"]) for one in infos)
            rows += [
                tuple(
                    _value(cell.get("VarCharValue"), column.type)
                    for cell, column in zip(row.get("Data", ()), columns, strict=False)
                )
                for row in (result.get("Rows", ()) if not has_head else result["Rows"][1:])
            ]
            has_head = False  # only the first page begins with the columns' names
        return Rows(columns, tuple(rows), scanned_bytes)


def _value(text: str | None, kind: str) -> Any:
    parse = _PARSERS.get(kind)
    return text if text is None or parse is None else parse(text)
