"""The engine that the settings name, opened: what every command reads and runs through."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from otel_analytics.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.config import Settings
    from otel_analytics.local.embedded import EmbeddedAws

__all__ = ["open_engine"]


@contextmanager
def open_engine(settings: Settings, *, to_read: bool = False) -> Iterator[EmbeddedAws]:
    """Open what the setting `engine` names, and close it; `to_read` alone it need not be writable.

    Raises: Refused if the engine's extra is not installed; what opening it raises
    """
    if settings.engine == "trino":
        if find_spec("trino") is None:
            raise Refused(
                "--engine trino needs the Trino client: pip install 'otel-analytics[trino]'"
            )
        from otel_analytics.trino.opening import open_trino

        with open_trino(settings, to_read=to_read) as aws:
            yield aws
        return
    from otel_analytics.local.embedded import open_embedded_aws

    with open_embedded_aws(settings, to_read=to_read) as aws:
        yield aws
