"""Athena's text as tokens and a tree, and errors that say line and column.

Athena reads queries in Trino's dialect and the rest in Hive's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, Final

from sqlglot import Dialect, exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.generators.athena import AthenaTrinoGenerator
from sqlglot.tokenizer_core import Token, TokenType

from otel_analytics.errors import InvalidPayload, QueryFailed

__all__ = [
    "MAX_QUERY_BYTES",
    "QUERY_WORDS",
    "Token",
    "argument_counts",
    "athena_text",
    "check_size",
    "mismatched",
    "parse",
    "position_of",
    "refused",
    "table_position",
    "tokens_of",
]

QUERY_WORDS: Final = ("SELECT", "WITH", "VALUES", "(", "TABLE")
_TRINO: Final = Dialect.get_or_raise("trino")
_HIVE: Final = Dialect.get_or_raise("hive")
# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
MAX_QUERY_BYTES: Final = 262_144


class _OwnGenerator(AthenaTrinoGenerator):
    """Writes our own queries, in which nothing is that Trino lacks, as SEMI JOIN or DISTINCT ON.

    To look for such in every SELECT, and rewrite it, takes as long as to write the text.
    """

    TRANSFORMS: ClassVar = {
        kind: write
        for kind, write in AthenaTrinoGenerator.TRANSFORMS.items()
        if kind is not exp.Select
    }


def athena_text(tree: exp.Expr, *, pretty: bool = False) -> str:
    """Return the text of a query of our own, or of a CREATE TABLE AS of one.

    The tree may be changed on the way: it is nobody else's.
    """
    generator = _OwnGenerator(dialect=_TRINO, pretty=pretty, comments=False)
    return generator.generate(tree, copy=False)


def check_size(text: str, *, of: str = "the query", instead: str) -> None:
    """Check that a statement of our own is not longer than Athena takes.

    Raises: InvalidPayload, which says what to do `instead`
    """
    if (size := len(text.encode())) > MAX_QUERY_BYTES:
        raise InvalidPayload(f"{of} has {size} bytes, Athena takes {MAX_QUERY_BYTES}: {instead}")


@lru_cache(maxsize=16)
def tokens_of(sql: str) -> list[Token]:
    """Return the tokens of one statement; none if it is empty. They are shared: only to be read.

    Raises: QueryFailed beginning with SYNTAX_ERROR, also for more than one statement, and for one
        that is longer than Athena takes
    """
    # JSON may hold half of a surrogate pair, which is no UTF-8
    if (size := len(sql.encode(errors="surrogatepass"))) > MAX_QUERY_BYTES:
        reason = f"the statement has {size} bytes, Athena takes {MAX_QUERY_BYTES}"
        raise QueryFailed(f"SYNTAX_ERROR: line 1:1: {reason}")
    try:
        tokens = _TRINO.tokenize(sql)
        if tokens and not _is_query(tokens):
            # a Hive statement's tokens begin with a mark of sqlglot's that has no text
            tokens = [token for token in _HIVE.tokenize(sql) if token.text]
    except TokenError as error:
        reason = "a quoted text, identifier or comment is not closed"
        raise QueryFailed(f"SYNTAX_ERROR: {_at(sql, len(sql))}: {reason}") from error
    _refuse_several(sql, tokens)
    return tokens


def _refuse_several(sql: str, tokens: list[Token]) -> None:
    semicolons = [i for i, token in enumerate(tokens) if token.token_type is TokenType.SEMICOLON]
    if semicolons and semicolons[0] < len(tokens) - 1:
        shown = sql if len(sql) <= 200 else f"{sql[:200]}…"
        at = _at(sql, tokens[semicolons[0] + 1].start)
        raise QueryFailed(f"SYNTAX_ERROR: {at}: Only one sql statement is allowed. Got: {shown}")
    if semicolons == [0]:
        raise mismatched(sql, tokens[0])


def parse(sql: str, tokens: list[Token]) -> exp.Expr | None:
    """Return the tree of one statement.

    Raises: QueryFailed beginning with SYNTAX_ERROR, with line and column
    """
    try:
        expressions = (_TRINO if _is_query(tokens) else _HIVE).parser().parse(tokens, sql)
    except ParseError as error:
        first = error.errors[0]
        offset = _offset(sql, first["line"], first["col"])
        at_end = not str(first["end_context"]).strip(" \n\t;")
        if at_end and "Unexpected token" not in str(first["description"]):
            raise _ended(sql, tokens) from error
        token = next((t for t in tokens if t.start <= offset <= t.end), tokens[-1])
        raise mismatched(sql, token) from error
    except RecursionError as error:
        raise QueryFailed("SYNTAX_ERROR: line 1:1: the statement is nested too deeply") from error
    except (AttributeError, IndexError, TypeError) as error:
        # sqlglot trips over some malformed statements, and then knows no place
        raise mismatched(sql, tokens[0]) from error
    found = [expression for expression in expressions if expression is not None]
    if found and _is_query(tokens):
        _refuse_what_is_not_athenas(sql, tokens, found[0])
    return found[0] if found else None


_STAR_MODIFIERS: Final = {
    "except_": ("EXCEPT", "EXCLUDE"),
    "replace": ("REPLACE",),
    "rename": ("RENAME",),
}
_MODIFIERS: Final = {word for words in _STAR_MODIFIERS.values() for word in words}


def _refuse_what_is_not_athenas(sql: str, tokens: list[Token], expression: exp.Expr) -> None:
    """Refuse `x::int` and `* EXCEPT (x)`, which sqlglot reads and Athena's grammar lacks."""
    for token in tokens:
        if token.token_type is TokenType.DCOLON:
            raise mismatched(sql, token)
    if not _MODIFIERS & {token.text.upper() for token in tokens}:
        return
    for star in expression.find_all(exp.Star):
        for name, words in _STAR_MODIFIERS.items():
            for item in star.args.get(name) or ():
                inner = min(part.meta["start"] for part in item.walk() if "start" in part.meta)
                before = (token for token in reversed(tokens) if token.start < inner)
                raise mismatched(sql, next(t for t in before if t.text.upper() in words))


