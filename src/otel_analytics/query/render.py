"""A built query as text, for a person or for another engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_analytics.query.dialects import duckdb_prelude, to_duckdb, to_trino
from otel_analytics.query.statements import Query, parse_statement

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["DIALECTS", "render_query"]

DIALECTS = ("athena", "trino", "duckdb")


def render_query(query: exp.Query, dialect: str) -> str:
    """Return the query in one of `DIALECTS`.

    For DuckDB the settings and macros come first without which it would mean something else.
    """
    text = query.sql(dialect="athena", pretty=True, comments=False)
    if dialect == "athena":
        return text
    if dialect == "trino":
        return to_trino(text)
    statement = parse_statement(text)
    assert isinstance(statement, Query)  # noqa: S101 - it was built as one
    written = to_duckdb(statement).text()
    return ";\n".join([*duckdb_prelude(written), written]) + ";"
