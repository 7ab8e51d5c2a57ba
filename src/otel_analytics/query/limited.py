"""A query that someone else wrote, held to reading one database and to so many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import TokenType, exp

from otel_analytics.errors import InvalidQuery, QueryFailed
from otel_analytics.query.statements import Query, parse_statement
from otel_analytics.query.syntax import mismatched, refused, tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_analytics.query.syntax import Token

__all__ = ["with_at_most"]

_LIMITS: Final = (TokenType.LIMIT, TokenType.FETCH)


def with_at_most(sql: str, rows: int, *, database: str) -> str:
    """Return a query that gives at most so many rows of the one that is given.

    Its own text stays as it is, but for the count of its LIMIT: the places in messages are right,
    and the rows in the order in which it puts them.

    Raises: InvalidQuery beginning with SYNTAX_ERROR or NOT_SUPPORTED if it is no query, or names a
        table outside `database`
    """
    try:
        return _limited(sql, rows, database)
    except QueryFailed as error:
        raise InvalidQuery(str(error)) from error


def _limited(sql: str, rows: int, database: str) -> str:
    statement = parse_statement(sql)
    if not isinstance(statement, Query):
        raise QueryFailed("NOT_SUPPORTED: only SELECT, WITH and VALUES are allowed here")
    tree = statement.tree()
    _refuse_other_databases(sql, tree, database)
    tokens = [token for token in tokens_of(sql) if token.token_type is not TokenType.SEMICOLON]
    text = sql[: tokens[-1].end + 1]
    if not _is_limited(tree, tokens):
        return f"{text}\nLIMIT {rows}"
    count = _count(sql, tokens)
    if count is None or (count.token_type is TokenType.NUMBER and int(count.text) <= rows):
        return text
    return f"{text[: count.start]}{rows}{text[count.end + 1 :]}"


def _refuse_other_databases(sql: str, tree: exp.Query, database: str) -> None:
    """Refuse tables of other databases and catalogs, which whose query it is may not mean to show.

    An account's data sources are catalogs:
    https://docs.aws.amazon.com/athena/latest/ug/running-federated-queries.html
    """
    for table in tree.find_all(exp.Table):
        if table.catalog or table.db.lower() not in ("", database.lower()):
            raise refused(sql, table, f"only tables of {database} can be read here")


def _is_limited(tree: exp.Query, tokens: Sequence[Token]) -> bool:
    # VALUES becomes a query around it, so its own limit is not that of the tree
    is_values = tokens[0].token_type is TokenType.VALUES
    return tree.args.get("limit") is not None or (is_values and _outermost_limit(tokens) >= 0)


def _outermost_limit(tokens: Sequence[Token]) -> int:
    """Return where the last LIMIT or FETCH outside of brackets is, -1 if there is none."""
    depth, found = 0, -1
    for place, token in enumerate(tokens):
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0 and token.token_type in _LIMITS:
            found = place
    return found


def _count(sql: str, tokens: Sequence[Token]) -> Token | None:
    """Return the number of the outermost LIMIT or FETCH, or ALL; None of FETCH FIRST ROW ONLY."""
    limit = _outermost_limit(tokens)
    after = tokens[limit + 1 :]
    if tokens[limit].token_type is TokenType.FETCH:
        after = after[1:]  # FIRST or NEXT
        if after[0].token_type is not TokenType.NUMBER:
            return None
        if after[-1].text.upper() == "TIES":
            raise refused(sql, after[-1], "WITH TIES gives any number of rows: write ONLY")
    elif after[0].text.upper() != "ALL" and (
        len(after) > 1 or after[0].token_type is not TokenType.NUMBER
    ):
        raise mismatched(sql, after[0])
    return after[0]
