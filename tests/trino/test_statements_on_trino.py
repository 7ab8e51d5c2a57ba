"""Statements on a real Trino: rows, types, files, ids, refusals, cancelling, as on Athena."""

from __future__ import annotations

import threading
import time
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.names import S3Address
from otel_analytics.trino.opening import open_trino
from tests.trino.homes import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.config import Settings
    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.local.query_executions import QueryExecution

# Takes Trino minutes.
FOR_EVER = (
    "SELECT COUNT(*) FROM UNNEST(sequence(1, 10000)) AS a(x) CROSS JOIN "
    "UNNEST(sequence(1, 10000)) AS b(y) CROSS JOIN UNNEST(sequence(1, 10000)) AS c(z) "
    "WHERE x * y - z = -1"
)


@pytest.fixture
def aws(new_settings: Callable[..., Settings]) -> Iterator[EmbeddedAws]:
    with open_trino(new_settings()) as opened:
        yield opened


def execute(aws: EmbeddedAws, sql: str, **options: Any) -> QueryExecution:
    return aws.athena.start_query_execution(sql, database="log_db", **options)


def create(aws: EmbeddedAws, table: str, select: str, more: str = "") -> QueryExecution:
    return execute(
        aws,
        f"CREATE TABLE {table} WITH (format = 'PARQUET', "
        f"external_location = 's3://otel-analytics/t/{table}/'{more}) AS {select}",
    )


def state_of(aws: EmbeddedAws, identifier: str) -> str:
    """Return what Trino itself says of a query."""
    queries = "SELECT state FROM system.runtime.queries WHERE query_id = "
    ((state,),) = ask(aws.settings, f"{queries}'{identifier}'")
    return str(state)


def objects(aws: EmbeddedAws, table: str) -> list[str]:
    prefix = S3Address.parse(f"s3://otel-analytics/t/{table}/")
    return [one.address.key for one in aws.store.list(prefix)]


def test_values_of_all_types_are_those_that_duckdb_gives(aws: EmbeddedAws) -> None:
    result = aws.query(
        "SELECT CAST(1 AS TINYINT) AS a, 2.5E0 AS b, CAST('1.50' AS DECIMAL(5,2)) AS c, 'x' AS d, "
        "true AS e, DATE '2024-02-29' AS f, TIMESTAMP '2024-02-29 12:00:00.5' AS g, "
        "MAP(ARRAY['k'], ARRAY[1]) AS h, ARRAY[1, NULL] AS i, X'00ff' AS j, NULL AS k, "
        "CAST(ROW(1, 'y') AS ROW(p BIGINT, q VARCHAR)) AS l, "
        "TIMESTAMP '2024-02-29 12:00:00.5 UTC' AS m, nan() AS n"
    )
    assert [(column.name, column.type) for column in result.columns] == [
        ("a", "tinyint"), ("b", "double"), ("c", "decimal(5,2)"), ("d", "varchar"),
        ("e", "boolean"), ("f", "date"), ("g", "timestamp"), ("h", "map<varchar,int>"),
        ("i", "array<int>"), ("j", "binary"), ("k", "unknown"), ("l", "struct<p:bigint,q:varchar>"),
        ("m", "timestamp with time zone"), ("n", "double"),
    ]  # fmt: skip
    assert result.rows[0][:-1] == (
        1, 2.5, Decimal("1.50"), "x", True, date(2024, 2, 29),
        datetime(2024, 2, 29, 12, 0, 0, 500_000),
        {"k": 1}, [1, None], b"\x00\xff", None, {"p": 1, "q": "y"}, "2024-02-29 12:00:00.500 UTC",
    )  # fmt: skip
    assert result.rows[0][-1] != result.rows[0][-1]


def test_a_query_goes_by_trinos_id_and_has_its_times_and_bytes(aws: EmbeddedAws) -> None:
    create(aws, "t", "SELECT x FROM UNNEST(sequence(1, 1000)) AS u(x)").raise_if_failed()
    told: list[str] = []
    done = execute(
        aws,
        "SELECT SUM(x) AS s FROM t",
        output_location="s3://otel-analytics/results/",
        on_submit=told.append,
    )
    assert told == [done.id]
    known = ask(
        aws.settings, f"SELECT state FROM system.runtime.queries WHERE query_id = '{done.id}'"
    )
    assert known == (("FINISHED",),)
    record = aws.athena.executions.get(done.id)
    assert record["Status"]["State"] == "SUCCEEDED"
    assert 0 < record["Statistics"]["DataScannedInBytes"] == done.scanned_bytes
    assert record["Statistics"]["EngineExecutionTimeInMillis"] > 0
    output = record["ResultConfiguration"]["OutputLocation"]
    assert output == f"s3://otel-analytics/results/{done.id}.csv"
    assert aws.store.get(S3Address.parse(output)) == b'"s"\n"500500"\n'


def test_a_table_without_rows_has_a_file_and_its_columns(aws: EmbeddedAws) -> None:
    create(aws, "e", "SELECT 1 AS a, CAST(NULL AS MAP(VARCHAR, DOUBLE)) AS m WHERE false")
    assert len(objects(aws, "e")) == 1
    result = aws.query("SELECT * FROM e")
    assert [(one.name, one.type) for one in result.columns] == [
        ("a", "int"), ("m", "map<varchar,double>"),
    ]  # fmt: skip
    assert result.rows == ()


