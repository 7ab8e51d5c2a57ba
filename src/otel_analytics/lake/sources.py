"""Source files: which there are, their decompressed content, and the hash that identifies it.

Knows compression, and nothing of what the content means.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from otel_analytics.errors import IngestFailed, UnreadablePath
from otel_analytics.lake.recognise import ZSTD_MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Content", "Source", "decompressed", "find_files", "identify", "size_of"]

GZIP_MAGIC: Final = b"\x1f\x8b"
SMALL_CONTENT_BYTES: Final = 1 << 22
_CHUNK_BYTES: Final = 1 << 20


def find_files(paths: Sequence[Path], *, outside: Path) -> list[Path]:
    """Return the files of `paths`, folders walked in sorted order, each file once.

    Hidden files and folders, and what lies in the folder `outside`, are left out of a walk.

    Raises: UnreadablePath if a path does not exist, is neither file nor folder, is `outside`
        itself, or may not be read
    """
    found: dict[Path, None] = {}
    outside = outside.resolve()
    for path in paths:
        if path.is_dir():
            if path.resolve() == outside:
                raise UnreadablePath(
                    "is the folder that ingest writes to: name the logs in it, or keep them apart",
                    where=str(path),
                )
            found.update(dict.fromkeys(_walk(path, outside)))
        elif path.is_file():
            found[path] = None
        elif os.path.lexists(path):
            raise UnreadablePath("is neither a file nor a folder: give OTLP files", where=str(path))
        else:
            raise UnreadablePath("no such file or folder: check the path", where=str(path))
    for path in found:
        if not os.access(path, os.R_OK):
            raise _no_permission(path)
    return list(found)


def _no_permission(path: Path) -> UnreadablePath:
    return UnreadablePath("permission denied: make it readable or leave it out", where=str(path))


def _walk(folder: Path, outside: Path) -> Iterator[Path]:
    if folder.resolve() == outside:
        return
    if not os.access(folder, os.R_OK | os.X_OK):
        raise _no_permission(folder)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not path.is_symlink():  # a link back up the tree would never end
                yield from _walk(path, outside)
        elif path.is_file():
            yield path


def size_of(file: Path) -> int:
    """Return the bytes of a file; of one that has gone meanwhile, none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


class Content:
    """A stream of decompressed bytes that hashes what it hands out.

    Raises: IngestFailed from `read` if the compressed data are truncated or corrupt
    """

    def __init__(self, stream: pa.NativeFile, *, where: str) -> None:
        self._stream = stream
        self._where = where
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        try:
            data: bytes = self._stream.read(size)
        except OSError as error:
            reason = str(error).lower().removesuffix(".")
            raise IngestFailed(
                f"cannot be read to its end ({reason}); nothing of it was kept: copy it again",
                where=self._where,
            ) from error
        self._hash.update(data)
        return data

    @property
    def hexdigest(self) -> str:
        """The SHA-256 of what was read so far."""
        return self._hash.hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """One source file: the hash of its decompressed content, and the content if it is small."""

    path: Path
    source_id: str
    content: bytes | None

    def open(self) -> Content:
        """Return the content from its beginning."""
        if self.content is not None:
            return Content(pa.BufferReader(self.content), where=str(self.path))
        return _open(self.path)


def identify(path: Path) -> Source:
    """Return the source in the file `path`, having read it to its end.

    Raises: IngestFailed if it cannot be read to its end, or holds nothing
    """
    content = _open(path)
    head = b"".join(_chunks(content, SMALL_CONTENT_BYTES))
    if not head:
        raise IngestFailed("is empty: there is no log record in it", where=str(path))
    small = len(head) < SMALL_CONTENT_BYTES
    if not small:
        for _ in _chunks(content, None):
            pass
    return Source(path, content.hexdigest, head if small else None)


def _chunks(content: Content, limit: int | None) -> Iterator[bytes]:
    left = limit
    while left is None or left > 0:
        data = content.read(_CHUNK_BYTES if left is None else min(left, _CHUNK_BYTES))
        if not data:
            return
        if left is not None:
            left -= len(data)
        yield data


def _open(path: Path) -> Content:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise IngestFailed("has a name that is not UTF-8: rename it", where=str(path)) from error
    try:
        stream = pa.OSFile(str(path))
        magic = stream.read(len(ZSTD_MAGIC))
        stream.seek(0)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise IngestFailed(f"cannot be read ({reason})", where=str(path)) from error
    return Content(decompressed(stream, magic), where=str(path))


def decompressed(stream: pa.NativeFile, magic: bytes) -> pa.NativeFile:
    """Return `stream`, which begins with `magic`, without its gzip or zstd compression, if any."""
    if magic[:2] == GZIP_MAGIC:
        return pa.CompressedInputStream(stream, "gzip")
    if magic[:4] == ZSTD_MAGIC or _begins_skippable_frame(magic):
        return pa.CompressedInputStream(stream, "zstd")
    return stream


def _begins_skippable_frame(magic: bytes) -> bool:
    # RFC 8878, section 3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian
    return magic[1:4] == b"\x2a\x4d\x18" and magic[0] & 0xF0 == 0x50
