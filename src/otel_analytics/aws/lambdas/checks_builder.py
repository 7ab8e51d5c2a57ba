"""The Lambda `athena-checks-builder`: a service's tables in, the statement of its checks out."""

from __future__ import annotations

from typing import Any

from otel_analytics.aws.lambdas import environment
from otel_analytics.operations.verification import checks_builder

__all__ = ["handler"]


def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Return what `build_verification` returns, of the tables that Glue has.

    Raises: what `build_verification` raises
    """
    return checks_builder(environment.settings(), environment.catalog())(event)
