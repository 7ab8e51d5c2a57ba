"""The files of a table of raw logs, partition by partition, found without opening one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_analytics.errors import Failed
from otel_analytics.names import S3Address
from otel_analytics.pipeline.refresh import needed_days
from otel_analytics.query.levels import days_between, partition_range

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.operations.catalog import Table
    from otel_analytics.operations.store import Store
    from otel_analytics.pipeline.refresh import RawFile

__all__ = ["find_raw_files"]


def find_raw_files(
    table: Table, execution_date: date, *, store: Store, settings: Settings
) -> dict[str, Sequence[RawFile]]:
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
    days = days_between(*partition_range(*needed_days(execution_date, settings), settings))
    folders = ((day, _folder(table, keys, day, locations)) for day in days)
    return store.raw_files(
        {day.isoformat(): S3Address.parse(folder) for day, folder in folders if folder}
    )


def _folder(
    table: Table, keys: list[str], day: date, locations: dict[tuple[str, ...], str]
) -> str | None:
    """Return the address of a day's partition; None if it is not one of those registered."""
    values = (f"{day:%Y}", f"{day:%m}", f"{day:%d}")
    if locations:
        folder = locations.get(values)
        return f"{folder.rstrip('/')}/" if folder else None
    path = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
    return f"{table.location.rstrip('/')}/{path}/"
