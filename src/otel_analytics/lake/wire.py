"""Protobuf's wire format: the fields of a message, found without decoding them.

Every OTLP export has the same frame, whatever its signal: field 1 repeats the resources' items,
in those field 1 is the resource and field 2 repeats the scopes' items, and in those field 2
repeats the spans, metrics or log records. Where writers from before 2022 give scopes their old
name, instrumentation libraries, the resources' items repeat these as field 1000.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

__all__ = [
    "DEPRECATED_ITEMS",
    "ITEMS",
    "LENGTH_DELIMITED",
    "MAX_HEADER_BYTES",
    "RESOURCE",
    "RESOURCE_ITEMS",
    "BrokenWire",
    "Field",
    "field_header",
    "fields",
    "length_delimited",
]

RESOURCE_ITEMS: Final = 1
RESOURCE: Final = 1
ITEMS: Final = 2
DEPRECATED_ITEMS: Final = 1000

_VARINT, _FIXED64, LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
MAX_HEADER_BYTES: Final = 20


class BrokenWire(ValueError):  # noqa: N818 - reads as what is there
    """Bytes are not a protobuf message, or are cut off."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its number, and where it, its value and the next field begin."""

    number: int
    wire_type: int
    start: int
    value: int
    end: int

    @property
    def is_message(self) -> bool:
        """Whether it may hold a message (or a string or bytes)."""
        return self.wire_type == LENGTH_DELIMITED


def fields(data: bytes | mmap, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message that lies in `data[start:end]`.

    Raises: BrokenWire
    """
    while start < end:
        field = field_header(data, start, end)
        if field.end > end:
            raise BrokenWire("it is cut off inside a field")
        yield field
        start = field.end


def field_header(data: bytes | mmap, start: int, end: int) -> Field:
    """Return the field that begins at `start`; its end may lie beyond `end`.

    Raises: BrokenWire if there is no such field, or its header is cut off
    """
    tag, value = _varint(data, start, end)
    number, wire_type = tag >> 3, tag & 7
    if not 0 < number < 2**29:
        raise BrokenWire(f"it has a field numbered {number}")
    if wire_type == LENGTH_DELIMITED:
        length, value = _varint(data, value, end)
        return Field(number, wire_type, start, value, value + length)
    if wire_type == _VARINT:
        return Field(number, wire_type, start, value, _varint(data, value, end)[1])
    if wire_type == _FIXED64:
        return Field(number, wire_type, start, value, value + 8)
    if wire_type == _FIXED32:
        return Field(number, wire_type, start, value, value + 4)
    raise BrokenWire(f"it has a field of wire type {wire_type}")


def length_delimited(number: int, *parts: bytes) -> bytes:
    """Return a field that holds `parts` one after the other."""
    return b"".join(
        [_encoded(number << 3 | LENGTH_DELIMITED), _encoded(sum(map(len, parts))), *parts]
    )


def _encoded(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _varint(data: bytes | mmap, at: int, end: int) -> tuple[int, int]:
    number = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return number, at
        shift += 7
    raise BrokenWire("it is cut off inside a number" if at >= end else "a number is too long")
