"""The Lambda `athena-query-builder`: an event in, a CTAS statement for a cleaned location out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.config import SOURCES
from otel_analytics.errors import InvalidName, InvalidPayload
from otel_analytics.metrics.catalog import find_metric
from otel_analytics.names import (
    Leaf,
    S3Address,
    parse_date,
    parse_execution_token,
    parse_service_names,
    parse_table_prefix,
    table_location,
    table_name,
)
from otel_analytics.query.build import QueryRequest, build_create_table
from otel_analytics.query.fields import check_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.config import Settings

__all__ = [
    "ATTEMPT_TO_COME",
    "Deletion",
    "build_query",
    "check_attempts",
    "execution_date_of",
    "source_of",
]

# Stands in a statement that serves several attempts, each of which puts its number there.
ATTEMPT_TO_COME: Final = "{attempt}"

_REQUIRED = ("query_type", "table_prefix", "s3_base", "service_names")
_OPTIONAL = ("execution_date", "execution_time", "execution", "attempt", "source", "cleanup_s3")
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
    delete_directly_under: Callable[[S3Address], Deletion],
    now: Callable[[], datetime],
) -> dict[str, Any]:
    """Return the statement that builds one table, after its location was emptied.

    With `execution` and `attempt` it is a staging table, whose name and location carry both.
    Without them it lies at its root, where only the objects directly there are deleted: below are
    those of published tables and of the history.

    Shape:  query_string, execution_date, query_type, table, s3_location, service_names,
        cleanup_result
    Raises: InvalidPayload naming the field and what is allowed; what the deletion raises, since a
        CTAS refuses a location that holds data
    """
    try:
        request, target = _parse(event, settings=settings, now=now)
    except InvalidName as error:
        raise InvalidPayload(str(error)) from error
    cleanup = event.get("cleanup_s3", True)
    if not isinstance(cleanup, bool):
        raise InvalidPayload(f"cleanup_s3 must be true or false, not {cleanup!r}")
    if cleanup and ATTEMPT_TO_COME in target.location:
        raise InvalidPayload(
            f"cleanup_s3 must be false where attempt is {ATTEMPT_TO_COME}: there is no location yet"
        )
    # The statement is built before anything is deleted: a refusal leaves the data as they are.
    query_string = build_create_table(
        request, table=target.table, location=target.location, settings=settings
    )
    if ATTEMPT_TO_COME in target.location:
        check_attempts(query_string)
    delete = delete_prefix if target.is_staging else delete_directly_under
    deletion = delete(S3Address.parse(target.location)) if cleanup else Deletion(0, 0)
    return {
        "query_string": query_string,
        "execution_date": request.execution_date.isoformat(),
        "query_type": request.query_type,
        "table": target.table,
        "s3_location": target.location,
        "service_names": list(request.service_names),
        "cleanup_result": {
            "status": "success" if cleanup else "skipped",
            "location": target.location,
            "deleted_objects": deletion.objects,
            "deleted_size_mb": round(deletion.size_bytes / 1_000_000, 6),
        },
    }


def check_attempts(query_string: str) -> None:
    """Check that the number of the attempt is still to come in a table's name and address alone.

    Raises: InvalidPayload
    """
    if query_string.count(ATTEMPT_TO_COME) != 2:
        raise InvalidPayload(
            f"the text {ATTEMPT_TO_COME} stands in the settings of a query, where the number of "
            "the attempt would replace it: write it otherwise"
        )


@dataclass(frozen=True, slots=True)
class _Target:
    """The table to build, and where its data go."""

    table: str
    location: str
    is_staging: bool


def _parse(
    event: Any, *, settings: Settings, now: Callable[[], datetime]
) -> tuple[QueryRequest, _Target]:
    if not isinstance(event, dict):
        raise InvalidPayload(f"the event must be an object with {', '.join(_REQUIRED)}")
    check_fields(event, _REQUIRED + _OPTIONAL, "the event", optional=_OPTIONAL)
    request = QueryRequest(
        query_type=find_metric(event["query_type"]).query_type,
        service_names=parse_service_names(event["service_names"]),
        execution_date=execution_date_of(event, settings=settings, now=now),
        source=source_of(event, settings),
    )
    return request, _target(event, request.query_type)


def _target(event: Mapping[str, Any], query_type: str) -> _Target:
    s3_base = S3Address.parse(event["s3_base"], field="s3_base")
    if not s3_base.key:
        raise InvalidPayload(f"s3_base {s3_base} is a bare bucket: add a prefix")
    prefix = parse_table_prefix(event["table_prefix"])
    execution, attempt = event.get("execution"), event.get("attempt")
    if execution is None and attempt is None:
        location = table_location(str(s3_base), prefix, query_type)
        return _Target(table_name(prefix, query_type), location, is_staging=False)
    is_number = isinstance(attempt, int) and not isinstance(attempt, bool) and attempt >= 0
    if not is_number and attempt != ATTEMPT_TO_COME:
        raise InvalidPayload(
            f"attempt must be a whole number, 0 or more, or {ATTEMPT_TO_COME}, "
            f"not {str(attempt)[:80]!r}"
        )
    leaf = Leaf(str(s3_base), prefix, query_type, parse_execution_token(execution), str(attempt))
    return _Target(leaf.staging_table, leaf.location, is_staging=True)


def source_of(payload: Mapping[str, Any], settings: Settings) -> str:
    """Return what the tables are built from: `source`, else what the settings say.

    Raises: InvalidPayload naming the field and what is allowed
    """
    source = payload.get("source")
    if source is None:
        return settings.default_source
    if source not in SOURCES:
        raise InvalidPayload(f"source must be {' or '.join(SOURCES)}, not {str(source)[:80]!r}")
    if source == "activity" and not settings.source.partitions:
        raise InvalidPayload(
            "source cannot be activity, since the table of logs has no partitions by day that "
            "could be followed (source.partitions is empty): leave it out, or write raw"
        )
    return str(source)


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
