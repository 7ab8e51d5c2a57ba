"""Frames decompressed content into blocks of messages: JSON text, protobuf, or messages behind a
4-byte big-endian length. Which of them it is, the bytes tell.

No block is larger than MAX_MESSAGE_BYTES, whatever the content looks like.
"""

from __future__ import annotations

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
from otel_analytics.lake.recognise import (
    HEAD_BYTES,
    LENGTH_BYTES,
    ZSTD_MAGIC,
    payload_kind,
    recognise,
)
from otel_analytics.lake.sources import Content, decompressed
from otel_analytics.lake.window import BLOCK_BYTES, MAX_MESSAGE_BYTES, Limited, Window
from otel_analytics.lake.wire import (
    MAX_HEADER_BYTES,
    BrokenWire,
    field_header,
    fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_analytics.lake.blocks import Kind
    from otel_analytics.lake.recognise import Framing
    from otel_analytics.lake.window import Readable

__all__ = ["frame"]

_BOM: Final = b"\xef\xbb\xbf"


def frame(content: Readable, *, scratch: Path, where: str) -> Iterator[Block]:
    """Yield the blocks of a content; `scratch` is a folder for messages too large for memory.

    Raises: IngestFailed if it is no OTLP, or a single record in it is larger than
        MAX_MESSAGE_BYTES; `where` is the file that the error names
    """
    window = Window(content, scratch=scratch, where=where)
    if window.peek(len(_BOM)) == _BOM:
        window.take(len(_BOM))
    head = window.peek(HEAD_BYTES)
    framing = recognise(head)
    if framing is None:
        raise IngestFailed(
            f"is no OTLP: it begins with {head[:16]!r}, which is neither JSON, nor protobuf, nor "
            "messages behind their length; nothing of it was kept",
            where=where,
        )
    yield from _FRAMINGS[framing](window)


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
    while head := window.peek(LENGTH_BYTES):
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
        window.take(LENGTH_BYTES)
        payload_stream: Readable = Limited(window, length)
        if window.peek(len(ZSTD_MAGIC)) == ZSTD_MAGIC:
            unpacked = decompressed(pa.PythonFile(payload_stream, mode="r"), ZSTD_MAGIC)
            payload_stream = Content(unpacked, where=window.where)
        yield from _streamed_message(payload_stream, position, window)
        return
    framed = window.take(LENGTH_BYTES + length)
    payload = framed[LENGTH_BYTES:]
    if len(framed) < LENGTH_BYTES + length:
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
            stream = Content(_zstd_stream(framed[LENGTH_BYTES:]), where=window.where)
            yield from _streamed_message(stream, position, window)
            return
    if payload:
        yield Block(payload_kind(payload), (Message(position, payload),))


def _streamed_message(content: Readable, position: int, outer: Window) -> Iterator[Block]:
    """Yield the blocks of a message that is too large to be held at once."""
    window = Window(content, scratch=outer.scratch, where=outer.where)
    window.position = position
    yield from _FRAMINGS[payload_kind(window.peek(HEAD_BYTES))](window)


def _zstd_stream(data: bytes) -> pa.NativeFile:
    return decompressed(pa.BufferReader(data), ZSTD_MAGIC)


def _decompress(data: bytes, limit: int) -> bytes:
    stream = _zstd_stream(data)
    parts = []
    while limit > 0 and (part := stream.read(limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


_FRAMINGS: Final[dict[Framing, Callable[[Window], Iterator[Block]]]] = {
    "json": _json_blocks,
    "protobuf": _protobuf_blocks,
    "length-prefixed": _length_prefixed_blocks,
}
