"""The Lambda `athena-query-builder`: a query type in, the statement that builds its table out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from otel_analytics.aws.lambdas import environment
from otel_analytics.errors import Failed
from otel_analytics.names import table_name
from otel_analytics.pipeline.leaves import with_slash
from otel_analytics.query.handler import build_query
from otel_analytics.query.statements import TableName

__all__ = ["handler"]


def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Return what `build_query` returns.

    Raises: what `build_query` raises; Failed if what is built would be read as a published table's
    """
    settings, store = environment.settings(), environment.store()
    reply = build_query(
        event,
        settings=settings,
        delete_prefix=store.delete_prefix,
        delete_directly_under=store.delete_directly_under,
        now=lambda: datetime.now(UTC),
    )
    _check_place(event["table_prefix"], reply, settings.athena.database)
    return reply


def _check_place(prefix: str, reply: dict[str, Any], database: str) -> None:
    """Check that the table that is published does not lie above the one that is built.

    Athena reads a table's folder with all that is below it:
    https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html
    """
    name = table_name(prefix, reply["query_type"])
    if reply["table"] == name:
        return  # it is built in place of the published one, as its caller wants it
    published = environment.catalog().entry(TableName(name, database))
    if published is None or not published.location:
        return
    above = with_slash(published.location)
    if reply["s3_location"] != above and reply["s3_location"].startswith(above):
        raise Failed(
            f"the table {database}.{name} lies at {above}, and its readers would also read what is "
            f"built below it, at {reply['s3_location']}: set athena.s3_base to another prefix and "
            "deploy again; the first publication then takes the name over"
        )
