"""Which files are a table's: those of its registered partitions, or else of its folder."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from otel_analytics.errors import QueryFailed
from otel_analytics.names import EXECUTION_PARAMETER, S3Address
from otel_analytics.pipeline.leaves import lies_at_root
from otel_analytics.pipeline.refresh import IS_EMPTY, LEVEL, VERSION

if TYPE_CHECKING:
    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.operations.catalog import Partition, Table

__all__ = ["files_by_partition", "partition_files", "table_files"]


def files_by_partition(
    table: Table, store: ObjectStore
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the values of each partition of a table, and its data files' paths.

    A table without partitions has one, without values.

    Raises: QueryFailed as a query over the table would
    """
    if table.partitions or LEVEL in table.parameters:
        return [(one.values, partition_files(table, one, store)) for one in table.partitions]
    found: dict[tuple[str, ...], list[str]] = {}
    keys = {key.name.lower() for key in table.partition_keys}
    for file in table_files(table, store):
        parts = (part.partition("=") for part in file.split("/"))
        values = tuple(unquote(value) for key, _, value in parts if key.lower() in keys)
        # the folders above the table are none of its own
        found.setdefault(values[len(values) - len(keys) :], []).append(file)
    return [(values, tuple(files)) for values, files in found.items()]


def table_files(table: Table, store: ObjectStore) -> list[str]:
    """Return the data files of a table's folder.

    Raises: QueryFailed if it was published, and they are gone
    """
    folder = _folder(table.location, store, of=f"location of {table.database}.{table.name}")
    keys = [key.name for key in table.partition_keys]
    # below such a table there are other versions of it
    files = _files(folder, keys, deeper=not lies_at_root(table.name, table.location))
    return _whole(table, files, table.location)


def partition_files(table: Table, partition: Partition, store: ObjectStore) -> tuple[str, ...]:
    """Return the data files of a registered partition.

    Raises: QueryFailed if there must be some, and they are gone
    """
    if VERSION in partition.parameters:
        return () if IS_EMPTY in partition.parameters else _settled_files(partition.location, store)
    name = f"partition {'/'.join(partition.values)} of {table.database}.{table.name}"
    files = _files(_folder(partition.location, store, of=f"location of {name}"), [])
    return tuple(_whole(table, files, partition.location))


@lru_cache(maxsize=20_000)
def _settled_files(location: str, store: ObjectStore) -> tuple[str, ...]:
    """Return the files of a partition of a level, which never change: a new one lies elsewhere.

    Raises: QueryFailed if there are none any more
    """
    folder = _folder(location, store, of="location of a partition")
    files = _files(folder, [])
    if not files:
        raise QueryFailed(
            f"HIVE_CANNOT_OPEN_SPLIT: the data of a partition are gone from {folder}: run the "
            "query again; if they are gone for good, drop the table, and the next run builds it "
            "anew"
        )
    return tuple(files)


def _folder(location: str, store: ObjectStore, *, of: str) -> str:
    return str(store.path(S3Address.parse(location, field=of)))


def _whole(table: Table, files: list[str], location: str) -> list[str]:
    """Return the files; what was published has some, unless newer publications have removed it."""
    published = EXECUTION_PARAMETER in table.parameters or lies_at_root(table.name, table.location)
    if not files and published:
        raise QueryFailed(
            f"HIVE_CANNOT_OPEN_SPLIT: the data of {table.database}.{table.name} are gone from "
            f"{location}: if it was published again meanwhile, run the query again"
        )
    return files


def _files(folder: str, keys: list[str], *, deeper: bool = True) -> list[str]:
    """Return the data files under `folder`, one level of folders for each partition key.

    Below these, files count at any depth, or only there if not `deeper`.
    """
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
        if not keys and not entry.is_dir():
            found.append(entry.path)
        elif not keys and deeper:
            found += _files(entry.path, [])
        elif keys and entry.name.lower().startswith(f"{keys[0].lower()}=") and entry.is_dir():
            found += _files(entry.path, keys[1:], deeper=deeper)
    return found
