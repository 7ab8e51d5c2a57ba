"""The files of raw logs in folders of a home."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_analytics.pipeline.refresh import RawFile

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["raw_files"]


def raw_files(folder: str, inside: str = "") -> Iterator[RawFile]:
    """Yield the files in a folder and in those below it, hidden ones left out."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir():
            yield from raw_files(entry.path, f"{inside}{entry.name}/")
        else:
            status = entry.stat()
            yield RawFile(f"{inside}{entry.name}", status.st_size, str(status.st_mtime_ns))
