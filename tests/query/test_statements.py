"""What one statement of Athena's dialect says, and how it is refused."""

from __future__ import annotations

import pytest

from otel_analytics.errors import QueryFailed
from otel_analytics.query.statements import (
    Column,
    CreateExternalTable,
    CreateTableAs,
    DescribeTable,
    DropTable,
    Query,
    ShowTables,
    TableName,
    column_position,
    parse_statement,
)


def tables_of(sql: str) -> list[tuple[str | None, str, int, int]]:
    statement = parse_statement(sql)
    query = statement.query if isinstance(statement, CreateTableAs) else statement
    assert isinstance(query, Query)
    return [(r.table.database, r.table.name, r.line, r.column) for r in query.tables]


def test_a_ctas_gives_its_table_its_properties_and_its_query() -> None:
    statement = parse_statement(
        """CREATE TABLE "log_db"."0shop_dau" WITH (format = 'parquet',
        external_location = 's3://bucket/dau/', write_compression = 'zstd',
        partitioned_by = ARRAY['Day']) AS SELECT 1 AS n, 2 AS day;"""
    )
    assert isinstance(statement, CreateTableAs)
    assert statement.table == TableName("0shop_dau", "log_db")
    assert (statement.format, statement.compression) == ("PARQUET", "ZSTD")
    assert statement.location == "s3://bucket/dau/"
    assert statement.partitioned_by == ("day",)
    assert statement.with_data
    assert not statement.if_not_exists


def test_a_ctas_may_ask_for_no_data() -> None:
    statement = parse_statement("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS a WITH NO DATA")
    assert isinstance(statement, CreateTableAs)
    assert (statement.if_not_exists, statement.with_data) == (True, False)
    assert statement.location is None


def test_an_external_table_gives_its_columns_in_athenas_types() -> None:
    statement = parse_statement(
        """CREATE EXTERNAL TABLE IF NOT EXISTS `Log_DB`.`raw logs` (
          `event name` string, n INTEGER, m map<string, string>,
          s struct<a:int, b:array<double>>, d decimal(10, 2))
        COMMENT 'x' PARTITIONED BY (year string, month string) STORED AS PARQUET
        LOCATION 's3://bucket/raw/' TBLPROPERTIES ('owner' = 'me')"""
    )
    assert statement == CreateExternalTable(
        table=TableName("raw logs", "log_db"),
        if_not_exists=True,
        columns=(
            Column("event name", "string"),
            Column("n", "int"),
            Column("m", "map<string,string>"),
            Column("s", "struct<a:int,b:array<double>>"),
            Column("d", "decimal(10,2)"),
        ),
        partition_keys=(Column("year", "string"), Column("month", "string")),
        location="s3://bucket/raw/",
        parameters=(("owner", "me"),),
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("DROP TABLE t", DropTable(TableName("t"), if_exists=False)),
        (
            "drop table if exists `log_db`.`0t` ;",
            DropTable(TableName("0t", "log_db"), if_exists=True),
        ),
        ("SHOW TABLES", ShowTables(None, None)),
        ("SHOW TABLES IN log_db 'shop*';", ShowTables("log_db", "shop*")),
        ("DESCRIBE log_db.T", DescribeTable(TableName("t", "log_db"))),
    ],
)
def test_small_statements_are_told_apart(sql: str, expected: object) -> None:
    assert parse_statement(sql) == expected


def test_the_tables_of_a_query_are_found_with_their_places() -> None:
    assert tables_of('SELECT *\nFROM Log_DB."LogAll" AS l\nJOIN (SELECT 1 FROM u) v ON true') == [
        ("log_db", "logall", 2, 6),
        (None, "u", 3, 21),
    ]


def test_names_of_ctes_are_no_tables() -> None:
    sql = "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM A) SELECT * FROM b, a, c"
    assert tables_of(sql) == [(None, "c", 1, 71)]


def test_a_cte_does_not_see_itself() -> None:
    # the inner t is the table, the outer one the CTE
    assert tables_of("WITH t AS (SELECT * FROM t) SELECT * FROM t") == [(None, "t", 1, 26)]


def test_a_cte_of_a_subquery_is_not_seen_outside_of_it() -> None:
    sql = "SELECT * FROM (WITH t AS (SELECT 1 AS x) SELECT * FROM t) AS s, t"
    assert tables_of(sql) == [(None, "t", 1, 65)]


def test_a_table_with_its_database_is_never_a_cte() -> None:
    sql = "WITH t AS (SELECT 1 AS x) SELECT * FROM log_db.t"
    assert tables_of(sql) == [("log_db", "t", 1, 41)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM t EXCEPT (SELECT * FROM t)",
        "SELECT a * replace(b, '::', '') FROM t",
        'SELECT "x::int" FROM t -- y::int',
    ],
)
def test_what_only_looks_like_a_foreign_construct_is_taken(sql: str) -> None:
    assert isinstance(parse_statement(sql), Query)


def test_values_is_a_query() -> None:
    assert tables_of("VALUES 1, 2") == []


