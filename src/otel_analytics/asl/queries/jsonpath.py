"""JSONPath as Step Functions reads it: `$` the data, `$$` the context object, `$name` a variable.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import runtime_error
from otel_analytics.asl.queries.filters import FilterSyntaxError, parse_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.asl.queries.scope import Scope

__all__ = [
    "NoResult",
    "Path",
    "PathSyntaxError",
    "ReferencePath",
    "find_or_fail",
    "parse_path",
    "parse_reference_path",
]

_ROOT = re.compile(r"\$(\$|[A-Za-z_][A-Za-z0-9_]*)?")
_DOT_NAME = re.compile(r"\.(?:\*|([^.\[\]()\s]+))")
_DESCENDANT = re.compile(r"\.\.(?:(\*)|([^.\[\]()\s]+)|(?=\[))")
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_NAMES = re.compile(rf"\[\s*((?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))*)\s*\]")
_INDEXES = re.compile(r"\[\s*(-?\d{1,18}(?:\s*,\s*-?\d{1,18})*)\s*\]")
_SLICE = re.compile(r"\[\s*(-?\d{0,18})\s*:\s*(-?\d{0,18})\s*(?::\s*(-?\d{0,18})\s*)?\]")
_WILDCARD = re.compile(r"\[\s*\*\s*\]")


class PathSyntaxError(ValueError):
    """A text is not a JSONPath."""


class NoResult(LookupError):  # noqa: N818 - reads as what happened
    """A definite path points at nothing; `path` is the part that does not exist.

    `past_end` tells that only its last step, an index of an array, is too large.
    """

    def __init__(self, path: str, *, past_end: bool = False) -> None:
        super().__init__(path)
        self.path = path
        self.past_end = past_end


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path; `key` is set if it leads to one place only."""

    select: Callable[[Any, Any], Iterator[Any]]
    key: str | int | None = None

    @property
    def text(self) -> str:
        """The step as an error message shows it."""
        return f"['{self.key}']" if isinstance(self.key, str) else f"[{self.key}]"


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path; `root` is '' for `$`, '$' for `$$`, else a variable's name.

    A `definite` one leads to one place; the value of another is a list, perhaps empty.
    """

    text: str
    root: str
    segments: tuple[Segment, ...]
    definite: bool

    def find(self, scope: Scope) -> Any:
        """Return the path's value in `scope`.

        Raises: NoResult if the path is definite and nothing is there
        """
        return self.select(self._start(scope))

    def select(self, data: Any) -> Any:
        """Return the path's value, counted from `data`.

        Raises: NoResult if the path is definite and nothing is there
        """
        if self.definite:
            for count, segment in enumerate(self.segments, start=1):
                found = next(segment.select(data, data), _MISSING)
                if found is _MISSING:
                    is_index = isinstance(segment.key, int) and isinstance(data, list)
                    raise NoResult(
                        "$" + "".join(s.text for s in self.segments[:count]),
                        past_end=is_index and count == len(self.segments),
                    )
                data = found
            return data
        values = [data]
        for segment in self.segments:
            values = [found for value in values for found in segment.select(value, data)]
        return values

    def _start(self, scope: Scope) -> Any:
        if not self.root:
            return scope.value
        if self.root == "$":
            return scope.context
        if self.root not in scope.variables:
            raise NoResult(f"${self.root}")
        return scope.variables[self.root]


_MISSING = object()


def find_or_fail(path: Path, scope: Scope) -> Any:
    """Return what a path finds.

    Raises: StateError (States.Runtime) if there is nothing
    """
    try:
        return path.find(scope)
    except NoResult as missing:
        raise runtime_error(
            f"Invalid path '{path.text}' : No results for path: {missing.path}"
        ) from None


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Return the compiled path.

    Raises: PathSyntaxError saying where the text stops being a path
    """
    root = _ROOT.match(text)
    if root is None:
        raise PathSyntaxError(f"'{text}' is not a JSONPath: it must begin with $")
    at, segments = root.end(), []
    while at < len(text):
        segment, at = _parse_segment(text, at)
        segments.extend(segment)
    definite = all(segment.key is not None for segment in segments)
    return Path(text, root[1] or "", tuple(segments), definite)


