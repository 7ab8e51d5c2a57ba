"""The files of a table of raw logs, partition by partition, found without opening one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_analytics.errors import Failed
from otel_analytics.names import S3Address
from otel_analytics.pipeline.refresh import RawFile, needed_days
from otel_analytics.query.levels import days_between, partition_range

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.local.catalog import Table
    from otel_analytics.local.s3 import ObjectStore

__all__ = ["find_raw_files"]


def find_raw_files(
    table: Table, execution_date: date, *, store: ObjectStore, settings: Settings
) -> dict[str, list[RawFile]]:
    """Return the files of each day's partition that has any, as far as E's tables need them.

    Raises: Failed if the table has other partition keys than the settings say
    """
    keys = [key.name for key in table.partition_keys]
    if keys != list(settings.source.partitions):
        raise Failed(
            f"the table {table.database}.{table.name} is partitioned by "
            f"{', '.join(keys) or 'nothing'}, and source.partitions says "
            f"{', '.join(settings.source.partitions)}: set it to the table's year, month and day, "
            "or run with --source raw"
        )
    locations = {one.values: one.location for one in table.partitions}
    found: dict[str, list[RawFile]] = {}
    for day in days_between(*partition_range(*needed_days(execution_date, settings), settings)):
        folder = _folder(table, keys, day, locations)
        files = list(_files(str(store.path(S3Address.parse(folder))))) if folder else []
        if files:
            found[day.isoformat()] = files
    return found


def _folder(
    table: Table, keys: list[str], day: date, locations: dict[tuple[str, ...], str]
) -> str | None:
    """Return the address of a day's partition; None if it is not one of those registered."""
    values = (f"{day:%Y}", f"{day:%m}", f"{day:%d}")
    if locations:
        return locations.get(values)
    path = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
    return f"{table.location.rstrip('/')}/{path}/"


def _files(folder: str, inside: str = "") -> Iterator[RawFile]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir():
            yield from _files(entry.path, f"{inside}{entry.name}/")
        else:
            status = entry.stat()
            yield RawFile(f"{inside}{entry.name}", status.st_size, str(status.st_mtime_ns))
