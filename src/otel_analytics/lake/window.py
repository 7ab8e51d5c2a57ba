"""A window over a stream of bytes: look ahead as far as needed, take what is understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from otel_analytics.lake.blocks import Message

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BLOCK_BYTES", "MAX_MESSAGE_BYTES", "Limited", "Readable", "Window"]

BLOCK_BYTES: Final = 1 << 22
MAX_MESSAGE_BYTES: Final = 1 << 24
_CHUNK_BYTES: Final = 1 << 20


class Readable(Protocol):
    """What bytes are read from: a source's content, or a part of it."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        ...


class Window:
    """The bytes of a content from `position` on, as far as they have been read."""

    def __init__(self, content: Readable, *, scratch: Path, where: str) -> None:
        self.position = 0
        self.at_end = False
        self.scratch = scratch
        self.where = where
        self._content = content
        self._buffer = b""
        self._start = 0

    @property
    def data(self) -> bytes:
        """All that has been read and not yet taken."""
        if self._start:
            self._buffer = self._buffer[self._start :]
            self._start = 0
        return self._buffer

    def fill(self, size: int) -> bytes:
        """Return all that is there, at least `size` bytes unless the content ends before."""
        self._read_up_to(size)
        return self.data

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only where the content ends."""
        self._read_up_to(size)
        return self._buffer[self._start : self._start + size]

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes and move behind them."""
        taken = self.peek(size)
        self._start += len(taken)
        self.position += len(taken)
        return taken

    def message(self, size: int) -> Message:
        """Return the next `size` bytes as a message and move behind them."""
        return Message(self.position, self.take(size))

    def _read_up_to(self, size: int) -> None:
        missing = size - (len(self._buffer) - self._start)
        if missing <= 0 or self.at_end:
            return
        parts = [self.data]
        while missing > 0:
            part = self._content.read(max(missing, _CHUNK_BYTES))
            if not part:
                self.at_end = True
                break
            parts.append(part)
            missing -= len(part)
        self._buffer = b"".join(parts)


class Limited:
    """The next `size` bytes of a window, as a content of their own."""

    closed = False  # Arrow asks a Python file for it

    def __init__(self, window: Window, size: int) -> None:
        self._window = window
        self._left = size

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        data = self._window.take(min(size, self._left))
        self._left -= len(data)
        return data
