"""What DuckDB raises, in Athena's words: the one seam where engine errors are turned into ours.

Athena's error codes are Trino's: a message begins with one, `TABLE_NOT_FOUND: line 1:15: …`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import duckdb

from otel_analytics.errors import QueryFailed
from otel_analytics.query.statements import Query, column_position

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.local.s3 import ObjectStore

__all__ = [
    "QueryCancelled",
    "athena_error",
    "damaged_file",
    "is_unexplained",
    "needs_union",
    "query_failure",
]

_EXHAUSTED: Final = "EXHAUSTED_RESOURCES_AT_THIS_SCALE_FACTOR"
_SYSTEM_CODES: Final = (_EXHAUSTED, "GENERIC_INTERNAL_ERROR", "HIVE_FILESYSTEM_ERROR")
# Codes with which the macros of `query.duckdb_bridges` raise.
_OURS: Final = re.compile(
    r"(NOT_SUPPORTED|INVALID_CAST_ARGUMENT|INVALID_FUNCTION_ARGUMENT|DIVISION_BY_ZERO): .*"
)


class QueryCancelled(Exception):  # noqa: N818 - reads as what happened
    """The query was interrupted because its task was cancelled."""


def athena_error(message: str) -> dict[str, Any]:
    """Return the `AthenaError` of a failed query execution.

    Source: https://docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html
        (category 1 is the system, 2 the user; ErrorType is left out: its numbers are not published
        for all of these codes)
    """
    system = message.startswith(_SYSTEM_CODES)
    return {
        "ErrorCategory": 1 if system else 2,
        "Retryable": system,
        "ErrorMessage": message,
    }


def needs_union(error: duckdb.Error) -> bool:
    """Return whether a file lacks a column of its table: Athena reads NULL there."""
    return "schema mismatch in glob" in str(error)


def is_unexplained(failure: Exception) -> bool:
    """Return whether nothing better than DuckDB's own words was found for a failure."""
    return str(failure).startswith("GENERIC_INTERNAL_ERROR")


def damaged_file(path: str, error: duckdb.Error, *, store: ObjectStore) -> QueryFailed:
    """Return the failure of reading one lake file."""
    said = str(error).partition("Error: ")[2].strip() or str(error)
    address = f"s3://{path[len(str(store.root)) + 1 :]}"
    return QueryFailed(
        f"HIVE_BAD_DATA: {address} cannot be read: {_first_line(said, store)}; remove the file or "
        "put a whole one in its place"
    )


def query_failure(
    error: duckdb.Error, *, query: Query | None, store: ObjectStore
) -> QueryFailed | QueryCancelled:
    """Return what Athena would say where DuckDB says `error`."""
    if isinstance(error, duckdb.InterruptException):
        return QueryCancelled("Query cancelled by user")
    return QueryFailed(_athena_message(error, query, store))


def _athena_message(error: duckdb.Error, query: Query | None, store: ObjectStore) -> str:
    text = str(error)
    said = text.partition("Error: ")[2].strip()
    if isinstance(error, duckdb.OutOfMemoryException):
        return (
            f"{_EXHAUSTED}: Query exhausted resources at this scale factor: read fewer days, or "
            "raise memory_limit"
        )
    if "No space left on device" in text or '"errno":"28"' in text:
        return (
            f"HIVE_FILESYSTEM_ERROR: the disk that holds {store.root.parent} is full: make room "
            "and run again; nothing of the unfinished table was kept"
        )
    # Before the errors of single files: what a macro raises may quote anything.
    if found := _OURS.match(said):
        return found.group()
    if path := _file_in(text, store):
        return str(damaged_file(path, error, store=store))
    sayings = ((pattern.search(text), say) for pattern, say in _SAYINGS)
    said_so = next((say(match, query) for match, say in sayings if match), None)
    return said_so or f"GENERIC_INTERNAL_ERROR: {_first_line(said or text, store)}"


def _file_in(text: str, store: ObjectStore) -> str | None:
    """Return the path of the lake file that an error names."""
    found = re.search(re.escape(str(store.root)) + r"/[^\"'\n]+?\.[A-Za-z0-9]+(?=[\"'\n]|$)", text)
    if not found:
        found = re.search(re.escape(str(store.root)) + r"/[^\"'\n]+", text)
    return found.group() if found else None


def _first_line(text: str, store: ObjectStore) -> str:
    line = text.splitlines()[0] if text else "no reason given"
    return line.replace(f"{store.root}/", "s3://")[:1000]


def _at(query: Query | None, name: str) -> str:
    line, column = column_position(query, name) if query else (1, 1)
    return f"line {line}:{column}"


_Saying = tuple[re.Pattern[str], "Callable[[re.Match[str], Query | None], str]"]

_SAYINGS: Final[tuple[_Saying, ...]] = (
    (
        re.compile(r'Referenced (?:column|table) "([^"]+)" not found'),
        lambda m, q: f"COLUMN_NOT_FOUND: {_at(q, m[1])}: Column '{m[1]}' cannot be resolved",
    ),
    (
        re.compile(r'(?:does not have a column named|Could not find key) "([^"]+)"'),
        lambda m, q: f"COLUMN_NOT_FOUND: {_at(q, m[1])}: Column '{m[1]}' cannot be resolved",
    ),
    (
        re.compile(r'Ambiguous reference to column name "([^"]+)"'),
        lambda m, q: f"AMBIGUOUS_NAME: {_at(q, m[1])}: Column '{m[1]}' is ambiguous",
    ),
    (
        re.compile(r'column "?([^" ]+)"? must appear in the GROUP BY clause'),
        lambda m, q: (
            f"EXPRESSION_NOT_AGGREGATE: {_at(q, m[1])}: '{m[1]}' must be an aggregate expression "
            "or appear in GROUP BY clause"
        ),
    ),
    (
        re.compile(r"(WHERE|GROUP BY|JOIN) clause cannot contain (?:aggregates|window)"),
        lambda m, _: (
            f"EXPRESSION_NOT_SCALAR: {m[1]} clause cannot contain aggregations, window functions "
            "or grouping operations"
        ),
    ),
    (re.compile(r"[Dd]ivision by zero"), lambda *_: "DIVISION_BY_ZERO: Division by zero"),
    (
        re.compile(r"More than one row returned by a subquery"),
        lambda *_: "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows",
    ),
    (
        re.compile(r"Could not convert string '(.*?)' to (\w+)"),
        lambda m, _: f"INVALID_CAST_ARGUMENT: Cannot cast '{m[1]}' to {m[2]}",
    ),
    (
        re.compile(r"Conversion Error: (.*out of range.*)"),
        lambda m, _: f"INVALID_CAST_ARGUMENT: {m[1]}",
    ),
    (
        re.compile(r"Out of Range Error: (.*)"),
        lambda m, _: f"NUMERIC_VALUE_OUT_OF_RANGE: {m[1]}",
    ),
    (
        re.compile(r"Conversion Error: (.*)"),
        lambda m, _: f"INVALID_CAST_ARGUMENT: {m[1]}",
    ),
    (
        re.compile(r"(?:No function matches|Could not choose a best candidate|Cannot compare)(.*)"),
        lambda m, _: f"TYPE_MISMATCH: {m[0].split('. ')[0]}",
    ),
    (
        re.compile(r"(?:Binder|Catalog|Parser) Error: (.*)"),
        lambda m, _: f"SYNTAX_ERROR: line 1:1: {m[1]}",
    ),
)
