"""Athena's SQL in DuckDB's dialect; what differs in Trino's is in `trino_dialect`.

What differs from DuckDB is bridged in `duckdb_bridges` and `duckdb_times`; what cannot be expressed
is refused with its line. Must not know what is in a table, nor import an engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError

from otel_analytics.errors import QueryFailed
from otel_analytics.query.duckdb_bridges import BRIDGES, FUNCTIONS
from otel_analytics.query.duckdb_nodes import NotExpressibleError
from otel_analytics.query.statements import (
    Query,
    TableName,
    parse_statement,
    position_of,
    table_position,
)
from otel_analytics.query.syntax import argument_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DuckdbQuery", "duckdb_prelude", "render", "to_duckdb"]

# A private-use character: no statement may hold it, so no text of the user's is taken for a table.
_MARK: Final = "\ue000"


_DUCKDB_SETTINGS: Final = ("SET GLOBAL TimeZone = 'UTC'",)


@dataclass(frozen=True, slots=True)
class DuckdbQuery:
    """A query in DuckDB's dialect with a gap for each table that it reads.

    `unnamed` are the positions (from 1) of output columns that the query gives no name.
    """

    pieces: tuple[str, ...]
    tables: tuple[TableName, ...]
    unnamed: tuple[int, ...]

    def text(self, relations: Sequence[str] | None = None) -> str:
        """Return the query, each gap filled with a relation; by default the table's own name."""
        if relations is None:
            relations = [_quoted_name(table) for table in self.tables]
        parts = [self.pieces[0]]
        for relation, piece in zip(relations, self.pieces[1:], strict=True):
            parts += [relation, piece]
        return "".join(parts)


def duckdb_prelude(text: str | None = None) -> tuple[str, ...]:
    """Return what a DuckDB session must execute before a query means there what Athena means.

    With `text`, only the macros that it calls.
    """
    macros = _macros()
    if text is None:
        return (*_DUCKDB_SETTINGS, *macros.values())
    used: list[str] = []
    # from the last to the first: a macro may call those before it
    for name, sql in reversed(macros.items()):
        if name in text or any(name in other for other in used):
            used.insert(0, sql)
    return (*_DUCKDB_SETTINGS, *used)


@cache
def _macros() -> dict[str, str]:
    source = files(__package__).joinpath("duckdb_macros.sql").read_text("utf-8")
    found = re.findall(r"^CREATE OR REPLACE MACRO (\w+).*?;$", source, re.MULTILINE | re.DOTALL)
    texts = re.findall(r"^CREATE OR REPLACE MACRO .*?(?=;$)", source, re.MULTILINE | re.DOTALL)
    return dict(zip(found, texts, strict=True))


def _quoted_name(table: TableName) -> str:
    parts = [part for part in (table.database, table.name) if part]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


@lru_cache(maxsize=256)
def to_duckdb(query: Query, *, pretty: bool = False) -> DuckdbQuery:
    """Return `query` in DuckDB's dialect.

    Raises: QueryFailed beginning with NOT_SUPPORTED, with line and column
    """
    sql = query.sql
    if _MARK in sql:
        raise QueryFailed("NOT_SUPPORTED: the statement holds the private-use character U+E000")
    expression = query.tree()
    nodes = list(expression.walk())
    _check_functions(sql, nodes)
    unnamed = _name_columns(expression)
    tables = _open_gaps(query, nodes)
    try:
        text = _bridge(expression, nodes, sql, pretty=pretty)
    except RecursionError as error:
        raise QueryFailed("NOT_SUPPORTED: line 1:1: the query is nested too deeply") from error
    pieces = re.split(f'"?{_MARK}([0-9]+){_MARK}"?', text)
    order = [int(number) for number in pieces[1::2]]
    return DuckdbQuery(tuple(pieces[::2]), tuple(tables[number] for number in order), unnamed)


def _bridge(expression: exp.Expr, nodes: Sequence[exp.Expr], sql: str, *, pretty: bool) -> str:
    """Return the text of `expression`, whose nodes are given, parents before their children.

    It is changed on the way.
    """
    # children before parents, so that a bridge finds its operands as they will be written
    for node in reversed(nodes):
        bridge = BRIDGES.get(type(node))
        if bridge is not None:
            _replace(node, _bridged(bridge, node, sql))
    # every identifier is quoted: `unique` is a name to Athena, but a keyword to DuckDB
    try:
        return expression.sql(
            dialect="duckdb",
            copy=False,
            pretty=pretty,
            identify=True,
            normalize_functions=False,
            comments=False,
            unsupported_level=ErrorLevel.RAISE,
        )
    except UnsupportedError as error:
        line, column = position_of(sql, expression)
        raise QueryFailed(f"NOT_SUPPORTED: line {line}:{column}: {error}") from error


