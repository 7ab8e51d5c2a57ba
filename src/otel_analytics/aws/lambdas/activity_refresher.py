"""The Lambda `athena-activity-refresher`: what the activity tables lack, planned and registered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from otel_analytics.aws.lambdas import environment
from otel_analytics.operations.refresher import activity_refresher

__all__ = ["handler"]


def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Return what came of an event with an action: `plan`, `build` or `register`.

    Raises: what `activity_refresher` raises
    """
    refresher = activity_refresher(
        environment.settings(),
        environment.catalog(),
        environment.store(),
        now=lambda: datetime.now(UTC),
    )
    return refresher(event)
