"""JSON as the history and the functions write and read it: compact, and never NaN."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["canonical_json", "copy_json", "parse_json", "parse_json_once", "to_json"]

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


def parse_json_once(text: str) -> tuple[Any, str | None]:
    """Return the value of a JSON text, and the path of a name that stands twice in one object.

    Raises: ValueError, as `parse_json`
    """
    doubled: list[tuple[dict[str, Any], str]] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) < len(pairs):
            names = [name for name, _ in pairs]
            doubled.append((data, next(name for name in names if names.count(name) > 1)))
        return data

    try:
        value = json.loads(text, parse_constant=_refuse, object_pairs_hook=build)
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    if not doubled:
        return value, None
    data, name = doubled[0]
    return value, f"{_path_of(data, value)}.{name}"


def _path_of(part: Any, value: Any) -> str:
    pending = [("$", value)]
    while pending:
        path, node = pending.pop()
        if node is part:
            return path
        if isinstance(node, dict):
            pending += [(f"{path}.{name}", item) for name, item in node.items()]
        elif isinstance(node, list):
            pending += [(f"{path}[{index}]", item) for index, item in enumerate(node)]
    # It stood in an object that was dropped for another one of the same name.
    return "$"


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
