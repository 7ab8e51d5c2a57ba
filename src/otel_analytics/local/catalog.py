"""The Glue-like catalog: databases, tables and partitions in the home's SQLite.

Must not know what is in the tables' files nor how they are queried.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_analytics.errors import InvalidName
from otel_analytics.operations.catalog import AlreadyExists, EntityNotFound, Partition, Table
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from otel_analytics.local.home import Home

__all__ = ["Catalog"]

# Glue's names are longer and freer; these are what Athena's DDL takes.
_NAME = re.compile(r"[a-z0-9_]{1,255}")


@dataclass(frozen=True, slots=True)
class Catalog:
    """The databases and tables of a home. `clock` gives seconds since 1970.

    Several calls are one change inside `change`, and one moment inside `moment`.
    """

    home: Home
    clock: Callable[[], float] = time.time

    def change(self, *, durable: bool = False) -> AbstractContextManager[object]:
        """Return a transaction; a `durable` one outlasts a power cut once it is over."""
        return self.home.transaction(durable=durable)

    def moment(self) -> AbstractContextManager[object]:
        """Return a context in which all is read as of one moment."""
        return self.home.snapshot()

    def create_database(self, name: str) -> None:
        """Make a database; one that exists stays as it is."""
        with self.home.transaction() as connection:
            self._create_database(connection, name)

    def _create_database(self, connection: sqlite3.Connection, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise InvalidName(f"database name {name[:80]!r} is not allowed: use a–z 0–9 _")
        connection.execute(
            "INSERT INTO databases (name, create_time) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (name, self.clock()),
        )

    def database_made(self, name: str) -> float | None:
        """Return when a database was made, in seconds since 1970; None if there is none."""
        with self.home.reading() as connection:
            row = connection.execute(
                "SELECT create_time FROM databases WHERE name = ?", (name,)
            ).fetchone()
        return row and float(row[0])

    def databases(self) -> list[str]:
        """Return the databases' names, in order."""
        with self.home.reading() as connection:
            rows = connection.execute("SELECT name FROM databases ORDER BY name").fetchall()
        return [name for (name,) in rows]

    def create_table(self, table: Table) -> Table:
        """Put a table into the catalog, its database and partitions too; return it with its times.

        Raises: AlreadyExists
        """
        if not _NAME.fullmatch(table.name):
            raise InvalidName(f"table name {table.name[:80]!r} is not allowed: use a–z 0–9 _")
        now = self.clock()
        table = replace(table, create_time=now, update_time=now)
        with self.home.transaction() as connection:
            self._create_database(connection, table.database)
            added = connection.execute(
                "INSERT INTO tables VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                _row(table),
            ).rowcount
            if not added:
                raise AlreadyExists(f"table {table.database}.{table.name} already exists")
            self.add_partitions(table, table.partitions)
        return table

    def update_table(self, table: Table) -> Table:
        """Replace a table's entry; its time of creation and its partitions stay.

        Raises: EntityNotFound
        """
        with self.home.transaction() as connection:
            old = self._get(connection, TableName(table.name, table.database))
            table = replace(
                table,
                partitions=old.partitions,
                create_time=old.create_time,
                update_time=self.clock(),
            )
            # an update in place: to replace the row would take its partitions along
            connection.execute(
                "UPDATE tables SET table_type = ?3, location = ?4, columns = ?5, "
                "partition_keys = ?6, parameters = ?7, create_time = ?8, update_time = ?9 "
                "WHERE database_name = ?1 AND name = ?2",
                _row(table),
            )
        return table

    def put_table(self, table: Table, *, over: Table | None) -> Table:
        """Create a table, or replace the entry `over` as `update_table` does; return it.

        Raises: AlreadyExists, EntityNotFound
        """
        return self.create_table(table) if over is None else self.update_table(table)

    def table(self, name: TableName) -> Table:
        """Return one table; `name` must have its database.

        Raises: EntityNotFound
        """
        with self.home.snapshot() as connection:
            return self._get(connection, name)

    def entry(self, name: TableName) -> Table | None:
        """Return one table without its partitions, None if there is none."""
        with self.home.reading() as connection:
            return _entry(connection, name)

    def _get(self, connection: sqlite3.Connection, name: TableName) -> Table:
        entry = _entry(connection, name)
        if entry is None:
            raise EntityNotFound(f"table {name.database}.{name.name} does not exist")
        rows = connection.execute(
            "SELECT key_values, location, parameters FROM partitions "
            "WHERE database_name = ? AND table_name = ? ORDER BY key_values",
            (name.database, name.name),
        )
        return replace(entry, partitions=tuple(_partition(*row) for row in rows))

    def find(self, name: TableName) -> Table | None:
        """Return one table, None if there is none."""
        try:
            return self.table(name)
        except EntityNotFound:
            return None

    def tables(self, database: str, pattern: str | None = None) -> list[Table]:
        """Return a database's tables in order of their names, without their partitions.

        `pattern` has `*` and `|`.
        """
        with self.home.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM tables WHERE database_name = ? ORDER BY name", (database,)
            ).fetchall()
        patterns = (pattern or "*").lower().split("|")
        tables = (_table(row) for row in rows)
        return [t for t in tables if any(fnmatchcase(t.name, one) for one in patterns)]

    def drop_table(self, name: TableName) -> Table:
        """Take a table and its partitions out of the catalog and return it; its data stay.

        Raises: EntityNotFound
        """
        with self.home.transaction() as connection:
            table = self._get(connection, name)
            connection.execute(
                "DELETE FROM tables WHERE database_name = ? AND name = ?",
                (name.database, name.name),
            )
        return table

    def add_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """Register partitions of a table that is in the catalog.

        Raises: AlreadyExists if one is registered
        """
        with self.home.transaction() as connection:
            for partition in partitions:
                added = connection.execute(
                    "INSERT INTO partitions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    self._partition_row(table, partition),
                ).rowcount
                if not added:
                    raise AlreadyExists(
                        f"partition {'/'.join(partition.values)} of {table.database}.{table.name} "
                        "already exists"
                    )

    def replace_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """Register partitions of a table; one that has the values goes."""
        rows = [self._partition_row(table, partition) for partition in partitions]
        with self.home.transaction() as connection:
            connection.executemany("REPLACE INTO partitions VALUES (?, ?, ?, ?, ?, ?)", rows)

    def drop_partitions(self, table: Table, values: Iterable[tuple[str, ...]]) -> None:
        """Forget partitions by their values, where they are registered; their data stay."""
        rows = [(table.database, table.name, _json_list(one)) for one in values]
        with self.home.transaction() as connection:
            connection.executemany(
                "DELETE FROM partitions "
                "WHERE database_name = ? AND table_name = ? AND key_values = ?",
                rows,
            )

    def _partition_row(self, table: Table, partition: Partition) -> tuple[Any, ...]:
        if len(partition.values) != len(table.partition_keys):
            keys = ", ".join(key.name for key in table.partition_keys) or "no partition keys"
            raise InvalidName(
                f"partition {'/'.join(partition.values)}: {table.database}.{table.name} has {keys}"
            )
        values = _json_list(partition.values)
        parameters = json.dumps(partition.parameters)
        return table.database, table.name, values, partition.location, self.clock(), parameters

    def locations(self, *, beginning: str | None = None) -> list[tuple[TableName, str]]:  # noqa: ARG002
        """Return the addresses of all tables and partitions of every database, with the tables."""
        with self.home.reading() as connection:
            rows = connection.execute(
                "SELECT database_name, name, location FROM tables UNION ALL "
                "SELECT database_name, table_name, location FROM partitions"
            ).fetchall()
        return [(TableName(name, database), location) for database, name, location in rows]

    def partition_parameter(self, name: str) -> list[str]:
        """Return what partitions of any table have for a parameter, where they have it."""
        with self.home.reading() as connection:
            rows = connection.execute("SELECT parameters FROM partitions").fetchall()
        found = (json.loads(parameters).get(name) for (parameters,) in rows)
        return [value for value in found if value is not None]


