"""A query that someone else wrote, held to reading and to so many rows."""

from __future__ import annotations

import pytest

from otel_analytics.errors import InvalidQuery
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
        ("SELECT * FROM a ORDER BY b LIMIT 11", "SELECT * FROM a ORDER BY b LIMIT 10"),
        ("SELECT 'LIMIT 11' FROM a LIMIT 11 -- 11", "SELECT 'LIMIT 11' FROM a LIMIT 10"),
        ("SELECT * FROM a LIMIT ALL;", "SELECT * FROM a LIMIT 10"),
        ("SELECT * FROM a OFFSET 20 LIMIT 30", "SELECT * FROM a OFFSET 20 LIMIT 10"),
        (
            "SELECT * FROM (SELECT 1 LIMIT 99) LIMIT 11",
            "SELECT * FROM (SELECT 1 LIMIT 99) LIMIT 10",
        ),
        ("SELECT * FROM (SELECT 1 LIMIT 99)", None),
        ("SELECT limit FROM a", None),
        ("SELECT limit, 99 FROM a LIMIT 11", "SELECT limit, 99 FROM a LIMIT 10"),
        ("SELECT 1 UNION SELECT 2 LIMIT 11", "SELECT 1 UNION SELECT 2 LIMIT 10"),
        ("VALUES 1, 2 LIMIT 11", "VALUES 1, 2 LIMIT 10"),
        ("VALUES 1, 2 LIMIT 1", "VALUES 1, 2 LIMIT 1"),
        ("SELECT 1 FETCH FIRST 11 ROWS ONLY", "SELECT 1 FETCH FIRST 10 ROWS ONLY"),
        ("SELECT 1 FETCH NEXT 9 ROWS ONLY", "SELECT 1 FETCH NEXT 9 ROWS ONLY"),
        ("SELECT 1 FETCH FIRST ROW ONLY", "SELECT 1 FETCH FIRST ROW ONLY"),
    ],
)
def test_a_query_gets_a_limit_unless_it_has_a_lower_one(sql: str, limited: str | None) -> None:
    assert with_at_most(sql, 10, database="log_db") == (limited or f"{sql}\nLIMIT 10")


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE a",
        "SHOW TABLES",
        "CREATE TABLE a AS SELECT 1",
        "",
        "SELECT 1 LIMIT ?",
        "SELECT 1 LIMIT 1 + 99",
        "SELECT 1 LIMIT 5 OFFSET 3",
        "SELECT 1 FETCH FIRST 5 ROWS WITH TIES",
    ],
)
def test_what_is_no_query_or_has_no_bound_is_refused(sql: str) -> None:
    with pytest.raises(InvalidQuery, match=r"^(NOT_SUPPORTED|SYNTAX_ERROR): "):
        with_at_most(sql, 10, database="log_db")


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("SELECT * FROM other_db.secret", 15),
        ('SELECT * FROM "lambda:cat".log_db.t', 15),
        ("SELECT * FROM awsdatacatalog.log_db.t", 15),
        ("SELECT * FROM information_schema.tables", 15),
        ("TABLE other_db.secret", 7),
        ("WITH a AS (SELECT * FROM other_db.b) SELECT * FROM a", 26),
        ("SELECT 1 FROM a WHERE EXISTS (SELECT * FROM log_db.b, other_db.c)", 55),
        ("SELECT (SELECT MAX(x) FROM other_db.b)", 28),
        ("SELECT 1 UNION SELECT 2 FROM other_db.b LIMIT 3", 30),
        ("WITH other_db AS (SELECT 1) SELECT * FROM other_db.b", 43),
    ],
)
def test_only_tables_of_the_database_are_read(sql: str, column: int) -> None:
    message = f"^NOT_SUPPORTED: line 1:{column}: only tables of log_db can be read here$"
    with pytest.raises(InvalidQuery, match=message):
        with_at_most(sql, 10, database="log_db")


def test_the_database_may_be_named() -> None:
    sql = 'WITH a AS (SELECT * FROM LOG_DB.b) SELECT * FROM a, "log_db".c LIMIT 3'
    assert with_at_most(sql, 10, database="log_db") == sql
