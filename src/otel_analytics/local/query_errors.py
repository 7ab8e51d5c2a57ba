"""What DuckDB raises, in Athena's words: the one seam where engine errors are turned into ours.

Athena's error codes are Trino's: a message begins with one, `TABLE_NOT_FOUND: line 1:15: …`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from otel_analytics.errors import QueryFailed
from otel_analytics.local.jobs import QueryCancelled
from otel_analytics.query.statements import Query, column_position

if TYPE_CHECKING:
    from otel_analytics.local.s3 import ObjectStore

__all__ = [
    "damaged_file",
    "is_unexplained",
    "needs_union",
    "query_failure",
]

_EXHAUSTED: Final = "EXHAUSTED_RESOURCES_AT_THIS_SCALE_FACTOR"
# Codes with which the macros of `query.duckdb_bridges` raise.
_OURS: Final = re.compile(
    r"(NOT_SUPPORTED|INVALID_CAST_ARGUMENT|INVALID_FUNCTION_ARGUMENT|DIVISION_BY_ZERO): .*"
)


def needs_union(error: duckdb.Error) -> bool:
    """Return whether a file lacks a column of its table: Athena reads NULL there."""
    return "schema mismatch in glob" in str(error)


def is_unexplained(failure: Exception) -> bool:
    """Return whether nothing better than DuckDB's own words was found for a failure."""
    return str(failure).startswith("GENERIC_INTERNAL_ERROR")


def damaged_file(path: str, error: duckdb.Error, *, store: ObjectStore) -> QueryFailed:
    """Return the failure of reading one lake file."""
    said = str(error).partition("Error: ")[2].strip() or str(error)
    return QueryFailed(
        f"HIVE_BAD_DATA: {_address(path, store)} cannot be read: {_first_line(said, store)}; "
        "remove the file or put a whole one in its place"
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
    path = _file_in(text, store)
    if path and "Permission denied" in text:
        return (
            f"HIVE_CANNOT_OPEN_SPLIT: {_address(path, store)} may not be read (Permission denied): "
            "give yourself the right to read it"
        )
    if path:
        return str(damaged_file(path, error, store=store))
    return _saying(text, query) or f"GENERIC_INTERNAL_ERROR: {_first_line(said or text, store)}"


def _file_in(text: str, store: ObjectStore) -> str | None:
    """Return the path of the lake file that an error names."""
    found = re.search(re.escape(str(store.root)) + r"/[^\"'\n]+?\.[A-Za-z0-9]+(?=[\"'\n]|$)", text)
    if not found:
        found = re.search(re.escape(str(store.root)) + r"/[^\"'\n]+", text)
    return found.group() if found else None


def _address(path: str, store: ObjectStore) -> str:
    return str(store.address(Path(path)))


def _first_line(text: str, store: ObjectStore) -> str:
    line = text.splitlines()[0] if text else "no reason given"
    return line.replace(f"{store.root}/", "s3://")[:1000]


def _saying(text: str, query: Query | None) -> str | None:
    for pattern, saying in _SAYINGS:
        if found := re.search(pattern, text):
            parts = found.groupdict()
            name = parts.get("name")
            line, column = column_position(query, name) if query and name else (1, 1)
            return saying.format(**parts, at=f"line {line}:{column}")
    return None


# The first that is found in DuckDB's words counts; `{at}` is where the query has `{name}`.
_SAYINGS: Final = (
    (
        r'Referenced (?:column|table) "(?P<name>[^"]+)" not found',
        "COLUMN_NOT_FOUND: {at}: Column '{name}' cannot be resolved",
    ),
    (
        r'(?:does not have a column named|Could not find key) "(?P<name>[^"]+)"',
        "COLUMN_NOT_FOUND: {at}: Column '{name}' cannot be resolved",
    ),
    (
        r'Ambiguous reference to column name "(?P<name>[^"]+)"',
        "AMBIGUOUS_NAME: {at}: Column '{name}' is ambiguous",
    ),
    (
        r'column "?(?P<name>[^" ]+)"? must appear in the GROUP BY clause',
        "EXPRESSION_NOT_AGGREGATE: {at}: '{name}' must be an aggregate expression or appear in "
        "GROUP BY clause",
    ),
    (
        r"(?P<clause>WHERE|GROUP BY|JOIN) clause cannot contain (?:aggregates|window)",
        "EXPRESSION_NOT_SCALAR: {clause} clause cannot contain aggregations, window functions or "
        "grouping operations",
    ),
    (r"[Dd]ivision by zero", "DIVISION_BY_ZERO: Division by zero"),
    (
        r"More than one row returned by a subquery",
        "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows",
    ),
    (
        r"Could not convert string '(?P<value>.*?)' to (?P<type>\w+)",
        "INVALID_CAST_ARGUMENT: Cannot cast '{value}' to {type}",
    ),
    (r"Out of Range Error: (?P<said>.*)", "NUMERIC_VALUE_OUT_OF_RANGE: {said}"),
    (r"Conversion Error: (?P<said>.*)", "INVALID_CAST_ARGUMENT: {said}"),
    (
        r"(?P<said>(?:No function matches|Could not choose a best candidate|Cannot compare).*?)"
        r"(?:\. |\n|$)",
        "TYPE_MISMATCH: {said}",
    ),
    (r"(?:Binder|Catalog|Parser) Error: (?P<said>.*)", "SYNTAX_ERROR: line 1:1: {said}"),
)
