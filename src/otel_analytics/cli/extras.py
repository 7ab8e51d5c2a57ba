"""Extras: what is installed only where it is asked for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_analytics.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["needing"]


@contextmanager
def needing(extra: str, *, command: str) -> Iterator[None]:
    """Import, in its block, what an extra installs.

    Raises: Refused naming the extra, if it is not installed
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("otel_analytics"):
            raise
        raise Refused(
            f"{command} needs {error.name}: pip install '.[{extra}]' in a clone of the project"
        ) from error
