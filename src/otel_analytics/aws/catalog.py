"""The Glue Data Catalog.

It has no transactions. What protects a table's entry is its version: a change of an entry that has
been changed since it was read is refused.

Source: https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from otel_analytics.errors import AwsFailed, CatalogChanged, Failed
from otel_analytics.operations.catalog import EntityNotFound, Partition, Table
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from otel_analytics.aws.clients import Client

__all__ = ["GlueCatalog"]

_T = TypeVar("_T")

# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html and its neighbours
_CREATED_PER_CALL: Final = 100
_DELETED_PER_CALL: Final = 25
_IS_PROJECTED: Final = "projection.enabled"
_NOT_FOUND: Final = "EntityNotFoundException"
_EXISTS: Final = "AlreadyExistsException"
_CHANGED: Final = ("ConcurrentModificationException", _EXISTS, _NOT_FOUND)

_PARQUET: Final = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


@dataclass(frozen=True, slots=True)
class GlueCatalog:
    """The databases and tables of an account; `database` is that of the pipeline."""

    glue: Client
    database: str

    def change(self, *, durable: bool = False) -> AbstractContextManager[object]:  # noqa: ARG002
        """Return a context that does nothing: each change is one, and durable."""
        return nullcontext()

    def moment(self) -> AbstractContextManager[object]:
        """Return a context that does nothing: each entry is read as it stands then."""
        return nullcontext()

    def entry(self, name: TableName) -> Table | None:
        """Return one table without its partitions, None if there is none."""
        try:
            found = self.glue.call("get_table", DatabaseName=name.database, Name=name.name)
        except AwsFailed as error:
            if error.code == _NOT_FOUND:
                return None
            raise
        return _table(found["Table"])

    def find(self, name: TableName) -> Table | None:
        """Return one table with its partitions, None if there is none."""
        entry = self.entry(name)
        return self._with_partitions(entry) if entry else None

    def table(self, name: TableName) -> Table:
        """Return one table with its partitions.

        Raises: EntityNotFound
        """
        table = self.find(name)
        if table is None:
            raise EntityNotFound(f"table {name.database}.{name.name} does not exist")
        return table

    def tables(self, database: str) -> list[Table]:
        """Return a database's tables in order of their names, without their partitions."""
        return sorted(self._tables(database), key=lambda table: table.name)

    def _tables(self, database: str, **arguments: str) -> list[Table]:
        try:
            pages = list(self.glue.pages("get_tables", DatabaseName=database, **arguments))
        except AwsFailed as error:
            if error.code == _NOT_FOUND:
                return []
            raise
        return [_table(one) for page in pages for one in page["TableList"]]

    def _with_partitions(self, table: Table) -> Table:
        if not table.partition_keys or table.parameters.get(_IS_PROJECTED) == "true":
            return table
        pages = self.glue.pages(
            "get_partitions",
            DatabaseName=table.database,
            TableName=table.name,
            ExcludeColumnSchema=True,
        )
        found = (
            Partition(
                tuple(one["Values"]),
                one["StorageDescriptor"]["Location"],
                dict(one.get("Parameters", {})),
            )
            for page in pages
            for one in page["Partitions"]
        )
        return replace(table, partitions=tuple(sorted(found, key=lambda one: one.values)))

    def put_table(self, table: Table, *, over: Table | None) -> Table:
        """Create a table; or replace the entry `over`, whose partitions stay.

        Raises: CatalogChanged if the entry is no longer as `over` says
        """
        arguments: dict[str, Any] = {
            "DatabaseName": table.database,
            "TableInput": _table_input(table),
        }
        operation = "create_table"
        if over is not None:
            operation = "update_table"
            # without it, each publication would keep a version, of which an account has a quota
            arguments["SkipArchive"] = True
            if over.version:
                arguments["VersionId"] = over.version
        try:
            self.glue.call(operation, **arguments)
        except AwsFailed as error:
            if error.code in _CHANGED:
                raise CatalogChanged(
                    f"the table {table.database}.{table.name} was changed by someone else at the "
                    f"same time ({error.code}): run again; what was begun is completed then"
                ) from error
            raise
        return replace(table, partitions=over.partitions) if over else table

    def drop_table(self, name: TableName) -> None:
        """Take a table and its partitions out of the catalog; its data stay.

        Raises: EntityNotFound
        """
        try:
            self.glue.call("delete_table", DatabaseName=name.database, Name=name.name)
        except AwsFailed as error:
            if error.code == _NOT_FOUND:
                raise EntityNotFound(f"table {name.database}.{name.name} does not exist") from error
            raise

    def replace_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """Register partitions of a table; one that has the values goes.

        Each changes at one moment, all of them one after the other.
        """
        place = {"DatabaseName": table.database, "TableName": table.name}
        for some in _chunks(partitions, _CREATED_PER_CALL):
            inputs = {one.values: _partition_input(table, one) for one in some}
            reply = self.glue.call(
                "batch_create_partition", **place, PartitionInputList=list(inputs.values())
            )
            there = _refused(reply, table, but=_EXISTS)
            if there:
                entries = [
                    {"PartitionValueList": list(values), "PartitionInput": inputs[values]}
                    for values in there
                ]
                _refused(self.glue.call("batch_update_partition", **place, Entries=entries), table)

    def drop_partitions(self, table: Table, values: Iterable[tuple[str, ...]]) -> None:
        """Forget partitions by their values, where they are registered; their data stay."""
        for some in _chunks(values, _DELETED_PER_CALL):
            reply = self.glue.call(
                "batch_delete_partition",
                DatabaseName=table.database,
                TableName=table.name,
                PartitionsToDelete=[{"Values": list(one)} for one in some],
            )
            _refused(reply, table, but=_NOT_FOUND)

    def locations(self, *, beginning: str | None = None) -> list[tuple[TableName, str]]:
        """Return the addresses of tables and partitions, with the tables.

        They are those of every database; or, with `beginning`, of the tables of the pipeline's
        whose names begin so.
        """
        found = []
        for table in self._all(beginning):
            name = TableName(table.name, table.database)
            found.append((name, table.location))
            found += [(name, one.location) for one in table.partitions]
        return [(name, location) for name, location in found if location]

    def partition_parameter(self, name: str) -> list[str]:
        """Return what partitions of any table have for a parameter, where they have it."""
        found = (one.parameters.get(name) for table in self._all() for one in table.partitions)
        return [value for value in found if value is not None]

    def _all(self, beginning: str | None = None) -> Iterator[Table]:
        if beginning is not None:
            for table in self._tables(self.database, Expression=f"{beginning}.*"):
                if table.name.startswith(beginning):
                    yield self._with_partitions(table)
            return
        for page in self.glue.pages("get_databases"):
            for database in page["DatabaseList"]:
                for table in self._tables(database["Name"]):
                    yield self._with_partitions(table)


