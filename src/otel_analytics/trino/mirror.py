"""The tables of the catalog in Trino's metastore: made when they are read, and never changed.

The home's catalog is the truth. A table there is, here, an external table over the same files in
the schema `…_files`, named by what it is: location, columns and keys. What is registered as
partitions goes by a hash of its address as one more key, so that a partition that is replaced is
another one, and a reader who names the addresses finds those that the catalog had at its moment.
So nothing here can be stale or half done: what is missing is made, and what nobody names is not
read. In the schema of the database there are views over it, for whoever asks Trino alone. Both
schemas are one home's: what another has made there would be taken for its own, and swept.

Source: https://trino.io/docs/current/connector/hive.html#procedures
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from otel_analytics.errors import QueryFailed
from otel_analytics.local.jobs import Job
from otel_analytics.local.table_files import files_by_partition
from otel_analytics.names import S3Address
from otel_analytics.pipeline.refresh import IS_EMPTY, LEVEL
from otel_analytics.query.statements import Column
from otel_analytics.query.trino_dialect import trino_literal, trino_name
from otel_analytics.trino.query_errors import has_code, suppress_code
from otel_analytics.trino.types import trino_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.operations.catalog import Partition, Table
    from otel_analytics.query.statements import TableName
    from otel_analytics.trino.client import TrinoClient

__all__ = ["Mirror"]

_T = TypeVar("_T")

_ADDRESS: Final = Column("address_hash", "string")
# Calls at once that register partitions; each takes some ten milliseconds, most of them waiting.
_AT_ONCE: Final = 4
_THERE: Final = ("ALREADY_EXISTS", "TABLE_ALREADY_EXISTS", "SCHEMA_ALREADY_EXISTS")
_GONE: Final = ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "NOT_FOUND")
_HOME: Final = "home"  # the view that says whose a schema is; no table is named so
_MAX_NAME_CHARACTERS: Final = 100  # of the 128 that a Hive metastore takes, 17 are a hash's


class _Place(NamedTuple):
    """A table or a view of the Trino catalog."""

    schema: str
    name: str


@dataclass(slots=True)
class Mirror:
    """The catalog's tables as one Trino catalog has them.

    `schemas` says which schema is a database's, where it is not the one of that name; `storage`
    what stands for `s3://`; `home` is what no other home is called.
    """

    client: TrinoClient
    store: ObjectStore
    catalog: str
    schemas: Mapping[str, str]
    storage: str
    home: str
    # one for each table, by its location, and for each view
    _turns: defaultdict[object, threading.Lock] = field(
        default_factory=lambda: defaultdict(threading.Lock)
    )
    # tables, and databases of which the schemas are there
    _made: set[_Place | str] = field(default_factory=set)
    _partitions: dict[_Place, frozenset[tuple[str, ...]]] = field(default_factory=dict)

    def again_if_gone(self, do: Callable[[], _T]) -> _T:
        """Return what `do` gives; if something was dropped that stood here, all is made anew.

        Raises: what `do` raises
        """
        try:
            return do()
        except QueryFailed as failure:
            if not has_code(failure, *_GONE):
                raise
        self._made.clear()
        self._partitions.clear()
        return do()

    def relation(self, table: Table, job: Job) -> str:
        """Return what stands for a table in Trino's SQL, as it is in the catalog; made if need be.

        Raises: QueryFailed; QueryCancelled
        """
        with self._turns[table.location]:
            if table.partitions or LEVEL in table.parameters:
                return self._of_registered(table, job)
            found = {values for values, files in files_by_partition(table, self.store) if files}
            if not found:
                return _without_rows(table)  # Trino does not read a folder that is not there
            place = self._make(table, table.partition_keys, job)
            if table.partition_keys:
                self._find_partitions(place, frozenset(found), job)
            return self._sql(place)

    def show(self, name: TableName, table: Table | None) -> None:
        """Have the view of a name read the table, from one moment to the next; None: no view.

        Raises: QueryFailed
        """
        job, place = Job(), _Place(self._schema(str(name.database)), name.name)
        with self._turns[place]:
            self.again_if_gone(lambda: self._show(place, table, str(name.database), job))

    def _show(self, place: _Place, table: Table | None, database: str, job: Job) -> None:
        self._make_schemas(database, job)
        if table is None:
            self._run(f"DROP VIEW IF EXISTS {self._sql(place)}", job)
            return
        select = (
            f"SELECT {_names((*table.columns, *table.partition_keys))} "  # noqa: S608 - quoted
            f"FROM {self.relation(table, job)}"
        )
        self._create(f"CREATE OR REPLACE VIEW {self._sql(place)} AS {select}", job)

    def scratch_name(self, database: str, token: str, job: Job) -> str:
        """Return the name of a table that a statement makes and nobody else looks for."""
        place = _Place(self._files_schema(database), f"ctas_{token.replace('-', '_')}")
        self._make_schemas(database, job)
        return self._sql(place)

    def address(self, location: str) -> str:
        """Return where Trino finds an address of S3."""
        return self.storage + str(S3Address.parse(location)).removeprefix("s3://")

    def sweep(self, database: str) -> None:
        """Forget the tables whose files are gone.

        Raises: QueryFailed
        """
        job, schema = Job(), self._files_schema(database)
        self._make_schemas(database, job)
        found = self._run(
            "SELECT table_name, comment FROM system.metadata.table_comments "  # noqa: S608 - quoted
            f"WHERE catalog_name = {trino_literal(self.catalog)} "
            f"AND schema_name = {trino_literal(schema)} AND comment LIKE 's3://%'",
            job,
        )
        for name, location in found:
            if next(self.store.list(S3Address.parse(location)), None) is None:
                place = _Place(schema, name)
                self._run(f"DROP TABLE IF EXISTS {self._sql(place)}", job)
                self._made.discard(place)

    def _of_registered(self, table: Table, job: Job) -> str:
        """Return the SELECT of the partitions that are registered in the catalog."""
        place = self._make(table, (*table.partition_keys, _ADDRESS), job)
        wanted = {
            (*one.values, _hash_of(one.location)): one
            for one in table.partitions
            if IS_EMPTY not in one.parameters
        }
        if place not in self._partitions:
            self._partitions[place] = self._registered(place, job)
        missing = [one for values, one in wanted.items() if values not in self._partitions[place]]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(lambda one: self._register(table, place, one, job), missing):
                pass
        self._partitions[place] |= wanted.keys()
        hashes = ", ".join(trino_literal(values[-1]) for values in wanted)
        condition = f"{trino_name(_ADDRESS.name)} IN ({hashes})" if hashes else "false"
        names = _names((*table.columns, *table.partition_keys))
        return f"(SELECT {names} FROM {self._sql(place)} WHERE {condition})"  # noqa: S608 - quoted

    def _registered(self, place: _Place, job: Job) -> frozenset[tuple[str, ...]]:
        partitions = self._sql(_Place(place.schema, f"{place.name}$partitions"))
        rows = self._run(f"SELECT * FROM {partitions}", job)  # noqa: S608 - quoted
        return frozenset(tuple(map(str, row)) for row in rows)

    def _register(self, table: Table, place: _Place, partition: Partition, job: Job) -> None:
        keys = [key.name for key in (*table.partition_keys, _ADDRESS)]
        values = (*partition.values, _hash_of(partition.location))
        location = trino_literal(self.address(partition.location))
        with suppress_code("ALREADY_EXISTS"):  # another process has done the same
            self._call(
                "register_partition", place, f"{_array(keys)}, {_array(values)}, {location}", job
            )

    def _find_partitions(self, place: _Place, found: frozenset[tuple[str, ...]], job: Job) -> None:
        """Have Trino look for the partitions in a table's folders, if they are others by now."""
        if self._partitions.get(place) != found:
            # another process may be at it: what it adds or drops is, next time, as it is wanted
            again_after = ("ALREADY_EXISTS", "NOT_FOUND")
            self._call(
                "sync_partition_metadata", place, "'FULL', false", job, again_after=again_after
            )
            self._partitions[place] = found

    def _make(self, table: Table, keys: tuple[Column, ...], job: Job) -> _Place:
        """Return the external table over a table's files, made if it is not there."""
        items = ", ".join(
            f"{trino_name(one.name)} {trino_type(one.type)}" for one in (*table.columns, *keys)
        )
        properties = [
            "format = 'PARQUET'",
            f"external_location = {trino_literal(self.address(table.location))}",
        ]
        if keys:
            properties.append(f"partitioned_by = {_array([key.name for key in keys])}")
        # what has partitions is there for good; of the others the comment tells when they may go
        comment = "" if keys else f" COMMENT {trino_literal(table.location)}"
        made_of = f"({items}){comment} WITH ({', '.join(properties)})"
        place = _Place(self._files_schema(table.database), _name_of(table.location, made_of))
        if place not in self._made:
            self._make_schemas(table.database, job)
            self._create(f"CREATE TABLE IF NOT EXISTS {self._sql(place)} {made_of}", job)
            self._made.add(place)
        return place

    def _make_schemas(self, database: str, job: Job) -> None:
        """Have the schemas of a database there, and this home's.

        Raises: QueryFailed if they are another's
        """
        if database in self._made:
            return
        files = self._files_schema(database)
        self._make_schema(files, job)
        view = self._sql(_Place(files, _HOME))
        home = self._home_of(view, job)
        if home is None:
            select = f"SELECT {trino_literal(self.home)} AS home"
            with suppress_code(*_THERE):  # another home was first
                self._run(f"CREATE VIEW {view} AS {select}", job)
            home = self._home_of(view, job)
        if home != self.home:
            schema = trino_name(self.catalog, files)
            raise QueryFailed(
                f"PERMISSION_DENIED: the schema {schema} is of another home, {home}, and this is "
                f"{self.home}: set trino.schema to a name that no other home has; or, if that home "
                f"is gone, DROP SCHEMA {schema} CASCADE",
                is_retryable=False,
            )
        self._make_schema(self._schema(database), job)
        self._made.add(database)

    def _home_of(self, view: str, job: Job) -> str | None:
        """Return what the view says whose a schema is; None if there is none."""
        with suppress_code(*_GONE):
            ((home,),) = self._run(f"SELECT home FROM {view}", job)  # noqa: S608 - quoted
            return str(home)
        return None

    def _make_schema(self, schema: str, job: Job) -> None:
        self._create(f"CREATE SCHEMA IF NOT EXISTS {trino_name(self.catalog, schema)}", job)

    def _create(self, sql: str, job: Job) -> None:
        """Execute what makes something that may be there, or be made just now by another."""
        # between Trino's look and its leap another was first; next time Trino sees it
        self._run(sql, job, again_after=_THERE)

    def _call(
        self,
        procedure: str,
        place: _Place,
        arguments: str,
        job: Job,
        *,
        again_after: tuple[str, ...] = (),
    ) -> None:
        table = f"{trino_literal(place.schema)}, {trino_literal(place.name)}"
        name = trino_name(self.catalog, "system", procedure)
        self._run(f"CALL {name}({table}, {arguments})", job, again_after=again_after)

    def _schema(self, database: str) -> str:
        return self.schemas.get(database, database)

    def _files_schema(self, database: str) -> str:
        return f"{self._schema(database)}_files"

    def _sql(self, place: _Place) -> str:
        return trino_name(self.catalog, *place)

    def _run(
        self, sql: str, job: Job, *, again_after: tuple[str, ...] = ()
    ) -> tuple[tuple[Any, ...], ...]:
        return self.client.run_repeatable(sql, job=job, again_after=again_after).rows


def _names(columns: Iterable[Column]) -> str:
    return ", ".join(trino_name(column.name) for column in columns)


def _without_rows(table: Table) -> str:
    items = ", ".join(
        f"CAST(NULL AS {trino_type(one.type)}) AS {trino_name(one.name)}"
        for one in (*table.columns, *table.partition_keys)
    )
    return f"(SELECT {items} WHERE false)"


def _name_of(location: str, made_of: str) -> str:
    """Return a name that says where the files are, and that no other table has."""
    words = re.sub(r"[^a-z0-9]+", "_", S3Address.parse(location).key.lower()).strip("_")
    return f"{words[-_MAX_NAME_CHARACTERS:]}_{_hash_of(made_of)}"


def _hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _array(texts: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(trino_literal, texts))}]"
