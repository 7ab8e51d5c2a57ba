"""Files that commands write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_analytics.errors import UnreadablePath

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_file"]


def write_file(file: Path, content: bytes) -> None:
    """Write a file so that its readers find the old one or the new one, whole.

    Raises: UnreadablePath if it cannot be written
    """
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        try:
            unfinished.write_bytes(content)
            unfinished.replace(file)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UnreadablePath(
            f"cannot be written ({error.strerror}): give yourself the right to write there, or "
            "name another",
            where=str(file),
        ) from error