_OPENING: Final = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING: Final = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)


def argument_counts(sql: str) -> dict[int, int]:
    """Return how many arguments each call has, by the offset of its name in the text."""
    calls: dict[int, int] = {}
    inside: list[int] = []
    in_order_by: set[int] = set()
    before = 0
    for token in tokens_of(sql):
        if token.token_type in _CLOSING:
            inside.pop()
        elif inside:
            calls[inside[-1]] = calls[inside[-1]] or 1
        if token.token_type in _OPENING:
            inside.append(before)
            calls[before] = 0
        elif inside and token.token_type is TokenType.ORDER_BY:
            in_order_by.add(inside[-1])  # of array_agg, whose sort keys are no arguments
        elif inside and token.token_type is TokenType.COMMA and inside[-1] not in in_order_by:
            calls[inside[-1]] += 1
        before = token.start
    return calls


def position_of(sql: str, node: exp.Expr) -> tuple[int, int]:
    """Return line and column (from 1) of the first of `node`'s parts that knows where it stands."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return _line_and_column(sql, min(starts, default=0))


def table_position(sql: str, table: exp.Table) -> tuple[int, int]:
    """Return line and column (from 1) of a table's name, its database included."""
    first = table.args.get("db") or table.this
    return _line_and_column(sql, first.meta.get("start", 0))


def refused(sql: str, where: Token | exp.Expr, what: str) -> QueryFailed:
    """Return the failure of a statement that Athena, or this, does not take."""
    if isinstance(where, Token):
        at = _at(sql, where.start)
    else:
        line, column = position_of(sql, where)
        at = f"line {line}:{column}"
    return QueryFailed(f"NOT_SUPPORTED: {at}: {what}")


def mismatched(sql: str, token: Token) -> QueryFailed:
    """Return the failure of a statement in which a token stands where it cannot."""
    shown = token.text if len(token.text) <= 80 else f"{token.text[:80]}…"
    return QueryFailed(f"SYNTAX_ERROR: {_at(sql, token.start)}: mismatched input '{shown}'")


def _line_and_column(sql: str, offset: int) -> tuple[int, int]:
    before = sql[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _at(sql: str, offset: int) -> str:
    line, column = _line_and_column(sql, offset)
    return f"line {line}:{column}"


def _ended(sql: str, tokens: list[Token]) -> QueryFailed:
    end = max(t.end for t in tokens if t.token_type is not TokenType.SEMICOLON) + 1
    return QueryFailed(f"SYNTAX_ERROR: {_at(sql, end)}: mismatched input '<EOF>'")


def _is_query(tokens: list[Token]) -> bool:
    """Return whether Athena reads the statement in Trino's dialect, else it is Hive's.

    Source: https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
    """
    words = [token.text.upper() for token in tokens[:3]]
    if words[0] == "CREATE":
        select = any(token.token_type is TokenType.SELECT for token in tokens)
        return words[1:2] != ["EXTERNAL"] and select
    return words[0] in (*QUERY_WORDS, "INSERT", "UNLOAD", "EXPLAIN")


def _offset(sql: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = sql.find("\n", start) + 1
    return start + column - 1
