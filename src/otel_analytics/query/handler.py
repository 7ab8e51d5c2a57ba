"""The Lambda `athena-query-builder`: an event in, a CTAS statement for a cleaned location out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from otel_analytics.errors import InvalidName, InvalidPayload
from otel_analytics.metrics.catalog import find_metric
from otel_analytics.names import (
    S3Address,
    parse_date,
    parse_service_names,
    parse_table_prefix,
    table_location,
)
from otel_analytics.query.build import QueryRequest, build_create_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.config import Settings

__all__ = ["Deletion", "build_query", "execution_date_of"]

_REQUIRED = ("query_type", "table_prefix", "s3_base", "service_names")
_OPTIONAL = ("execution_date", "execution_time", "cleanup_s3")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted under an S3 prefix."""

    objects: int
    size_bytes: int


def build_query(
    event: Mapping[str, Any],
    *,
    settings: Settings,
    delete_prefix: Callable[[S3Address], Deletion],
    now: Callable[[], datetime],
) -> dict[str, Any]:
    """Return the statement that builds one table, after its location was emptied.

    Shape:  query_string, execution_date, query_type, s3_location, service_names, cleanup_result
    Raises: InvalidPayload naming the field and what is allowed; what `delete_prefix` raises, since
        a CTAS refuses a location that holds data
    """
    try:
        request, prefix, s3_base = _parse(event, settings=settings, now=now)
    except InvalidName as error:
        raise InvalidPayload(str(error)) from error
    cleanup = event.get("cleanup_s3", True)
    if not isinstance(cleanup, bool):
        raise InvalidPayload(f"cleanup_s3 must be true or false, not {cleanup!r}")
    location = S3Address.parse(table_location(s3_base, prefix, request.query_type))
    # The statement is built before anything is deleted: a refusal leaves the data as they are.
    query_string = build_create_table(request, prefix=prefix, s3_base=s3_base, settings=settings)
    deletion = delete_prefix(location) if cleanup else Deletion(0, 0)
    return {
        "query_string": query_string,
        "execution_date": request.execution_date.isoformat(),
        "query_type": request.query_type,
        "s3_location": str(location),
        "service_names": list(request.service_names),
        "cleanup_result": {
            "status": "success" if cleanup else "skipped",
            "location": str(location),
            "deleted_objects": deletion.objects,
            "deleted_size_mb": round(deletion.size_bytes / 1_000_000, 6),
        },
    }


def _parse(
    event: Any, *, settings: Settings, now: Callable[[], datetime]
) -> tuple[QueryRequest, str, str]:
    if not isinstance(event, dict):
        raise InvalidPayload(f"the event must be an object with {', '.join(_REQUIRED)}")
    missing = [name for name in _REQUIRED if name not in event]
    if missing:
        raise InvalidPayload(f"the event lacks {', '.join(missing)}")
    unknown = sorted(str(name)[:80] for name in event if name not in _REQUIRED + _OPTIONAL)
    if unknown:
        raise InvalidPayload(
            f"the event has unknown fields {', '.join(unknown)}; "
            f"it may have {', '.join(_REQUIRED + _OPTIONAL)}"
        )
    s3_base = S3Address.parse(event["s3_base"], field="s3_base")
    if not s3_base.key:
        raise InvalidPayload(f"s3_base {s3_base} is a bare bucket: add a prefix")
    request = QueryRequest(
        query_type=find_metric(event["query_type"]).query_type,
        service_names=parse_service_names(event["service_names"]),
        execution_date=execution_date_of(event, settings=settings, now=now),
    )
    return request, parse_table_prefix(event["table_prefix"]), str(s3_base)


def execution_date_of(
    payload: Mapping[str, Any], *, settings: Settings, now: Callable[[], datetime]
) -> date:
    """Return E: `execution_date`, else the date of `execution_time` (else of now) in the zone.

    Raises: InvalidName naming the field
    """
    if payload.get("execution_date") is not None:
        return parse_date(payload["execution_date"], field="execution_date")
    text = payload.get("execution_time")
    if text is None:
        return now().astimezone(settings.zone).date()
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise InvalidName(
            f"execution_time {str(text)[:80]!r} is not a time: write it as 2025-10-28T10:30:00Z"
        )
    try:
        day = datetime.fromisoformat(text).astimezone(settings.zone).date()
    except (ValueError, OverflowError) as error:
        raise InvalidName(f"execution_time {text!r} is not a time: {error}") from error
    return parse_date(day.isoformat(), field="execution_time")
