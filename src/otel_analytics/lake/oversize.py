"""Takes messages apart that are too large for memory, one record after the other.

Such a message is first copied to a scratch file, since its resource may stand behind its records.
What comes out are messages of the usual size, each with its resource.
"""

from __future__ import annotations

import mmap
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from otel_analytics.errors import IngestFailed
from otel_analytics.lake.blocks import Block, Message
from otel_analytics.lake.json_cursor import JsonCursor
from otel_analytics.lake.json_text import BrokenText, DocumentScanner, skip_blanks
from otel_analytics.lake.window import BLOCK_BYTES, MAX_MESSAGE_BYTES
from otel_analytics.lake.wire import (
    DEPRECATED_ITEMS,
    ITEMS,
    RESOURCE,
    RESOURCE_ITEMS,
    BrokenWire,
    Field,
    fields,
    length_delimited,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_analytics.lake.window import Window

__all__ = ["json_blocks", "protobuf_blocks"]

_CHUNK_BYTES: Final = 1 << 20
# Where each signal's items are: the members of its resources, and in those the members of scopes.
_SIGNALS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "resourceLogs": {
        "scopeLogs": ("logRecords",),
        "instrumentationLibraryLogs": ("logRecords", "logs"),
    },
    "resourceSpans": {"scopeSpans": ("spans",)},
    "resourceMetrics": {"scopeMetrics": ("metrics",)},
    "resourceProfiles": {"scopeProfiles": ("profiles",)},
}
_IN_TWO_PLACES: Final = "it holds log records under scopeLogs and instrumentationLibraryLogs"


def json_blocks(window: Window) -> Iterator[Block]:
    """Yield the records of the JSON document that begins the window, and move behind it.

    Raises: IngestFailed if it is broken, or a single record in it is too large
    """
    position = window.position
    try:
        with _scratch_file(window, _document_parts(window)) as data:
            cursor = JsonCursor(data, skip_blanks(data, 0))
            for signal in cursor.members():
                if signal in _SIGNALS:
                    items = _json_items(cursor, _SIGNALS[signal])
                    for first, group in _groups(items):
                        message = Message(position, _json_message(signal, group), first)
                        yield Block("json", (message,))
                        data.madvise(mmap.MADV_DONTNEED)
    except BrokenText as error:
        raise _failed(window, position, error) from None


def protobuf_blocks(window: Window, field: Field) -> Iterator[Block]:
    """Yield the records of the protobuf field that begins the window, and move behind it.

    Raises: IngestFailed if it is broken, or a single record in it is too large
    """
    position = window.position
    try:
        with _scratch_file(window, _field_parts(window, field)) as data:
            for first, group in _groups(_protobuf_items(data)):
                yield Block("protobuf", (Message(position, _protobuf_message(group), first),))
                data.madvise(mmap.MADV_DONTNEED)
    except BrokenWire as error:
        raise _failed(window, position, error) from None


_Item = tuple[bytes, bytes]
"""A resource and one of its log records, spans or metrics, undecoded."""


@contextmanager
def _scratch_file(window: Window, parts: Iterator[bytes]) -> Iterator[mmap.mmap]:
    with tempfile.TemporaryFile(dir=window.scratch) as file:
        for part in parts:
            file.write(part)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def _failed(window: Window, position: int, error: Exception) -> IngestFailed:
    return IngestFailed(
        f"the message at byte {position} is larger than {MAX_MESSAGE_BYTES >> 20} MB and broken: "
        f"{error}; nothing of the file was kept: remove that message and try again",
        where=window.where,
    )


def _groups(items: Iterator[_Item]) -> Iterator[tuple[int, list[_Item]]]:
    """Yield groups of items of about a block's size, each with the index of its first item."""
    group: list[_Item] = []
    size = first = 0
    for resource, item in items:
        group.append((resource, item))
        size += len(item) if len(group) > 1 and group[-2][0] is resource else len(resource + item)
        if size >= BLOCK_BYTES:
            yield first, group
            first += len(group)
            group, size = [], 0
    if group:
        yield first, group


