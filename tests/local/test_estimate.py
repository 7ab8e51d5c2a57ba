"""What statements would read, held against the files' own footers and what is read indeed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from otel_analytics.errors import QueryFailed
from otel_analytics.local.estimate import Unbuilt, open_estimator
from otel_analytics.local.footers import FOOTER_BYTES
from otel_analytics.query.scans import TableColumns
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.local.estimate import Estimator
    from tests.local.conftest import Account

BIG = TableName("big", "log_db")
PERIODS = TableColumns((Column("a", "bigint"), Column("b", "bigint")), (Column("k", "bigint"),))


def make_big(account: Account) -> None:
    """Partitions 0, 1 and 2, each of 100,000 rows."""
    account.done(
        "CREATE TABLE big WITH (external_location = 's3://bucket/big/', "
        "partitioned_by = ARRAY['k']) AS "
        "SELECT n * 7919 % 1000003 AS a, n * 104729 % 1000003 AS b, n % 3 AS k "
        "FROM UNNEST(sequence(1, 300000)) AS t(n)"
    )


@pytest.fixture
def found(account: Account) -> Iterator[Estimator]:
    with open_estimator(account.catalog, account.store) as opened:
        yield opened


def estimated(found: Estimator, sql: str) -> int:
    return sum(read.scanned_bytes for read in found.reads_of(sql))


def size(account: Account, columns: str, *partitions: int) -> int:
    """Return the bytes of columns as the footers of the partitions' files have them, and these."""
    total = 0
    for partition in partitions:
        for file in account.objects(f"s3://bucket/big/k={partition}/"):
            path = account.path(file)
            rows = duckdb.execute(
                f"SELECT total_compressed_size FROM parquet_metadata('{path}') "
                f"WHERE contains('{columns}', path_in_schema)"
            ).fetchall()
            needed = sum(row[0] for row in rows) + FOOTER_BYTES
            total += min(needed, path.stat().st_size)
    return total


def test_columns_and_partitions_that_are_not_needed_are_not_counted(
    account: Account, found: Estimator
) -> None:
    make_big(account)
    (read,) = found.reads_of("SELECT sum(a) FROM log_db.big WHERE k >= 1")
    assert (read.table, read.columns, read.files) == ("big", ("a",), 2)
    assert read.scanned_bytes == size(account, "a", 1, 2)
    (read,) = found.reads_of("SELECT sum(a + b) FROM log_db.big")
    assert (read.files, read.scanned_bytes) == (3, size(account, "ab", 0, 1, 2))
    assert size(account, "a", 1, 2) < size(account, "ab", 1, 2) / 1.8


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(a) FROM log_db.big",
        "SELECT sum(a), max(b) FROM log_db.big WHERE k < 2",
        "SELECT count(DISTINCT b) FROM log_db.big WHERE k = 1 AND a > 7",
    ],
)
def test_an_estimate_is_close_to_what_is_read(account: Account, found: Estimator, sql: str) -> None:
    make_big(account)
    assert estimated(found, sql) == pytest.approx(account.done(sql).scanned_bytes, rel=0.05)


def test_of_a_small_file_no_more_is_counted_than_it_has(account: Account, found: Estimator) -> None:
    account.done("CREATE TABLE s WITH (external_location = 's3://bucket/s/') AS SELECT 1 AS a")
    (file,) = account.objects("s3://bucket/s/")
    size_of_file = account.path(file).stat().st_size
    assert estimated(found, "SELECT a FROM log_db.s") == size_of_file


def test_registered_partitions_count_wherever_they_lie(account: Account, found: Estimator) -> None:
    make_big(account)
    account.done(
        "CREATE EXTERNAL TABLE one (a bigint, b bigint) STORED AS PARQUET "
        "LOCATION 's3://bucket/big/k=1/'"
    )
    (read,) = found.reads_of("SELECT b FROM log_db.one")
    assert read.scanned_bytes == size(account, "b", 1)


def test_nothing_is_executed_and_no_data_are_read(account: Account, found: Estimator) -> None:
    make_big(account)
    before = account.athena.executions.latest()
    for file in account.objects("s3://bucket/big/k=1/"):
        path = account.path(file)
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[: middle - 50] + bytes(100) + data[middle + 50 :])
    assert estimated(found, "SELECT a FROM log_db.big") > 0
    assert account.athena.executions.latest() == before


def test_partitions_to_come_are_taken_to_be_as_large_as_those_that_are_there(
    account: Account,
    found: Estimator,
) -> None:
    make_big(account)
    # 2 is built anew, and 3 for the first time: both like 0 and 1
    found.unbuilt[BIG] = Unbuilt(PERIODS, (("2",), ("3",)), {"a": 5})
    mean = size(account, "a", 0, 1) // 2
    (read,) = found.reads_of("SELECT a FROM log_db.big WHERE k >= 1")
    assert read.files == 1
    assert read.scanned_bytes == size(account, "a", 1) + 2 * mean


def test_where_nothing_is_there_yet_the_size_given_counts(
    account: Account, found: Estimator
) -> None:
    found.unbuilt[BIG] = Unbuilt(PERIODS, (("1",), ("2",), ("3",)), {"a": 5})
    assert estimated(found, "SELECT a, b FROM log_db.big WHERE k > 1") == 2 * 5


def test_a_table_that_is_not_known_is_named(account: Account, found: Estimator) -> None:
    with pytest.raises(QueryFailed, match=r"no table log_db\.gone"):
        found.reads_of("SELECT 1 FROM log_db.gone")


def test_a_file_that_is_no_parquet_is_said(account: Account, found: Estimator) -> None:
    make_big(account)
    (file,) = account.objects("s3://bucket/big/k=1/")
    account.path(file).write_bytes(b"damaged")
    with pytest.raises(QueryFailed, match="footer"):
        found.reads_of("SELECT a FROM log_db.big")
