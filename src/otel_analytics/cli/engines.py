"""Which engine a command reads: what it opens by the settings, and closes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.config import Settings
    from otel_analytics.local.embedded import EmbeddedAws

__all__ = ["open_engine"]


@contextmanager
def open_engine(
    settings: Settings, *, to_read: bool = False, keeps_record: bool = True
) -> Iterator[EmbeddedAws]:
    """Open the engine of the settings, and close it; `to_read` alone, it need not be writable.

    Unless it `keeps_record`, its queries leave no trace where the engine may choose.

    Raises: Refused if it cannot be opened
    """
    from otel_analytics.local.embedded import open_embedded_aws

    with open_embedded_aws(settings, to_read=to_read, keeps_record=keeps_record) as engine:
        yield engine