def _refused(reply: Any, table: Table, *, but: str = "") -> list[tuple[str, ...]]:
    """Return the partitions that were refused with the code `but`.

    Raises: Failed if one was refused with another
    """
    found = []
    for error in reply.get("Errors", ()):
        values = error.get("PartitionValues") or error.get("PartitionValueList") or ()
        detail = error["ErrorDetail"]
        if detail["ErrorCode"] != but:
            raise Failed(
                f"the partition {'/'.join(values)} of {table.database}.{table.name} could not be "
                f"changed: {detail['ErrorCode']}: {detail.get('ErrorMessage')}; run again"
            )
        found.append(tuple(values))
    return found


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _table(found: Any) -> Table:
    storage = found.get("StorageDescriptor", {})
    return Table(
        database=found["DatabaseName"],
        name=found["Name"],
        columns=_columns(storage.get("Columns", ())),
        # a view has none
        location=storage.get("Location", ""),
        partition_keys=_columns(found.get("PartitionKeys", ())),
        table_type=found.get("TableType", ""),
        parameters={
            name: value for name, value in found.get("Parameters", {}).items() if name != "EXTERNAL"
        },
        create_time=found["CreateTime"].timestamp() if "CreateTime" in found else 0.0,
        update_time=found["UpdateTime"].timestamp() if "UpdateTime" in found else 0.0,
        version=found.get("VersionId", ""),
    )


def _columns(found: Iterable[Any]) -> tuple[Column, ...]:
    return tuple(Column(one["Name"], one.get("Type", "")) for one in found)


def _table_input(table: Table) -> dict[str, Any]:
    return {
        "Name": table.name,
        "TableType": table.table_type,
        # what Athena's own tables have, and Hive looks at
        "Parameters": {"EXTERNAL": "TRUE", **table.parameters},
        "PartitionKeys": [{"Name": key.name, "Type": key.type} for key in table.partition_keys],
        "StorageDescriptor": _storage(table, table.location),
    }


def _partition_input(table: Table, partition: Partition) -> dict[str, Any]:
    return {
        "Values": list(partition.values),
        "Parameters": dict(partition.parameters),
        "StorageDescriptor": _storage(table, partition.location),
    }


def _storage(table: Table, location: str) -> dict[str, Any]:
    columns = [{"Name": column.name, "Type": column.type} for column in table.columns]
    return {"Columns": columns, "Location": location, **_PARQUET}
