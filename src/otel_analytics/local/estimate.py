"""What statements would read of the tables in a home: files and bytes, before any of them runs.

Row groups that statistics would let a query leave out are counted all the same.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from otel_analytics.errors import QueryFailed
from otel_analytics.local.footers import Footer, read_footers
from otel_analytics.local.relations import quoted, text_literal
from otel_analytics.local.table_files import files_by_partition
from otel_analytics.local.types import duckdb_type
from otel_analytics.query.dialects import duckdb_prelude, to_duckdb
from otel_analytics.query.scans import Scan, TableColumns, partition_query, scans_of, tables_of
from otel_analytics.query.statements import Query, TableName, parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from otel_analytics.local.catalog import Catalog
    from otel_analytics.local.s3 import ObjectStore

__all__ = ["Estimator", "TableRead", "Unbuilt", "open_estimator"]

Partitions = list[tuple[tuple[str, ...], tuple[str, ...]]]


@contextmanager
def open_estimator(catalog: Catalog, store: ObjectStore) -> Iterator[Estimator]:
    """Open what makes estimates of the tables in a home, and close it."""
    with duckdb.connect(":memory:") as connection:
        for statement in duckdb_prelude():
            connection.execute(statement)
        yield Estimator(catalog, store, connection)


@dataclass(frozen=True, slots=True)
class TableRead:
    """What a statement would read of one table; `files` are those that are there already."""

    table: str
    columns: tuple[str, ...]
    files: int
    scanned_bytes: int


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """A table of which some partitions are still to be built before it is read.

    Each is taken to be as large as those that are there are on average; where none is, a column
    of it has the bytes of `sizes`, or none.
    """

    columns: TableColumns
    partitions: tuple[tuple[str, ...], ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates over the tables as they are now; what it has looked up it keeps."""

    catalog: Catalog
    store: ObjectStore
    connection: duckdb.DuckDBPyConnection
    unbuilt: dict[TableName, Unbuilt] = field(default_factory=dict)
    _partitions: dict[TableName, Partitions] = field(default_factory=dict)
    _asked: dict[tuple[TableName, str], Partitions] = field(default_factory=dict)
    _footers: dict[str, Footer] = field(default_factory=dict)

    def count_partitions(self, table: TableName) -> int:
        """Return how many partitions of a table are there."""
        found = self.catalog.find(table)
        return 0 if found is None else len(files_by_partition(found, self.store))

    def reads_of(self, sql: str) -> tuple[TableRead, ...]:
        """Return what a statement would read, a line for each reading of a table.

        Raises: QueryFailed if a table is not known, or its files cannot be read
        """
        known = {name: self._columns(name) for name in tables_of(sql)}
        return tuple(self._read(scan, known[scan.table]) for scan in scans_of(sql, known))

    def _columns(self, name: TableName) -> TableColumns:
        if name in self.unbuilt:
            return self.unbuilt[name].columns
        table = self.catalog.find(name)
        if table is None:
            raise QueryFailed(f"TABLE_NOT_FOUND: there is no table {name.database}.{name.name}")
        return TableColumns(table.columns, table.partition_keys)

    def _read(self, scan: Scan, table: TableColumns) -> TableRead:
        read = self._partitions_read(scan, table)
        files = [file for _, listed in read for file in listed]
        size = self._size(files, scan.columns)
        unbuilt = self.unbuilt.get(scan.table)
        if unbuilt is not None:
            to_come = {values for values, _ in read} & set(unbuilt.partitions)
            size += len(to_come) * self._size_to_come(scan, unbuilt)
        return TableRead(scan.table.name, scan.columns, len(files), size)

    def _size(self, files: Sequence[str], columns: Sequence[str]) -> int:
        missing = [file for file in files if file not in self._footers]
        self._footers.update(read_footers(missing, self.connection))
        return sum(self._footers[file].bytes_of(columns) for file in files)

    def _size_to_come(self, scan: Scan, unbuilt: Unbuilt) -> int:
        """Return how much of a partition that is still to be built is taken to be read."""
        there = [files for _, files in self._partitions_of(scan.table) if files]
        if not there:
            return sum(unbuilt.sizes.get(name, 0) for name in scan.columns)
        return self._size([file for files in there for file in files], scan.columns) // len(there)

    def _partitions_read(self, scan: Scan, table: TableColumns) -> Partitions:
        asked = (scan.table, scan.condition)
        if asked not in self._asked:
            partitions = self._partitions_of(scan.table)
            if scan.condition and partitions:
                partitions = [partitions[place] for place in self._places(scan, table, partitions)]
            self._asked[asked] = partitions
        return self._asked[asked]

    def _places(self, scan: Scan, table: TableColumns, partitions: Partitions) -> list[int]:
        statement = parse_statement(partition_query(scan))
        assert isinstance(statement, Query)  # noqa: S101 - it was written as one
        keys = table.partition_keys
        rows = ", ".join(
            f"({place}, {', '.join(map(text_literal, values))})"
            for place, (values, _) in enumerate(partitions)
        )
        names = ", ".join(quoted(key.name) for key in keys)
        typed = ", ".join(
            f"CAST({quoted(key.name)} AS {duckdb_type(key.type)}) AS {quoted(key.name)}"
            for key in keys
        )
        # names and values are quoted
        listed = f"(SELECT place, {typed} FROM (VALUES {rows}) AS p(place, {names}))"  # noqa: S608
        text = to_duckdb(statement).text([listed])
        return [place for (place,) in self.connection.execute(text).fetchall()]

    def _partitions_of(self, name: TableName) -> Partitions:
        """Return the partitions that a table will have; those still to be built have no files."""
        if name not in self._partitions:
            table = self.catalog.find(name)
            partitions = dict(files_by_partition(table, self.store) if table else ())
            if name in self.unbuilt:
                partitions |= dict.fromkeys(self.unbuilt[name].partitions, ())
            self._partitions[name] = list(partitions.items())
        return self._partitions[name]
