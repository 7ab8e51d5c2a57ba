"""One Athena statement as data: what kind it is, what it names, and the query inside it.

Must not know any engine: what a table holds, and what a statement does, is decided elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from otel_analytics.errors import QueryFailed
from otel_analytics.query.syntax import (
    QUERY_WORDS,
    Token,
    mismatched,
    parse,
    position_of,
    refused,
    table_position,
    tokens_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Column",
    "CreateExternalTable",
    "CreateTableAs",
    "DescribeTable",
    "DropTable",
    "Query",
    "Rows",
    "ShowTables",
    "Statement",
    "TableName",
    "TableReference",
    "column_position",
    "parse_statement",
    "position_of",
    "table_position",
]

_OTHER_WORDS: Final = (
    "ALTER", "ANALYZE", "CALL", "DEALLOCATE", "DELETE", "EXECUTE", "EXPLAIN", "INSERT", "MERGE",
    "MSCK", "OPTIMIZE", "PREPARE", "TRUNCATE", "UNLOAD", "UPDATE", "USE", "VACUUM",
)  # fmt: skip
_CTAS_PROPERTIES: Final = (
    "format", "external_location", "write_compression", "parquet_compression", "partitioned_by",
)  # fmt: skip
_SHOW_TABLES: Final = re.compile(
    r"SHOW\s+TABLES(\s+(IN|FROM)\s+`?(?P<database>\w+)`?)?(\s+'(?P<pattern>[^']*)')?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class TableName:
    """A table and, where it was written, its database; both in lower case."""

    name: str
    database: str | None = None


@dataclass(frozen=True, slots=True)
class TableReference:
    """A table that a query reads, and where in the text (from 1)."""

    table: TableName
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its type in Athena's DDL, as `map<string,string>`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gave, and how many bytes it scanned."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    scanned_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A SELECT, WITH or VALUES, as the statement `sql` holds it.

    Two are equal only if they are one: renderings are kept by identity.
    """

    sql: str
    tables: tuple[TableReference, ...]
    _parsed: list[exp.Query] = field(repr=False)  # its tree, until someone has it

    def tree(self) -> exp.Query:
        """Return the query's tree, which is the caller's to change: each call gives another one.

        The first costs nothing; to copy a tree takes as long as to write it out.
        """
        try:
            return self._parsed.pop()
        except IndexError:
            return _query_of(parse(self.sql, tokens_of(self.sql)))


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """CREATE TABLE … WITH (…) AS query.

    `partition` are the values of `partitioned_by` if the query gives a constant text for each, so
    that there is one partition; else it is empty.
    """

    table: TableName
    if_not_exists: bool
    format: str
    compression: str
    location: str | None
    partitioned_by: tuple[str, ...]
    query: Query
    with_data: bool = True
    partition: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateExternalTable:
    """CREATE EXTERNAL TABLE over a folder of Parquet."""

    table: TableName
    if_not_exists: bool
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...]
    location: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DropTable:
    """DROP TABLE [IF EXISTS]."""

    table: TableName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class ShowTables:
    """SHOW TABLES [IN database] ['pattern']."""

    database: str | None
    pattern: str | None


@dataclass(frozen=True, slots=True)
class DescribeTable:
    """DESCRIBE table."""

    table: TableName


Statement = Query | CreateTableAs | CreateExternalTable | DropTable | ShowTables | DescribeTable


@lru_cache(maxsize=256)
def parse_statement(sql: str) -> Statement:
    """Return what one statement in Athena's dialect says; a closing semicolon is allowed.

    Raises: QueryFailed beginning with SYNTAX_ERROR or NOT_SUPPORTED, with line and column
    """
    tokens = tokens_of(sql)
    if not tokens:
        raise QueryFailed("SYNTAX_ERROR: line 1:1: mismatched input '<EOF>': nothing to execute")
    # in Hive's dialect some first tokens hold two words, or the rest of the statement
    word = tokens[0].text.split()[0].upper()
    if word == "SHOW":
        return _show_tables(sql, tokens[0])
    if word in _OTHER_WORDS:
        others = "CREATE TABLE … AS, CREATE EXTERNAL TABLE, DROP TABLE, SHOW TABLES or DESCRIBE"
        raise refused(sql, tokens[0], f"{word} is not supported here: use SELECT, {others}")
    if word not in (*QUERY_WORDS, "CREATE", "DROP", "DESCRIBE", "DESC"):
        raise mismatched(sql, tokens[0])
    expression = parse(sql, tokens)
    match expression:
        case exp.Create(kind="TABLE"):
            return _create(sql, tokens, expression)
        case exp.Drop(kind="TABLE"):
            (table,) = expression.args["tables"]
            return DropTable(_table_name(table), bool(expression.args.get("exists")))
        case exp.Describe() if isinstance(expression.this, exp.Table):
            return DescribeTable(_table_name(expression.this))
        case exp.Query() | exp.Values():
            return _query(sql, expression)
    kind = " ".join(token.text.upper() for token in tokens[:2])
    raise refused(sql, tokens[0], f"{kind} is not supported here")


