"""Where JSON documents begin and end in a text, found without decoding them.

Two facts about valid JSON carry this: a string holds no raw line break, and inside a document an
opening brace never follows a closing one with only blanks between. So `}`, a line break, `{` is
always the border of two documents.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mmap import mmap

__all__ = [
    "BrokenText",
    "DocumentScanner",
    "document_end",
    "last_border",
    "next_document",
    "skip_blanks",
]

MAX_DEPTH: Final = 1000
_BLANKS: Final = re.compile(rb"[ \t\r\n]*+")
_BORDER: Final = re.compile(rb"\}[ \t\r]*+\n[ \t\r\n]*+(?=\{)")
_NEXT_LINE: Final = re.compile(rb"\n(?=\{)")
_STRING: Final = rb'"(?:[^"\\\x00-\x1f]++|\\[^\n])*+"'
# Objects of one and two levels are gone over in one step: they are most of a log record.
_FLAT_OBJECT: Final = rb'\{(?:[^"{}]++|%b)*+\}' % _STRING
_SMALL_OBJECT: Final = rb'\{(?:[^"{}]++|%b|%b)*+\}' % (_STRING, _FLAT_OBJECT)
_UP_TO_BRACE: Final = re.compile(rb'(?:[^"{}]++|%b|%b)*+' % (_STRING, _SMALL_OBJECT))
_OPEN_STRING: Final = re.compile(rb'"(?:[^"\\\x00-\x1f]++|\\[^\n])*+\\?')
_FOLLOWED_BY_OBJECT: Final = b",:["
_LONGEST_INDENT: Final = 256
_QUOTE, _OPENING = b'"{'


class BrokenText(ValueError):  # noqa: N818 - reads as what is there
    """A text is not JSON; what follows it may be."""


def skip_blanks(data: bytes | mmap, position: int) -> int:
    """Return the position of the first byte from `position` on that is not blank."""
    match = _BLANKS.match(data, position)
    return match.end() if match else position


def last_border(data: bytes) -> int:
    """Return the position after the last line break between two documents, or 0."""
    # the search from the end serves the common writers; only other texts are gone through
    for border in (b"}\n{", b"}\r\n{"):
        if (found := data.rfind(border)) >= 0:
            return found + len(border) - 1
    end = 0
    for match in _BORDER.finditer(data):
        end = match.end()
    return end


def next_document(data: bytes, position: int) -> int:
    """Return where the next line that begins with a brace begins, or the end of `data`."""
    match = _NEXT_LINE.search(data, max(position - 1, 0))
    return match.end() if match else len(data)


def document_end(data: bytes, position: int) -> int:
    """Return the position after the document that begins at `position`.

    Raises: BrokenText if it has no end, or cannot be a document
    """
    end = DocumentScanner(position).scan(data)
    if end is None:
        raise BrokenText("it ends inside a document")
    return end


class DocumentScanner:
    """Finds the end of one document in a text that may arrive in parts."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self._depth = 0

    def scan(self, data: bytes | mmap) -> int | None:
        """Return the position after the document's closing brace, or None if it lies further on.

        Then `position` is what was gone through; call again with more data.

        Raises: BrokenText if this cannot be a document
        """
        if self._depth == 0:
            if data[self.position : self.position + 1] != b"{":
                raise BrokenText("a document begins with {")
            self.position += 1
            self._depth = 1
        while True:
            at = _UP_TO_BRACE.match(data, self.position).end()  # type: ignore[union-attr]
            self.position = at
            if at == len(data):
                return None
            byte = data[at]
            if byte == _QUOTE:
                self._check_open_string(data, at)
                return None
            self.position = at + 1
            if byte == _OPENING:
                self._check_opening(data, at)
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    return at + 1

    def _check_opening(self, data: bytes | mmap, at: int) -> None:
        if self._depth >= MAX_DEPTH:
            raise BrokenText(f"it is nested more than {MAX_DEPTH} deep")
        before = data[max(at - _LONGEST_INDENT, 0) : at].rstrip()[-1:]
        if before and before not in _FOLLOWED_BY_OBJECT:
            raise BrokenText("it ends inside a document, before another one")

    @staticmethod
    def _check_open_string(data: bytes | mmap, at: int) -> None:
        end = _OPEN_STRING.match(data, at).end()  # type: ignore[union-attr]
        if end < len(data):
            raise BrokenText("a string does not end on its line")
