"""A catalog of databases, tables and partitions: its entries, and what is asked of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from otel_analytics.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from otel_analytics.query.statements import Column, TableName

__all__ = ["AlreadyExists", "Catalog", "EntityNotFound", "Partition", "Table", "to_nobody"]


class EntityNotFound(Failed):
    """A database or table is not in the catalog."""


class AlreadyExists(Failed):
    """A table or partition is in the catalog already."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One registered partition: a text for each partition key, and the address of its folder."""

    values: tuple[str, ...]
    location: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns with Athena's types, and the address of its folder.

    `partitions` are the registered ones: a table that has some is these; of others the partitions
    are found in the folder. `version` changes with each change, in a catalog without transactions.

    Units:  create_time, update_time: seconds since 1970
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    location: str
    partition_keys: tuple[Column, ...] = ()
    table_type: str = "EXTERNAL_TABLE"
    partitions: tuple[Partition, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    create_time: float = 0.0
    update_time: float = 0.0
    version: str = ""


class Catalog(Protocol):
    """A catalog, as far as executions change it; a name of a table has its database."""

    def change(self, *, durable: bool = False) -> AbstractContextManager[object]:
        """Return a context in which all changes are one, where the catalog has transactions."""

    def moment(self) -> AbstractContextManager[object]:
        """Return a context in which all is read as of one moment, where the catalog can do that."""

    def entry(self, name: TableName) -> Table | None:
        """Return one table without its partitions, None if there is none."""

    def find(self, name: TableName) -> Table | None:
        """Return one table with its partitions, None if there is none."""

    def tables(self, database: str) -> list[Table]:
        """Return a database's tables in order of their names, without their partitions."""

    def put_table(self, table: Table, *, over: Table | None) -> Table:
        """Create a table; or replace the entry `over`, whose partitions stay.

        Raises: Failed if the entry is no longer as `over` says
        """

    def drop_table(self, name: TableName) -> object:
        """Take a table and its partitions out of the catalog; its data stay.

        Raises: EntityNotFound
        """

    def replace_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """Register partitions of a table; one that has the values goes."""

    def drop_partitions(self, table: Table, values: Iterable[tuple[str, ...]]) -> None:
        """Forget partitions by their values, where they are registered; their data stay."""

    def locations(self, *, beginning: str | None = None) -> list[tuple[TableName, str]]:
        """Return the addresses of tables and partitions, with the tables.

        They are those of every database; or, with `beginning`, of at least those of its tables
        whose names begin so.
        """

    def partition_parameter(self, name: str) -> list[str]:
        """Return what partitions of any table have for a parameter, where they have it."""


def to_nobody(names: Iterable[TableName]) -> None:
    """Show tables that have changed to nobody: who reads them reads the catalog itself."""