def column_position(query: Query, name: str) -> tuple[int, int]:
    """Return line and column (from 1) of the first mention of a column, or of a table before it."""
    tree = query.tree()
    for identifier in tree.find_all(exp.Identifier):
        if identifier.name.lower() == name.lower() and isinstance(identifier.parent, exp.Column):
            return position_of(query.sql, identifier)
    return position_of(query.sql, tree)


def _identifier(node: exp.Expr) -> str:
    return str(node.name).lower()


def _table_name(table: exp.Expr) -> TableName:
    if not isinstance(table, exp.Table) or not table.name:
        raise QueryFailed("SYNTAX_ERROR: line 1:1: a table name is missing")
    return TableName(table.name.lower(), table.db.lower() or None)


def _query_of(statement: exp.Expr | None) -> exp.Query:
    """Return the query in a statement that holds one, as a tree by itself."""
    match statement:
        case exp.Create():
            statement = statement.expression
        case exp.Values():
            statement = exp.select("*").from_(statement)
    assert isinstance(statement, exp.Query)  # noqa: S101 - the caller has seen it
    return statement.pop()


def _query(sql: str, statement: exp.Expr) -> Query:
    tree = _query_of(statement)
    tables = []
    for node in tree.find_all(exp.Table, exp.Command, exp.DDL, exp.DML):
        if isinstance(node, exp.Table):
            tables.append(node)
        elif not isinstance(node, exp.Query):
            raise refused(sql, node, f"{node.key.upper()} is not allowed inside a query")
    return Query(sql, tuple(_references(sql, tables)), [tree])


def _references(sql: str, tables: Iterable[exp.Table]) -> list[TableReference]:
    found = []
    for table in tables:
        if not isinstance(table.this, exp.Identifier):
            raise refused(sql, table, "a table function is not supported here")
        if not table.db and table.name.lower() in _visible_ctes(table):
            continue
        line, column = table_position(sql, table)
        found.append(TableReference(_table_name(table), line, column))
    return sorted(found, key=lambda reference: (reference.line, reference.column))


def _visible_ctes(table: exp.Table) -> set[str]:
    """Return the names of the CTEs that `table`'s place can see."""
    names: set[str] = set()
    inner: exp.Expr = table
    while (outer := inner.parent) is not None:
        with_ = outer.args.get("with_")
        if isinstance(with_, exp.With) and with_ is not inner:
            names.update(cte.alias.lower() for cte in with_.expressions)
        if isinstance(outer, exp.With):
            for cte in outer.expressions:
                if cte is inner and not outer.args.get("recursive"):
                    break
                names.add(cte.alias.lower())
            # the statement that owns this WITH adds nothing to what its CTEs see
            if outer.parent is None:
                break
            outer = outer.parent
        inner = outer
    return names


def _create(sql: str, tokens: list[Token], create: exp.Create) -> Statement:
    if isinstance(create.expression, exp.Query):
        return _create_table_as(sql, tokens, create)
    if any(token.text.upper() == "EXTERNAL" for token in tokens[:2]):
        return _create_external(sql, create)
    raise refused(sql, tokens[0], "CREATE TABLE needs EXTERNAL and a LOCATION, or AS and a query")


def _properties(create: exp.Create) -> list[exp.Expr]:
    properties = create.args.get("properties")
    return list(properties.expressions) if properties else []


