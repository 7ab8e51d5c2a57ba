"""Tells the framing of a content by its first bytes, never by a file's name."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from otel_analytics.lake.wire import (
    DEPRECATED_ITEMS,
    ITEMS,
    LENGTH_DELIMITED,
    RESOURCE,
    RESOURCE_ITEMS,
    BrokenWire,
    field_header,
    fields,
)

__all__ = ["HEAD_BYTES", "LENGTH_BYTES", "ZSTD_MAGIC", "Framing", "payload_kind", "recognise"]

Framing: TypeAlias = Literal["json", "protobuf", "length-prefixed"]

HEAD_BYTES: Final = 1 << 16
LENGTH_BYTES: Final = 4
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_JSON_DOCUMENT: Final = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*(?:"[^"\x00-\x1f]*"[ \t\r\n]*:|\})')
_JSON_SOMEWHERE: Final = re.compile(rb"(?:\A|\n)[ \t\r]*\{")
_EMPTY_MESSAGES: Final = re.compile(rb"(?:\x00{4})*+")
_FIRST_BYTE: Final = bytes([RESOURCE_ITEMS << 3 | LENGTH_DELIMITED])
_SCHEMA_URL: Final = 3
_FIELDS_OF_RESOURCE_ITEMS: Final = (RESOURCE, ITEMS, _SCHEMA_URL, DEPRECATED_ITEMS)


def recognise(head: bytes) -> Framing | None:
    """Return the framing of a content that begins with `head`, or None if it is no OTLP.

    A line feed begins a blank line as well as a protobuf message. The likelier reading, a whole
    `{"key":`, is tried first, and JSON that is broken at its very beginning last.
    """
    if _JSON_DOCUMENT.match(head):
        return "json"
    if _is_protobuf(head):
        return "protobuf"
    if _is_length_prefixed(head):
        return "length-prefixed"
    if b"\x00" not in head and _JSON_SOMEWHERE.search(head):
        return "json"
    return None


def payload_kind(payload: bytes) -> Literal["json", "protobuf"]:
    """Return what a message behind its length is."""
    is_json = payload.startswith(b"{") or _JSON_DOCUMENT.match(payload)
    return "json" if is_json else "protobuf"


def _is_protobuf(head: bytes) -> bool:
    if not head.startswith(_FIRST_BYTE):
        return False
    try:
        first = field_header(head, 0, len(head))
        if first.end <= len(head):
            inside = fields(head, first.value, first.end)
            return all(field.number in _FIELDS_OF_RESOURCE_ITEMS for field in inside)
        inner = field_header(head, first.value, len(head))
    except BrokenWire:
        return False
    is_known = inner.number in _FIELDS_OF_RESOURCE_ITEMS and inner.is_message
    return is_known and inner.end <= first.end


def _is_length_prefixed(head: bytes) -> bool:
    empty = _EMPTY_MESSAGES.match(head)
    start = empty.end() if empty else 0
    length = int.from_bytes(head[start : start + LENGTH_BYTES], "big")
    payload = head[start + LENGTH_BYTES :][:length]
    return (
        payload.startswith(ZSTD_MAGIC)
        or _is_protobuf(payload)
        or _JSON_DOCUMENT.match(payload) is not None
    )
