"""How many queries an execution has active at once, held against the limits of the account."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from otel_analytics.errors import InvalidSettings
from otel_analytics.metrics import load_catalog

if TYPE_CHECKING:
    from otel_analytics.config import Settings

__all__ = ["check_concurrency"]


def check_concurrency(settings: Settings) -> None:
    """Check that the services built at once stay within the account's limits.

    Each service has as many queries at once as its widest batch, and a DROP TABLE before each.

    Raises: InvalidSettings showing the sum
    """
    asked = settings.concurrency
    at_once = max(Counter(metric.batch for metric in load_catalog().values()).values())
    queries = asked.services * at_once
    for limit, most, kind in (
        ("max_dml_queries", asked.max_dml_queries, "DML queries (CREATE TABLE AS)"),
        ("max_ddl_queries", asked.max_ddl_queries, "DDL queries (DROP TABLE)"),
    ):
        if queries > most:
            raise InvalidSettings(
                f"concurrency.services: {asked.services} services at once with {at_once} {kind} "
                f"each are {queries}, and concurrency.{limit} is {most}: set it to "
                f"{most // at_once} at most, or have the quota raised and set that"
            )
    if settings.activity.concurrency > asked.max_dml_queries:
        raise InvalidSettings(
            f"activity.concurrency: {settings.activity.concurrency} queries at once are more than "
            f"concurrency.max_dml_queries, which is {asked.max_dml_queries}"
        )