def _json_list(values: tuple[str, ...]) -> str:
    return json.dumps(values, ensure_ascii=False)


def _row(table: Table) -> tuple[Any, ...]:
    return (
        table.database,
        table.name,
        table.table_type,
        table.location,
        _pairs(table.columns),
        _pairs(table.partition_keys),
        json.dumps(table.parameters),
        table.create_time,
        table.update_time,
    )


def _pairs(columns: tuple[Column, ...]) -> str:
    return json.dumps([[column.name, column.type] for column in columns])


# the same ones are read for one query after the other
@lru_cache(maxsize=20_000)
def _partition(values: str, location: str, parameters: str) -> Partition:
    return Partition(tuple(json.loads(values)), location, json.loads(parameters))


def _entry(connection: sqlite3.Connection, name: TableName) -> Table | None:
    row = connection.execute(
        "SELECT * FROM tables WHERE database_name = ? AND name = ?", (name.database, name.name)
    ).fetchone()
    return _table(row) if row else None


def _table(row: tuple[Any, ...]) -> Table:
    database, name, table_type, location, columns, keys, parameters, created, updated = row
    return Table(
        database=database,
        name=name,
        columns=tuple(Column(*pair) for pair in json.loads(columns)),
        location=location,
        partition_keys=tuple(Column(*pair) for pair in json.loads(keys)),
        table_type=table_type,
        parameters=json.loads(parameters),
        create_time=created,
        update_time=updated,
    )
