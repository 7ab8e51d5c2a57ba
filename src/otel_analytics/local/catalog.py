"""The Glue-like catalog: databases and tables in the home's SQLite.

Must not know what is in the tables' files nor how they are queried.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from otel_analytics.errors import Failed, InvalidName
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from otel_analytics.local.home import Home

__all__ = ["AlreadyExists", "Catalog", "EntityNotFound", "Table"]

# Glue's names are longer and freer; these are what Athena's DDL takes.
_NAME = re.compile(r"[a-z0-9_]{1,255}")


class EntityNotFound(Failed):
    """A database or table is not in the catalog."""


class AlreadyExists(Failed):
    """A table is in the catalog already."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns with Athena's types, and the address of its folder."""

    database: str
    name: str
    columns: tuple[Column, ...]
    location: str
    partition_keys: tuple[Column, ...] = ()
    table_type: str = "EXTERNAL_TABLE"
    parameters: dict[str, str] = field(default_factory=dict)
    create_time: float = 0.0
    update_time: float = 0.0


@dataclass(frozen=True, slots=True)
class Catalog:
    """The databases and tables of a home. `clock` gives seconds since 1970."""

    home: Home
    clock: Callable[[], float] = time.time

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

    def databases(self) -> list[str]:
        """Return the databases' names, in order."""
        with self.home.reading() as connection:
            rows = connection.execute("SELECT name FROM databases ORDER BY name").fetchall()
        return [name for (name,) in rows]

    def create_table(self, table: Table) -> Table:
        """Put a table into the catalog, its database too; return it with its times.

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
        return table

    def update_table(self, table: Table) -> Table:
        """Replace a table's entry; its time of creation stays.

        Raises: EntityNotFound
        """
        with self.home.transaction() as connection:
            old = self._get(connection, TableName(table.name, table.database))
            table = replace(table, create_time=old.create_time, update_time=self.clock())
            connection.execute(
                "REPLACE INTO tables VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(table)
            )
        return table

    def table(self, name: TableName) -> Table:
        """Return one table; `name` must have its database.

        Raises: EntityNotFound
        """
        with self.home.reading() as connection:
            return self._get(connection, name)

    def _get(self, connection: sqlite3.Connection, name: TableName) -> Table:
        row = connection.execute(
            "SELECT * FROM tables WHERE database_name = ? AND name = ?", (name.database, name.name)
        ).fetchone()
        if row is None:
            raise EntityNotFound(f"table {name.database}.{name.name} does not exist")
        return _table(row)

    def tables(self, database: str, pattern: str | None = None) -> list[Table]:
        """Return a database's tables in order of their names; `pattern` has `*` and `|`."""
        with self.home.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM tables WHERE database_name = ? ORDER BY name", (database,)
            ).fetchall()
        patterns = (pattern or "*").lower().split("|")
        tables = (_table(row) for row in rows)
        return [t for t in tables if any(fnmatchcase(t.name, one) for one in patterns)]

    def drop_table(self, name: TableName) -> Table:
        """Take a table out of the catalog and return it; its data stay where they are.

        Raises: EntityNotFound
        """
        with self.home.transaction() as connection:
            table = self._get(connection, name)
            connection.execute(
                "DELETE FROM tables WHERE database_name = ? AND name = ?",
                (name.database, name.name),
            )
        return table


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
