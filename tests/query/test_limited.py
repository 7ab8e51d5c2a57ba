"""A query that someone else wrote, held to reading and to so many rows."""

from __future__ import annotations

import pytest

from otel_analytics.errors import QueryFailed
from otel_analytics.query.limited import with_at_most


@pytest.mark.parametrize(
    ("sql", "limited"),
    [
        ("SELECT 1", "SELECT 1\nLIMIT 10"),
        ("SELECT 1 ; ", "SELECT 1\nLIMIT 10"),
        ("SELECT ';' -- and a word;", "SELECT ';'\nLIMIT 10"),
        ("SELECT 1 UNION ALL SELECT 2", "SELECT 1 UNION ALL SELECT 2\nLIMIT 10"),
        ("WITH a AS (SELECT 1 AS n LIMIT 1) SELECT * FROM a", None),
        ("VALUES 1, 2", "VALUES 1, 2\nLIMIT 10"),
        ("SELECT * FROM a LIMIT 10", "SELECT * FROM a LIMIT 10"),
        ("SELECT * FROM a LIMIT 11", "SELECT * FROM (SELECT * FROM a LIMIT 11\n) LIMIT 10"),
        ("SELECT * FROM a LIMIT ALL", "SELECT * FROM (SELECT * FROM a LIMIT ALL\n) LIMIT 10"),
    ],
)
def test_a_query_gets_a_limit_unless_it_has_a_lower_one(sql: str, limited: str | None) -> None:
    assert with_at_most(sql, 10) == (limited or f"{sql}\nLIMIT 10")


@pytest.mark.parametrize("sql", ["DROP TABLE a", "SHOW TABLES", "CREATE TABLE a AS SELECT 1", ""])
def test_what_is_no_query_is_refused(sql: str) -> None:
    with pytest.raises(QueryFailed, match=r"^(NOT_SUPPORTED|SYNTAX_ERROR): "):
        with_at_most(sql, 10)
