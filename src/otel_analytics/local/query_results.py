"""The Task resource `athena:getQueryResults`: the rows of a query, out of the CSV that it left.

Source: https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.asl import TaskContext, TaskFailed
from otel_analytics.errors import Failed, QueryFailed
from otel_analytics.names import S3Address

if TYPE_CHECKING:
    from otel_analytics.local.athena import Athena
    from otel_analytics.query.statements import Column

__all__ = ["GET_QUERY_RESULTS", "get_query_results", "parse_csv"]

GET_QUERY_RESULTS: Final = "arn:aws:states:::athena:getQueryResults"

_ARGUMENTS: Final = ("QueryExecutionId", "MaxResults", "NextToken")
_MOST_ROWS: Final = 1000
_CELL: Final = re.compile(r'(?:"((?:[^"]|"")*)")?([,\n])')
# Types whose names in a result are not those of the DDL, and how wide Athena says that they are.
_TYPES: Final = {"int": "integer", "string": "varchar", "binary": "varbinary", "struct": "row"}
_PRECISIONS: Final = {
    "varchar": 2_147_483_647, "varbinary": 1_073_741_824, "tinyint": 3, "smallint": 5,
    "integer": 10, "bigint": 19, "float": 17, "double": 17, "timestamp": 3,
    "timestamp with time zone": 3, "time": 3,
}  # fmt: skip


def get_query_results(athena: Athena, arguments: Any, _context: TaskContext) -> dict[str, Any]:
    """Return one page of a query's rows, the first of which holds the columns' names.

    Shape:  ResultSet {Rows, ResultSetMetadata}, UpdateCount, and NextToken where there is more; a
        NULL has no VarCharValue
    Raises: TaskFailed as AWS fails the state
    """
    identifier, limit, begin = _parse(arguments)
    try:
        document = athena.executions.get(identifier)
        columns = athena.executions.columns(identifier)
    except QueryFailed as error:
        raise _invalid(error.message.removeprefix("InvalidRequestException: ")) from error
    rows = parse_csv(_read(athena, document))
    if begin >= len(rows):
        raise _invalid(f"the NextToken {begin} is past the last row")
    result: dict[str, Any] = {
        "ResultSet": {
            "Rows": [{"Data": [_datum(cell) for cell in row]} for row in rows[begin:][:limit]],
            "ResultSetMetadata": {"ColumnInfo": [_column_info(column) for column in columns]},
        },
        "UpdateCount": 0,
    }
    if begin + limit < len(rows):
        result["NextToken"] = str(begin + limit)
    return result


def parse_csv(text: str) -> list[list[str | None]]:
    """Return the rows of a CSV in which every value is in quotes, and a NULL is nothing at all.

    Raises: TaskFailed if it is none
    """
    rows: list[list[str | None]] = []
    row: list[str | None] = []
    position = 0
    while position < len(text):
        cell = _CELL.match(text, position)
        if cell is None:
            raise TaskFailed("Athena.AthenaException", f"the result is damaged at {position}")
        row.append(None if cell[1] is None else cell[1].replace('""', '"'))
        if cell[2] == "\n":
            rows.append(row)
            row = []
        position = cell.end()
    return rows


def _parse(arguments: Any) -> tuple[str, int, int]:
    if not isinstance(arguments, dict) or not isinstance(arguments.get("QueryExecutionId"), str):
        raise _invalid("QueryExecutionId is missing")
    if unknown := [name for name in arguments if name not in _ARGUMENTS]:
        raise _invalid(
            f"the argument {unknown[0]} is not supported here; supported are "
            f"{', '.join(_ARGUMENTS)}"
        )
    limit = arguments.get("MaxResults", _MOST_ROWS)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_ROWS:
        raise _invalid(f"MaxResults must be a whole number from 1 to {_MOST_ROWS}, not {limit!r}")
    token = arguments.get("NextToken", "0")
    if not isinstance(token, str) or not re.fullmatch(r"[0-9]{1,18}", token):
        raise _invalid(f"the NextToken {token!r:.80} was not given here")
    return arguments["QueryExecutionId"], limit, int(token)


def _read(athena: Athena, document: dict[str, Any]) -> str:
    """Return the CSV of a query that succeeded."""
    state = document["Status"]["State"]
    if state == "FAILED":
        raise _invalid(f"Query did not finish successfully. Final query state: {state}")
    if state == "CANCELLED":
        raise _invalid("Could not find results")
    if state != "SUCCEEDED":
        raise _invalid(f"Query has not yet finished. Current state: {state}")
    location = document["ResultConfiguration"].get("OutputLocation", "")
    if not location.endswith(".csv"):
        raise _invalid("the statement left no rows: only those of a query can be read here")
    try:
        return athena.store.get(S3Address.parse(location)).decode()
    except Failed as error:
        raise _invalid(f"Could not find results: {error}") from error


def _datum(cell: str | None) -> dict[str, str]:
    return {} if cell is None else {"VarCharValue": cell}


def _column_info(column: Column) -> dict[str, Any]:
    base = re.split("[<(]", column.type, maxsplit=1)[0]
    kind = _TYPES.get(base, base)
    precision, scale = _PRECISIONS.get(kind, 0), 0
    if numbers := re.fullmatch(r"decimal\((\d+),(\d+)\)", column.type):
        precision, scale = int(numbers[1]), int(numbers[2])
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": kind,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind == "varchar",
    }


def _invalid(message: str) -> TaskFailed:
    return TaskFailed("Athena.InvalidRequestException", message)
