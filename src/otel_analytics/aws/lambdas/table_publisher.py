"""The Lambda `athena-table-publisher`: a service's staging tables in, published ones out."""

from __future__ import annotations

from typing import Any

from otel_analytics.aws.lambdas import environment
from otel_analytics.operations.publisher import Publisher

__all__ = ["handler"]


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Return what `Publisher.publish` returns.

    Raises: what `Publisher.publish` raises; CatalogChanged if someone else changed a table
    """
    publisher = Publisher(
        environment.settings(),
        environment.catalog(),
        environment.store(),
        environment.publications(context),
    )
    return publisher.publish(event)