def render(query: exp.Query, dialect: str) -> str:
    """Return a parsed query as text of 'athena', 'trino' or 'duckdb', for people to read and run.

    For DuckDB, what its session needs stands before it.

    Raises: QueryFailed beginning with NOT_SUPPORTED
    """
    text = query.sql(dialect="trino", pretty=True)
    if dialect != "duckdb":
        return text
    statement = parse_statement(text)
    if not isinstance(statement, Query):
        raise QueryFailed("NOT_SUPPORTED: line 1:1: this is no query")
    text = to_duckdb(statement, pretty=True).text()
    return ";\n".join((*duckdb_prelude(text), text))


def _replace(node: exp.Expr, replacement: exp.Expr) -> None:
    if replacement is not node:
        node.replace(replacement)


def _bridged(bridge: Any, node: exp.Expr, sql: str) -> exp.Expr:
    try:
        written: exp.Expr = bridge(node)
    except NotExpressibleError as error:
        line, column = position_of(sql, error.node)
        raise QueryFailed(f"NOT_SUPPORTED: line {line}:{column}: {error.what}") from error
    return written


def _check_functions(sql: str, nodes: Iterable[exp.Expr]) -> None:
    """Refuse what Athena may have but DuckDB does not have with the same meaning."""
    arguments = argument_counts(sql)
    for node in nodes:
        if not isinstance(node, exp.Func) or "start" not in node.meta:
            continue  # syntax such as CASE is no call by name
        start = node.meta["start"]
        written = sql[start : node.meta["end"] + 1].strip('"').lower()
        if not re.fullmatch(r"\w+", written):
            continue
        problem = _problem(written, arguments.get(start))
        if problem:
            line, column = position_of(sql, node)
            at = f"line {line}:{column}"
            raise QueryFailed(f"NOT_SUPPORTED: {at}: Function '{written}' {problem}")


def _problem(function: str, arguments: int | None) -> str:
    """Return what is wrong with a call of a function, by how many arguments it has."""
    if function not in FUNCTIONS:
        return "is not supported here, or is no function of Athena's"
    fewest, most = FUNCTIONS[function]
    if arguments is None or fewest <= arguments <= (arguments if most is None else most):
        return ""
    noun = "argument" if arguments == 1 else "arguments"
    return f"with {arguments} {noun} is not supported here"


def _name_columns(expression: exp.Expr) -> tuple[int, ...]:
    """Name the outermost columns that have no name `_col0`, … by position, as Athena does."""
    select: Any = expression
    while isinstance(select, (exp.SetOperation, exp.Subquery)):
        select = select.this
    unnamed = []
    for position, item in enumerate(select.expressions):
        if not isinstance(item, (exp.Alias, exp.Column, exp.Dot, exp.Star)):
            unnamed.append(position + 1)
            name = exp.to_identifier(f"_col{position}")
            item.replace(alias := exp.Alias(alias=name))
            alias.set("this", item)
    return tuple(unnamed)


def _open_gaps(query: Query, nodes: Iterable[exp.Expr]) -> list[TableName]:
    """Put marks in place of the tables that the query reads; return those tables."""
    tables = []
    places = {(reference.line, reference.column) for reference in query.tables}
    for node in nodes:
        if isinstance(node, exp.Table) and table_position(query.sql, node) in places:
            if not node.alias:
                alias = exp.to_identifier(node.name, quoted=True)
                node.set("alias", exp.TableAlias(this=alias))
            tables.append(TableName(node.name.lower(), node.db.lower() or None))
            node.set("this", exp.to_identifier(f"{_MARK}{len(tables) - 1}{_MARK}", quoted=True))
            node.set("db", None)
            node.set("catalog", None)
    databases = {table.database for table in tables}
    for node in nodes:
        # `log_db.logall.body` is `logall.body`: the table goes by its alias alone
        if isinstance(node, exp.Column) and node.args.get("db") and node.db.lower() in databases:
            node.set("db", None)
    return tables
