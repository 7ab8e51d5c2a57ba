"""Locks on the tables of services, so that two runs at once do not empty each other's.

A lock is the system's, on a file of the home: it ends with the process that holds it.
"""

from __future__ import annotations

import fcntl
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from otel_analytics.errors import Refused
from otel_analytics.names import table_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_analytics.local.home import Home

__all__ = ["locked_services"]


@contextmanager
def locked_services(home: Home, database: str, services: Iterable[str]) -> Iterator[None]:
    """Hold the tables of the services, all or none, while the block runs.

    Raises: Refused naming the first service whose tables someone else holds
    """
    folder = home.path / "locks" / database
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        for service in sorted(services, key=table_prefix):
            file = held.enter_context((folder / table_prefix(service)).open("ab"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Refused(
                    f"another run builds the tables of {service} in {database}: wait until it is "
                    "over (otel-analytics executions shows it), then run again"
                ) from error
        yield
