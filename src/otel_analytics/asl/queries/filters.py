"""Filters of a JSONPath: the condition inside `[?( … )]`."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Value = Callable[[Any, Any], Any]
    Condition = Callable[[Any, Any], bool]

__all__ = ["FilterSyntaxError", "parse_filter"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<path>[@$](?:\.[\w-]+|\[\s*(?:-?\d+|'[^']*'|"[^"]*")\s*\])*)
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<word>true|false|null)
      | (?P<pattern>/(?:[^/\\]|\\.)*/i?)
      | (?P<sign>==|!=|<=|>=|=~|<|>|&&|\|\||!|\(|\))
    )""",
    re.VERBOSE,
)
_WORDS = {"true": True, "false": False, "null": None}
_ABSENT = object()


class FilterSyntaxError(ValueError):
    """A text is not a filter."""


@dataclass(slots=True)
class _Reader:
    text: str
    at: int
    parse_path: Callable[[str], Any]

    def peek(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            raise FilterSyntaxError(f"cannot read the filter at '{self.text[self.at :]}'")
        return match.lastgroup, match[match.lastgroup]

    def take(self, *signs: str) -> str | None:
        kind, token = self.peek()
        if kind != "sign" or token not in signs:
            return None
        self.advance()
        return token

    def advance(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        self.at = match.end() if match else self.at


def parse_filter(text: str, at: int, *, parse_path: Callable[[str], Any]) -> tuple[Condition, int]:
    """Return the condition in parentheses that begins at `at`, and where it ends.

    Raises: FilterSyntaxError
    """
    reader = _Reader(text, at, parse_path)
    return _parenthesised(reader), reader.at


def _parenthesised(reader: _Reader) -> Condition:
    if not reader.take("("):
        raise FilterSyntaxError("a filter stands in parentheses: [?( … )]")
    condition = _either(reader)
    if not reader.take(")"):
        raise FilterSyntaxError("a parenthesis of the filter is not closed")
    return condition


def _either(reader: _Reader) -> Condition:
    parts = [_both(reader)]
    while reader.take("||"):
        parts.append(_both(reader))
    return parts[0] if len(parts) == 1 else lambda node, root: any(p(node, root) for p in parts)


def _both(reader: _Reader) -> Condition:
    parts = [_single(reader)]
    while reader.take("&&"):
        parts.append(_single(reader))
    return parts[0] if len(parts) == 1 else lambda node, root: all(p(node, root) for p in parts)


def _single(reader: _Reader) -> Condition:
    if reader.take("!"):
        negated = _single(reader)
        return lambda node, root: not negated(node, root)
    if reader.peek() == ("sign", "("):
        return _parenthesised(reader)
    left = _operand(reader)
    sign = reader.take("==", "!=", "<=", ">=", "<", ">", "=~")
    if sign is None:
        return lambda node, root: left(node, root) is not _ABSENT
    right, compare = _operand(reader), _COMPARISONS[sign]
    return lambda node, root: compare(left(node, root), right(node, root))


def _operand(reader: _Reader) -> Value:
    kind, token = reader.peek()
    if kind == "sign":
        raise FilterSyntaxError(f"'{token}' stands where the filter needs a value")
    reader.advance()
    if kind == "path":
        return _path_value(reader, token)
    constant: Any
    if kind == "number":
        constant = float(token) if re.search(r"[.eE]", token) else int(token)
    elif kind == "text":
        constant = re.sub(r"\\(.)", r"\1", token[1:-1])
    elif kind == "pattern":
        body, _, flags = token[1:].rpartition("/")
        constant = _pattern(body, re.IGNORECASE if flags else 0)
    else:
        constant = _WORDS[token]
    return lambda _node, _root: constant


def _pattern(body: str, flags: int) -> re.Pattern[str]:
    try:
        return re.compile(body, flags)
    except re.error as error:
        raise FilterSyntaxError(f"'{body}' is not a regular expression: {error}") from error


def _path_value(reader: _Reader, token: str) -> Value:
    path = reader.parse_path("$" + token[1:])
    from_node = token[0] == "@"

    def value(node: Any, root: Any) -> Any:
        try:
            return path.select(node if from_node else root)
        except LookupError:
            return _ABSENT

    return value


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def comparison(left: Any, right: Any) -> bool:
        same = isinstance(left, str) and isinstance(right, str)
        numbers = all(
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in (left, right)
        )
        return (same or numbers) and compare(left, right)

    return comparison


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "=~": lambda left, right: (
        isinstance(left, str) and isinstance(right, re.Pattern) and bool(right.fullmatch(left))
    ),
}
