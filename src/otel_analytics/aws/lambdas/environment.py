"""What every Lambda has: the packaged settings, and clients that live as long as its container."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.aws.catalog import GlueCatalog
from otel_analytics.aws.clients import connect
from otel_analytics.aws.publications import S3Publications
from otel_analytics.aws.store import S3Store
from otel_analytics.config import SETTINGS_FILE, Settings, load_settings

if TYPE_CHECKING:
    from otel_analytics.aws.clients import Client

__all__ = ["catalog", "publications", "settings", "store"]

# Where AWS unpacks a function's package.
_PACKAGE: Final = "LAMBDA_TASK_ROOT"


@cache
def settings() -> Settings:
    """Return the settings of the package's `otel-analytics.toml`, then of the environment."""
    file = Path(os.environ.get(_PACKAGE, "."), SETTINGS_FILE)
    return load_settings(file=file if file.exists() else None, environment=os.environ)


@cache
def _client(service: str) -> Client:
    return connect(settings().aws)(service)


def store() -> S3Store:
    """Return the objects."""
    return S3Store(_client("s3"))


def catalog() -> GlueCatalog:
    """Return the catalog."""
    return GlueCatalog(_client("glue"), settings().athena.database)


def publications(context: Any) -> S3Publications:
    """Return what publication remembers, for a call that ends as its context says."""
    athena = settings().athena
    return S3Publications(
        _client("s3"),
        store(),
        athena.database,
        athena.s3_base,
        remaining_s=lambda: context.get_remaining_time_in_millis() / 1000,
    )
