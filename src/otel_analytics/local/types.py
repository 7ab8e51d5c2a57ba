"""Athena's types and DuckDB's, each in terms of the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import QueryFailed
from otel_analytics.query.athena_types import split_types

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

__all__ = ["athena_type", "duckdb_type", "storable", "stored_cast"]

_TO_DUCKDB: Final = {
    "tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER", "integer": "INTEGER",
    "bigint": "BIGINT", "float": "FLOAT", "real": "FLOAT", "double": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "string": "VARCHAR",
    "varchar": "VARCHAR", "char": "VARCHAR", "binary": "BLOB", "varbinary": "BLOB",
}  # fmt: skip

# Athena has no integer beyond BIGINT: DuckDB's wider ones come of SUM and of its own counts.
_TO_ATHENA: Final = {
    "tinyint": "tinyint", "smallint": "smallint", "integer": "int", "bigint": "bigint",
    "hugeint": "bigint", "ubigint": "bigint", "uinteger": "bigint", "usmallint": "int",
    "utinyint": "smallint", "uhugeint": "bigint", "float": "float", "double": "double",
    "boolean": "boolean", "date": "date", "varchar": "varchar", "blob": "binary",
    "timestamp": "timestamp", "timestamp_s": "timestamp", "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp", "timestamp with time zone": "timestamp with time zone",
    "time": "time", "interval": "interval", "null": "unknown",
}  # fmt: skip


def athena_type(kind: DuckDBPyType) -> str:
    """Return the type of Athena that holds a DuckDB column, as Athena's DDL writes it.

    Raises: QueryFailed for a type that Athena has no like of
    """
    match kind.id:
        case "list" | "array":
            return f"array<{athena_type(_children(kind)['child'])}>"
        case "map":
            parts = _children(kind)
            return f"map<{athena_type(parts['key'])},{athena_type(parts['value'])}>"
        case "struct":
            fields = (f"{name}:{athena_type(part)}" for name, part in _children(kind).items())
            return f"struct<{','.join(fields)}>"
        case "decimal":
            parts = _children(kind)
            return f"decimal({parts['precision']},{parts['scale']})"
    try:
        return _TO_ATHENA[kind.id]
    except KeyError:
        raise QueryFailed(f"NOT_SUPPORTED: Athena has no type like {kind}: CAST it") from None


def _children(kind: DuckDBPyType) -> dict[str, Any]:
    return dict(kind.children)


def storable(athena: str) -> bool:
    """Return whether a table can have a column of this type."""
    unstorable = ("timestamp with time zone", "time", "interval", "unknown")
    return not any(re.search(rf"(^|[<,:]){name}($|[>,])", athena) for name in unstorable)


def stored_cast(kind: DuckDBPyType, athena: str) -> str | None:
    """Return the DuckDB type to cast a column to before it is stored, or None."""
    wanted = duckdb_type(athena)
    return None if str(kind) == wanted else wanted


def duckdb_type(athena: str) -> str:
    """Return the DuckDB type of an Athena type such as `map<string,array<int>>`.

    Raises: QueryFailed for a type that is not Athena's
    """
    text = athena.strip().lower()
    if text in _TO_DUCKDB:
        return _TO_DUCKDB[text]
    if found := re.fullmatch(r"(varchar|char)\s*\(\s*\d+\s*\)", text):
        return "VARCHAR"
    if found := re.fullmatch(r"decimal\s*(\(.*\))?", text):
        return f"DECIMAL{found[1] or '(10,0)'}"
    if found := re.fullmatch(r"(array|map|struct)\s*<(.*)>", text, re.DOTALL):
        parts = split_types(found[2])
        if found[1] == "array" and len(parts) == 1:
            return f"{duckdb_type(parts[0])}[]"
        if found[1] == "map" and len(parts) == 2:
            return f"MAP({duckdb_type(parts[0])}, {duckdb_type(parts[1])})"
        if found[1] == "struct" and all(":" in part for part in parts):
            fields = (part.split(":", 1) for part in parts)
            return f"STRUCT({', '.join(f'{_quoted(n)} {duckdb_type(t)}' for n, t in fields)})"
    raise QueryFailed(f"NOT_SUPPORTED: the column type '{athena}' is not supported here")


def _quoted(name: str) -> str:
    return '"' + name.strip().strip("`").replace('"', '""') + '"'
