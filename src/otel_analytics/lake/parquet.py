"""Writes rows as Parquet: one file for each UTC day, in bounded memory; or a few as one file."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from datetime import date, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from otel_analytics.lake.rows import ROW_SCHEMA
from otel_analytics.lake.schema import LOGALL_COLUMNS, LOGALL_PARTITIONS, LOGALL_TABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["DayFiles", "parquet_file", "partition_folder"]

ROW_GROUP_ROWS: Final = 1 << 17
_BUFFER_BYTES: Final = 1 << 27
_OPEN_FILES: Final = 64
_SOURCE_COLUMN: Final = list(LOGALL_COLUMNS).index("source_id")
_FILE_SCHEMA: Final = ROW_SCHEMA.insert(_SOURCE_COLUMN, pa.field("source_id", pa.string()))
# Nearly every value is another one: a dictionary would only cost.
_NOT_REPEATED: Final = ("time_unix_nano", "timestamp", "trace_id", "span_id")
_DICTIONARY_COLUMNS: Final = [
    "attributes.key_value.key",
    "attributes.key_value.value",
    *(name for name in _FILE_SCHEMA.names if name not in (*_NOT_REPEATED, "attributes")),
]

_ARROW_TYPES: Final = {
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "double": pa.float64(),
    "integer": pa.int32(),
    "varchar": pa.string(),
}


def partition_folder(day: int) -> str:
    """Return the folder of a day, in days since 1970-01-01, as `logall/year=2024/month=…/day=…`."""
    values = (date(1970, 1, 1) + timedelta(days=day)).isoformat().split("-")
    parts = (f"{name}={value}" for name, value in zip(LOGALL_PARTITIONS, values, strict=True))
    return "/".join([LOGALL_TABLE, *parts])


def parquet_file(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return a Parquet file of these rows; `columns` are names, each with its type in Athena.

    A column of a type that is not in the table above has the type of its values.
    """
    arrays = [
        pa.array([row[position] for row in rows], _ARROW_TYPES.get(kind))
        for position, (_, kind) in enumerate(columns)
    ]
    file = BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=[name for name, _ in columns]), file)
    return file.getvalue()


class DayFiles:
    """Parquet files under a folder, one for each day, or more where a source has too many days."""

    def __init__(self, folder: Path, *, name: str) -> None:
        self.files: list[str] = []
        self._folder = folder
        self._name = name
        self._buffered: defaultdict[int, list[pa.RecordBatch]] = defaultdict(list)
        self._buffered_bytes: defaultdict[int, int] = defaultdict(int)
        self._all_buffered_bytes = 0
        self._buffered_rows: defaultdict[int, int] = defaultdict(int)
        self._writers: dict[int, pq.ParquetWriter] = {}

    def add(self, day: int, batch: pa.RecordBatch, *, source_id: str) -> None:
        """Add rows of one day of one source.

        Raises: OSError
        """
        columns = batch.columns
        columns.insert(_SOURCE_COLUMN, pa.repeat(source_id, batch.num_rows))
        row_batch = pa.RecordBatch.from_arrays(columns, schema=_FILE_SCHEMA)
        self._buffered[day].append(row_batch)
        self._buffered_bytes[day] += row_batch.nbytes
        self._all_buffered_bytes += row_batch.nbytes
        self._buffered_rows[day] += row_batch.num_rows
        if self._buffered_rows[day] >= ROW_GROUP_ROWS:
            self._write(day)
        while self._all_buffered_bytes > _BUFFER_BYTES:
            self._write(max(self._buffered_bytes, key=self._buffered_bytes.__getitem__))

    def close(self) -> None:
        """Write what is left and finish every file.

        Raises: OSError
        """
        for day in sorted(self._buffered):
            self._write(day)
        while self._writers:
            self._close_oldest()

    def abandon(self) -> None:
        """Let go of every file, finished or not."""
        self._buffered.clear()
        while self._writers:
            with suppress(OSError):
                self._close_oldest()

    def _write(self, day: int) -> None:
        batches = self._buffered.pop(day)
        self._all_buffered_bytes -= self._buffered_bytes.pop(day)
        del self._buffered_rows[day]
        self._writer(day).write_table(pa.Table.from_batches(batches), row_group_size=ROW_GROUP_ROWS)

    def _writer(self, day: int) -> pq.ParquetWriter:
        if day not in self._writers:
            if len(self._writers) >= _OPEN_FILES:
                self._close_oldest()
            self._writers[day] = self._open(day)
        return self._writers[day]

    def _open(self, day: int) -> pq.ParquetWriter:
        folder = partition_folder(day)
        part = sum(file.startswith(f"{folder}/") for file in self.files)
        file = f"{folder}/{self._name}{f'-{part}' if part else ''}.parquet"
        (self._folder / folder).mkdir(parents=True, exist_ok=True)
        self.files.append(file)
        return pq.ParquetWriter(
            self._folder / file,
            _FILE_SCHEMA,
            compression="zstd",
            use_dictionary=_DICTIONARY_COLUMNS,
            store_schema=False,
        )

    def _close_oldest(self) -> None:
        day = next(iter(self._writers))
        self._writers.pop(day).close()
