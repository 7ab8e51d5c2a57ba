"""Frames decompressed content into blocks of messages: JSON text, protobuf, or messages behind a
4-byte big-endian length. Which of them it is, the bytes tell.

No block is larger than MAX_MESSAGE_BYTES, whatever the content looks like.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from otel_analytics.errors import IngestFailed
from otel_analytics.lake import oversize
from otel_analytics.lake.blocks import Block, Message
from otel_analytics.lake.json_text import (
    BrokenText,
    DocumentScanner,
    last_border,
    next_document,
    skip_blanks,
)
from otel_analytics.lake.sources import ZSTD_MAGIC, decompressed
from otel_analytics.lake.window import BLOCK_BYTES, MAX_MESSAGE_BYTES, Limited, Window
from otel_analytics.lake.wire import (
    LENGTH_DELIMITED,
    MAX_HEADER_BYTES,
    RESOURCE_ITEMS,
    BrokenWire,
    field_header,
    fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_analytics.lake.blocks import Kind
    from otel_analytics.lake.window import Readable

__all__ = ["frame"]

_BOM: Final = b"\xef\xbb\xbf"
_HEAD_BYTES: Final = 1 << 16
_JSON_DOCUMENT: Final = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*(?:"[^"\x00-\x1f]*"[ \t\r\n]*:|\})')
_JSON_SOMEWHERE: Final = re.compile(rb"(?:\A|\n)[ \t\r]*\{")
_LENGTH_BYTES: Final = 4
_FIRST_BYTE: Final = bytes([RESOURCE_ITEMS << 3 | LENGTH_DELIMITED])
# What an item of a resource begins with: the resource, its scopes or its schema URL.
_RESOURCE_FIELDS: Final = (1, 2, 3, 1000)  # 1000: deprecated, from before scopes had their name
_SECOND_BYTES: Final = (b"\x0a", b"\x12", b"\x1a")


def frame(content: Readable, *, scratch: Path, where: str) -> Iterator[Block]:
    """Yield the blocks of a content; `scratch` is a folder for messages too large for memory.

    Raises: IngestFailed if it is no OTLP, or a single record in it is larger than
        MAX_MESSAGE_BYTES; `where` is the file that the error names
    """
    window = Window(content, scratch=scratch, where=where)
    head = window.fill(_HEAD_BYTES)
    if head.startswith(_BOM):
        window.take(len(_BOM))
        head = window.fill(_HEAD_BYTES)
    framing = _recognise(head)
    if framing is None:
        raise IngestFailed(
            f"is no OTLP: it begins with {head[:16]!r}, which is neither JSON, nor protobuf, nor "
            "messages behind their length; nothing of it was kept",
            where=where,
        )
    yield from framing(window)


def _recognise(head: bytes) -> Callable[[Window], Iterator[Block]] | None:
    # A line feed begins a blank line as well as a protobuf message: the likelier reading, a
    # whole `{"key":`, is tried first, and JSON that is broken at its very beginning last.
    if _JSON_DOCUMENT.match(head):
        return _json_blocks
    if _is_protobuf(head):
        return _protobuf_blocks
    if _is_length_prefixed(head):
        return _length_prefixed_blocks
    if b"\x00" not in head and _JSON_SOMEWHERE.search(head):
        return _json_blocks
    return None


def _is_protobuf(head: bytes) -> bool:
    """Return whether `head` can begin a message whose field 1 is the items of a resource."""
    if head[:1] != _FIRST_BYTE:
        return False
    try:
        first = field_header(head, 0, len(head))
        if first.end <= len(head):
            inside = fields(head, first.value, first.end)
            return all(field.number in _RESOURCE_FIELDS for field in inside)
        inner = field_header(head, first.value, len(head))
    except BrokenWire:
        return False
    return inner.number in _RESOURCE_FIELDS and inner.is_message and inner.end <= first.end


def _is_length_prefixed(head: bytes) -> bool:
    head = head.lstrip(b"\x00") if head.startswith(b"\x00" * _LENGTH_BYTES) else head
    length = int.from_bytes(head[:_LENGTH_BYTES], "big")
    payload = head[_LENGTH_BYTES : _LENGTH_BYTES + length]
    if len(head) < _LENGTH_BYTES or (length == 0 and len(head) == _LENGTH_BYTES):
        return False
    if length == 0:
        return _is_length_prefixed(head[_LENGTH_BYTES:])
    return (
        payload.startswith(ZSTD_MAGIC)
        or _is_protobuf(payload)
        or _JSON_DOCUMENT.match(payload) is not None
    )


def _json_blocks(window: Window) -> Iterator[Block]:
    while data := window.fill(BLOCK_BYTES):
        if window.at_end and len(data) <= MAX_MESSAGE_BYTES:
            yield Block("json", (window.message(len(data)),))
            return
        cut = last_border(data)
        if not cut and len(data) < MAX_MESSAGE_BYTES:
            cut = last_border(window.fill(MAX_MESSAGE_BYTES))
            if window.at_end:
                continue
        yield from _cut_json(window, cut)


def _cut_json(window: Window, cut: int) -> Iterator[Block]:
    """Yield what is before `cut`; if that is nothing, the first document, be it broken or huge."""
    data = window.data
    if not cut:
        scanner = DocumentScanner(skip_blanks(data, 0))
        try:
            while (end := scanner.scan(data)) is not None:
                cut = skip_blanks(data, end)
                scanner = DocumentScanner(cut)
                if cut >= BLOCK_BYTES:
                    break
        except BrokenText as error:
            if not cut:
                yield from _broken_json(window, str(error))
                return
    if cut:
        yield Block("json", (window.message(cut),))
    else:
        yield from oversize.json_blocks(window)


def _broken_json(window: Window, reason: str) -> Iterator[Block]:
    end = next_document(window.data, 1)
    if end == len(window.data):
        raise IngestFailed(
            f"JSON text at byte {window.position} is broken ({reason}) and no line begins with "
            "{ for a long way after it; nothing of it was kept: remove that text and try again",
            where=window.where,
        )
    yield Block("unreadable", (window.message(end),), f"JSON text is broken: {reason}")


def _protobuf_blocks(window: Window) -> Iterator[Block]:
    while data := window.fill(BLOCK_BYTES):
        whole = 0
        try:
            for field in fields(data, 0, len(data)):
                whole = field.end
        except BrokenWire as error:
            reason = str(error)
        if whole:
            yield Block("protobuf", (window.message(whole),))
        elif (block := _one_field(window)) is not None:
            yield block
        else:
            yield from _oversized_field(window, reason)


def _one_field(window: Window) -> Block | None:
    """Return the first field as a block, if it is whole and not too large."""
    try:
        end = field_header(window.data, 0, len(window.data)).end
    except BrokenWire:
        return None
    if end > MAX_MESSAGE_BYTES or len(window.fill(end)) < end:
        return None
    return Block("protobuf", (window.message(end),))


def _oversized_field(window: Window, reason: str) -> Iterator[Block]:
    try:
        field = field_header(window.data, 0, min(len(window.data), MAX_HEADER_BYTES))
    except BrokenWire:
        field = None
    if field and field.end > MAX_MESSAGE_BYTES and field.is_message:
        yield from oversize.protobuf_blocks(window, field)
        return
    rest = window.fill(MAX_MESSAGE_BYTES)
    if not window.at_end:
        raise IngestFailed(
            f"protobuf at byte {window.position} is broken ({reason}) with more than "
            f"{MAX_MESSAGE_BYTES >> 20} MB after it; nothing of it was kept",
            where=window.where,
        )
    yield Block("unreadable", (window.message(len(rest)),), f"protobuf is broken: {reason}")


def _length_prefixed_blocks(window: Window) -> Iterator[Block]:
    batch: list[Message] = []
    kind: Kind = "protobuf"
    size = 0
    while head := window.peek(_LENGTH_BYTES):
        for block in _length_prefixed_message(window, int.from_bytes(head, "big")):
            if batch and (block.kind != kind or size + block.size > BLOCK_BYTES):
                yield Block(kind, tuple(batch))
                batch, size = [], 0
            if block.kind == "unreadable":
                yield block
                continue
            kind = block.kind
            batch.extend(block.messages)
            size += block.size
    if batch:
        yield Block(kind, tuple(batch))


def _length_prefixed_message(window: Window, length: int) -> Iterator[Block]:
    position = window.position
    if length > MAX_MESSAGE_BYTES:
        window.take(_LENGTH_BYTES)
        yield from _streamed_message(Limited(window, length), position, window)
        return
    framed = window.take(_LENGTH_BYTES + length)
    payload = framed[_LENGTH_BYTES:]
    if len(framed) < _LENGTH_BYTES + length:
        reason = "the file ends inside this message"
        yield Block("unreadable", (Message(position, framed),), reason)
        return
    if payload.startswith(ZSTD_MAGIC):
        try:
            payload = _decompress(payload, MAX_MESSAGE_BYTES + 1)
        except OSError as error:
            reason = f"its compressed data are broken: {error}"
            yield Block("unreadable", (Message(position, payload),), reason)
            return
        if len(payload) > MAX_MESSAGE_BYTES:
            stream = _zstd_stream(framed[_LENGTH_BYTES:])
            yield from _streamed_message(stream, position, window)
            return
    if payload:
        yield Block(_kind(payload), (Message(position, payload),))


def _streamed_message(content: Readable, position: int, outer: Window) -> Iterator[Block]:
    """Yield the blocks of a message that is too large to be held at once."""
    window = Window(content, scratch=outer.scratch, where=outer.where)
    window.position = position
    framing = _json_blocks if _kind(window.peek(_HEAD_BYTES)) == "json" else _protobuf_blocks
    yield from framing(window)


def _kind(payload: bytes) -> Kind:
    return "json" if payload[:1] == b"{" or _JSON_DOCUMENT.match(payload) else "protobuf"


def _zstd_stream(data: bytes) -> Readable:
    return decompressed(pa.BufferReader(data), ZSTD_MAGIC)


def _decompress(data: bytes, limit: int) -> bytes:
    stream = _zstd_stream(data)
    parts = []
    while limit > 0 and (part := stream.read(limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
