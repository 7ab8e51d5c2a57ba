"""Athena's statements in the dialect of Trino with its Hive connector.

Athena engine version 3 is Trino, so a query's text stays as it is but for the tables that it names.
What differs stands here: the properties of CREATE TABLE AS. Must not know how a statement is sent,
nor what is in a table.

Source: https://docs.aws.amazon.com/athena/latest/ug/engine-versions-reference-0003.html,
    https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html,
    https://trino.io/docs/current/connector/hive.html
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from otel_analytics.errors import QueryFailed
from otel_analytics.query.syntax import table_position, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_analytics.query.statements import CreateTableAs, Query, TableName

__all__ = [
    "TrinoStatement",
    "over_views",
    "trino_create_table_as",
    "trino_literal",
    "trino_name",
    "trino_query",
]

# Of Athena's codecs for Parquet: https://docs.aws.amazon.com/athena/latest/ug/compression-formats.html
_CODECS: Final = {"UNCOMPRESSED": "NONE"}
# At the head of a message, behind its code; what looks so further on may be the data's.
_POSITION: Final = re.compile(r"((?:[A-Z_]+: )?line )(?P<line>[0-9]+):(?P<column>[0-9]+)")


@dataclass(frozen=True, slots=True)
class TrinoStatement:
    """A statement for Trino; `of_catalog` are the catalog's session properties that go with it."""

    text: str
    of_catalog: Mapping[str, str]
    _original: str
    _edits: tuple[_Edit, ...]

    def in_the_original(self, message: str) -> str:
        """Return a message of Trino's in which lines and columns are those of the original."""
        found = _POSITION.match(message)
        if found is None:
            return message
        line, column = self._moved(_offset(self.text, int(found["line"]), int(found["column"])))
        return f"{found[1]}{line}:{column}{message[found.end() :]}"

    def _moved(self, offset: int) -> tuple[int, int]:
        shift = 0
        for edit in self._edits:
            start = edit.start + shift
            if offset < start:
                break
            # within what was put in, the place is where that stands for
            if offset < start + len(edit.text):
                return _position(self._original, edit.start)
            shift += len(edit.text) - (edit.end - edit.start)
        return _position(self._original, max(0, offset - shift))


@dataclass(frozen=True, slots=True, order=True)
class _Edit:
    """A text in place of what stands from `start` to before `end`."""

    start: int
    end: int
    text: str


def trino_query(query: Query, relations: Mapping[TableName, str]) -> TrinoStatement:
    """Return a query over relations, in Trino's SQL, in place of the tables that it names."""
    return _edited(query.sql, [*_of_tables(query, relations), *_of_end(query.sql)])


def over_views(query: exp.Query, *, database: str, catalog: str, schema: str) -> exp.Query:
    """Return a query over a database's tables as one over the views that Trino has of them."""
    moved = query.copy()
    for table in moved.find_all(exp.Table):
        if table.db == database:
            table.set("db", exp.to_identifier(schema, quoted=True))
            table.set("catalog", exp.to_identifier(catalog, quoted=True))
    return moved


def trino_create_table_as(
    create: CreateTableAs,
    relations: Mapping[TableName, str],
    *,
    table: str,
    comment: str,
    location: str,
) -> TrinoStatement:
    """Return the statement that writes a query's rows at a location, and names them as a table.

    `table` is a name in Trino's SQL, `comment` its comment. Compression is a property of the
    session there. An ORDER BY is ignored, as Athena ignores it.

    Source: https://docs.aws.amazon.com/athena/latest/ug/ctas-considerations-limitations.html
    """
    properties = [
        f"format = {trino_literal(create.format)}",
        f"external_location = {trino_literal(location)}",
    ]
    if create.partitioned_by:
        names = ", ".join(map(trino_literal, create.partitioned_by))
        properties.append(f"partitioned_by = ARRAY[{names}]")
    sql = create.query.sql
    head = (
        f"CREATE TABLE {table} COMMENT {trino_literal(comment)} WITH ({', '.join(properties)}) AS "
    )
    begin = _Edit(0, _begin_of_query(sql), head)
    codec = _CODECS.get(create.compression, create.compression)
    return _edited(
        sql,
        [begin, *_of_tables(create.query, relations), *_of_end(sql)],
        of_catalog={"compression_codec": codec},
    )


def trino_name(*parts: str) -> str:
    """Return a name in Trino's SQL, its parts quoted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def trino_literal(text: str) -> str:
    """Return a text literal of Trino's."""
    return "'" + text.replace("'", "''") + "'"


def _edited(
    original: str,
    edits: Iterable[_Edit],
    *,
    of_catalog: Mapping[str, str] | None = None,
) -> TrinoStatement:
    ordered = tuple(sorted(edits))
    parts, position = [], 0
    for edit in ordered:
        parts += [original[position : edit.start], edit.text]
        position = edit.end
    text = "".join((*parts, original[position:]))
    return TrinoStatement(text, of_catalog or {}, original, ordered)


def _of_tables(query: Query, relations: Mapping[TableName, str]) -> Iterable[_Edit]:
    """Yield what puts the relations in the tables' places; each keeps the name that it has."""
    names = {(one.line, one.column): one.table for one in query.tables}
    tokens = tokens_of(query.sql)
    tree = query.tree()
    nodes = [node for node in tree.find_all(exp.Table) if table_position(query.sql, node) in names]
    before = {following.start: token for token, following in itertools.pairwise(tokens)}
    for node in nodes:
        alias = "" if node.alias else f" AS {trino_name(node.name.lower())}"
        start, _ = _span(node.args.get("catalog") or node.args.get("db") or node.this)
        word = before.get(start)
        if word is not None and word.token_type is TokenType.TABLE:
            # `TABLE t` takes a name, and neither a query nor an alias
            yield _Edit(word.start, word.end + 1, "SELECT * FROM")
        relation = relations[names[table_position(query.sql, node)]]
        yield _Edit(start, _span(node.this)[1], relation + alias)
    bare = {node.name.lower() for node in nodes if not node.alias}
    for column in tree.find_all(exp.Column):
        # `log_db.logall.body` is `logall.body`: the relation goes by its alias alone
        if column.db and column.table.lower() in bare and column.db.lower() not in bare:
            start, _ = _span(column.args.get("catalog") or column.args["db"])
            yield _Edit(start, _span(column.args["table"])[0], "")


def _of_end(sql: str) -> Iterable[_Edit]:
    """Yield what takes a closing semicolon away, and what stands behind it: Trino takes none."""
    last = tokens_of(sql)[-1]
    if last.token_type is TokenType.SEMICOLON:
        yield _Edit(last.start, len(sql), "")


def _begin_of_query(sql: str) -> int:
    """Return where the query begins in a CREATE TABLE … AS."""
    depth = 0
    tokens = tokens_of(sql)
    for token, following in itertools.pairwise(tokens):
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0 and token.token_type is TokenType.ALIAS:
            return int(following.start)
    raise QueryFailed("SYNTAX_ERROR: line 1:1: CREATE TABLE without AS")


def _span(identifier: exp.Expr) -> tuple[int, int]:
    return identifier.meta["start"], identifier.meta["end"] + 1


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column - 1


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")