def test_a_partitioned_table_is_read_by_its_partitions(aws: EmbeddedAws) -> None:
    select = "SELECT x, CAST(x % 3 AS VARCHAR) AS p FROM UNNEST(sequence(1, 9)) AS u(x)"
    create(aws, "t", select, ", partitioned_by = ARRAY['p']").raise_if_failed()
    assert {key.split("/")[2] for key in objects(aws, "t")} == {"p=0", "p=1", "p=2"}
    assert aws.rows("SELECT SUM(x) FROM t WHERE p = '1'") == ((1 + 4 + 7,),)
    # and so by whoever has no catalog
    assert ask(aws.settings, "SELECT COUNT(*) FROM {schema}.t") == ((9,),)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT\n  nope FROM t", "COLUMN_NOT_FOUND: line 2:3: Column 'nope' cannot be resolved"),
        (
            "SELECT a FROM t WHERE zzz = 1",
            "COLUMN_NOT_FOUND: line 1:23: Column 'zzz' cannot be resolved",
        ),
        (
            "SELECT * FROM gone",
            "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.log_db.gone' does not exist",
        ),
        ("SELECT 1 / (a - 1) FROM t", "DIVISION_BY_ZERO: Division by zero"),
        (
            "SELECT no_such(a) FROM t",
            "FUNCTION_NOT_FOUND: line 1:8: Function 'no_such' not registered",
        ),
        ("INSERT INTO t VALUES 1", "NOT_SUPPORTED: line 1:1: INSERT is not supported here"),
    ],
)
def test_what_is_wrong_is_said_in_athenas_words_and_not_tried_again(
    aws: EmbeddedAws, sql: str, reason: str
) -> None:
    create(aws, "t", "SELECT 1 AS a").raise_if_failed()
    failed = execute(aws, sql)
    assert failed.state == "FAILED"
    assert str(failed.reason).startswith(reason)
    assert not failed.task_document()["Status"]["AthenaError"]["Retryable"]


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        ("SELECT 1 AS a, 1 / 0 AS b", "DIVISION_BY_ZERO"),
        ("SELECT 1", "MISSING_COLUMN_NAME"),
        ("SELECT 1 AS a, 2 AS a", "DUPLICATE_COLUMN_NAME"),
        ("SELECT now() AS a", "NOT_SUPPORTED"),
    ],
)
def test_a_table_that_cannot_be_made_leaves_nothing(
    aws: EmbeddedAws, select: str, reason: str
) -> None:
    failed = create(aws, "t", select)
    assert failed.state == "FAILED"
    assert str(failed.reason).startswith(f"{reason}: ")
    assert objects(aws, "t") == []
    files = aws.settings.trino.schema + "_files"
    assert ask(aws.settings, f"SHOW TABLES FROM {files} LIKE 'ctas%'") == ()


def test_a_location_that_holds_data_and_a_name_that_is_taken_are_refused(aws: EmbeddedAws) -> None:
    create(aws, "t", "SELECT 1 AS a").raise_if_failed()
    assert str(create(aws, "t", "SELECT 2 AS a").reason).startswith("TABLE_ALREADY_EXISTS")
    execute(aws, "DROP TABLE t").raise_if_failed()
    assert str(create(aws, "t", "SELECT 2 AS a").reason).startswith("HIVE_PATH_ALREADY_EXISTS")


def test_cancelling_a_query_cancels_it_in_trino(aws: EmbeddedAws) -> None:
    cancels: list[Callable[[], None]] = []
    submitted = threading.Event()
    ids: list[str] = []

    def on_submit(identifier: str) -> None:
        ids.append(identifier)
        submitted.set()

    def cancel_once_it_runs() -> None:
        submitted.wait(30)
        cancels[0]()

    threading.Thread(target=cancel_once_it_runs).start()
    done = execute(aws, FOR_EVER, on_submit=on_submit, on_cancel=cancels.append)
    assert (done.state, done.id) == ("CANCELLED", ids[0])
    deadline = time.monotonic() + 30
    while True:
        state = state_of(aws, ids[0])
        if state == "FAILED" or time.monotonic() > deadline:
            break
    assert state == "FAILED"  # as Trino calls what was cancelled


def test_logs_that_come_later_are_read_and_a_day_that_goes_is_not(aws: EmbeddedAws) -> None:
    select = "SELECT x, 'd' || CAST(x AS VARCHAR) AS p FROM UNNEST(sequence(1, 2)) AS u(x)"
    create(aws, "made", select, ", partitioned_by = ARRAY['p']").raise_if_failed()
    execute(
        aws,
        "CREATE EXTERNAL TABLE logs (x int) PARTITIONED BY (p string) STORED AS PARQUET "
        "LOCATION 's3://otel-analytics/t/made/'",
    ).raise_if_failed()
    assert aws.rows("SELECT COUNT(*) FROM logs") == ((2,),)
    folder = aws.store.path(S3Address.parse("s3://otel-analytics/t/made/"))
    (folder / "p=d1").rename(folder / "p=d3")
    assert sorted(aws.rows("SELECT x, p FROM logs")) == [(1, "d3"), (2, "d2")]
