"""Registered partitions: what a table that has some is made of, and which files a query opens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_analytics.errors import InvalidName
from otel_analytics.operations.catalog import AlreadyExists, Partition, Table
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from tests.local.conftest import Account

NAME = TableName("visits", "log_db")


def _write(account: Account, folder: str, select: str) -> str:
    """Write Parquet into a folder and return its address."""
    address = f"s3://lake/visits/{folder}/"
    account.done(f"CREATE TABLE scratch WITH (external_location = '{address}') AS {select}")
    account.done("DROP TABLE scratch")
    return address


def _visits(account: Account, *partitions: Partition, key: str = "date") -> Table:
    return account.catalog.create_table(
        Table(
            "log_db",
            "visits",
            (Column("n", "bigint"),),
            "s3://lake/visits/",
            partition_keys=(Column("day", key),),
            partitions=partitions,
        )
    )


def _one(account: Account, day: str, n: int, *, folder: str | None = None) -> Partition:
    at = _write(account, folder or f"x{n}", f"SELECT CAST({n} AS BIGINT) AS n")
    return Partition((day,), at)


def test_a_table_with_registered_partitions_reads_exactly_those(account: Account) -> None:
    _visits(account, _one(account, "2025-01-01", 1), _one(account, "2025-01-02", 2))
    _one(account, "2025-01-03", 3)
    _one(account, "2025-01-04", 4, folder="day=2025-01-04")
    assert account.rows("SELECT CAST(day AS VARCHAR), n FROM visits ORDER BY n") == [
        ("2025-01-01", 1),
        ("2025-01-02", 2),
    ]


def test_a_table_without_them_has_those_of_its_folder(account: Account) -> None:
    _visits(account)
    _one(account, "2025-01-04", 4, folder="day=2025-01-04")
    assert account.rows("SELECT CAST(day AS VARCHAR), n FROM visits") == [("2025-01-04", 4)]


@pytest.mark.parametrize("folder", ["{n}", "day=2025-01-0{n}/v1"])
def test_only_the_partitions_that_a_query_asks_for_are_read(account: Account, folder: str) -> None:
    _visits(
        account,
        *(
            _one(account, f"2025-01-0{n}", n, folder=folder.format(n=n))
            for n in (1, 2, 3)
        ),
    )  # fmt: skip
    read_all = account.done("SELECT n FROM visits").scanned_bytes
    one = account.done("SELECT n FROM visits WHERE day = DATE '2025-01-02'")
    assert one.rows is not None
    assert one.rows.rows == ((2,),)
    assert one.scanned_bytes < read_all
    two = account.done("SELECT n FROM visits WHERE day >= DATE '2025-01-02' ORDER BY n")
    assert two.rows is not None
    assert two.rows.rows == ((2,), (3,))
    assert one.scanned_bytes < two.scanned_bytes < read_all


def test_a_partition_has_the_registered_value_whatever_its_address_says(account: Account) -> None:
    _visits(account, _one(account, "2025-01-01", 1, folder="day=1999-12-31"))
    assert account.rows("SELECT CAST(day AS VARCHAR), n FROM visits") == [("2025-01-01", 1)]


def test_a_partition_key_keeps_its_type(account: Account) -> None:
    _visits(account, _one(account, "007", 1), key="string")
    assert account.rows("SELECT day, n FROM visits WHERE day = '007'") == [("007", 1)]


def test_a_column_that_a_partition_lacks_is_null_there(account: Account) -> None:
    old = Partition(("2025-01-01",), _write(account, "a", "SELECT 'x' AS label"))
    new = Partition(("2025-01-02",), _write(account, "b", "SELECT 'y' AS label, BIGINT '5' AS n"))
    _visits(account, old, new)
    assert account.rows("SELECT CAST(day AS VARCHAR), n FROM visits ORDER BY 1") == [
        ("2025-01-01", None),
        ("2025-01-02", 5),
    ]


def test_partitions_are_added_replaced_and_dropped_by_their_values(account: Account) -> None:
    table = _visits(account, Partition(("2025-01-01",), "s3://lake/a/"))
    catalog = account.catalog
    catalog.add_partitions(table, [Partition(("2025-01-02",), "s3://lake/b/")])
    catalog.replace_partitions(table, [Partition(("2025-01-01",), "s3://lake/c/")])
    assert catalog.table(NAME).partitions == (
        Partition(("2025-01-01",), "s3://lake/c/"),
        Partition(("2025-01-02",), "s3://lake/b/"),
    )
    catalog.drop_partitions(table, [("2025-01-01",), ("2025-01-09",)])
    assert catalog.table(NAME).partitions == (Partition(("2025-01-02",), "s3://lake/b/"),)


def test_a_partition_that_is_registered_is_not_added_again(account: Account) -> None:
    table = _visits(account, Partition(("2025-01-01",), "s3://lake/a/"))
    new = [Partition(("2025-01-02",), "s3://lake/b/"), Partition(("2025-01-01",), "s3://lake/c/")]
    with pytest.raises(AlreadyExists, match=r"2025-01-01 of log_db\.visits already"):
        account.catalog.add_partitions(table, new)
    assert account.catalog.table(NAME).partitions == table.partitions


def test_a_partition_has_a_value_for_each_key(account: Account) -> None:
    table = _visits(account)
    with pytest.raises(InvalidName, match=r"log_db\.visits has day"):
        account.catalog.add_partitions(table, [Partition(("2025", "01"), "s3://lake/a/")])


def test_a_changed_entry_keeps_its_partitions_and_a_dropped_one_takes_them_along(
    account: Account,
) -> None:
    table = _visits(account, Partition(("2025-01-01",), "s3://lake/a/"))
    changed = account.catalog.update_table(replace(table, columns=(Column("m", "int"),)))
    assert account.catalog.table(NAME) == changed
    assert changed.partitions == table.partitions
    assert account.catalog.drop_table(NAME).partitions == table.partitions
    _visits(account)
    assert account.catalog.table(NAME).partitions == ()


def test_changes_inside_a_transaction_are_one(account: Account) -> None:
    table = _visits(account, Partition(("2025-01-01",), "s3://lake/a/"))

    def change() -> None:
        with account.home.transaction():
            account.catalog.put_table(replace(table, name="others"), over=None)
            account.catalog.drop_table(NAME)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        change()
    assert [one.name for one in account.catalog.tables("log_db")] == ["visits"]
    assert account.catalog.table(NAME) == table