def _create_table_as(sql: str, tokens: list[Token], create: exp.Create) -> CreateTableAs:
    values: dict[str, str] = {}
    partitioned_by: tuple[str, ...] = ()
    with_data = True
    for item in _properties(create):
        match item:
            case exp.FileFormatProperty():
                values["format"] = item.name
            case exp.PartitionedByProperty():
                partitioned_by = tuple(_identifier(name) for name in item.this.expressions)
            case exp.WithDataProperty():
                with_data = not item.args.get("no")
            case exp.Property() if item.name.lower() in _CTAS_PROPERTIES:
                values[item.name.lower()] = str(item.args["value"].name)
            case _:
                name = str(item.name or item.key)
                at = next((t for t in tokens if t.text.lower() == name.lower()), tokens[0])
                known = ", ".join(_CTAS_PROPERTIES)
                what = f"the table property '{name}' is not supported here; supported are {known}"
                raise refused(sql, at, what)
    compression = values.get("write_compression") or values.get("parquet_compression") or "GZIP"
    partition = _constants(create.expression, partitioned_by)
    return CreateTableAs(
        table=_table_name(create.this),
        if_not_exists=bool(create.args.get("exists")),
        format=values.get("format", "PARQUET").upper(),
        compression=compression.upper(),
        location=values.get("external_location"),
        partitioned_by=partitioned_by,
        query=_query(sql, create),
        with_data=with_data,
        partition=partition,
    )


def _constants(query: exp.Query, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts of the last columns, which have these names, if all are constants."""
    if not isinstance(query, exp.Select) or not names:
        return ()
    last = query.expressions[-len(names) :]
    constants = tuple(
        item.this.name
        for name, item in zip(names, last, strict=False)
        if isinstance(item, exp.Alias) and _identifier(item.args["alias"]) == name
        if isinstance(item.this, exp.Literal) and item.this.is_string and item.this.name
    )
    return constants if len(constants) == len(names) else ()


def _create_external(sql: str, create: exp.Create) -> CreateExternalTable:
    schema = create.this
    if not isinstance(schema, exp.Schema):
        raise refused(sql, create, "CREATE EXTERNAL TABLE needs a list of columns")
    location = stored_as = ""
    partition_keys: tuple[Column, ...] = ()
    parameters: list[tuple[str, str]] = []
    for item in _properties(create):
        match item:
            case exp.ExternalProperty() | exp.SchemaCommentProperty():
                pass
            case exp.LocationProperty():
                location = item.name
            case exp.PartitionedByProperty():
                partition_keys = _columns(sql, item.this)
            case exp.FileFormatProperty():
                stored_as = item.name.upper()
            case exp.Property():
                parameters.append((item.name, str(item.args["value"].name)))
            case _:
                raise refused(
                    sql, create, f"{item.key} is not supported here: use STORED AS PARQUET"
                )
    if stored_as != "PARQUET":
        what = f"tables STORED AS {stored_as or 'TEXTFILE'} are not supported here"
        raise refused(sql, create, f"{what}: use STORED AS PARQUET")
    if not location:
        raise QueryFailed("SYNTAX_ERROR: line 1:1: CREATE EXTERNAL TABLE needs a LOCATION")
    return CreateExternalTable(
        table=_table_name(schema.this),
        if_not_exists=bool(create.args.get("exists")),
        columns=_columns(sql, schema),
        partition_keys=partition_keys,
        location=location,
        parameters=tuple(parameters),
    )


def _columns(sql: str, schema: exp.Expr) -> tuple[Column, ...]:
    columns = []
    for item in schema.expressions:
        if not isinstance(item, exp.ColumnDef) or item.args.get("kind") is None:
            raise refused(sql, schema, "each column needs a name and a type")
        kind = item.args["kind"].sql(dialect="hive").lower()
        columns.append(Column(_identifier(item), _athena_type(kind)))
    return tuple(columns)


def _athena_type(hive: str) -> str:
    """Return a Hive type as Glue shows it: no blanks, `x:int` in structs, `int` for integer."""
    compact = re.sub(r"\s*([<>,:])\s*", r"\1", hive)
    return re.sub(r"\binteger\b", "int", re.sub(r"(?<=[<,])(\w+): ?", r"\1:", compact))


def _show_tables(sql: str, first: Token) -> ShowTables:
    text = sql[first.start :].rstrip().rstrip(";").rstrip()
    found = _SHOW_TABLES.fullmatch(text)
    if not found:
        raise refused(sql, first, "of SHOW only SHOW TABLES [IN database] ['pattern'] is supported")
    database = found["database"]
    return ShowTables(database.lower() if database else None, found["pattern"])
