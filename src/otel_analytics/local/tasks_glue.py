"""The calls of Glue that state machines make as `aws-sdk:glue:…`, over the catalog."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from otel_analytics.asl import TaskFailed
from otel_analytics.errors import InvalidName
from otel_analytics.local.sdk_arguments import Arguments
from otel_analytics.operations.catalog import AlreadyExists, EntityNotFound, Table
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.asl import TaskContext
    from otel_analytics.local.catalog import Catalog

__all__ = ["glue_tasks"]

_INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


def glue_tasks(catalog: Catalog) -> dict[str, Callable[[Any, TaskContext], Any]]:
    """Return the tasks by their resources."""
    calls = _Calls(catalog)
    return {
        f"arn:aws:states:::aws-sdk:glue:{name}": _as_task(call)
        for name, call in {
            "getTable": calls.get_table,
            "createTable": calls.create_table,
            "updateTable": calls.update_table,
            "deleteTable": calls.delete_table,
        }.items()
    }


def _as_task(call: Callable[[Arguments], Any]) -> Callable[[Any, TaskContext], Any]:
    def task(arguments: Any, _context: TaskContext) -> Any:
        try:
            return call(Arguments("Glue", arguments))
        except EntityNotFound as error:
            raise TaskFailed("Glue.EntityNotFoundException", str(error)) from error
        except AlreadyExists as error:
            raise TaskFailed("Glue.AlreadyExistsException", str(error)) from error
        except InvalidName as error:
            raise TaskFailed("Glue.InvalidInputException", str(error)) from error

    return task


@dataclass(frozen=True, slots=True)
class _Calls:
    catalog: Catalog

    def get_table(self, arguments: Arguments) -> dict[str, Any]:
        """Return one table."""
        return {"Table": _document(self.catalog.table(_table_name(arguments)))}

    def create_table(self, arguments: Arguments) -> dict[str, Any]:
        """Make a table known; its database must exist."""
        table = self._described(arguments)
        if table.database not in self.catalog.databases():
            raise EntityNotFound(f"Database {table.database} not found.")
        self.catalog.create_table(table)
        return {}

    def update_table(self, arguments: Arguments) -> dict[str, Any]:
        """Replace what is known of a table."""
        arguments.ignore("SkipArchive")
        self.catalog.update_table(self._described(arguments))
        return {}

    def delete_table(self, arguments: Arguments) -> dict[str, Any]:
        """Forget a table; its data stay."""
        self.catalog.drop_table(_table_name(arguments))
        return {}

    def _described(self, arguments: Arguments) -> Table:
        database = arguments.text("DatabaseName").lower()
        table = _table(database, Arguments("Glue", arguments.value("TableInput")))
        arguments.ignore("CatalogId")
        arguments.refuse_the_rest()
        return table


def _table_name(arguments: Arguments) -> TableName:
    name = TableName(arguments.text("Name").lower(), arguments.text("DatabaseName").lower())
    arguments.ignore("CatalogId")
    arguments.refuse_the_rest()
    return name


def _table(database: str, given: Arguments) -> Table:
    storage = Arguments("Glue", given.value("StorageDescriptor"))
    table = Table(
        database=database,
        name=given.text("Name").lower(),
        columns=_columns(storage.value("Columns")),
        location=storage.text("Location"),
        partition_keys=_columns(given.value("PartitionKeys", [])),
    )
    table = replace(
        table,
        table_type=given.text("TableType", table.table_type),
        parameters=_parameters(given.value("Parameters", {})),
    )
    given.ignore("Description", "Owner", "Retention")
    given.refuse_the_rest()
    if storage.text("InputFormat", _INPUT_FORMAT) != _INPUT_FORMAT:
        raise TaskFailed(
            "Glue.InvalidInputException", f"only Parquet is read here: InputFormat {_INPUT_FORMAT}"
        )
    # How Parquet is read is known here; the rest says nothing of where the data are.
    storage.ignore(
        "OutputFormat", "SerdeInfo", "Compressed", "NumberOfBuckets", "BucketColumns",
        "SortColumns", "Parameters", "StoredAsSubDirectories", "SkewedInfo",
    )  # fmt: skip
    storage.refuse_the_rest()
    return table


def _columns(given: Any) -> tuple[Column, ...]:
    if not isinstance(given, list):
        raise TaskFailed("Glue.InvalidInputException", "columns must be a list of Name and Type")
    columns = []
    for one in given:
        column = Arguments("Glue", one)
        columns.append(Column(column.text("Name").lower(), column.text("Type")))
        column.ignore("Comment", "Parameters")
        column.refuse_the_rest()
    return tuple(columns)


def _parameters(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise TaskFailed("Glue.InvalidInputException", "Parameters must map names to texts")
    return given


def _document(table: Table) -> dict[str, Any]:
    return {
        "CreateTime": _iso(table.create_time),
        "DatabaseName": table.database,
        "Name": table.name,
        "Parameters": table.parameters,
        "PartitionKeys": [{"Name": one.name, "Type": one.type} for one in table.partition_keys],
        "StorageDescriptor": {
            "Columns": [{"Name": one.name, "Type": one.type} for one in table.columns],
            "InputFormat": _INPUT_FORMAT,
            "Location": table.location,
            "OutputFormat": _OUTPUT_FORMAT,
            "SerdeInfo": {"SerializationLibrary": _SERDE},
        },
        "TableType": table.table_type,
        "UpdateTime": _iso(table.update_time),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
