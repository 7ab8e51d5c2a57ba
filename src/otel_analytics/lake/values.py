"""Values of log records: the text of any value, and the readings of ids and 64-bit integers.

Both decoders, JSON and protobuf, meet here, so that equal content gives equal rows.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from typing import Final, TypeAlias

__all__ = [
    "MAX_INT64",
    "Value",
    "double_text",
    "parse_bytes",
    "parse_double",
    "parse_id",
    "parse_int",
    "text",
]

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"

MAX_INT64: Final = 2**63 - 1
_HEX: Final = re.compile(r"[0-9A-Fa-f]*")
_NOT_FINITE: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def text(value: Value) -> str:
    """Return how a value stands in a text column; an empty value is the empty string.

    Source: https://opentelemetry.io/docs/specs/otel/common/#anyvalue-representation-for-non-otlp-protocols
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return "" if value is None else _json_text(value)


def _json_text(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{','.join(map(_json_text, value))}]"
    if isinstance(value, dict):
        members = (f"{_quoted(key)}:{_json_text(item)}" for key, item in value.items())
        return f"{{{','.join(members)}}}"
    is_number = isinstance(value, (int, float)) and math.isfinite(value)
    return text(value) if is_number else _quoted(text(value))


def _quoted(string: str) -> str:
    return json.dumps(string, ensure_ascii=False)


def double_text(value: float) -> str:
    """Return the one canonical text of a double: 1, 0.1, 1e+21, 1e-7, NaN, -Infinity.

    Source: RFC 8785, section 3.2.2.3
    """
    shortest = repr(value)
    if "e" in shortest:
        mantissa, _, exponent = shortest.partition("e")
        return _with_exponent(mantissa, int(exponent))
    if shortest.endswith(".0"):
        return shortest[:-2] if value else "0"
    return _NOT_FINITE.get(shortest, shortest)


def _with_exponent(mantissa: str, exponent: int) -> str:
    # Python writes an exponent from 1e16 up and below 1e-4, the standard from 1e21 and below 1e-6
    if not -7 < exponent < 21:
        return f"{mantissa}e{exponent:+d}"
    sign, digits = ("-" if mantissa[0] == "-" else ""), mantissa.strip("-").replace(".", "")
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    return f"{sign}{digits:0<{exponent + 1}}"


def parse_int(value: str | float | None) -> int:
    """Return a 64-bit integer that JSON carries as a string or a number; none is 0.

    Raises: ValueError if it is not a whole number, or beyond 64 bits (unsigned)
    """
    if isinstance(value, str):
        if not (value.isascii() and value.removeprefix("-").isdecimal()):
            raise ValueError(f"{value[:40]!r} is not a whole number")
        number = int(value) if len(value) <= 20 else 2**64
    elif isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"{value!r} is not a whole number")
        number = int(value)
    else:
        number = value or 0
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"{str(value)[:40]} does not fit in 64 bits")
    return number


def parse_double(value: str | float) -> float:
    """Return a double that JSON carries as a number or a string such as "NaN".

    Raises: ValueError if it is neither
    """
    if isinstance(value, float):
        return value
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        # Python's own way of writing numbers, not JSON's
        raise ValueError(f"doubleValue {value[:40]!r} is not a number")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"doubleValue {str(value)[:40]!r} is not a number") from None


def parse_bytes(value: str) -> bytes:
    """Return the bytes of base64 text, standard or URL-safe, with or without padding.

    Raises: ValueError if it is not base64
    """
    padded = value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
    try:
        return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raise ValueError(f"bytesValue {value[:40]!r} is not base64") from None


def parse_id(value: str, *, size: int) -> str | None:
    """Return an id of `size` bytes in lower-case hex, or None if `value` is no such id.

    Hex in either case, as OTLP/JSON says, or padded base64, as some writers emit; without its
    padding, base64 could be the hex of another size.
    """
    if len(value) == 2 * size and _HEX.fullmatch(value):
        return value.lower()
    if not value.endswith("="):
        return None
    try:
        decoded = parse_bytes(value)
    except ValueError:
        return None
    return decoded.hex() if len(decoded) == size else None
