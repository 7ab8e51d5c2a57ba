"""A table of the catalog as a relation of DuckDB: which files, which columns, which types.

Files are listed one by one, partitions are the folders' `key=value`, and DuckDB reads only the
files that a query's predicates on the partition keys leave.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from otel_analytics.errors import QueryFailed
from otel_analytics.local.types import duckdb_type
from otel_analytics.names import S3Address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_analytics.local.catalog import Table
    from otel_analytics.local.s3 import ObjectStore

__all__ = ["Relation", "file_literal", "quoted", "relation_of", "text_literal"]

_DEFAULTS = {"date": "1970-01-01", "timestamp": "1970-01-01 00:00:00", "boolean": "false"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A table's SQL, in three forms.

    `sql` reads its files, `united` also such as lack columns, at the price of opening all, and
    `empty` none: it has the same columns and types. `files` are the data files' paths.
    """

    files: tuple[str, ...]
    sql: str
    united: str
    empty: str


def relation_of(
    table: Table, store: ObjectStore, *, schemas: Path, write_empty: Callable[[str, Path], None]
) -> Relation:
    """Return the relation of a table's folder as it is now.

    `write_empty` writes the Parquet file without rows of a SELECT, into the folder `schemas`; one
    stands first in every list of files, so that columns and types are the catalog's, even where
    there is no file.
    """
    address = S3Address.parse(table.location, field=f"location of {table.database}.{table.name}")
    root = store.path(address)
    keys = [key.name for key in table.partition_keys]
    schema = _schema_file(table, schemas, write_empty)
    files = _files(str(root), keys)
    return Relation(
        files=tuple(files),
        sql=_select(table, [schema, *files], united=False),
        united=_select(table, [schema, *files], united=True),
        empty=_select(table, [schema], united=False),
    )


def _select(table: Table, files: list[str], *, united: bool) -> str:
    listed = ", ".join(file_literal(file) for file in files)
    columns = [quoted(column.name) for column in table.columns]
    if united:
        columns = [
            f"CAST({quoted(column.name)} AS {duckdb_type(column.type)}) AS {quoted(column.name)}"
            for column in table.columns
        ]
    for key in table.partition_keys:
        name, kind = quoted(key.name), duckdb_type(key.type)
        columns.append(name if kind == "VARCHAR" else f"CAST({name} AS {kind}) AS {name}")
    options = "hive_partitioning = true, hive_types_autocast = false"
    if not table.partition_keys:
        options = "hive_partitioning = false"
    if united:
        options += ", union_by_name = true"
    # names and paths are quoted
    return f"(SELECT {', '.join(columns)} FROM read_parquet([{listed}], {options}))"  # noqa: S608


def _schema_file(table: Table, folder: Path, write_empty: Callable[[str, Path], None]) -> str:
    """Return the path of a Parquet file with the table's columns and no rows."""
    items = [
        f"CAST(NULL AS {duckdb_type(column.type)}) AS {quoted(column.name)}"
        for column in table.columns
    ]
    select = f"SELECT {', '.join(items)} WHERE false"
    digest = sha256(repr((select, table.partition_keys)).encode()).hexdigest()[:24]
    path = folder / digest
    for key in table.partition_keys:
        value = _DEFAULTS.get(key.type, "0")
        path /= f"{key.name}={quote(value)}"
    path /= "schema.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_empty(select, path)
    return str(path)


def _files(folder: str, keys: list[str]) -> list[str]:
    """Return the data files under `folder`, one level of folders for each partition key."""
    found: list[str] = []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return found
    except NotADirectoryError:
        raise QueryFailed(f"HIVE_CANNOT_OPEN_SPLIT: {folder} is no folder") from None
    for entry in entries:
        if entry.name.startswith(("_", ".")):
            continue
        if not keys:
            found += _files(entry.path, []) if entry.is_dir() else [entry.path]
        elif entry.name.lower().startswith(f"{keys[0].lower()}=") and entry.is_dir():
            found += _files(entry.path, keys[1:])
    return found


def quoted(name: str) -> str:
    """Return an identifier of DuckDB's."""
    return '"' + name.replace('"', '""') + '"'


def file_literal(path: str) -> str:
    """Return a text literal by which DuckDB reads this one file: it would take it for a pattern.

    Raises: QueryFailed if its name cannot be written so
    """
    pattern = re.sub(r"[*?[]", r"[\g<0>]", path)
    if pattern != path and "\\" in path:
        raise QueryFailed(
            f"HIVE_CANNOT_OPEN_SPLIT: {path} has a backslash beside one of * ? [ in its path, "
            "which cannot be read here: rename it"
        )
    return text_literal(pattern)


def text_literal(text: str) -> str:
    """Return a text literal of DuckDB's."""
    return "'" + text.replace("'", "''") + "'"
