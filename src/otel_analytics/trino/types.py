"""Trino's types and Athena's, each in terms of the other, and values as the rest knows them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import QueryFailed
from otel_analytics.query.athena_types import split_types
from otel_analytics.query.trino_dialect import trino_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["athena_type", "python_value", "trino_type"]

# Athena names the types of a table as Hive does; the length of a VARCHAR says how the expression
# was written, and is left out as DuckDB has none.
_TO_ATHENA: Final = {
    "integer": "int", "real": "float", "varbinary": "binary",
    "interval day to second": "interval", "interval year to month": "interval",
}  # fmt: skip
_TO_TRINO: Final = {
    "int": "integer", "float": "real", "string": "varchar", "binary": "varbinary",
    "timestamp": "timestamp(3)",
}  # fmt: skip
_AS_THEY_ARE: Final = (
    "boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "date", "varchar",
    "varbinary",
)  # fmt: skip


def athena_type(signature: Mapping[str, Any]) -> str:
    """Return Athena's type, as its DDL writes it, of a type as Trino's protocol describes it."""
    raw, arguments = signature["rawType"], signature.get("arguments", [])
    values = [argument["value"] for argument in arguments]
    match raw:
        case "array" | "map":
            return f"{raw}<{','.join(map(athena_type, values))}>"
        case "row":
            fields = (_field(position, value) for position, value in enumerate(values))
            return f"struct<{','.join(fields)}>"
        case "decimal" | "char":
            return f"{raw}({','.join(map(str, values))})"
    return _TO_ATHENA.get(raw, str(raw))


def _field(position: int, value: Mapping[str, Any]) -> str:
    name = (value.get("fieldName") or {}).get("name", f"field{position}")
    return f"{name}:{athena_type(value['typeSignature'])}"


def trino_type(athena: str) -> str:
    """Return Trino's type for an Athena type such as `map<string,array<int>>`.

    Raises: QueryFailed for a type that is not Athena's
    """
    text = athena.strip().lower()
    if text in _TO_TRINO:
        return _TO_TRINO[text]
    if text in _AS_THEY_ARE or re.fullmatch(r"(varchar|char|decimal)\s*\([0-9, ]+\)", text):
        return text
    if text == "decimal":
        return "decimal(10,0)"
    if found := re.fullmatch(r"(array|map|struct)\s*<(.*)>", text, re.DOTALL):
        parts = split_types(found[2])
        if found[1] != "struct":
            return f"{found[1]}({', '.join(map(trino_type, parts))})"
        fields = (part.partition(":") for part in parts)
        return f"row({', '.join(f'{_quoted(n)} {trino_type(t)}' for n, _, t in fields)})"
    raise QueryFailed(f"NOT_SUPPORTED: the column type '{athena}' is not supported on Trino")


def _quoted(name: str) -> str:
    return trino_name(name.strip().strip("`"))


def python_value(value: Any) -> Any:
    """Return a value of the client's as the engine on this machine gives it."""
    match value:
        case datetime() if value.tzinfo is not None:
            zone = getattr(value.tzinfo, "key", value.tzname())
            return f"{value.replace(tzinfo=None).isoformat(' ', 'milliseconds')} {zone}"
        case tuple():
            names = (
                name or f"field{position}"
                for position, name in enumerate(value.__annotations__["names"])
            )
            return dict(zip(names, map(python_value, value), strict=True))
        case list():
            return [python_value(item) for item in value]
        case dict():
            return {key: python_value(item) for key, item in value.items()}
    return value
