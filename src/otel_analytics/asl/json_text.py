"""JSON as the history and the functions write and read it: compact, and never NaN."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["canonical_json", "copy_json", "parse_json", "to_json"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_ASCII = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_SORTED = json.JSONEncoder(separators=(",", ":"), allow_nan=False, sort_keys=True)


def to_json(value: Any) -> str:
    """Return `value` as compact JSON, which UTF-8 can encode.

    Raises: TypeError or ValueError if it is not a JSON value, or nests too deeply
    """
    try:
        text = _ENCODER.encode(value)
        return text if _is_encodable(text) else _ASCII.encode(value)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def canonical_json(value: Any) -> str:
    """Return JSON that is equal for equal values, whatever the order of their names.

    Raises: ValueError if it nests too deeply
    """
    try:
        return _SORTED.encode(value)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def parse_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises: ValueError, also for NaN and Infinity, which are not JSON, and for too much nesting
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def copy_json(value: Any) -> Any:
    """Return a deep copy of a JSON value.

    Raises: TypeError or ValueError if it is not JSON
    """
    return parse_json(to_json(value))


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False  # half of a surrogate pair
    return True
