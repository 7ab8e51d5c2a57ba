"""Athena's SQL in other dialects; every DuckDB text is executed."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from otel_analytics.errors import QueryFailed
from otel_analytics.query.dialects import duckdb_prelude, render, to_duckdb
from otel_analytics.query.statements import CreateTableAs, Query, parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for statement in duckdb_prelude():
            connection.execute(statement)
        yield connection


def written(sql: str) -> str:
    query = parse_statement(sql)
    assert isinstance(query, Query)
    return to_duckdb(query).text()


def answer(session: duckdb.DuckDBPyConnection, sql: str) -> Any:
    (row,) = session.execute(written(sql)).fetchall()
    return row[0] if len(row) == 1 else row


D = date
T = datetime

# What Trino's documentation says, worked out by hand: https://trino.io/docs/current/functions.html
SAME_MEANING: list[tuple[str, Any]] = [
    # division: integers truncate toward zero, DECIMALs are rounded half up to the larger scale
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("1E0 / 0 > 1E300", True),
    ("7 / 2E0", 3.5),
    ("1.0 / 3", Decimal("0.3")),
    ("2.0 / 3", Decimal("0.7")),
    ("2.01 / 2", Decimal("1.01")),
    ("100.0 * 1 / 3", Decimal("33.3")),
    ("(SELECT sum(x) / count(*) FROM (VALUES 3, 4) t(x))", 3),
    ("(SELECT sum(x) * 1.0 / count(*) FROM (VALUES 3, 4, 4) t(x))", Decimal("3.7")),
    ("(SELECT CAST(sum(x) AS DOUBLE) / count(*) FROM (VALUES 3, 4) t(x))", 3.5),
    ("(SELECT max(x) / 1 FROM (VALUES 9007199254740993) t(x))", 9007199254740993),
    ("(SELECT (n - n % d) / d FROM (VALUES (20001, 2)) t(n, d))", 10000),
    ("7 % 3", 1),
    ("mod(-7, 3)", -1),
    # dates stay dates
    ("date_add('day', 1, DATE '2024-02-28')", D(2024, 2, 29)),
    ("(SELECT date_add('month', 1, max(d)) FROM (VALUES DATE '2024-01-31') t(d))", D(2024, 2, 29)),
    ("date_add('quarter', 1, DATE '2024-01-31')", D(2024, 4, 30)),
    ("date_add('second', 90, TIMESTAMP '2024-01-01 00:00:00')", T(2024, 1, 1, 0, 1, 30)),
    ("date_add('day', -1, TIMESTAMP '2024-01-01 10:00:00')", T(2023, 12, 31, 10)),
    ("DATE '2024-01-01' + INTERVAL '1' DAY", D(2024, 1, 2)),
    ("DATE '2024-03-31' - INTERVAL '1' MONTH", D(2024, 2, 29)),
    ("TIMESTAMP '2024-01-01 00:00:00' + INTERVAL '2' HOUR", T(2024, 1, 1, 2)),
    ("date_trunc('month', DATE '2024-01-15')", D(2024, 1, 1)),
    ("date_trunc('week', DATE '2024-01-07')", D(2024, 1, 1)),
    ("date_trunc('hour', TIMESTAMP '2024-01-15 05:06:07')", T(2024, 1, 15, 5)),
    ("last_day_of_month(DATE '2024-02-10')", D(2024, 2, 29)),
    # whole units that have passed, not boundaries crossed
    ("date_diff('day', DATE '2024-01-01', DATE '2024-02-01')", 31),
    ("date_diff('hour', TIMESTAMP '2024-01-01 00:30:00', TIMESTAMP '2024-01-01 01:00:00')", 0),
    ("date_diff('month', DATE '2024-01-15', DATE '2024-02-14')", 0),
    ("date_format(TIMESTAMP '2024-01-05 13:04:09', '%Y-%m-%d %H:%i:%s %e %k %p')",
     "2024-01-05 13:04:09 5 13 PM"),
    ("date_format(DATE '2024-01-05', '%W %M %a %b %j %y')", "Friday January Fri Jan 005 24"),
    ("format_datetime(TIMESTAMP '2024-01-05 01:02:03.004', 'yyyy-MM-dd''T''HH:mm:ss.SSS')",
     "2024-01-05T01:02:03.004"),
    ("date_parse('05/01/2024', '%d/%m/%Y')", T(2024, 1, 5)),
    ("day_of_week(DATE '2024-01-07')", 7),
    ("year(DATE '2024-01-07')", 2024),
    ("extract(hour FROM TIMESTAMP '2024-01-07 05:00:00')", 5),
    ("extract(dow FROM DATE '2024-01-07')", 7),  # a Sunday
    ("extract(DAY_OF_WEEK FROM DATE '2024-01-08')", 1),
    ("extract(doy FROM DATE '2024-02-01')", 32),
    ("extract(day_of_year FROM DATE '2024-12-31')", 366),
    ("extract(day_of_month FROM DATE '2024-02-29')", 29),
    ("extract(week FROM DATE '2023-01-01')", 52),  # it belongs to the last week of 2022
    ("extract(yow FROM DATE '2023-01-01')", 2022),
    ("extract(second FROM TIMESTAMP '2024-01-07 05:00:09.9')", 9),
    ("extract(dow FROM TIMESTAMP '2024-01-07 20:00:00' AT TIME ZONE 'Asia/Seoul')", 1),
    ("date(TIMESTAMP '2024-01-07 23:00:00')", D(2024, 1, 7)),
    ("CAST(TIMESTAMP '2024-01-01 20:00:00' AT TIME ZONE 'Asia/Seoul' AS DATE)", D(2024, 1, 2)),
    ("date(at_timezone(TIMESTAMP '2024-01-01 20:00:00', 'Asia/Seoul'))", D(2024, 1, 2)),
    ("hour(TIMESTAMP '2024-01-01 20:00:00' AT TIME ZONE 'Asia/Seoul')", 5),
    ("CAST(from_iso8601_timestamp('2024-01-01T02:03:04Z') AS TIMESTAMP)", T(2024, 1, 1, 2, 3, 4)),
    ("to_unixtime(TIMESTAMP '1970-01-01 00:01:00')", 60.0),
    ("CAST(from_unixtime(60) AS TIMESTAMP)", T(1970, 1, 1, 0, 1)),
    # casts
    ("CAST(2.5E0 AS BIGINT)", 3),
    ("CAST(-2.5E0 AS INTEGER)", -3),
    ("CAST('42' AS BIGINT)", 42),
    ("CAST(NULL AS BIGINT)", None),
    ("TRY_CAST('2.5' AS INTEGER)", None),
    ("TRY_CAST('2024/01/05' AS DATE)", None),
    ("CAST('2024-01-05' AS DATE)", D(2024, 1, 5)),
    ("CAST(TIMESTAMP '2024-01-01 01:02:03.4' AS VARCHAR)", "2024-01-01 01:02:03.400"),
    ("CAST(DATE '2024-01-01' AS VARCHAR)", "2024-01-01"),
    ("CAST(1.5E0 AS VARCHAR)", "1.5"),
    ("CAST(1.005 AS DECIMAL(10, 2))", Decimal("1.01")),
    # texts
    ("concat('a', NULL, 'b')", None),
    ("'a' || NULL", None),
    ("substr('hello', 2, 3)", "ell"),
    ("substr('hello', -3)", "llo"),
    ("substr('hello', 0)", ""),
    ("substr('hello', -9)", ""),
    ("substr('hello', 2, -2)", ""),
    ("substr('hello', 2, 0)", ""),
    ("substr('hello', -3, 2)", "ll"),
    ("substr('hello', 0, 2)", ""),
    ("substr(CAST(NULL AS VARCHAR), 0)", None),
    ("(SELECT max(substr('hello', 1, n)) FROM (VALUES -1) t(n))", ""),
    ("substring('hello' FROM 2 FOR 3)", "ell"),
    ("split_part('a,b', ',', 2)", "b"),
    ("split_part('a,b', ',', 3)", None),
    ("split('a,b', ',')", ["a", "b"]),
    ("strpos('abc', 'c')", 3),
    ("position('c' IN 'abc')", 3),
    ("trim(LEADING 'x' FROM 'xax')", "ax"),
    ("'a%b' LIKE 'a\\%_' ESCAPE '\\'", True),
    ("'A' LIKE 'a'", False),
    ("lower('ÀB') || upper('c')", "àbC"),
    ("regexp_like('abc', 'b.')", True),
    ("regexp_extract('abc', 'x')", None),
    ("regexp_extract('abc1', '([a-z]+)([0-9])', 2)", "1"),
    ("regexp_replace('abcb', '(b)', '<$1>')", "a<b>c<b>"),
    ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
    ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a')", None),
    ("json_extract_scalar('{\"a.b\": [1, \"x\"]}', '$[\"a.b\"][1]')", "x"),
    ("json_extract_scalar('no json', '$.a')", None),
    # maps, arrays, rows
    ("MAP(ARRAY['k'], ARRAY['v'])['k']", "v"),
    ("element_at(MAP(ARRAY['k'], ARRAY['v']), 'z')", None),
    ("ARRAY[5, 6, 7][2]", 6),
    ("element_at(ARRAY[5, 6, 7], 9)", None),
    ("cardinality(ARRAY[1, 2])", 2),
    ("cardinality(MAP(ARRAY['k', 'l'], ARRAY[1, 2]))", 2),
    ("cardinality(CAST(NULL AS MAP(VARCHAR, VARCHAR)))", None),
    ("contains(ARRAY[1, 2], 2)", True),
    ("contains(ARRAY[1, 2], 3)", False),
    ("contains(ARRAY[1, NULL], 1)", True),
    ("contains(ARRAY[1, NULL], 2)", None),
    ("contains(ARRAY[1], NULL)", None),
    ("transform(ARRAY[1, 2], x -> x + 1)", [2, 3]),
    ("sequence(1, 3)", [1, 2, 3]),
    ("sequence(5, 1)", [5, 4, 3, 2, 1]),
    ("sequence(4, 4)", [4]),
    ("sequence(5, 1, -2)", [5, 3, 1]),
    ("(SELECT array_agg(x ORDER BY y, x) FROM (VALUES (1, 2), (3, 1)) t(x, y))", [3, 1]),
    ("sequence(DATE '2024-01-31', DATE '2024-02-01', INTERVAL '1' DAY)",
     [D(2024, 1, 31), D(2024, 2, 1)]),
    ("CAST(ROW(1, 'a') AS ROW(x INTEGER, y VARCHAR)).y", "a"),
    ("(SELECT array_agg(v ORDER BY k) FROM (VALUES 1) t(a) "
     "CROSS JOIN UNNEST(MAP(ARRAY['p', 'q'], ARRAY[1, 2])) AS m(k, v))", [1, 2]),
    ("(SELECT max(b) FROM (VALUES 1) t(a) CROSS JOIN UNNEST(ARRAY[3, 9, 5]) AS u(b))", 9),
    ("(SELECT count(*) FROM UNNEST(ARRAY[1, 2, 3], ARRAY['x']) AS u(a, b) WHERE b IS NULL)", 2),
    ("(SELECT max(n) FROM UNNEST(ARRAY['x', 'y']) WITH ORDINALITY AS u(a, n))", 2),
    # aggregates
    ("(SELECT count_if(x > 1) FROM (VALUES 1, 2, 3) t(x))", 2),
    ("(SELECT count_if(x > 1) FILTER (WHERE x < 3) FROM (VALUES 1, 2, 3) t(x))", 1),
    ("(SELECT sum(x) FILTER (WHERE x > 1) FROM (VALUES 1, 2, 3) t(x))", 5),
    ("(SELECT count(*) FROM (VALUES 1) t(x) WHERE x > 1)", 0),
    ("(SELECT sum(x) FROM (VALUES 1) t(x) WHERE x > 1)", None),
    ("(SELECT avg(x) FROM (VALUES 1, 2) t(x))", 1.5),
    ("(SELECT max_by(x, y) FROM (VALUES (NULL, 5), ('a', 1)) t(x, y))", None),
    ("(SELECT approx_distinct(x) FROM (VALUES 1, 1, 2) t(x))", 2),
    ("greatest(1, NULL)", None),
    ("if(1 = 1, 'a', 'b')", "a"),
    ("round(2.5E0) + round(-2.5E0)", 0.0),
    ("(SELECT max(s) FROM (SELECT sum(x) OVER (ORDER BY x) AS s FROM (VALUES 1, 2) t(x)))", 3),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), SAME_MEANING)
def test_an_expression_means_the_same_in_duckdb(
    session: duckdb.DuckDBPyConnection, expression: str, expected: Any
) -> None:
    found = answer(session, f"SELECT {expression} AS x")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("MAP(ARRAY['k'], ARRAY['v'])['z']", "Key not present in map: z"),
        ("ARRAY[1][2]", "Array subscript must be less than or equal to array length: 2 > 1"),
        ("CAST('2.5' AS BIGINT)", "INVALID_CAST_ARGUMENT: Cannot cast '2.5'"),
        ("CAST('2024/01/05' AS DATE)", "INVALID_CAST_ARGUMENT: Value cannot be cast to date"),
        ("sequence(1, 5, -1)", "INVALID_FUNCTION_ARGUMENT: sequence"),
        (
            "sequence(DATE '2024-01-02', DATE '2024-01-01', INTERVAL '1' DAY)",
            "INVALID_FUNCTION_ARGUMENT: sequence",
        ),
        ("1 / 0", "Division by zero"),
        ("1 % 0", "Division by zero"),
        ("1.0 / 0", "DIVISION_BY_ZERO"),
        ("(SELECT sum(x) / sum(y) FROM (VALUES (1, 0)) t(x, y))", "Division by zero"),
        ("DATE '2024-01-02' - DATE '2024-01-01'", "NOT_SUPPORTED: DATE - DATE"),
        ("(SELECT avg(x) FROM (VALUES 1.5) t(x))", "NOT_SUPPORTED: avg of a DECIMAL"),
        ("(SELECT avg(DISTINCT x) FROM (VALUES 1.5) t(x))", "NOT_SUPPORTED: avg of a DECIMAL"),
        ("CAST(1E10 AS VARCHAR)", "NOT_SUPPORTED: CAST of the DOUBLE"),
        ("from_iso8601_timestamp('2024-01-01T09:00:00+09:00')", "a zone other than UTC"),
    ],
)
def test_what_athena_would_not_answer_fails_in_duckdb(
    session: duckdb.DuckDBPyConnection, expression: str, message: str
) -> None:
    with pytest.raises(duckdb.Error, match=message.replace("(", r"\(")):
        answer(session, f"SELECT {expression} AS x")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1,\n  list_sum(x) FROM t", "line 2:3: Function 'list_sum' is not supported here"),
        ("SELECT format('%s', 'a')", "line 1:8: Function 'format'"),
        ("SELECT ts AT TIME ZONE 'UTC' FROM t", "line 1:8: AT TIME ZONE is supported here only"),
        ("SELECT date_format(d, '%v') FROM t", "line 1:8: this format is not supported"),
        ("SELECT date_format(d, f) FROM t", "line 1:8: this format is not supported"),
        ("SELECT CAST(x AS VARCHAR(3)) FROM t", "CAST to a VARCHAR or CHAR of given length"),
        ("SELECT from_unixtime(1, 'Asia/Seoul')", "from_unixtime with a zone"),
        ("SELECT sequence(a, b) FROM t", "sequence of two arguments"),
        ("SELECT 1,\n  split('a,b', ',', 1)", "line 2:3: Function 'split' with 3 arguments"),
        ("SELECT random(5)", "line 1:8: Function 'random' with 1 argument is"),
        ("SELECT strpos(x, 'b', 2) FROM t", "line 1:8: Function 'strpos' with 3 arguments"),
        ("SELECT max(x, 2) FROM t", "line 1:8: Function 'max' with 2 arguments"),
        ("SELECT max_by(x, y, 2) FROM t", "max_by and min_by with three arguments"),
        ("SELECT extract(timezone_hour FROM x) FROM t", ": extract(timezone_hour FROM …) is"),
        ("SELECT a FROM t FOR UPDATE", "line 1:8: Locking reads"),  # sqlglot's own refusal
        ("SELECT a FROM t FETCH FIRST 3 ROWS WITH TIES", "WITH TIES is not supported here"),
        ("SELECT regexp_replace(x, 'a', y) FROM t", "regexp_replace needs a literal replacement"),
    ],
)
def test_what_duckdb_cannot_express_is_refused_with_its_line(sql: str, message: str) -> None:
    with pytest.raises(QueryFailed) as refused:
        written(sql)
    assert str(refused.value).startswith("NOT_SUPPORTED: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("DATE '2024-01-01'", "2024-01-01"),
        ("TIMESTAMP '2024-01-01 01:02:03.4'", "2024-01-01 01:02:03.400"),
        ("BIGINT '12'", "12"),
        ("INTEGER '12'", "12"),
        ("1.50", "1.50"),
        ("2E0", "2.0"),
        ("'x'", "x"),
        ("true", "true"),
        ("NULL", None),
    ],
)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(x AS VARCHAR) FROM (VALUES {}) t(x)",
        "SELECT CAST(max(x) AS VARCHAR) FROM (VALUES {}) t(x)",
        "SELECT CAST(x AS VARCHAR) FROM (VALUES {}) t(x) GROUP BY CAST(x AS VARCHAR)",
        "SELECT CAST(x AS VARCHAR) FROM (SELECT max(x) AS x FROM (VALUES {}) t(x)) u",
        "SELECT CAST(x AS VARCHAR) FROM (VALUES {}) t(x) ORDER BY CAST(x AS VARCHAR)",
        "SELECT text FROM (SELECT max(x) AS latest, max(CAST(x AS VARCHAR)) AS text "
        "FROM (VALUES {}) t(x) ORDER BY CAST(latest AS VARCHAR)) u",
    ],
)
def test_a_value_has_one_text_wherever_it_is_cast(
    session: duckdb.DuckDBPyConnection, sql: str, value: str, text: str | None
) -> None:
    assert answer(session, sql.format(value)) == text


def test_columns_without_a_name_are_called_by_their_position() -> None:
    query = parse_statement("SELECT a, count(*), b.c FROM t GROUP BY 1, 3")
    assert isinstance(query, Query)
    duck = to_duckdb(query)
    assert duck.unnamed == (2,)
    assert 'COUNT(*) AS "_col1"' in duck.text()


def test_a_name_that_is_a_keyword_of_duckdbs_stays_a_name(
    session: duckdb.DuckDBPyConnection,
) -> None:
    assert answer(session, "SELECT unique FROM (SELECT 1 AS unique) AS qualify") == 1


def test_each_table_leaves_a_gap_that_a_relation_fills() -> None:
    query = parse_statement(
        "WITH t AS (SELECT 1 AS n) SELECT logall.n, '\"logall\"' AS text FROM Log_DB.LogAll, t"
    )
    assert isinstance(query, Query)
    duck = to_duckdb(query)
    with duckdb.connect() as connection:
        (row,) = connection.execute(duck.text(["(SELECT 42 AS n)"])).fetchall()
    assert row == (42, '"logall"')


def test_a_column_may_be_named_with_its_database() -> None:
    query = parse_statement("SELECT log_db.t.n, t.s.x FROM log_db.t")
    assert isinstance(query, Query)
    with duckdb.connect() as connection:
        text = to_duckdb(query).text(["(SELECT 1 AS n, {'x': 2} AS s)"])
        assert connection.execute(text).fetchall() == [(1, 2)]


def test_a_text_cannot_pose_as_a_gap() -> None:
    with pytest.raises(QueryFailed, match="private-use"):
        written("SELECT '\ue0000\ue000' FROM t")


def test_whoever_asks_for_the_tree_of_a_query_has_one_of_his_own() -> None:
    for sql in ("SELECT 7 / x AS y FROM t", "VALUES (1), (2)"):
        query = parse_statement(sql)
        assert isinstance(query, Query)
        before = query.tree()
        text = before.sql(dialect="trino")
        to_duckdb(query)
        assert before.sql(dialect="trino") == query.tree().sql(dialect="trino") == text


def test_the_tree_of_a_query_in_a_statement_is_the_query() -> None:
    statement = parse_statement("CREATE TABLE u AS SELECT a FROM t")
    assert isinstance(statement, CreateTableAs)
    query = parse_statement("WITH w AS (SELECT 1 AS a) (SELECT a FROM w)")
    assert isinstance(query, Query)
    unwrapped = "WITH w AS (SELECT 1 AS a) SELECT a FROM w"
    for asked, text in ((statement.query, "SELECT a FROM t"), (query, unwrapped)):
        trees = [asked.tree() for _ in range(2)]
        assert [tree.sql(dialect="trino") for tree in trees] == [text] * 2
        assert [tree.parent for tree in trees] == [None, None]


def test_the_prelude_holds_only_the_macros_that_a_text_calls() -> None:
    assert not [s for s in duckdb_prelude("SELECT 1") if "MACRO" in s]
    macros = [s for s in duckdb_prelude("SELECT athena_day('x')") if "MACRO" in s]
    assert ["athena_is_day" in macros[0], len(macros)] == [True, 2]


def test_a_rendered_duckdb_query_runs_in_a_plain_session() -> None:
    query = parse_statement("SELECT sum(n) / count(*) AS mean FROM t")
    assert isinstance(query, Query)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest([3, 4]) AS n")
        assert connection.execute(render(query.tree(), "duckdb")).fetchall() == [(3,)]
