"""The catalog and the objects that a Lambda of the state machine works on."""

from __future__ import annotations

from typing import Any

from otel_analytics.aws.catalog import GlueCatalog
from otel_analytics.aws.lambdas.packaged import client, settings
from otel_analytics.aws.publications import S3Publications
from otel_analytics.aws.store import S3Store

__all__ = ["catalog", "publications", "settings", "store"]


def store() -> S3Store:
    """Return the objects."""
    return S3Store(client("s3"))


def catalog() -> GlueCatalog:
    """Return the catalog."""
    return GlueCatalog(client("glue"), settings().athena.database)


def publications(context: Any) -> S3Publications:
    """Return what publication remembers, for a call that ends as its context says."""
    athena = settings().athena
    return S3Publications(
        client("s3"),
        store(),
        athena.database,
        athena.s3_base,
        remaining_s=lambda: context.get_remaining_time_in_millis() / 1000,
    )
