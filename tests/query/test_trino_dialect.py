"""Athena's statements as Trino gets them: the text as it is, but for tables and properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_analytics.query.statements import CreateTableAs, Query, TableName, parse_statement
from otel_analytics.query.trino_dialect import over_views, trino_create_table_as, trino_query

if TYPE_CHECKING:
    from otel_analytics.query.trino_dialect import TrinoStatement

RELATIONS = {
    TableName("logall", "log_db"): "h.f.l1",
    TableName("logall"): "h.f.l1",
    TableName("t"): "(SELECT 1 AS a)",
    TableName("b c", "log_db"): "h.f.bc",
}


def as_query(sql: str) -> TrinoStatement:
    statement = parse_statement(sql)
    assert isinstance(statement, Query)
    return trino_query(statement, RELATIONS)


def as_create(sql: str) -> TrinoStatement:
    statement = parse_statement(sql)
    assert isinstance(statement, CreateTableAs)
    return trino_create_table_as(
        statement, RELATIONS, table="h.f.new", comment="s3://b/x/", location="local:///x/"
    )


@pytest.mark.parametrize(
    ("athena", "trino"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT * FROM t;", 'SELECT * FROM (SELECT 1 AS a) AS "t"'),
        ("SELECT a FROM t ; -- done", 'SELECT a FROM (SELECT 1 AS a) AS "t" '),
        # as it is written, blanks and comments too
        ("SELECT  a -- one\nFROM t AS x", "SELECT  a -- one\nFROM (SELECT 1 AS a) AS x"),
        (
            'SELECT body FROM "log_db".LogAll, awsdatacatalog.log_db."b c" AS c',
            'SELECT body FROM h.f.l1 AS "logall", h.f.bc AS c',
        ),
        # a relation goes by its alias alone
        (
            "SELECT log_db.logall.body, logall.user_key FROM log_db.logall",
            'SELECT logall.body, logall.user_key FROM h.f.l1 AS "logall"',
        ),
        # a CTE hides the table of its name, from where it stands on
        (
            "WITH t AS (SELECT * FROM t) SELECT * FROM t",
            'WITH t AS (SELECT * FROM (SELECT 1 AS a) AS "t") SELECT * FROM t',
        ),
        # what looks like a table in a text is none
        ("SELECT 'FROM t', a FROM t x", "SELECT 'FROM t', a FROM (SELECT 1 AS a) x"),
        ("VALUES 1, 2", "VALUES 1, 2"),
        # TABLE takes a name alone
        ("TABLE t", 'SELECT * FROM (SELECT 1 AS a) AS "t"'),
        (
            "SELECT a FROM t AS x WHERE a IN (table log_db.logall) ORDER BY 1",
            'SELECT a FROM (SELECT 1 AS a) AS x WHERE a IN (SELECT * FROM h.f.l1 AS "logall") '
            "ORDER BY 1",
        ),
        (
            "WITH c AS (TABLE t) TABLE c UNION ALL TABLE t",
            'WITH c AS (SELECT * FROM (SELECT 1 AS a) AS "t") TABLE c UNION ALL '
            'SELECT * FROM (SELECT 1 AS a) AS "t"',
        ),
    ],
)
def test_a_query_keeps_its_text_but_for_its_tables(athena: str, trino: str) -> None:
    assert as_query(athena).text == trino


def test_properties_become_the_connectors_and_compression_the_sessions() -> None:
    statement = as_create(
        "CREATE TABLE ignored WITH (format = 'PARQUET', external_location = 's3://b/x/', "
        "write_compression = 'zstd', partitioned_by = ARRAY['p', 'q']) AS SELECT a, 1 AS p FROM t;"
    )
    assert statement.text == (
        "CREATE TABLE h.f.new COMMENT 's3://b/x/' WITH (format = 'PARQUET', "
        "external_location = 'local:///x/', partitioned_by = ARRAY['p', 'q']) "
        'AS SELECT a, 1 AS p FROM (SELECT 1 AS a) AS "t"'
    )
    assert statement.of_catalog == {"compression_codec": "ZSTD"}


@pytest.mark.parametrize(
    ("written", "codec"), [("", "GZIP"), ("write_compression = 'UNCOMPRESSED', ", "NONE")]
)
def test_a_codec_is_what_athena_takes_it_for(written: str, codec: str) -> None:
    statement = as_create(
        f"CREATE TABLE x WITH ({written}external_location = 's3://b/x/') AS SELECT 1 AS a"
    )
    assert statement.of_catalog == {"compression_codec": codec}


def test_with_no_data_and_a_column_named_as_stay() -> None:
    statement = as_create(
        "CREATE TABLE x WITH (external_location = 's3://b/x/') AS "
        "WITH c AS (SELECT 1 AS a) SELECT a AS b FROM c WITH NO DATA"
    )
    assert statement.text.endswith(
        " AS WITH c AS (SELECT 1 AS a) SELECT a AS b FROM c WITH NO DATA"
    )


def test_lines_and_columns_of_a_message_are_those_of_what_was_written() -> None:
    statement = as_query("SELECT a,\n  nope FROM log_db.logall x, t WHERE\nwrong")
    text = statement.text.splitlines()

    def moved(line: int, word: str) -> str:
        message = f"line {line}:{text[line - 1].index(word) + 1}: {word}"
        return statement.in_the_original(message)

    assert moved(1, "a,") == "line 1:8: a,"
    assert moved(2, "nope") == "line 2:3: nope"
    # behind what was put in, and within it
    assert moved(2, "WHERE") == "line 2:32: WHERE"
    assert moved(2, "f.l1") == "line 2:13: f.l1"
    assert moved(3, "wrong") == "line 3:1: wrong"


def test_only_the_place_at_a_messages_head_is_trinos() -> None:
    statement = as_query("SELECT CAST(body AS INT) FROM log_db.logall, t WHERE nope")
    column = statement.text.index("nope") + 1
    message = "COLUMN_NOT_FOUND: line 1:{}: Column 'line 1:60' cannot be resolved"
    assert statement.in_the_original(message.format(column)) == message.format(54)
    data = "INVALID_CAST_ARGUMENT: Cannot cast 'line 1:60' to INT"
    assert statement.in_the_original(data) == data


def test_for_people_a_query_reads_the_views() -> None:
    statement = parse_statement("WITH c AS (SELECT 1 AS a) SELECT * FROM log_db.logall, c, x.y")
    assert isinstance(statement, Query)
    seen = over_views(statement.tree(), database="log_db", catalog="hive", schema="shop")
    assert seen.sql("trino") == (
        'WITH c AS (SELECT 1 AS a) SELECT * FROM "hive"."shop".logall, c, x.y'
    )


def test_lines_of_a_create_are_those_of_what_was_written() -> None:
    statement = as_create(
        "CREATE TABLE x\nWITH (external_location = 's3://b/x/') AS\nSELECT nope AS a FROM t"
    )
    column = statement.text.index("nope") + 1
    assert statement.in_the_original(f"line 1:{column}: what") == "line 3:8: what"
