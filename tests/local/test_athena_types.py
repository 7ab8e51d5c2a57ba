"""Athena's types and DuckDB's, and values as Athena prints them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from otel_analytics.errors import QueryFailed
from otel_analytics.local.csv_result import cell_text, csv_result
from otel_analytics.local.types import athena_type, duckdb_type, storable
from otel_analytics.query.statements import Column, Rows


@pytest.mark.parametrize(
    ("athena", "duck"),
    [
        ("string", "VARCHAR"),
        ("varchar(20)", "VARCHAR"),
        ("int", "INTEGER"),
        ("decimal(10,2)", "DECIMAL(10,2)"),
        ("map<string,string>", "MAP(VARCHAR, VARCHAR)"),
        (
            "array<struct<a:int,b:map<string,double>>>",
            'STRUCT("a" INTEGER, "b" MAP(VARCHAR, DOUBLE))[]',
        ),
    ],
)
def test_a_type_of_athenas_has_its_like_in_duckdb(athena: str, duck: str) -> None:
    assert duckdb_type(athena) == duck
    assert duckdb.sql(f"SELECT CAST(NULL AS {duck}) AS x").columns == ["x"]


@pytest.mark.parametrize(
    "athena", ["", "uniontype<int,string>", "map<int>", "array<>", "struct<a>"]
)
def test_a_type_that_is_not_athenas_is_refused(athena: str) -> None:
    with pytest.raises(QueryFailed, match="NOT_SUPPORTED: the column type"):
        duckdb_type(athena)


@pytest.mark.parametrize(
    ("expression", "athena"),
    [
        ("1::HUGEINT", "bigint"),
        ("1::UBIGINT", "bigint"),
        ("1", "int"),
        ("1.50", "decimal(3,2)"),
        ("1e0", "double"),
        ("[1::BIGINT]", "array<bigint>"),
        ("map {'a': [1.5e0]}", "map<varchar,array<double>>"),
        ("{'x': 1, 'y': DATE '2024-01-01'}", "struct<x:int,y:date>"),
        ("TIMESTAMP_MS '2024-01-01'", "timestamp"),
        ("TIMESTAMPTZ '2024-01-01'", "timestamp with time zone"),
        ("NULL", "unknown"),
    ],
)
def test_a_type_of_duckdbs_has_its_like_in_athena(expression: str, athena: str) -> None:
    (kind,) = duckdb.sql(f"SELECT {expression}").types
    assert athena_type(kind) == athena


def test_some_types_cannot_be_stored() -> None:
    assert storable("map<varchar,array<timestamp>>")
    assert not storable("array<timestamp with time zone>")
    assert not storable("unknown")
    assert storable("struct<unknown_thing:int>")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (12345678.9, "1.23456789E7"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (Decimal("1.50"), "1.50"),
        (date(2024, 1, 5), "2024-01-05"),
        (datetime(2024, 1, 5, 1, 2, 3, 4000), "2024-01-05 01:02:03.004"),
        ([1, None, "a"], "[1, null, a]"),
        ({"a": 1.5}, "{a=1.5}"),
    ],
)
def test_a_value_is_printed_as_athena_prints_it(value: Any, text: str) -> None:
    assert cell_text(value) == text


def test_a_csv_has_every_value_in_quotes_and_null_as_nothing() -> None:
    columns = (Column("a", "varchar"), Column("b", "int"))
    assert csv_result(Rows(columns, (('say "x"', None), ("", 1)), 0)) == (
        b'"a","b"\n"say ""x""",\n"","1"\n'
    )
