"""Databases and tables in SQLite."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_analytics.errors import InvalidName
from otel_analytics.local.catalog import Catalog
from otel_analytics.operations.catalog import AlreadyExists, EntityNotFound, Table
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from otel_analytics.local.home import Home

DAU = Table(
    database="log_db",
    name="shop_dau",
    columns=(Column("date", "date"), Column("users", "bigint")),
    location="s3://bucket/shop_dau/",
    partition_keys=(Column("day", "string"),),
    parameters={"classification": "parquet"},
)


@pytest.fixture
def catalog(home: Home) -> Catalog:
    return Catalog(home, clock=lambda: 7.0)


def test_a_table_comes_back_as_it_was_put_with_its_times(catalog: Catalog) -> None:
    catalog.create_table(DAU)
    expected = replace(DAU, create_time=7.0, update_time=7.0)
    assert catalog.table(TableName("shop_dau", "log_db")) == expected
    assert catalog.databases() == ["log_db"]


def test_a_table_is_created_once(catalog: Catalog) -> None:
    catalog.create_table(DAU)
    with pytest.raises(AlreadyExists, match=r"log_db\.shop_dau already exists"):
        catalog.create_table(DAU)


def test_an_update_keeps_the_time_of_creation(catalog: Catalog, home: Home) -> None:
    catalog.create_table(DAU)
    later = Catalog(home, clock=lambda: 9.0)
    later.update_table(replace(DAU, location="s3://bucket/new/"))
    table = catalog.table(TableName("shop_dau", "log_db"))
    assert (table.location, table.create_time, table.update_time) == ("s3://bucket/new/", 7.0, 9.0)


def test_tables_are_listed_by_pattern_in_order(catalog: Catalog) -> None:
    for name in ("shop_mau", "shop_dau", "other"):
        catalog.create_table(replace(DAU, name=name))
    catalog.create_table(replace(DAU, database="elsewhere"))
    assert [t.name for t in catalog.tables("log_db")] == ["other", "shop_dau", "shop_mau"]
    assert [t.name for t in catalog.tables("log_db", "shop*")] == ["shop_dau", "shop_mau"]
    assert [t.name for t in catalog.tables("log_db", "other|*mau")] == ["other", "shop_mau"]
    assert catalog.tables("none") == []


def test_a_dropped_table_is_gone_and_a_missing_one_is_named(catalog: Catalog) -> None:
    catalog.create_table(DAU)
    name = TableName("shop_dau", "log_db")
    assert catalog.drop_table(name).location == "s3://bucket/shop_dau/"
    for action in (catalog.table, catalog.drop_table):
        with pytest.raises(EntityNotFound, match=r"log_db\.shop_dau does not exist"):
            action(name)
    with pytest.raises(EntityNotFound):
        catalog.update_table(DAU)


@pytest.mark.parametrize("name", ["", "Upper", "a-b", "a;b", "a" * 256, 'a"b'])
def test_names_that_athena_does_not_take_are_refused(catalog: Catalog, name: str) -> None:
    with pytest.raises(InvalidName):
        catalog.create_table(replace(DAU, name=name))
    with pytest.raises(InvalidName):
        catalog.create_database(name)