def test_the_place_of_a_column_is_found() -> None:
    query = parse_statement("SELECT a,\n  t.B FROM t")
    assert isinstance(query, Query)
    assert column_position(query, "b") == (2, 5)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "SYNTAX_ERROR: line 1:1: mismatched input 'SELEC'"),
        ("SELECT a FROM", "SYNTAX_ERROR: line 1:14: mismatched input '<EOF>'"),
        ("SELECT *\nFROM t\nWHERE ;", "SYNTAX_ERROR: line 3:6: mismatched input '<EOF>'"),
        ("SELECT a,\n  b c d FROM t", "SYNTAX_ERROR: line 2:7: mismatched input 'd'"),
        ("SELECT (1", "SYNTAX_ERROR: line 1:10: mismatched input '<EOF>'"),
        ("SELECT a,\n  b::int FROM t", "SYNTAX_ERROR: line 2:4: mismatched input '::'"),
        ("SELECT\n * EXCLUDE (a) FROM t", "SYNTAX_ERROR: line 2:4: mismatched input 'EXCLUDE'"),
        ("SELECT t.* EXCEPT (a) FROM t", "SYNTAX_ERROR: line 1:12: mismatched input 'EXCEPT'"),
        ("SELECT * REPLACE (1 AS a) FROM t", "SYNTAX_ERROR: line 1:10: mismatched input 'REPLACE'"),
        (
            "CREATE TABLE u AS SELECT * RENAME (a AS b) FROM t",
            "SYNTAX_ERROR: line 1:28: mismatched input 'RENAME'",
        ),
        ("SELECT 'abc", "SYNTAX_ERROR: line 1:12: a quoted text, identifier or comment is not"),
        ("", "SYNTAX_ERROR: line 1:1: mismatched input '<EOF>'"),
        ("-- nothing", "SYNTAX_ERROR: line 1:1: mismatched input '<EOF>'"),
        (";", "SYNTAX_ERROR: line 1:1: mismatched input ';'"),
        ("SELECT 1; SELECT 2", "SYNTAX_ERROR: line 1:11: Only one sql statement is allowed"),
        ("INSERT INTO t SELECT 1", "NOT_SUPPORTED: line 1:1: INSERT is not supported"),
        ("MSCK REPAIR TABLE t", "NOT_SUPPORTED: line 1:1: MSCK is not supported"),
        ("CREATE VIEW v AS SELECT 1", "NOT_SUPPORTED: line 1:1: CREATE VIEW is not supported"),
        ("SHOW PARTITIONS t", "NOT_SUPPORTED: line 1:1: of SHOW only SHOW TABLES"),
        ("SELECT * FROM read_csv('/etc/passwd')", "NOT_SUPPORTED: line 1:15: a table function"),
        (
            "SELECT " + "(" * 3000 + "1" + ")" * 3000,
            "SYNTAX_ERROR: line 1:1: the statement is nest",
        ),
        ("CREATE TABLE t (a int)", "NOT_SUPPORTED: line 1:1: CREATE TABLE needs EXTERNAL"),
        (
            "CREATE TABLE t WITH (bucket_count = 3) AS SELECT 1 AS a",
            "NOT_SUPPORTED: line 1:22: the table property 'bucket_count' is not supported here",
        ),
        (
            "CREATE EXTERNAL TABLE t (a int) STORED AS ORC LOCATION 's3://b/x/'",
            "NOT_SUPPORTED: line 1:23: tables STORED AS ORC are not supported here",
        ),
        (
            "CREATE EXTERNAL TABLE t (a int) STORED AS PARQUET",
            "SYNTAX_ERROR: line 1:1: CREATE EXTERNAL TABLE needs a LOCATION",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_line_and_column(sql: str, message: str) -> None:
    with pytest.raises(QueryFailed) as refused:
        parse_statement(sql)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    "nested",
    [
        "SELECT " + "(" * 100_000 + "1" + ")" * 100_000,
        "SELECT * FROM " + "(" * 100_000 + "t" + ")" * 100_000,
        "SELECT * FROM (" * 15_000 + "SELECT 1 AS a" + ")" * 15_000,
        "SELECT CAST(NULL AS " + "array(" * 30_000 + "integer" + ")" * 30_000 + ")",
        "SELECT " + "EXISTS (SELECT " * 15_000 + "1" + ")" * 15_000,
        "SELECT " + "NOT " * 60_000 + "true",
        "SELECT " + "CASE WHEN true THEN " * 10_000 + "1" + " END" * 10_000,
        "SELECT " + "(" * 250_000,
    ],
    ids=lambda nested: nested[:30],
)
def test_however_deeply_a_statement_is_nested_it_is_refused_and_the_process_lives(
    nested: str,
) -> None:
    with pytest.raises(
        QueryFailed, match=r"^SYNTAX_ERROR: line 1:1: the statement is nested too deeply$"
    ):
        parse_statement(nested)


def test_a_statement_may_have_as_many_bytes_as_athena_takes_and_no_more() -> None:
    longest = "SELECT 'é" + "a" * (262_144 - 11) + "'"
    assert parse_statement(longest)
    with pytest.raises(QueryFailed, match="the statement has 262145 bytes, Athena takes 262144"):
        parse_statement(longest + " ")


def test_half_of_a_surrogate_pair_does_not_keep_a_statement_from_being_read() -> None:
    assert isinstance(parse_statement("SELECT '\ud800' AS a"), Query)
