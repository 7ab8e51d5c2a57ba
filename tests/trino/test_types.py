"""Trino's types in Athena's words, and back."""

from __future__ import annotations

from typing import Any

import pytest

from otel_analytics.errors import QueryFailed
from otel_analytics.trino.types import athena_type, trino_type

VARCHAR = {"rawType": "varchar", "arguments": [{"kind": "LONG", "value": 3}]}
BIGINT = {"rawType": "bigint", "arguments": []}


def of(kind: str, *values: Any) -> dict[str, Any]:
    return {"rawType": kind, "arguments": [{"kind": "TYPE", "value": value} for value in values]}


def field(name: str | None, kind: Any) -> dict[str, Any]:
    return {"fieldName": name and {"name": name}, "typeSignature": kind}


@pytest.mark.parametrize(
    ("signature", "athena"),
    [
        (of("integer"), "int"),
        (of("real"), "float"),
        (of("varbinary"), "binary"),
        (VARCHAR, "varchar"),
        (of("char", 3), "char(3)"),
        (of("decimal", 10, 2), "decimal(10,2)"),
        (of("timestamp", 3), "timestamp"),
        (of("timestamp with time zone", 3), "timestamp with time zone"),
        (of("interval day to second"), "interval"),
        (of("array", of("map", VARCHAR, BIGINT)), "array<map<varchar,bigint>>"),
        (of("row", field("a", BIGINT), field(None, VARCHAR)), "struct<a:bigint,field1:varchar>"),
    ],
)
def test_a_type_of_trinos_has_athenas_name(signature: dict[str, Any], athena: str) -> None:
    assert athena_type(signature) == athena


@pytest.mark.parametrize(
    ("athena", "trino"),
    [
        ("string", "varchar"),
        ("INT", "integer"),
        ("timestamp", "timestamp(3)"),
        ("decimal", "decimal(10,0)"),
        ("decimal(12, 2)", "decimal(12, 2)"),
        ("map<string,array<int>>", "map(varchar, array(integer))"),
        (
            "struct<`resource.service.name`:string,b:struct<c:float>>",
            'row("resource.service.name" varchar, "b" row("c" real))',
        ),
    ],
)
def test_a_type_of_athenas_has_trinos_name(athena: str, trino: str) -> None:
    assert trino_type(athena) == trino


def test_a_type_that_is_none_is_refused_by_its_name() -> None:
    with pytest.raises(QueryFailed, match="NOT_SUPPORTED: the column type 'geometry'"):
        trino_type("geometry")
