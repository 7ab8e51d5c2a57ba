"""Statements against the embedded Athena: what they do, and how they are reported."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING

import duckdb
import pytest

from otel_analytics.errors import InvalidSettings, QueryFailed
from otel_analytics.local.engine import Engine
from otel_analytics.local.jobs import Job, QueryCancelled
from otel_analytics.local.query_errors import query_failure
from otel_analytics.names import S3Address
from otel_analytics.query.dialects import to_duckdb
from otel_analytics.query.statements import Column, Query, TableName, parse_statement

if TYPE_CHECKING:
    from pathlib import Path

    from local.conftest import Account

SALES = """CREATE TABLE sales WITH (external_location = 's3://bucket/sales/') AS
SELECT * FROM (VALUES (1, 'a', DATE '2024-01-01', 1.5E0), (2, 'b', DATE '2024-01-02', NULL))
AS t(id, name, day, price)"""


def test_a_select_gives_rows_and_athenas_types(account: Account) -> None:
    execution = account.done("SELECT 1 AS a, 'x' AS b, sum(n) FROM (VALUES 1, 2) AS t(n)")
    assert execution.rows is not None
    assert execution.rows.rows == ((1, "x", 3),)
    assert execution.rows.columns == (
        Column("a", "int"),
        Column("b", "varchar"),
        Column("_col2", "bigint"),
    )


def test_a_time_with_a_zone_is_printed_as_athena_prints_it(account: Account) -> None:
    sql = "SELECT from_iso8601_timestamp('2024-01-01T02:03:04.5Z') AS t, 1 AS n"
    assert account.rows(sql) == [("2024-01-01 02:03:04.500 UTC", 1)]


def test_a_ctas_makes_a_table_with_its_types_and_one_folder_of_parquet(account: Account) -> None:
    account.done(SALES)
    table = account.catalog.table(TableName("sales", "log_db"))
    assert table.columns == (
        Column("id", "int"),
        Column("name", "varchar"),
        Column("day", "date"),
        Column("price", "double"),
    )
    assert table.location == "s3://bucket/sales/"
    assert account.objects("s3://bucket/") == ["s3://bucket/sales/00000_query-1.parquet"]
    assert account.rows("SELECT * FROM log_db.sales ORDER BY id") == [
        (1, "a", date(2024, 1, 1), 1.5),
        (2, "b", date(2024, 1, 2), None),
    ]
    assert list(account.home.tmp.iterdir()) == []


def test_a_sum_is_stored_as_bigint(account: Account) -> None:
    account.done(
        "CREATE TABLE t WITH (external_location = 's3://bucket/t/') AS "
        "SELECT sum(n) AS total FROM (VALUES 9007199254740993, 2) AS v(n)"
    )
    (column,) = account.catalog.table(TableName("t", "log_db")).columns
    assert column == Column("total", "bigint")
    file = account.path(account.objects("s3://bucket/t/")[0])
    (stored,) = duckdb.sql(f"DESCRIBE FROM '{file}'").fetchall()
    assert stored[:2] == ("total", "BIGINT")
    assert account.rows("SELECT total FROM t") == [(9007199254740995,)]


def test_a_table_of_no_rows_exists_with_its_columns(account: Account) -> None:
    account.done(SALES)
    account.done(
        "CREATE TABLE empty WITH (external_location = 's3://bucket/empty/') AS "
        "SELECT day, price FROM sales WHERE id > 9"
    )
    execution = account.done("SELECT * FROM empty")
    assert execution.rows is not None
    assert execution.rows.rows == ()
    assert execution.rows.columns == (Column("day", "date"), Column("price", "double"))
    assert account.rows("SELECT count(*), max(price) FROM empty") == [(0, None)]


def test_a_location_that_holds_data_is_refused_and_left_alone(account: Account) -> None:
    account.store.put(S3Address.parse("s3://bucket/sales/old"), b"old")
    reason = account.reason(SALES)
    assert reason.startswith(
        "HIVE_PATH_ALREADY_EXISTS: Target directory for table 'log_db.sales' already exists: "
        "s3://bucket/sales. "
    )
    assert account.objects("s3://bucket/") == ["s3://bucket/sales/old"]
    assert account.catalog.tables("log_db") == []


def test_a_neighbour_of_the_location_is_no_data_in_it(account: Account) -> None:
    account.store.put(S3Address.parse("s3://bucket/sales2/x"), b"")
    account.done(SALES)


def test_a_table_that_exists_is_refused_unless_told_otherwise(account: Account) -> None:
    account.done(SALES)
    again = SALES.replace("bucket/sales", "bucket/again")
    assert account.reason(again) == (
        "TABLE_ALREADY_EXISTS: line 1:1: Destination table 'awsdatacatalog.log_db.sales' "
        "already exists"
    )
    account.done(again.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    assert account.objects("s3://bucket/again/") == []


def test_a_ctas_that_fails_half_way_leaves_nothing(account: Account) -> None:
    account.done(SALES)
    reason = account.reason(
        "CREATE TABLE bad WITH (external_location = 's3://bucket/bad/') AS "
        "SELECT id / (id - 2) AS x FROM sales"
    )
    assert reason == "DIVISION_BY_ZERO: Division by zero"
    assert account.objects("s3://bucket/bad/") == []
    assert [table.name for table in account.catalog.tables("log_db")] == ["sales"]
    assert list(account.home.tmp.iterdir()) == []


def test_a_location_that_is_none_is_refused_before_anything_is_written(account: Account) -> None:
    reason = account.reason(SALES.replace("s3://bucket/sales/", "s3://bucket/../../x/"))
    assert "is not an S3 address" in reason
    reason = account.reason("CREATE TABLE t AS SELECT 1 AS a")
    assert "needs an external_location" in reason


def test_without_a_location_a_table_goes_under_the_output_location(account: Account) -> None:
    execution = account.execute(
        "CREATE TABLE t AS SELECT 1 AS a", output_location="s3://bucket/results/"
    )
    execution.raise_if_failed()
    assert account.objects("s3://bucket/") == [
        "s3://bucket/results/tables/query-1/00000_query-1.parquet"
    ]


def test_partitions_are_folders_of_which_only_those_asked_for_are_read(account: Account) -> None:
    account.done(
        "CREATE TABLE p WITH (external_location = 's3://bucket/p/', "
        "partitioned_by = ARRAY['k']) AS "
        "SELECT n, 'name ' || CAST(n AS VARCHAR) AS name, CAST(n % 3 AS VARCHAR) AS k "
        "FROM UNNEST(sequence(1, 3000)) AS t(n)"
    )
    table = account.catalog.table(TableName("p", "log_db"))
    assert [column.name for column in table.columns] == ["n", "name"]
    assert table.partition_keys == (Column("k", "varchar"),)
    assert [name.split("/")[4] for name in account.objects("s3://bucket/p/")] == [
        "k=0",
        "k=1",
        "k=2",
    ]
    assert account.rows("SELECT count(*), min(n) FROM p WHERE k = '1'") == [(1000, 1)]
    # a file that is not read may be damaged
    account.path(account.objects("s3://bucket/p/k=2")[0]).write_bytes(b"damaged")
    assert account.rows("SELECT count(*) FROM p WHERE k < '2'") == [(2000,)]
    assert "HIVE_BAD_DATA: s3://bucket/p/k=2/" in account.reason("SELECT count(n) FROM p")


@pytest.mark.parametrize("value", ["x", "2025-04-15", ".."])
def test_a_partition_that_is_a_constant_is_one_folder_like_any_other(
    account: Account, value: str
) -> None:
    for name, text in (("constant", f"'{value}'"), ("computed", f"'{value[0]}' || '{value[1:]}'")):
        account.done(
            f"CREATE TABLE {name} WITH (external_location = 's3://bucket/{name}/', "
            f"partitioned_by = ARRAY['k', 'l']) AS SELECT n, {text} AS k, '2' AS l "
            "FROM UNNEST(sequence(1, 20000)) AS t(n) ORDER BY n DESC"
        )
    tables = [account.catalog.table(TableName(name, "log_db")) for name in ("constant", "computed")]
    assert tables[0].columns == tables[1].columns
    assert tables[0].partition_keys == tables[1].partition_keys
    folders = [
        {
            file.split("/", 4)[4].rpartition("/")[0]
            for file in account.objects(f"s3://bucket/{name}/")
        }
        for name in ("constant", "computed")
    ]
    assert len(folders[0]) == 1
    assert folders[0] == folders[1]
    (row,) = account.rows("SELECT count(*), min(n), max(n), min(k), max(k), max(l) FROM constant")
    assert row == (20000, 1, 20000, value, value, "2")
    # in the order of the query, so that statistics rule parts of the file out
    (file,) = account.objects("s3://bucket/constant/")
    first = duckdb.sql(f"SELECT n FROM '{account.path(file)}' LIMIT 1").fetchall()
    assert first == [(20000,)]


@pytest.mark.parametrize("key", ["../../x", "a b"])
def test_a_partition_key_that_is_no_name_of_a_folder_is_refused(account: Account, key: str) -> None:
    reason = account.reason(
        "CREATE TABLE p WITH (external_location = 's3://bucket/p/', "
        f"partitioned_by = ARRAY['{key}']) AS SELECT 1 AS n, 'v' AS \"{key}\""
    )
    assert "is not an S3 address" in reason
    assert list(account.home.tmp.rglob("part*")) == []


def test_with_no_data_a_constant_partition_is_no_folder(account: Account) -> None:
    account.done(
        "CREATE TABLE p WITH (external_location = 's3://bucket/p/', partitioned_by = ARRAY['k']) "
        "AS SELECT 1 AS n, 'x' AS k WITH NO DATA"
    )
    assert account.objects("s3://bucket/p/") == []


def test_a_constant_partition_without_rows_is_no_folder(account: Account) -> None:
    account.done(
        "CREATE TABLE p WITH (external_location = 's3://bucket/p/', partitioned_by = ARRAY['k']) "
        "AS SELECT n, 'x' AS k FROM UNNEST(sequence(1, 3)) AS t(n) WHERE n > 3"
    )
    assert account.objects("s3://bucket/p/") == []
    assert account.rows("SELECT * FROM p") == []


def test_a_partition_that_is_a_null_or_a_number_is_not_taken_for_a_text(account: Account) -> None:
    account.done(
        "CREATE TABLE p WITH (external_location = 's3://bucket/p/', partitioned_by = ARRAY['k']) "
        "AS SELECT 1 AS n, 7 AS k"
    )
    assert account.catalog.table(TableName("p", "log_db")).partition_keys == (Column("k", "int"),)
    assert account.rows("SELECT n, k FROM p") == [(1, 7)]


def test_scanned_bytes_are_those_of_the_columns_and_partitions_needed(account: Account) -> None:
    account.done(
        "CREATE TABLE big WITH (external_location = 's3://bucket/big/', "
        "write_compression = 'NONE', partitioned_by = ARRAY['k']) AS "
        "SELECT n * 7919 % 1000003 AS a, n * 104729 % 1000003 AS b, n % 2 AS k "
        "FROM UNNEST(sequence(1, 200000)) AS t(n)"
    )
    sizes = {}
    for file in account.objects("s3://bucket/big/"):
        metadata = duckdb.sql(
            "SELECT path_in_schema, sum(total_compressed_size) FROM "
            f"parquet_metadata('{account.path(file)}') GROUP BY 1"
        ).fetchall()
        sizes[file.split("/")[4]] = dict(metadata)
    one = account.done("SELECT sum(a) FROM big WHERE k = 0").scanned_bytes
    both = account.done("SELECT sum(a) + sum(b) FROM big WHERE k = 0").scanned_bytes
    whole = account.done("SELECT sum(a) + sum(b) FROM big").scanned_bytes
    footer = 40_000  # DuckDB reads a file's end ahead
    assert 0 <= one - sizes["k=0"]["a"] < footer
    assert 0 <= both - sum(sizes["k=0"].values()) < footer
    assert 0 <= whole - sum(sum(file.values()) for file in sizes.values()) < 3 * footer


def test_a_query_has_only_its_own_bytes_whatever_came_before_it(account: Account) -> None:
    account.done(SALES)
    assert account.done("SELECT * FROM sales").scanned_bytes > 0
    assert account.done("SELECT 1").scanned_bytes == 0
    account.reason("SELECT id / 0 FROM sales")
    assert account.done("SELECT 1").scanned_bytes == 0
    assert account.done("SELECT * FROM sales").scanned_bytes > 0


def test_a_cursor_is_used_again_unless_its_query_failed(account: Account) -> None:
    idle = account.athena.engine._idle
    account.done(SALES)
    (cursor,) = idle
    account.done("SELECT * FROM sales")
    assert idle == [cursor]
    account.reason("SELECT id / 0 FROM sales")
    assert idle == []


def test_a_cursor_is_not_used_again_before_its_job_is_over(account: Account) -> None:
    engine = account.athena.engine

    class Watched(Job):
        idle_before = -1

        def finish(self) -> None:
            self.idle_before = len(engine._idle)
            super().finish()

    job = Watched()
    query = parse_statement("SELECT 1")
    assert isinstance(query, Query)
    engine.select(query, {}, job)
    assert (job.idle_before, len(engine._idle)) == (0, 1)


def test_more_than_a_hundred_partitions_are_refused(account: Account) -> None:
    reason = account.reason(
        "CREATE TABLE p WITH (external_location = 's3://bucket/p/', "
        "partitioned_by = ARRAY['k']) AS SELECT n, n AS k FROM UNNEST(sequence(1, 101)) AS t(n)"
    )
    assert reason.startswith("HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100")
    assert account.objects("s3://bucket/p/") == []


def test_an_external_table_reads_a_folder_as_it_is(account: Account) -> None:
    folder = account.path("s3://bucket/raw/day=01/")
    folder.mkdir(parents=True)
    duckdb.sql("SELECT 1 AS id, 'x' AS \"userKey\"").write_parquet(str(folder / "1.parquet"))
    (folder / "_SUCCESS").write_text("not data")
    (folder / ".hidden").write_text("not data")
    account.done(
        "CREATE EXTERNAL TABLE raw (id bigint, userkey string, later double) "
        "PARTITIONED BY (day string) STORED AS PARQUET LOCATION 's3://bucket/raw/'"
    )
    # a column that the files lack is NULL, and a partition's value is a text with its zeros
    assert account.rows("SELECT id, userkey, later, day FROM raw") == [(1, "x", None, "01")]
    duckdb.sql("SELECT 2 AS id, 2.5 AS later").write_parquet(str(folder / "2.parquet"))
    rows = account.rows("SELECT id, userkey, later FROM raw ORDER BY id")
    assert rows == [(1, "x", None), (2, None, 2.5)]


def test_an_external_table_over_nothing_is_empty(account: Account) -> None:
    account.done(
        "CREATE EXTERNAL TABLE raw (id bigint, tags map<string,string>) "
        "PARTITIONED BY (day date) STORED AS PARQUET LOCATION 's3://bucket/none/'"
    )
    execution = account.done("SELECT * FROM raw")
    assert execution.rows is not None
    assert execution.rows.rows == ()
    assert [column.type for column in execution.rows.columns] == [
        "bigint",
        "map<varchar,varchar>",
        "date",
    ]


def test_dropping_a_table_leaves_its_data(account: Account) -> None:
    account.done(SALES)
    account.done("DROP TABLE `log_db`.`sales`")
    assert account.reason("SELECT 1 FROM sales").startswith("TABLE_NOT_FOUND")
    assert len(account.objects("s3://bucket/sales/")) == 1
    assert account.reason("DROP TABLE sales") == (
        "FAILED: SemanticException [Error 10001]: Table not found sales"
    )
    account.done("DROP TABLE IF EXISTS sales")


def test_tables_are_shown_and_described(account: Account) -> None:
    account.done(SALES)
    assert account.rows("SHOW TABLES") == [("sales",)]
    assert account.rows("SHOW TABLES IN log_db 'x*'") == []
    assert account.rows("DESCRIBE sales")[:2] == [("id", "int", ""), ("name", "varchar", "")]
    assert "Table not found nope" in account.reason("DESCRIBE nope")


def test_a_query_execution_is_reported_as_athena_reports_it(account: Account) -> None:
    account.done(SALES)
    execution = account.execute(
        "SELECT max(price) AS p FROM sales", output_location="s3://bucket/results"
    )
    document = account.athena.executions.get("query-2")
    assert document == execution.document()
    assert document["Status"] == {
        "State": "SUCCEEDED",
        "SubmissionDateTime": "2023-11-14T22:13:22.000+00:00",
        "CompletionDateTime": "2023-11-14T22:13:23.000+00:00",
    }
    assert document["ResultConfiguration"] == {"OutputLocation": "s3://bucket/results/query-2.csv"}
    assert document["QueryExecutionContext"] == {"Database": "log_db"}
    assert (document["StatementType"], document["WorkGroup"]) == ("DML", "primary")
    statistics = document["Statistics"]
    assert statistics["TotalExecutionTimeInMillis"] == 1000
    assert statistics["DataScannedInBytes"] > 0
    task = execution.task_document()["Status"]
    assert task["SubmissionDateTime"] == 1_700_000_002_000
    assert account.store.get(S3Address.parse("s3://bucket/results/query-2.csv")) == b'"p"\n"1.5"\n'


def test_a_failed_query_is_reported_with_athenas_error(account: Account) -> None:
    execution = account.execute("SELECT *\nFROM log_db.nope AS n")
    message = "TABLE_NOT_FOUND: line 2:6: Table 'awsdatacatalog.log_db.nope' does not exist"
    status = execution.document()["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"] == message
    assert status["AthenaError"] == {
        "ErrorCategory": 2,
        "Retryable": False,
        "ErrorMessage": message,
    }
    assert [one["Status"]["State"] for one in account.athena.executions.latest()] == ["FAILED"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT nope FROM sales", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT id,\n x.id FROM sales", "COLUMN_NOT_FOUND: line 2:2: Column 'x' cannot be"),
        ("SELECT id FROM sales a, sales b", "AMBIGUOUS_NAME: line 1:8: Column 'id' is ambiguous"),
        ("SELECT id, count(*) FROM sales", "EXPRESSION_NOT_AGGREGATE: line 1:8: 'id' must be"),
        ("SELECT 1 FROM sales WHERE sum(id) > 1", "EXPRESSION_NOT_SCALAR: WHERE clause cannot"),
        ("SELECT CAST(name AS DOUBLE) FROM sales", "INVALID_CAST_ARGUMENT: Cannot cast 'a' to"),
        ("SELECT CAST(name AS BIGINT) FROM sales", "INVALID_CAST_ARGUMENT: Cannot cast 'a' to"),
        ("SELECT 9223372036854775807 + id FROM sales", "NUMERIC_VALUE_OUT_OF_RANGE: "),
        ("SELECT (SELECT id FROM sales)", "SUBQUERY_MULTIPLE_ROWS: "),
        ("SELECT substr(id, 1) FROM sales", "TYPE_MISMATCH: "),
        ("SELECT FROM WHERE", "SYNTAX_ERROR: line 1:"),
        ("SELECT no_such_function(1)", "NOT_SUPPORTED: line 1:8: Function 'no_such_function'"),
        (
            "CREATE TABLE t WITH (external_location='s3://b1x/t/') AS SELECT id + 1 FROM sales",
            "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1",
        ),
        (
            "CREATE TABLE t WITH (external_location='s3://b1x/t/') AS "
            "SELECT id, 1 AS ID FROM sales",
            "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'id' specified more than once",
        ),
        (
            "CREATE TABLE t WITH (external_location='s3://b1x/t/') AS SELECT now() AS t",
            "NOT_SUPPORTED: Unsupported Hive type: timestamp with time zone (column 't')",
        ),
        (
            "CREATE TABLE t WITH (external_location='s3://b1x/t/') AS SELECT NULL AS t",
            "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position 1",
        ),
        (
            "CREATE TABLE t WITH (format='ORC', external_location='s3://b1x/t/') AS SELECT 1 AS a",
            "NOT_SUPPORTED: format 'ORC' is not supported here: use PARQUET",
        ),
        (
            "CREATE TABLE t WITH (external_location='s3://b1x/t/', write_compression='RAR') "
            "AS SELECT 1 AS a",
            "INVALID_TABLE_PROPERTY: write_compression 'RAR'",
        ),
        (
            "CREATE TABLE t WITH (external_location='s3://b1x/t/', partitioned_by=ARRAY['id']) "
            "AS SELECT id, name FROM sales",
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns",
        ),
    ],
)
def test_what_is_wrong_is_said_in_athenas_words(account: Account, sql: str, reason: str) -> None:
    account.done(SALES)
    assert account.reason(sql).startswith(reason)


def test_a_damaged_page_is_blamed_on_its_file(account: Account) -> None:
    account.done(SALES)
    folder = account.path("s3://bucket/sales/")
    (good,) = folder.iterdir()
    content = good.read_bytes()
    (folder / "00001_damaged.parquet").write_bytes(content[:20] + bytes(100) + content[120:])
    reason = account.reason("SELECT max(name), max(day) FROM sales")
    assert reason.startswith("HIVE_BAD_DATA: s3://bucket/sales/00001_damaged.parquet cannot be")


@pytest.mark.parametrize("content", [b"", b"junk", b"PAR1 and then no Parquet at all PAR1"])
def test_a_file_that_is_no_parquet_is_named_by_its_address(
    account: Account, content: bytes
) -> None:
    account.done(SALES)
    account.path("s3://bucket/sales/zz.parquet").write_bytes(content)
    reason = account.reason("SELECT count(id) FROM sales")
    assert reason.startswith("HIVE_BAD_DATA: s3://bucket/sales/zz.parquet cannot be read: ")
    assert str(account.home.path) not in reason


class _Cursor:
    """A cursor whose statements all end in one error."""

    def __init__(self, error: duckdb.Error) -> None:
        self._error = error

    def execute(self, _sql: str) -> None:
        raise self._error


def test_a_search_for_damage_is_cancelled_with_its_query(account: Account) -> None:
    account.done(SALES)
    table = account.catalog.table(TableName("sales", "log_db"))
    engine = account.athena.engine
    relation = engine._relation(table)

    def found(error: duckdb.Error) -> Exception | None:
        return engine._damage([relation], _Cursor(error))  # type: ignore[arg-type]

    assert isinstance(found(duckdb.InterruptException("INTERRUPT Error: stop")), QueryCancelled)
    assert found(duckdb.OutOfMemoryException("Out of Memory Error: 1MB")) is None
    assert "HIVE_BAD_DATA: s3://bucket/sales/" in str(found(duckdb.Error("Out of buffer")))


@pytest.mark.parametrize(
    ("error", "searches"),
    [
        (duckdb.NotImplementedException("Not implemented Error: this"), 0),
        (duckdb.InvalidInputException("Invalid Input Error: no snappy"), 1),
        (duckdb.Error("Out of buffer"), 1),
    ],
)
def test_only_what_a_damaged_file_can_cause_has_the_files_searched(
    account: Account, monkeypatch: pytest.MonkeyPatch, error: duckdb.Error, searches: int
) -> None:
    searched: list[object] = []
    monkeypatch.setattr(Engine, "_damage", lambda _engine, *given: searched.append(given))
    query = parse_statement("SELECT 1")
    assert isinstance(query, Query)

    def attempt(_text: str, _empty: str) -> None:
        raise error

    with pytest.raises(QueryFailed, match="GENERIC_INTERNAL_ERROR"):
        account.athena.engine._attempt(query, to_duckdb(query), {}, duckdb.connect(), attempt)
    assert len(searched) == searches


def test_a_file_whose_name_looks_like_a_pattern_is_read_as_itself(
    account: Account, tmp_path: Path
) -> None:
    linked = tmp_path / "theirs[1]"
    linked.mkdir()
    for name, n in (("a[1]", 1), ("a1", 20), ("b?", 300), ("c*", 4000), ("d\\e", 50000)):
        account.done(
            f"CREATE TABLE t{n} WITH (external_location = 's3://b-{n}/t/') AS SELECT {n} n"
        )
        (file,) = account.path(f"s3://b-{n}/t/").iterdir()
        file.rename(linked / f"{name}.parquet")
    account.path("s3://bucket/").mkdir(exist_ok=True)
    account.path("s3://bucket/theirs/").symlink_to(linked)
    account.done(
        "CREATE EXTERNAL TABLE theirs (n int) STORED AS PARQUET LOCATION 's3://bucket/theirs/'"
    )
    assert account.rows("SELECT count(*), sum(n) FROM theirs") == [(5, 54321)]
    (linked / "f\\[1].parquet").write_bytes(b"")
    assert "rename it" in account.reason("SELECT count(*) FROM theirs")


def test_an_interrupt_is_recorded_and_goes_on(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "select", interrupt)
    with pytest.raises(KeyboardInterrupt):
        account.execute("SELECT 1")
    (recorded,) = account.athena.executions.latest()
    assert recorded["Status"]["State"] == "CANCELLED"
    assert recorded["Status"]["StateChangeReason"] == "Query cancelled: KeyboardInterrupt"
    assert "CompletionDateTime" in recorded["Status"]


def test_a_job_is_not_over_while_its_cursor_is_being_interrupted() -> None:
    job = Job()
    over_meanwhile: list[bool] = []

    class Cursor:
        def interrupt(self) -> None:
            finish = threading.Thread(target=job.finish, daemon=True)
            finish.start()
            finish.join(timeout=0.05)
            over_meanwhile.append(not finish.is_alive())
            done.set()

    done = threading.Event()
    job.run_on(Cursor())  # type: ignore[arg-type]
    job.cancel()
    assert done.wait(10)
    assert over_meanwhile == [False]


def test_too_little_memory_is_said_as_athena_says_it(account: Account) -> None:
    engine = account.athena.engine
    engine._connection.execute("SET memory_limit = '20MB'")
    engine._connection.execute("SET max_temp_directory_size = '1MB'")
    reason = account.reason(
        "SELECT count(DISTINCT CAST(n AS VARCHAR) || 'xxxxxxxxxxxxxxxxxxxxxxxx') FROM "
        "UNNEST(sequence(1, 3000000)) AS t(n)"
    )
    assert reason.startswith("EXHAUSTED_RESOURCES_AT_THIS_SCALE_FACTOR: Query exhausted resources")


def test_a_memory_limit_that_is_none_is_a_wrong_setting(account: Account) -> None:
    with pytest.raises(InvalidSettings, match="memory_limit: 'plenty' is not understood"):
        Engine(account.store, schemas=account.home.schemas, memory_limit="plenty")


def test_a_cancelled_query_stops_and_is_reported_as_cancelled(account: Account) -> None:
    account.done(
        "CREATE TABLE n WITH (external_location = 's3://bucket/n/') AS "
        "SELECT n FROM UNNEST(sequence(1, 10000)) AS t(n)"
    )
    begun = threading.Event()

    def cancel_soon(cancel: object) -> None:
        begun.set()
        assert callable(cancel)
        cancel()

    execution = account.execute(
        "CREATE TABLE huge WITH (external_location = 's3://bucket/huge/') AS "
        "SELECT sum(a.n * b.n * c.n) AS s FROM n a, n b, n c",
        on_cancel=cancel_soon,
    )
    assert begun.is_set()
    assert (execution.state, execution.reason) == ("CANCELLED", "Query cancelled by user")
    assert account.objects("s3://bucket/huge/") == []
    # the next query is not touched by it
    assert account.rows("SELECT max(n) FROM n") == [(10000,)]


def test_queries_run_at_once(account: Account) -> None:
    account.done(SALES)

    def build(number: int) -> str:
        sql = f"CREATE TABLE t{number} WITH (external_location = 's3://bucket/t{number}/') AS "
        return account.execute(sql + f"SELECT id + {number} AS x FROM sales").state

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(build, range(16))) == {"SUCCEEDED"}
    assert account.rows("SELECT max(x) FROM t15") == [(17,)]


def test_of_two_tables_at_once_of_the_same_name_one_wins_whole(account: Account) -> None:
    def build(number: int) -> str:
        sql = "CREATE TABLE same WITH (external_location = 's3://bucket/same/') AS "
        return account.execute(sql + f"SELECT {number} AS x").state

    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(build, range(4)))
    assert states.count("SUCCEEDED") == 1
    assert account.rows("SELECT count(*) FROM same") == [(1,)]
    assert len(account.objects("s3://bucket/same/")) == 1


def test_the_file_system_is_out_of_reach_of_sql(account: Account) -> None:
    for sql in (
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        'SELECT * FROM "/etc/passwd"',
        "SELECT getenv('HOME')",
        "ATTACH '/tmp/x.db'",
        "COPY (SELECT 1) TO '/tmp/x'",
    ):
        assert account.reason(sql).startswith(("TABLE_NOT_FOUND", "NOT_SUPPORTED", "SYNTAX_ERROR"))


def test_a_file_that_may_not_be_read_is_no_damaged_one(account: Account) -> None:
    store = account.athena.store
    said = f'IO Error: Cannot open file "{store.root}/bucket/k.parquet": Permission denied'
    assert str(query_failure(duckdb.IOException(said), query=None, store=store)) == (
        "HIVE_CANNOT_OPEN_SPLIT: s3://bucket/k.parquet may not be read (Permission denied): give "
        "yourself the right to read it"
    )
