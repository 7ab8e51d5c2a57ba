"""What a statement would read of its tables: which columns, and which partitions.

A CTE counts once, however often it is named. Must not know what is in a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from otel_analytics.errors import QueryFailed
from otel_analytics.query.statements import (
    Column,
    CreateTableAs,
    Query,
    TableName,
    parse_statement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Scan", "TableColumns", "partition_query", "scans_of", "tables_of"]


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns of a table, partition keys apart."""

    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a table: its columns, and what must hold of its partition keys.

    `condition` is Athena's SQL over the keys; it is '' if every partition is read.
    """

    table: TableName
    columns: tuple[str, ...]
    condition: str


def tables_of(sql: str) -> tuple[TableName, ...]:
    """Return the tables that a statement reads, each once.

    Raises: QueryFailed beginning with SYNTAX_ERROR or NOT_SUPPORTED
    """
    query = _query_of(sql)
    return tuple(dict.fromkeys(one.table for one in query.tables)) if query else ()


def scans_of(sql: str, tables: Mapping[TableName, TableColumns]) -> tuple[Scan, ...]:
    """Return what a statement would read of the tables, which have these columns.

    Only columns that the result depends on are read, as both DuckDB and Athena do it. What a
    query asks of partitions elsewhere than beside the table is not seen: more may be returned
    than is read.

    Raises: QueryFailed beginning with SYNTAX_ERROR or NOT_SUPPORTED
    """
    query = _query_of(sql)
    if query is None:
        return ()
    schema: dict[str, Any] = {}
    for name, table in tables.items():
        columns = (*table.columns, *table.partition_keys)
        # the types do not matter here
        kinds = dict.fromkeys((column.name for column in columns), "VARCHAR")
        schema.setdefault(name.database or "", {})[name.name] = kinds
    try:
        qualified = qualify(
            query.tree(), schema=schema, dialect="athena", validate_qualify_columns=False
        )
        pruned = pushdown_projections(qualified)
    except SqlglotError as error:
        raise QueryFailed(f"NOT_SUPPORTED: what a query reads cannot be told: {error}") from error
    return tuple(
        _scan(scope, alias, source, tables)
        for scope in traverse_scope(pruned)
        for alias, source in scope.sources.items()
        if isinstance(source, exp.Table) and _name(source) in tables
    )


def partition_query(scan: Scan) -> str:
    """Return Athena's SQL for the places of those partitions that a scan reads.

    It reads one table, whose columns are `place` and the partition keys.
    """
    query = exp.select("place").from_("partitions")
    return query.where(scan.condition or None, dialect="athena").sql(dialect="athena")


def _query_of(sql: str) -> Query | None:
    match parse_statement(sql):
        case Query() as query:
            return query
        case CreateTableAs(query=query):
            return query
    return None


def _name(table: exp.Table) -> TableName:
    return TableName(table.name.lower(), table.db.lower() or None)


def _scan(
    scope: Scope, alias: str, table: exp.Table, tables: Mapping[TableName, TableColumns]
) -> Scan:
    name = _name(table)
    keys = {column.name for column in tables[name].partition_keys}
    used = {column.name for column in scope.columns if column.table == alias} - keys
    asked = [
        _without_table(condition)
        for condition in _conditions(scope.expression.args.get("where"))
        if _is_of_keys(condition, alias, keys)
    ]
    condition = exp.and_(*asked).sql(dialect="athena") if asked else ""
    return Scan(name, tuple(sorted(used)), condition)


def _conditions(where: exp.Where | None) -> list[exp.Expr]:
    """Return what must hold all together."""
    if where is None:
        return []
    whole = where.this
    return list(whole.flatten()) if isinstance(whole, exp.And) else [whole]


def _is_of_keys(condition: exp.Expr, alias: str, keys: set[str]) -> bool:
    columns = list(condition.find_all(exp.Column))
    return (
        bool(columns)
        and condition.find(exp.Query) is None
        and all(column.table == alias and column.name in keys for column in columns)
    )


def _without_table(condition: exp.Expr) -> exp.Expr:
    condition = condition.copy()
    for column in condition.find_all(exp.Column):
        column.set("table", None)
    return condition
