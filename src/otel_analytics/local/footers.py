"""How many bytes each column of Parquet files takes, as their footers say; no data are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from otel_analytics.errors import QueryFailed
from otel_analytics.local.relations import file_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["FOOTER_BYTES", "Footer", "read_footers"]

# What DuckDB fetches of a file's end to find its footer there.
FOOTER_BYTES: Final = 16 * 1024

# A column within a column is written behind a comma; a file without rows has none.
_SIZES: Final = """
SELECT file_name, lower(split_part(path_in_schema, ', ', 1)), sum(total_compressed_size)::BIGINT
FROM {footers}
WHERE path_in_schema IS NOT NULL
GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file's footer says: the compressed bytes of each column; names are in lower case."""

    file_bytes: int
    column_bytes: Mapping[str, int]

    def bytes_of(self, columns: Iterable[str]) -> int:
        """Return how many bytes a query reads that needs these columns; the footer is one."""
        needed = sum(self.column_bytes.get(name, 0) for name in columns)
        return min(self.file_bytes, needed + FOOTER_BYTES)


def read_footers(files: Sequence[str], connection: duckdb.DuckDBPyConnection) -> dict[str, Footer]:
    """Return the footer of each file.

    Raises: QueryFailed if one cannot be read
    """
    if not files:
        return {}
    sizes: dict[str, dict[str, int]] = {file: {} for file in files}
    footers = f"parquet_metadata([{', '.join(file_literal(file) for file in files)}])"
    try:
        rows = connection.execute(_SIZES.format(footers=footers)).fetchall()
        for file, name, size in rows:
            sizes[file][name] = size
        return {file: Footer(Path(file).stat().st_size, columns) for file, columns in sizes.items()}
    except (duckdb.Error, OSError) as error:
        raise QueryFailed(
            f"HIVE_CANNOT_OPEN_SPLIT: the footer of a Parquet file cannot be read: {error}"
        ) from error
