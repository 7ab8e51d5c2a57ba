"""What a statement would read: columns that matter to it, and partitions that it asks for."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from otel_analytics.config import Settings
from otel_analytics.errors import QueryFailed
from otel_analytics.lake.schema import LOGALL_COLUMNS, LOGALL_PARTITIONS
from otel_analytics.query.build import QueryRequest, build_create_table
from otel_analytics.query.dialects import to_duckdb
from otel_analytics.query.scans import Scan, TableColumns, partition_query, scans_of, tables_of
from otel_analytics.query.statements import Column, Query, TableName, parse_statement

T = TableName("t")
LOGALL = TableName("logall", "log_db")
KEYS = (Column("year", "string"), Column("day", "date"))
TABLES = {
    T: TableColumns((Column("a", "bigint"), Column("b", "bigint"), Column("c", "string")), KEYS),
    TableName("u"): TableColumns((Column("x", "bigint"), Column("y", "bigint"))),
    LOGALL: TableColumns(
        tuple(Column(*item) for item in LOGALL_COLUMNS.items()),
        tuple(Column(*item) for item in LOGALL_PARTITIONS.items()),
    ),
}


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT a FROM t", [("a",)]),
        ("SELECT * FROM t", [("a", "b", "c")]),
        ("SELECT COUNT(*) FROM t", [()]),
        ("SELECT a FROM t WHERE b > 1 ORDER BY c", [("a", "b", "c")]),
        ("SELECT a FROM (SELECT a, b FROM t)", [("a",)]),
        (
            "WITH w AS (SELECT a, b, c FROM t) SELECT l.a FROM w l JOIN w r ON l.a = r.b",
            [("a", "b")],
        ),
        ("SELECT a FROM t UNION ALL SELECT y FROM u", [("a",), ("y",)]),
        ("SELECT t.a, u.x FROM t JOIN u ON t.b = u.x", [("a", "b"), ("x",)]),
        ("CREATE TABLE n WITH (format = 'PARQUET') AS SELECT c FROM t", [("c",)]),
        ("SELECT c.k FROM t", [("c",)]),
        ("SELECT c['k'] FROM t", [("c",)]),
        ("DROP TABLE t", []),
    ],
)
def test_columns_are_those_that_the_result_depends_on(
    sql: str, columns: list[tuple[str, ...]]
) -> None:
    assert [scan.columns for scan in scans_of(sql, TABLES)] == columns


@pytest.mark.parametrize(
    ("query_type", "columns"),
    [
        ("mau", ("service_name", "session_id", "user_key")),
        ("retention", ("service_name", "user_key")),
        ("session_metrics", ("event_name", "service_name", "session_id")),
    ],
)
def test_a_metric_reads_no_column_of_the_raw_logs_that_it_does_not_need(
    query_type: str, columns: tuple[str, ...]
) -> None:
    request = QueryRequest(query_type, ("shop",), date(2025, 6, 30))
    sql = build_create_table(request, table="t", location="s3://bucket/t/", settings=Settings())
    (scan,) = scans_of(sql, TABLES)
    assert (scan.table, scan.columns) == (LOGALL, columns)


@pytest.mark.parametrize(
    ("where", "condition"),
    [
        ("", ""),
        ("WHERE a = 1", ""),
        ("WHERE year > '2024'", "\"year\" > '2024'"),
        ("WHERE year = '2024' OR year = '2026'", "\"year\" = '2024' OR \"year\" = '2026'"),
        ("WHERE year = '2025' AND a = 1", "\"year\" = '2025'"),
        ("WHERE t.year = '2025' AND (a = 1 OR year > '1')", "\"year\" = '2025'"),
        ("WHERE year IN (SELECT 'x' AS x FROM u)", ""),
    ],
)
def test_the_condition_is_what_is_asked_of_partition_keys_alone(where: str, condition: str) -> None:
    (scan, *_) = scans_of(f"SELECT b FROM t {where}", TABLES)
    assert scan.condition == condition


def test_the_query_for_partitions_asks_for_their_places() -> None:
    scan = Scan(T, ("a",), "\"day\" > DATE '2025-01-31' AND \"year\" || 'x' = '2025x'")
    statement = parse_statement(partition_query(scan))
    assert isinstance(statement, Query)
    rows = ["(0, '2025', DATE '2025-01-31')", "(1, '2025', DATE '2025-02-01')"]
    rows += ["(2, '2024', DATE '2025-02-01')"]
    partitions = f"(SELECT * FROM (VALUES {', '.join(rows)}) AS p(place, year, day))"
    text = to_duckdb(statement).text([partitions])
    assert duckdb.execute(text).fetchall() == [(1,)]
    assert partition_query(Scan(T, ("a",), "")) == "SELECT place FROM partitions"


def test_the_tables_of_a_statement_are_named_once() -> None:
    assert tables_of("SELECT 1 FROM t, u, t AS s") == (T, TableName("u"))
    with pytest.raises(QueryFailed, match="SYNTAX_ERROR"):
        tables_of("SELEC 1")
