"""A table of the catalog as a relation of DuckDB: which files, which columns, which types.

Files are listed one by one. Partitions are those that are registered, else the folders'
`key=value`, and DuckDB reads only the files that a query's predicates on their keys leave.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from otel_analytics.errors import QueryFailed
from otel_analytics.local.table_files import partition_files, table_files
from otel_analytics.local.types import duckdb_type
from otel_analytics.pipeline.refresh import LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.operations.catalog import Table
    from otel_analytics.query.statements import Column

__all__ = [
    "Relation",
    "empty_select",
    "file_literal",
    "quoted",
    "relation_of",
    "text_literal",
]

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
    schema = _schema_file(table, schemas, write_empty)
    if table.partitions:
        parts = tuple(
            _Part(one.values, one.location, partition_files(table, one, store))
            for one in table.partitions
        )
        return _of_parts(table.columns, table.partition_keys, schema, parts)
    # the partitions of a level are those that are registered, though there be none
    files = () if LEVEL in table.parameters else tuple(table_files(table, store))
    return _of_files(table.columns, table.partition_keys, schema, files)


class _Part(NamedTuple):
    """A partition: a text for each key, its address, and its data files' paths."""

    values: tuple[str, ...]
    location: str
    files: tuple[str, ...]


_Columns = tuple["Column", ...]


# The tables of the levels are read by one query after the other.
@lru_cache(maxsize=16)
def _of_parts(columns: _Columns, keys: _Columns, schema: str, parts: tuple[_Part, ...]) -> Relation:
    files = tuple(file for part in parts for file in part.files)
    if all(_is_hive_style(part, keys) for part in parts):
        return _of_files(columns, keys, schema, files)
    return Relation(
        files=files,
        sql=_union(columns, keys, schema, parts, united=False),
        united=_union(columns, keys, schema, parts, united=True),
        empty=_select(columns, keys, [schema], united=False),
    )


def _of_files(columns: _Columns, keys: _Columns, schema: str, files: tuple[str, ...]) -> Relation:
    return Relation(
        files=files,
        sql=_select(columns, keys, [schema, *files], united=False),
        united=_select(columns, keys, [schema, *files], united=True),
        empty=_select(columns, keys, [schema], united=False),
    )


def _is_hive_style(part: _Part, keys: _Columns) -> bool:
    """Return whether the address of a partition says its values as `key=value`."""
    said = [step for step in part.location.split("/") if "=" in step]
    return said == [f"{key.name}={text}" for key, text in zip(keys, part.values, strict=True)]


def _select(columns: _Columns, keys: _Columns, files: list[str], *, united: bool) -> str:
    items = _items(columns, united=united)
    for key in keys:
        name, kind = quoted(key.name), duckdb_type(key.type)
        items.append(name if kind == "VARCHAR" else f"CAST({name} AS {kind}) AS {name}")
    return _read(items, files, hive=bool(keys), united=united)


def _union(
    columns: _Columns, keys: _Columns, schema: str, parts: tuple[_Part, ...], *, united: bool
) -> str:
    """Return the partitions' rows, the values of each as constants: DuckDB prunes by them."""
    selects = []
    for part in parts:
        items = _items(columns, united=united)
        for key, value in zip(keys, part.values, strict=True):
            text = f"CAST({text_literal(value)} AS {duckdb_type(key.type)})"
            items.append(f"{text} AS {quoted(key.name)}")
        selects.append(_read(items, [schema, *part.files], hive=False, united=united))
    return f"({' UNION ALL '.join(selects)})"


def _items(columns: _Columns, *, united: bool) -> list[str]:
    names = [(quoted(column.name), duckdb_type(column.type)) for column in columns]
    return [f"CAST({name} AS {kind}) AS {name}" if united else name for name, kind in names]


def _read(items: list[str], files: list[str], *, hive: bool, united: bool) -> str:
    listed = ", ".join(file_literal(file) for file in files)
    options = "hive_partitioning = false"
    if hive:
        options = "hive_partitioning = true, hive_types_autocast = false"
    if united:
        options += ", union_by_name = true"
    # names and paths are quoted
    return f"(SELECT {', '.join(items)} FROM read_parquet([{listed}], {options}))"  # noqa: S608


def _schema_file(table: Table, folder: Path, write_empty: Callable[[str, Path], None]) -> str:
    """Return the path of a Parquet file with the table's columns and no rows."""
    select = empty_select(table.columns)
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


def empty_select(columns: Iterable[Column]) -> str:
    """Return a SELECT with these columns and no rows."""
    items = (f"CAST(NULL AS {duckdb_type(one.type)}) AS {quoted(one.name)}" for one in columns)
    return f"SELECT {', '.join(items)} WHERE false"


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
