"""The payloads of `run`: of arguments or a file, one for each execution date; and their check."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from otel_analytics.cli.input import read_json
from otel_analytics.config import SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_analytics.operations.engine import Engine

__all__ = [
    "check_fields",
    "check_payload",
    "check_source",
    "coverage_warnings_of",
    "execution_dates",
    "history_warnings_of",
    "make_payload",
    "service_names_of",
    "with_field",
]


def make_payload(
    services: tuple[str, ...], input_file: str | None, *, replace_newer: bool, source: str | None
) -> Any:
    """Return the payload that the arguments give, without an execution date.

    Raises: InvalidPayload or InvalidName if they are not allowed
    """
    from otel_analytics.errors import InvalidPayload
    from otel_analytics.names import parse_service_names

    if bool(services) == bool(input_file):
        raise InvalidPayload("name the services, or give the payload with --input FILE")
    if input_file:
        payload: Any = read_json(input_file)
    else:
        payload = {"service_names": list(parse_service_names(services, field="SERVICE"))}
    if source is not None:
        payload = with_field(payload, "source", source)
    return with_field(payload, "replace_newer", True) if replace_newer else payload


def with_field(payload: Any, name: str, value: Any) -> Any:
    """Return the payload with one field more, which a flag gives.

    Raises: InvalidPayload if it is no object
    """
    from otel_analytics.errors import InvalidPayload

    if not isinstance(payload, dict):
        raise InvalidPayload(f"{name} can be given to a payload only if that is an object")
    return {**payload, name: value}


def check_fields(payload: Any) -> None:
    """Check that a payload is an object of the fields that the state machine takes.

    Raises: InvalidPayload
    """
    from otel_analytics.errors import InvalidPayload
    from otel_analytics.pipeline import INPUT_FIELDS

    allowed = ", ".join(INPUT_FIELDS)
    if not isinstance(payload, dict):
        raise InvalidPayload(f"the payload must be an object with fields of {allowed}")
    if unknown := sorted(str(name)[:80] for name in payload.keys() - set(INPUT_FIELDS)):
        raise InvalidPayload(f"unknown fields {', '.join(unknown)}; a payload may have {allowed}")


def execution_dates(
    execution_date: str | None, first: str | None, last: str | None
) -> Sequence[str | None]:
    """Return the execution dates, oldest first; None where the state machine derives it.

    Raises: InvalidPayload if the options do not go together; InvalidName if one is no date
    """
    from otel_analytics.errors import InvalidPayload
    from otel_analytics.names import parse_date

    if execution_date is not None:
        parse_date(execution_date, field="--execution-date")
    if first is None and last is None:
        return [execution_date]
    if first is None or last is None:
        raise InvalidPayload("--from and --to belong together: give both")
    if execution_date is not None:
        raise InvalidPayload("give --execution-date, or --from and --to, not both")
    begin, end = parse_date(first, field="--from"), parse_date(last, field="--to")
    if begin > end:
        raise InvalidPayload(f"--from {first} is after --to {last}: give the older one to --from")
    return [(begin + timedelta(days=n)).isoformat() for n in range((end - begin).days + 1)]


def coverage_warnings_of(aws: Engine, payload: Any) -> list[str]:
    """Return what makes the tables of an execution that is over say little.

    Of a wrong payload nothing: the state machine has refused it.
    """
    from otel_analytics.errors import InvalidName
    from otel_analytics.query.coverage import coverage_warnings
    from otel_analytics.query.handler import execution_date_of, source_of

    names = service_names_of(payload)
    if not names:
        return []
    try:
        execution_date = execution_date_of(
            payload, settings=aws.settings, now=lambda: datetime.now(UTC)
        )
    except InvalidName:
        return []
    return coverage_warnings(
        names,
        execution_date=execution_date,
        settings=aws.settings,
        run_query=aws.rows,
        source=source_of(payload, aws.settings),
    )


def check_payload(aws: Engine, payload: Any) -> None:
    """Check that what a payload is to be built from is there; a wrong one is the state machine's.

    Raises: Refused saying how to come by it; InvalidSettings naming what of the mapping is no SQL
    """
    from otel_analytics.query.handler import source_of
    from otel_analytics.query.source import check_mapping

    if service_names_of(payload):
        check_source(aws)
        check_mapping(aws.settings)
        if payload.get("source") in SOURCES:
            source_of(payload, aws.settings)


def history_warnings_of(aws: Engine, payload: Any, dates: Sequence[str | None]) -> list[str]:
    """Return, for each service, that dates so old will leave its history again, if they will."""
    from otel_analytics.errors import InvalidName
    from otel_analytics.names import parse_date, table_prefix

    days = aws.settings.publish.history_days
    named = payload.get("execution_date") if isinstance(payload, dict) else None
    try:
        asked = [parse_date(one, field="execution_date") for one in (*dates, named) if one]
    except InvalidName:
        return []  # the state machine refuses it
    if not days or not asked:
        return []
    warnings = []
    for service in service_names_of(payload):
        newest = max([*asked, *_history_dates(aws, table_prefix(service))])
        first = newest - timedelta(days=days)
        if min(asked) < first:
            warnings.append(
                f"{service}: the history keeps the {days} days before its newest execution date, "
                f"from {first} on; what is older enters it, and leaves with the next publication: "
                "to keep it, set publish.history_days higher"
            )
    return warnings


def _history_dates(aws: Engine, prefix: str) -> list[date]:
    from otel_analytics.metrics import load_catalog
    from otel_analytics.names import history_table_name, parse_date
    from otel_analytics.query.statements import TableName

    query_type = next(iter(load_catalog()))  # all seven have the same dates
    name = TableName(history_table_name(prefix, query_type), aws.settings.athena.database)
    history = aws.catalog.find(name)
    partitions = history.partitions if history else ()
    return [parse_date(one.values[0], field="execution_date") for one in partitions]


def service_names_of(payload: Any) -> tuple[str, ...]:
    """Return the services of a payload; none of a wrong one, which the state machine refuses."""
    from otel_analytics.errors import InvalidName
    from otel_analytics.names import parse_service_names
    from otel_analytics.pipeline import INPUT_FIELDS

    if not isinstance(payload, dict) or not payload.keys() <= set(INPUT_FIELDS):
        return ()
    try:
        return parse_service_names(payload.get("service_names"))
    except InvalidName:
        return ()


def check_source(aws: Engine) -> None:
    """Check that there is a table of logs.

    Raises: Refused saying how to come by one
    """
    from otel_analytics.errors import Refused
    from otel_analytics.lake.schema import LOGALL_TABLE
    from otel_analytics.query.statements import TableName

    database, table = aws.settings.athena.database, aws.settings.source.table
    if aws.catalog.entry(TableName(table, database)) is None:
        how = "create it with otel-analytics query 'CREATE EXTERNAL TABLE …'"
        if table == LOGALL_TABLE:
            how = (
                "put logs into it with otel-analytics ingest PATH…"
                if aws.settings.engine != "aws"
                else "deploy the stack, which creates it, or name yours with source.table"
            )
        raise Refused(f"there is no table {database}.{table} yet: {how}")
