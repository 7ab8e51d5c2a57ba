"""The packaged settings of a Lambda, and clients that live as long as its container."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_analytics.aws.clients import connect
from otel_analytics.config import SETTINGS_FILE, Settings, load_settings

if TYPE_CHECKING:
    from otel_analytics.aws.clients import Client

__all__ = ["client", "settings"]

# Where AWS unpacks a function's package.
_PACKAGE: Final = "LAMBDA_TASK_ROOT"


@cache
def settings() -> Settings:
    """Return the settings of the package's `otel-analytics.toml`, then of the environment."""
    file = Path(os.environ.get(_PACKAGE, "."), SETTINGS_FILE)
    return load_settings(file=file if file.exists() else None, environment=os.environ)


@cache
def client(service: str) -> Client:
    """Return the client of a service, by its name in boto3."""
    return connect(settings().aws)(service)
