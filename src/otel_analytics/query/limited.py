"""A query that someone else wrote, held to reading and to so many rows."""

from __future__ import annotations

from sqlglot import TokenType, exp

from otel_analytics.errors import QueryFailed
from otel_analytics.query.statements import Query, parse_statement
from otel_analytics.query.syntax import tokens_of

__all__ = ["with_at_most"]


def with_at_most(sql: str, rows: int) -> str:
    """Return a query that gives at most so many rows of the one that is given.

    Its own text stays as it is, so that the places in messages are right.

    Raises: QueryFailed beginning with SYNTAX_ERROR or NOT_SUPPORTED if it is no query
    """
    statement = parse_statement(sql)
    if not isinstance(statement, Query):
        raise QueryFailed("NOT_SUPPORTED: only SELECT, WITH and VALUES are allowed here")
    last = [token for token in tokens_of(sql) if token.token_type is not TokenType.SEMICOLON][-1]
    text = sql[: last.end + 1]
    limit = statement.expression.args.get("limit")
    if limit is None:
        return f"{text}\nLIMIT {rows}"
    if isinstance(limit, exp.Limit) and _count(limit) <= rows:
        return text
    return f"SELECT * FROM ({text}\n) LIMIT {rows}"  # noqa: S608 - it was parsed above


def _count(limit: exp.Limit) -> float:
    count = limit.expression
    is_number = isinstance(count, exp.Literal) and count.is_int
    return int(count.name) if is_number else float("inf")