def _by_resource(group: list[_Item]) -> Iterator[tuple[bytes, list[bytes]]]:
    resource = group[0][0]
    items: list[bytes] = []
    for next_resource, item in group:
        if next_resource is not resource:
            yield resource, items
            resource, items = next_resource, []
        items.append(item)
    yield resource, items


def _document_parts(window: Window) -> Iterator[bytes]:
    scanner = DocumentScanner(skip_blanks(window.data, 0))
    while (end := scanner.scan(window.data)) is None:
        if window.at_end:
            raise BrokenText("it ends inside a document")
        yield window.take(scanner.position)
        scanner.position = 0
        if len(window.data) > 2 * MAX_MESSAGE_BYTES:
            raise BrokenText(f"a string in it is larger than {MAX_MESSAGE_BYTES >> 20} MB")
        window.fill(len(window.data) + _CHUNK_BYTES)
    yield window.take(end)


def _json_items(cursor: JsonCursor, places: Mapping[str, tuple[str, ...]]) -> Iterator[_Item]:
    for _ in cursor.elements():
        resource = cursor.fork().value_of("resource") or b"null"
        place = None
        for name in cursor.members():
            if name in places:
                for item in _json_items_of_scopes(cursor, places[name]):
                    if place not in (None, name):
                        raise BrokenText(_IN_TWO_PLACES)
                    place = name
                    yield resource, item


def _json_items_of_scopes(cursor: JsonCursor, names: tuple[str, ...]) -> Iterator[bytes]:
    for _ in cursor.elements():
        for name in cursor.members():
            if name in names:
                for _ in cursor.elements():
                    yield _checked(cursor.value())


def _checked(item: bytes) -> bytes:
    if len(item) > MAX_MESSAGE_BYTES:
        raise BrokenText(f"a single record in it is larger than {MAX_MESSAGE_BYTES >> 20} MB")
    return item


def _json_message(signal: str, group: list[_Item]) -> bytes:
    scopes, (items, *_) = next(iter(_SIGNALS[signal].items()))
    names = scopes.encode(), items.encode()
    parts = (
        b'{"resource":%b,"%b":[{"%b":[%b]}]}' % (resource, *names, b",".join(of_resource))
        for resource, of_resource in _by_resource(group)
    )
    return b'{"%b":[%b]}' % (signal.encode(), b",".join(parts))


def _field_parts(window: Window, field: Field) -> Iterator[bytes]:
    window.take(field.value)
    left = field.end - field.value
    while left:
        part = window.take(min(left, _CHUNK_BYTES))
        if not part:
            raise BrokenWire("it is cut off inside a field")
        left -= len(part)
        yield part


def _protobuf_items(data: mmap.mmap) -> Iterator[_Item]:
    size = len(data)
    resource = b"".join(
        data[part.value : part.end]
        for part in fields(data, 0, size)
        if part.number == RESOURCE and part.is_message
    )
    place = None
    for scope in fields(data, 0, size):
        if scope.number in (ITEMS, DEPRECATED_ITEMS) and scope.is_message:
            for item in fields(data, scope.value, scope.end):
                if item.number == ITEMS and item.is_message:
                    if place not in (None, scope.number):
                        raise BrokenWire(_IN_TWO_PLACES)
                    place = scope.number
                    if item.end - item.value > MAX_MESSAGE_BYTES:
                        raise BrokenWire("a single record in it is too large")
                    yield resource, data[item.value : item.end]


def _protobuf_message(group: list[_Item]) -> bytes:
    return b"".join(
        length_delimited(
            RESOURCE_ITEMS,
            length_delimited(RESOURCE, resource),
            length_delimited(ITEMS, *(length_delimited(ITEMS, item) for item in of_resource)),
        )
        for resource, of_resource in _by_resource(group)
    )