def _parse_segment(text: str, at: int) -> tuple[list[Segment], int]:
    # A dot may stand before a bracket.
    at += text.startswith(".[", at)
    for pattern, build in _SEGMENTS:
        match = pattern.match(text, at)
        if match:
            return build(match), match.end()
    if text.startswith("[?(", at):
        try:
            predicate, end = parse_filter(text, at + 2, parse_path=parse_path)
        except FilterSyntaxError as error:
            raise PathSyntaxError(f"'{text}' is not a JSONPath: {error}") from error
        if text[end : end + 1] == "]":
            return [Segment(_filtered(predicate))], end + 1
    raise PathSyntaxError(f"'{text}' is not a JSONPath: cannot read '{text[at:]}'")


def _dot(match: re.Match[str]) -> list[Segment]:
    return [_key(match[1])] if match[1] else [Segment(_children)]


def _descendant(match: re.Match[str]) -> list[Segment]:
    down = Segment(_descendants)
    if match[1]:
        return [down, Segment(_children)]
    return [down, _key(match[2])] if match[2] else [down]


def _names(match: re.Match[str]) -> list[Segment]:
    names = [re.sub(r"\\(.)", r"\1", name[1:-1]) for name in re.findall(_QUOTED, match[1])]
    if len(names) == 1:
        return [_key(names[0])]

    def select(value: Any, _root: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            yield {name: value[name] for name in names if name in value}

    return [Segment(select)]


def _indexes(match: re.Match[str]) -> list[Segment]:
    numbers = [int(number) for number in match[1].split(",")]
    if len(numbers) == 1:
        return [_key(numbers[0])]

    def select(value: Any, _root: Any) -> Iterator[Any]:
        for number in numbers:
            yield from _item(value, number)

    return [Segment(select)]


def _slice(match: re.Match[str]) -> list[Segment]:
    first, end, step = (int(part) if part else None for part in match.groups())
    if step == 0:
        raise PathSyntaxError(f"'{match[0]}' is not a slice: its step is 0")
    bounds = slice(first, end, step)

    def select(value: Any, _root: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[bounds]

    return [Segment(select)]


def _key(key: str | int) -> Segment:
    def select(value: Any, _root: Any) -> Iterator[Any]:
        if isinstance(key, int):
            yield from _item(value, key)
        elif isinstance(value, dict) and key in value:
            yield value[key]

    return Segment(select, key)


def _item(value: Any, index: int) -> Iterator[Any]:
    if isinstance(value, list) and -len(value) <= index < len(value):
        yield value[index]


def _children(value: Any, _root: Any = None) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _descendants(value: Any, _root: Any) -> Iterator[Any]:
    stack = [value]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(list(_children(node))))


def _filtered(predicate: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Iterator[Any]]:
    def select(value: Any, root: Any) -> Iterator[Any]:
        nodes = [value] if isinstance(value, dict) else _children(value)
        return (node for node in nodes if predicate(node, root))

    return select


_SEGMENTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], list[Segment]]], ...] = (
    (_DESCENDANT, _descendant),
    (_DOT_NAME, _dot),
    (_NAMES, _names),
    (_INDEXES, _indexes),
    (_SLICE, _slice),
    (_WILDCARD, lambda _match: [Segment(_children)]),
)


@dataclass(frozen=True, slots=True)
class ReferencePath:
    """A path that names one place, so that a value can be put there."""

    text: str
    keys: tuple[str | int, ...]

    def put(self, data: Any, value: Any) -> Any:
        """Return a copy of `data` with `value` at the path; objects on the way are created.

        Raises: NoResult if something on the way is no object, or no array that long
        """
        if not self.keys:
            return value
        top: Any = {"": data}
        parent: Any = top
        last: str | int = ""
        for count, key in enumerate(self.keys):
            node = parent.get(last) if isinstance(parent, dict) else parent[last]
            parent[last] = child = self._copied(node, key, count)
            parent, last = child, key
        parent[last] = value
        return top[""]

    def _copied(self, node: Any, key: str | int, count: int) -> Any:
        if isinstance(key, str) and (node is None or isinstance(node, dict)):
            return dict(node or {})
        if isinstance(key, int) and isinstance(node, list) and 0 <= key < len(node):
            return list(node)
        raise NoResult("$" + "".join(Segment(_children, k).text for k in self.keys[: count + 1]))


def parse_reference_path(text: str) -> ReferencePath:
    """Return the compiled reference path.

    Raises: PathSyntaxError if the text is no path, or can lead to more than one place
    """
    path = parse_path(text)
    if path.root or not path.definite:
        raise PathSyntaxError(f"'{text}' is not a reference path: it must name one place under $")
    return ReferencePath(text, tuple(s.key for s in path.segments if s.key is not None))
