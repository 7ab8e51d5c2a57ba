"""The engine that the settings name, opened: where a command works."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_analytics.cli.extras import needing
from otel_analytics.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.config import Settings
    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.operations.engine import Engine

__all__ = ["check_is_local", "open_engine", "open_local"]


@contextmanager
def open_engine(
    settings: Settings, *, to_read: bool = False, keeps_record: bool = True
) -> Iterator[Engine]:
    """Open the engine of the settings, and close it; `to_read` alone it need not be writable.

    Unless it `keeps_record`, its queries leave no trace where the engine may choose.

    Raises: Refused if what it needs is not installed; what opening it raises
    """
    if settings.engine != "aws":
        with open_local(settings, to_read=to_read, keeps_record=keeps_record) as embedded:
            yield embedded
        return
    with needing("aws", command="--engine aws"):
        from otel_analytics.aws.engine import open_aws
    with open_aws(settings) as account:
        yield account


@contextmanager
def open_local(
    settings: Settings, *, to_read: bool = False, keeps_record: bool = True
) -> Iterator[EmbeddedAws]:
    """Open the home of the settings, its queries here or on a cluster, and close it.

    Raises: Refused if what it needs is not installed; what opening it raises
    """
    if settings.engine == "trino":
        with needing("trino", command="--engine trino"):
            from otel_analytics.trino.opening import open_trino
        with open_trino(settings, to_read=to_read, keeps_record=keeps_record) as embedded:
            yield embedded
        return
    from otel_analytics.local.embedded import open_embedded_aws

    with open_embedded_aws(settings, to_read=to_read, keeps_record=keeps_record) as embedded:
        yield embedded


def check_is_local(settings: Settings, what: str, instead: str) -> None:
    """Check that executions run on this machine, since only there can be done what is asked.

    Raises: Refused saying what to do instead
    """
    if settings.engine == "aws":
        raise Refused(
            f"{what} works on this machine only, not with the engine {settings.engine}: {instead}"
        )
