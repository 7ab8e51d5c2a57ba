"""What is read from the person who calls: a file or standard input, as text or JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from otel_analytics.errors import InvalidPayload, UnreadablePath

__all__ = ["read_json", "read_text"]


def read_text(name: str) -> str:
    """Return the text of the file `name`, or of standard input if that is `-`.

    Raises: UnreadablePath if it cannot be read or is not UTF-8
    """
    where = "standard input" if name == "-" else name
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UnreadablePath(f"cannot be read: {error.strerror}", where=where) from error
    except UnicodeDecodeError as error:
        raise UnreadablePath(f"is not UTF-8: {error.reason}", where=where) from error


def read_json(name: str) -> Any:
    """Return the JSON of the file `name`, or of standard input if that is `-`.

    Raises: InvalidPayload; UnreadablePath as `read_text` does
    """
    try:
        return json.loads(read_text(name))
    except (ValueError, RecursionError) as error:
        raise InvalidPayload(f"is not JSON: {error}", where=name) from error
