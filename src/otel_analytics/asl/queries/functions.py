"""What each intrinsic function does, as one table; some serve JSONata too.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import random
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.json_text import canonical_json, parse_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FUNCTIONS",
    "Function",
    "IntrinsicError",
    "hash_text",
    "make_range",
    "new_uuid",
    "partition",
]

MAX_RANGE = 1000
MAX_ENCODED_CHARACTERS = 10_000
MANY = 1_000_000

_HASHES = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}


class IntrinsicError(ValueError):
    """Arguments do not suit a function."""


@dataclass(frozen=True, slots=True)
class Function:
    """An intrinsic function; `apply` takes the arguments' values and the source of chance."""

    apply: Callable[[list[Any], random.Random], Any]
    least: int
    most: int

    @property
    def counts(self) -> str:
        """How many arguments it takes, in words."""
        if self.least == self.most:
            return str(self.least)
        return f"{self.least} or more" if self.most == MANY else f"{self.least} to {self.most}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise IntrinsicError(f"a string is needed, not {to_json(value)}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise IntrinsicError(f"an array is needed, not {to_json(value)}")
    return value


def _integer(value: Any) -> int:
    """Return a number rounded as AWS rounds arguments: half towards positive infinity."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise IntrinsicError(f"a number is needed, not {to_json(value)}")
    return value if isinstance(value, int) else math.floor(value + 0.5)


def _format(values: list[Any], _chance: random.Random) -> str:
    arguments = iter(values[1:])

    def filled(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1]
        try:
            return _java_text(next(arguments))
        except StopIteration:
            raise IntrinsicError("there are more {} than arguments") from None

    text = re.sub(r"\\(.)|\{\}", filled, _text(values[0]), flags=re.DOTALL)
    if next(arguments, filled) is not filled:
        raise IntrinsicError("there are more arguments than {}")
    return text


def _java_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}={_java_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_java_text, value)) + "]"
    return to_json(value)


def _string_to_json(values: list[Any], _chance: random.Random) -> Any:
    try:
        return parse_json(_text(values[0]))
    except ValueError as error:
        raise IntrinsicError(f"the string is not JSON: {error}") from error


def _json_merge(values: list[Any], _chance: random.Random) -> dict[str, Any]:
    left, right, deep = values
    if not isinstance(left, dict) or not isinstance(right, dict):
        raise IntrinsicError("two objects are needed")
    if deep is not False:
        raise IntrinsicError("only shallow merging exists: the third argument must be false")
    return left | right


def partition(items: Any, size: Any) -> list[list[Any]]:
    """Return the items in chunks of `size`."""
    step = _integer(size)
    if step < 1:
        raise IntrinsicError("the chunk size must be 1 or more")
    whole = _list(items)
    return [whole[at : at + step] for at in range(0, len(whole), step)]


def make_range(first: Any, last: Any, step: Any) -> list[int]:
    """Return the numbers from `first` to `last`, both included."""
    start, stop, stride = _integer(first), _integer(last), _integer(step)
    if stride == 0:
        raise IntrinsicError("the step must not be 0")
    numbers = range(start, stop + (1 if stride > 0 else -1), stride)
    if len(numbers) > MAX_RANGE:
        raise IntrinsicError(f"a range holds at most {MAX_RANGE} numbers")
    return list(numbers)


def _array_get_item(values: list[Any], _chance: random.Random) -> Any:
    items, index = _list(values[0]), _integer(values[1])
    if not 0 <= index < len(items):
        raise IntrinsicError(f"the index {index} is out of bounds of {len(items)} items")
    return items[index]


def _array_unique(values: list[Any], _chance: random.Random) -> list[Any]:
    unique: dict[str, Any] = {}
    for item in _list(values[0]):
        unique.setdefault(canonical_json(item), item)
    return list(unique.values())


def _array_contains(values: list[Any], _chance: random.Random) -> bool:
    wanted = canonical_json(values[1])
    return any(canonical_json(item) == wanted for item in _list(values[0]))


def _base64_encode(values: list[Any], _chance: random.Random) -> str:
    return base64.b64encode(_short(values[0]).encode()).decode()


def _base64_decode(values: list[Any], _chance: random.Random) -> str:
    try:
        return base64.b64decode(_short(values[0]), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise IntrinsicError(f"the string is not Base64 of a text: {error}") from error


def _short(value: Any) -> str:
    text = _text(value)
    if len(text) > MAX_ENCODED_CHARACTERS:
        raise IntrinsicError(f"the string is longer than {MAX_ENCODED_CHARACTERS} characters")
    return text


def hash_text(value: Any, algorithm: Any) -> str:
    """Return the hexadecimal hash of a value's text."""
    if algorithm not in _HASHES:
        raise IntrinsicError(f"the algorithm must be one of {', '.join(_HASHES)}")
    text = value if isinstance(value, str) else to_json(value)
    return hashlib.new(_HASHES[algorithm], _short(text).encode(), usedforsecurity=False).hexdigest()


def _math_random(values: list[Any], chance: random.Random) -> int:
    first, last = _integer(values[0]), _integer(values[1])
    if first >= last:
        raise IntrinsicError("the first number must be below the second")
    source = chance if len(values) == 2 else random.Random(_integer(values[2]))  # noqa: S311
    return source.randrange(first, last)


def _string_split(values: list[Any], _chance: random.Random) -> list[str]:
    text, separators = _text(values[0]), _text(values[1])
    if not separators:
        return [text]
    return [part for part in re.split(f"[{re.escape(separators)}]", text) if part]


def new_uuid(chance: random.Random) -> str:
    """Return a random UUID (version 4)."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


FUNCTIONS: dict[str, Function] = {
    "Format": Function(_format, 1, MANY),
    "StringToJson": Function(_string_to_json, 1, 1),
    "JsonToString": Function(lambda values, _: to_json(values[0]), 1, 1),
    "Array": Function(lambda values, _: values, 0, MANY),
    "ArrayPartition": Function(lambda values, _: partition(*values), 2, 2),
    "ArrayContains": Function(_array_contains, 2, 2),
    "ArrayRange": Function(lambda values, _: make_range(*values), 3, 3),
    "ArrayGetItem": Function(_array_get_item, 2, 2),
    "ArrayLength": Function(lambda values, _: len(_list(values[0])), 1, 1),
    "ArrayUnique": Function(_array_unique, 1, 1),
    "Base64Encode": Function(_base64_encode, 1, 1),
    "Base64Decode": Function(_base64_decode, 1, 1),
    "Hash": Function(lambda values, _: hash_text(*values), 2, 2),
    "JsonMerge": Function(_json_merge, 3, 3),
    "MathRandom": Function(_math_random, 2, 3),
    "MathAdd": Function(lambda values, _: _integer(values[0]) + _integer(values[1]), 2, 2),
    "StringSplit": Function(_string_split, 2, 2),
    "UUID": Function(lambda _, chance: new_uuid(chance), 0, 0),
}
