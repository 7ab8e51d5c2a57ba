"""The functions that Step Functions adds to JSONata, or gives another meaning.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html; what happens
    with odd arguments is in executions recorded on AWS
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonata.functions import Functions as JsonataFunctions
from jsonata.utils import Utils

from otel_analytics.asl.json_text import parse_json
from otel_analytics.asl.queries.functions import HASHES, new_uuid
from otel_analytics.asl.queries.java import JavaRandom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.asl.queries.scope import Scope

__all__ = ["ADDED_FUNCTIONS", "AddedFunction", "FunctionError"]

MAX_RANGE = 1_000_000


class FunctionError(Exception):
    """An added function was called wrongly; the text begins with JSONata's code for that."""


@dataclass(frozen=True, slots=True)
class AddedFunction:
    """A function; `parameters` has a letter for each: (a)rray, (n)umber, (s)tring.

    `apply` takes the scope and as many arguments, None for what is missing or undefined; it returns
    None where the result is undefined. The first `least` arguments must be there.
    """

    name: str
    parameters: str
    apply: Callable[..., Any]
    least: int = 0

    def bind(self, scope: Scope) -> Callable[..., Any]:
        """Return the function as an expression in `scope` calls it."""

        def call(*arguments: Any) -> Any:
            self._check(arguments)
            missing = [None] * (len(self.parameters) - len(arguments))
            return self.apply(scope, *arguments, *missing)

        return call

    def _check(self, arguments: tuple[Any, ...]) -> None:
        for index, argument in enumerate(arguments):
            kind = self.parameters[index : index + 1]
            if kind == "a" and argument is not None and not isinstance(argument, list):
                raise FunctionError(
                    f'T0412: Argument {index + 1} of function "{self.name}" must be an array of '
                    "undefined"
                )
            if not kind or (argument is not None and not _KINDS[kind](argument)):
                raise self._mismatch(index)
        if len(arguments) < self.least:
            raise self._mismatch(len(arguments))

    def _mismatch(self, index: int) -> FunctionError:
        return FunctionError(
            f'T0410: Argument {index + 1} of function "{self.name}" does not match function '
            "signature"
        )


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "a": lambda value: isinstance(value, list),
    "n": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "s": lambda value: isinstance(value, str),
}


def _partition(_scope: Scope, items: list[Any] | None, size: float | None) -> Any:
    if items is None:
        return None
    step = len(items) if size is None else int(size)
    if step < 0:
        raise FunctionError("D3137: Second argument must be zero or greater")
    # Ranges of the library count wrongly when sliced, not when indexed.
    whole = [items[index] for index in range(len(items))]
    return [whole[at : at + step] for at in range(0, len(whole), step)] if step else None


def _range(_scope: Scope, *bounds: float | None) -> Any:
    if None in bounds or not bounds[2] or not int(bounds[2]):
        return None
    first, last, step = (int(bound) for bound in bounds if bound is not None)
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > MAX_RANGE:
        raise FunctionError(f"D2014: A range holds at most {MAX_RANGE} numbers")
    # A sequence, so that one number alone is that number, as AWS gives it.
    return Utils.create_sequence_from_iter(list(numbers))


def _hash(_scope: Scope, text: str | None, algorithm: str | None) -> str | None:
    if text is None or algorithm is None:
        return None
    if algorithm not in HASHES:
        raise FunctionError(
            f"D3137: Hash algorithm '{algorithm}' must be one of SHA-1, SHA-384, SHA-256, SHA-512, "
            "MD5"
        )
    return hashlib.new(HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _random(scope: Scope, seed: float | None) -> float:
    return scope.chance.random() if seed is None else JavaRandom(int(seed)).random()


def _parse(_scope: Scope, text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = parse_json(text)
    except ValueError as error:
        raise FunctionError("D3137: Invalid JSON") from error
    # A bare None would read as undefined.
    return Utils.NULL_VALUE if value is None else value


def _now(scope: Scope, picture: str | None, timezone: str | None) -> Any:
    return JsonataFunctions.datetime_from_millis(int(scope.now() * 1000), picture, timezone)


ADDED_FUNCTIONS: tuple[AddedFunction, ...] = (
    AddedFunction("partition", "an", _partition, 1),
    AddedFunction("range", "nnn", _range),
    AddedFunction("hash", "ss", _hash, 2),
    AddedFunction("random", "n", _random),
    AddedFunction("uuid", "", lambda scope: new_uuid(scope.chance)),
    AddedFunction("parse", "s", _parse),
    AddedFunction("now", "ss", _now),
    AddedFunction("millis", "", lambda scope: int(scope.now() * 1000)),
)
