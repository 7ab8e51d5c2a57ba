"""What a CREATE TABLE … AS leaves: its columns, checked as Athena checks them, and its files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import duckdb

from otel_analytics.errors import QueryFailed
from otel_analytics.local.relations import empty_select, quoted, text_literal
from otel_analytics.local.types import storable
from otel_analytics.names import S3Address
from otel_analytics.query.build import MAX_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.query.dialects import DuckdbQuery
    from otel_analytics.query.statements import Column, CreateTableAs

__all__ = [
    "COMPRESSIONS",
    "check_columns",
    "copy_to_parquet",
    "move_files",
    "write_empty",
]

COMPRESSIONS: Final = ("GZIP", "SNAPPY", "ZSTD", "LZ4", "NONE", "UNCOMPRESSED")
# Rows by which statistics can rule a part of a file out, and by which threads share it.
_ROW_GROUP_SIZE: Final = 8192
# Keys and values that a folder is named after as they are.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]+")


def check_columns(
    columns: tuple[Column, ...], written: DuckdbQuery, partitioned_by: tuple[str, ...]
) -> None:
    """Refuse what Athena refuses of a CTAS's columns."""
    if written.unnamed:
        raise QueryFailed(
            "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position "
            f"{written.unnamed[0]}"
        )
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise QueryFailed(
                f"DUPLICATE_COLUMN_NAME: line 1:1: Column name '{name}' specified more than once"
            )
    for position, column in enumerate(columns, start=1):
        if column.type == "unknown":
            raise QueryFailed(
                f"COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position {position}"
            )
        if not storable(column.type):
            raise QueryFailed(
                f"NOT_SUPPORTED: Unsupported Hive type: {column.type} (column '{column.name}'): "
                "CAST it to TIMESTAMP, DATE or VARCHAR"
            )
    if partitioned_by and names[-len(partitioned_by) :] != list(partitioned_by):
        raise QueryFailed(
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and "
            f"in the same order as the table properties: [{', '.join(partitioned_by)}]"
        )
    if len(names) == len(partitioned_by):
        raise QueryFailed("INVALID_TABLE_PROPERTY: Table contains only partition columns")


def copy_to_parquet(
    cursor: duckdb.DuckDBPyConnection, select: str, folder: Path, create: CreateTableAs
) -> None:
    """Write the rows of a SELECT of DuckDB's under a folder, one folder in it for each partition.

    Raises: QueryFailed if there are more partitions than Athena writes
    """
    codec = "UNCOMPRESSED" if create.compression == "NONE" else create.compression
    options = f"FORMAT parquet, COMPRESSION {codec}, ROW_GROUP_SIZE {_ROW_GROUP_SIZE}"
    if not create.partitioned_by:
        _copy_to_file(cursor, select, folder / "part-0.parquet", options)
        return
    keys = ", ".join(map(quoted, create.partitioned_by))
    if create.partition and all(map(_PLAIN.fullmatch, create.partitioned_by + create.partition)):
        # where DuckDB has to look which partition a row is of, it takes up to twice as long
        values = zip(create.partitioned_by, create.partition, strict=True)
        file = folder.joinpath(*(f"{key}={value}" for key, value in values), "part")
        file.parent.mkdir(parents=True)
        rows = f"SELECT * EXCLUDE ({keys}) FROM ({select})"  # noqa: S608
        if not _copy_to_file(cursor, rows, file, options):
            file.unlink()
        return
    target = text_literal(str(folder))
    cursor.execute(f"COPY ({select}) TO {target} ({options}, PARTITION_BY ({keys}))")
    folders = {path.parent for path in folder.rglob("*.parquet")}
    if len(folders) > MAX_PARTITIONS:
        raise QueryFailed(
            f"HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {MAX_PARTITIONS} open writers for "
            "partitions"
        )


def _copy_to_file(cursor: duckdb.DuckDBPyConnection, select: str, file: Path, options: str) -> int:
    """Write the rows of a SELECT into one file; return how many they are."""
    cursor.execute(f"COPY ({select}) TO {text_literal(str(file))} ({options})")
    ((rows,),) = cursor.fetchall()
    return int(rows)


def move_files(
    folder: Path, location: S3Address, *, token: str, store: ObjectStore
) -> tuple[S3Address, ...]:
    """Move the files of a folder to an address, all or none; return where they are then."""
    moved: list[S3Address] = []
    try:
        for number, file in enumerate(sorted(one for one in folder.rglob("*") if one.is_file())):
            parent = file.parent.relative_to(folder).as_posix()
            inner = "" if parent == "." else f"{parent}/"
            key = f"{location.key}{inner}{number:05d}_{token}.parquet"
            address = S3Address(location.bucket, key)
            store.move_in(file, address)
            moved.append(address)
    except BaseException:
        store.delete_objects(moved)
        raise
    return tuple(moved)


def write_empty(columns: Iterable[Column], address: S3Address, *, store: ObjectStore) -> None:
    """Write a Parquet file without rows: that there is a table without rows shows in a file."""
    unfinished = store.tmp / f"{uuid4().hex}.parquet"
    target = text_literal(str(unfinished))
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({empty_select(columns)}) TO {target} (FORMAT parquet)")
    store.move_in(unfinished, address)
