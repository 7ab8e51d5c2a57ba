"""What each intrinsic function does, as one table.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html, and where
    that is silent (rounding, lenience, errors, order) executions recorded on AWS
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.json_text import canonical_json, parse_json, to_json
from otel_analytics.asl.queries.java import JavaRandom, in_hash_order

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "HASHES", "Function", "IntrinsicError", "new_uuid"]

MAX_RANGE = 1000
MAX_ENCODED_CHARACTERS = 10_000
MANY = 1_000_000
INT32 = range(-(2**31), 2**31)

HASHES = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}


class IntrinsicError(ValueError):
    """Arguments do not suit a function; the text is AWS's, where it has more than one to say so."""


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
        raise IntrinsicError
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise IntrinsicError
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise IntrinsicError
    if isinstance(value, float) and not math.isfinite(value):
        raise IntrinsicError
    return value


def _truncated(value: Any) -> int:
    return int(_number(value))


def _int32(value: int) -> int:
    if value not in INT32:
        raise IntrinsicError
    return value


def _format(values: list[Any], _chance: random.Random) -> str:
    arguments = iter(values[1:])

    def filled(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1]
        if match[0] != "{}":
            missing = "{" if match[0] == "}" else "}"
            raise IntrinsicError(
                f"Invalid template in States.Format: matching '{missing}' not found for "
                f"'{match[0]}'."
            )
        try:
            return _java_text(next(arguments))
        except StopIteration:
            raise IntrinsicError from None

    text = re.sub(r"\\(.)|\{\}|[{}]", filled, _text(values[0]), flags=re.DOTALL)
    if next(arguments, filled) is not filled:
        raise IntrinsicError
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
    text = _text(values[0])
    if not text.strip():
        return None
    try:
        return parse_json(text)
    except ValueError as error:
        raise IntrinsicError(
            f"Cannot convert String to Json in States.StringToJson, caused by: {error}"
        ) from error


def _json_merge(values: list[Any], _chance: random.Random) -> dict[str, Any]:
    left, right, deep = values
    if not isinstance(left, dict) or not isinstance(right, dict) or deep is True:
        raise IntrinsicError
    return left | right


def _array_partition(values: list[Any], _chance: random.Random) -> list[list[Any]]:
    items, size = _list(values[0]), _truncated(values[1])
    if size < 1:
        raise IntrinsicError
    return [items[at : at + size] for at in range(0, len(items), size)]


def _array_range(values: list[Any], _chance: random.Random) -> list[int]:
    first, last, step = map(_truncated, values)
    if step == 0:
        raise IntrinsicError
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > MAX_RANGE:
        raise IntrinsicError
    return list(numbers)


def _array_get_item(values: list[Any], _chance: random.Random) -> Any:
    items, index = _list(values[0]), _truncated(values[1])
    if not items and index >= 0:
        return None
    if not 0 <= index < len(items):
        raise IntrinsicError
    return items[index]


def _array_unique(values: list[Any], _chance: random.Random) -> list[Any]:
    items, unique = _list(values[0]), dict[str, Any]()
    for item in items:
        unique.setdefault(canonical_json(item), item)
    return in_hash_order(unique, added=len(items))


def _array_contains(values: list[Any], _chance: random.Random) -> bool:
    # Compared as texts: "1" is 1, and the order of names counts.
    wanted = _as_text(values[1])
    return any(_as_text(item) == wanted for item in _list(values[0]))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)


def _base64_encode(values: list[Any], _chance: random.Random) -> str:
    return base64.b64encode(_short(_text(values[0])).encode()).decode()


def _base64_decode(values: list[Any], _chance: random.Random) -> str:
    # As leniently as AWS: what is not of the alphabet is left out, and padding is the end.
    text = _short(_text(values[0])).partition("=")[0].translate({ord("-"): "+", ord("_"): "/"})
    digits = re.sub(r"[^A-Za-z0-9+/]", "", text)
    whole = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(whole + "=" * (-len(whole) % 4)).decode(errors="replace")


def _short(text: str) -> str:
    if len(text) > MAX_ENCODED_CHARACTERS:
        raise IntrinsicError
    return text


def _hash(values: list[Any], _chance: random.Random) -> str:
    text, algorithm = _short(_as_text(values[0])), _text(values[1])
    if algorithm not in HASHES:
        raise IntrinsicError
    return hashlib.new(HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _math_add(values: list[Any], _chance: random.Random) -> int:
    return _int32(sum(_int32(_rounded(_number(value))) for value in values))


def _rounded(value: float) -> int:
    # Half goes up, also below zero.
    return value if isinstance(value, int) else math.floor(value + 0.5)


def _math_random(values: list[Any], chance: random.Random) -> int:
    first, last = (_int32(_truncated(value)) for value in values[:2])
    if first >= last:
        raise IntrinsicError
    if len(values) == 2:
        return chance.randrange(first, last)
    return first + JavaRandom(_truncated(values[2])).below(last - first)


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
    "ArrayPartition": Function(_array_partition, 2, 2),
    "ArrayContains": Function(_array_contains, 2, 2),
    "ArrayRange": Function(_array_range, 3, 3),
    "ArrayGetItem": Function(_array_get_item, 2, 2),
    "ArrayLength": Function(lambda values, _: len(_list(values[0])), 1, 1),
    "ArrayUnique": Function(_array_unique, 1, 1),
    "Base64Encode": Function(_base64_encode, 1, 1),
    "Base64Decode": Function(_base64_decode, 1, 1),
    "Hash": Function(_hash, 2, 2),
    "JsonMerge": Function(_json_merge, 3, 3),
    "MathRandom": Function(_math_random, 2, 3),
    "MathAdd": Function(_math_add, 2, 2),
    "StringSplit": Function(_string_split, 2, 2),
    "UUID": Function(lambda _, chance: new_uuid(chance), 0, 0),
}
