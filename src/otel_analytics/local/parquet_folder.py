"""A folder of Parquet files that others wrote, as a table of a home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from otel_analytics.errors import UnreadablePath
from otel_analytics.local.relations import file_literal
from otel_analytics.local.types import athena_type
from otel_analytics.query.statements import Column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

__all__ = ["build_create_external_table", "describe_parquet", "find_parquet"]

_MAGIC = b"PAR1"


def find_parquet(path: Path) -> list[Path]:
    """Return the Parquet files at or under a path, hidden ones left out; empty if there is none."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return [
        file
        for file in files
        if file.is_file()
        and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        and _begins_with_magic(file)
    ]


def describe_parquet(
    folder: Path, files: Sequence[Path]
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Return the columns of the files together, and the partition keys of their folders' names.

    Raises: UnreadablePath if the files cannot be read as one table
    """
    parts = files[0].relative_to(folder).parent.parts
    keys = [part.partition("=")[0] for part in parts if "=" in part]
    listed = ", ".join(file_literal(str(file)) for file in files)
    try:
        with duckdb.connect() as connection:
            relation = connection.sql(
                f"FROM read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
            )
            pairs = list(zip(relation.columns, relation.types, strict=True))
    except duckdb.Error as error:
        raise UnreadablePath(f"cannot be read as Parquet: {error}", where=str(folder)) from error
    columns = tuple(Column(name, _declared(kind)) for name, kind in pairs if name not in keys)
    return columns, tuple(Column(key, "string") for key in keys)


def build_create_external_table(
    name: str, columns: Sequence[Column], partition_keys: Sequence[Column], *, location: str
) -> str:
    """Return the statement that makes the folder at `location` a table, in Athena's dialect."""
    partitioned_by = f"PARTITIONED BY ({_listed(partition_keys)})\n" if partition_keys else ""
    return (
        f"CREATE EXTERNAL TABLE `{name}` ({_listed(columns)})\n{partitioned_by}"
        f"STORED AS PARQUET LOCATION '{location}'"
    )


def _listed(columns: Sequence[Column]) -> str:
    return ", ".join(f"`{column.name}` {column.type}" for column in columns)


def _declared(kind: DuckDBPyType) -> str:
    """Return a type as Athena's DDL declares it: struct members quoted, times in UTC."""
    children: dict[str, Any] = (
        dict(kind.children) if kind.id in ("struct", "map", "list", "array") else {}
    )
    if kind.id == "struct":
        members = (f"`{name}`:{_declared(inner)}" for name, inner in children.items())
        return f"struct<{','.join(members)}>"
    if kind.id == "map":
        return f"map<{_declared(children['key'])},{_declared(children['value'])}>"
    if children:
        return f"array<{_declared(children['child'])}>"
    # Athena's DDL says `string` where its queries say `varchar`, and has no type with a zone.
    declared = {"varchar": "string", "timestamp with time zone": "timestamp"}
    return declared.get(athena_type(kind), athena_type(kind))


def _begins_with_magic(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            return content.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise UnreadablePath(f"cannot be read: {error.strerror}", where=str(file)) from error
