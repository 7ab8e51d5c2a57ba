"""A home whose queries a Trino cluster executes, put together: what a command opens and closes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from otel_analytics.local.catalog import Catalog
from otel_analytics.local.embedded import EmbeddedAws, open_embedded_aws
from otel_analytics.local.parquet_output import write_empty
from otel_analytics.trino.client import TrinoClient
from otel_analytics.trino.engine import TrinoEngine
from otel_analytics.trino.mirror import Mirror

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_analytics.config import Settings
    from otel_analytics.local.home import Home
    from otel_analytics.local.s3 import ObjectStore

__all__ = ["open_trino"]


@contextmanager
def open_trino(
    settings: Settings,
    *,
    to_read: bool = False,
    keeps_record: bool = True,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[EmbeddedAws]:
    """Open the home of the settings with a Trino in DuckDB's place, and close it.

    The cluster is first asked with the first query. Unless it `keeps_record`, queries leave no
    trace in the home.

    Raises: what `open_embedded_aws` raises; InvalidSettings
    """
    client = TrinoClient(settings.trino, environment=environment)

    @contextmanager
    def engine(settings: Settings, home: Home, store: ObjectStore) -> Iterator[TrinoEngine]:
        database = settings.athena.database
        mirror = Mirror(
            client=client,
            store=store,
            catalog=settings.trino.catalog,
            schemas={database: settings.trino.schema or database},
            storage=settings.trino.storage,
            home=_name_of(home, database),
        )
        yield TrinoEngine(
            client, mirror, store, database=database, write_empty=partial(write_empty, store=store)
        )

    with open_embedded_aws(
        settings, to_read=to_read, keeps_record=keeps_record, open_engine=engine
    ) as aws:
        yield aws


def _name_of(home: Home, database: str) -> str:
    """Return what no other home's database is called: when it was made, to the microsecond."""
    made = Catalog(home).database_made(database)
    when = "never" if made is None else datetime.fromtimestamp(made, UTC).isoformat()
    return f"{database} of {when}"
