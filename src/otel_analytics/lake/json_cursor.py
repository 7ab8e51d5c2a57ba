"""A cursor that walks JSON of any size without decoding it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from otel_analytics.lake.json_text import BrokenText, DocumentScanner, skip_blanks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

__all__ = ["JsonCursor"]

_KEY: Final = re.compile(rb'("(?:[^"\\\x00-\x1f]++|\\.)*+")[ \t\r\n]*+:[ \t\r\n]*+')
_SCALAR: Final = re.compile(rb'"(?:[^"\\\x00-\x1f]++|\\.)*+"|[-+.0-9A-Za-z]++')
_UP_TO_BRACKET: Final = re.compile(rb'(?:[^"\[\]]++|"(?:[^"\\\x00-\x1f]++|\\.)*+")*+([\[\]])')


class JsonCursor:
    """Stands at the beginning of a value and goes on from there.

    In a loop over `members()` or `elements()` it stands at each value in turn; a value that the
    loop's body has not gone through is skipped.
    """

    def __init__(self, data: bytes | mmap, at: int) -> None:
        self._data = data
        self._at = at

    def fork(self) -> JsonCursor:
        """Return another cursor that stands at the same value."""
        return JsonCursor(self._data, self._at)

    def members(self) -> Iterator[str]:
        """Yield the name of each member of the object here; null has none.

        Raises: BrokenText
        """
        if self._is_null():
            return
        self._take(b"{")
        first = True
        while self._has_next(b"}", first=first):
            first = False
            match = _KEY.match(self._data, self._at)
            if match is None:
                raise self._broken("the name of a member")
            self._at = start = match.end()
            yield json.loads(match.group(1))
            if self._at == start:
                self.value()

    def elements(self) -> Iterator[None]:
        """Stand at each element of the list here in turn; null has none.

        Raises: BrokenText
        """
        if self._is_null():
            return
        self._take(b"[")
        first = True
        while self._has_next(b"]", first=first):
            first = False
            start = self._at
            yield
            if self._at == start:
                self.value()

    def value_of(self, name: str) -> bytes | None:
        """Return the value of the first member so named of the object here, or None."""
        return next((self.value() for member in self.members() if member == name), None)

    def value(self) -> bytes:
        """Return the value here, and move behind it.

        Raises: BrokenText
        """
        start = self._at
        opening = self._data[start : start + 1]
        if opening == b"{":
            end = DocumentScanner(start).scan(self._data)
        elif opening == b"[":
            end = self._end_of_list()
        else:
            match = _SCALAR.match(self._data, start)
            end = match.end() if match else None
        if end is None:
            raise self._broken("a value")
        self._at = end
        return self._data[start:end]

    def _is_null(self) -> bool:
        if self._data[self._at : self._at + 4] != b"null":
            return False
        self._at += 4
        return True

    def _has_next(self, closing: bytes, *, first: bool) -> bool:
        """Move on to the next item, or behind `closing` if there is none."""
        self._at = skip_blanks(self._data, self._at)
        if self._data[self._at : self._at + 1] == closing:
            self._at += 1
            return False
        if not first:
            self._take(b",")
            self._at = skip_blanks(self._data, self._at)
        return True

    def _take(self, byte: bytes) -> None:
        if self._data[self._at : self._at + 1] != byte:
            raise self._broken(byte.decode())
        self._at += 1

    def _end_of_list(self) -> int | None:
        at, depth = self._at, 0
        while match := _UP_TO_BRACKET.match(self._data, at):
            at = match.end()
            depth += 1 if match.group(1) == b"[" else -1
            if depth == 0:
                return at
        return None

    def _broken(self, expected: str) -> BrokenText:
        return BrokenText(f"{expected} is missing at byte {self._at} of it")
