"""What the Lambda `athena-table-publisher` is asked for, checked before anything is looked at.

Must not know any catalog. Nothing that a payload says of a table counts without proof: names and
addresses must be those that its execution gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import InvalidName, InvalidPayload
from otel_analytics.metrics import load_catalog
from otel_analytics.names import (
    Leaf,
    S3Address,
    parse_date,
    parse_execution_token,
    parse_service_name,
    table_prefix,
)
from otel_analytics.query.fields import check_fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["Publication", "Staged", "parse_publication"]

_FIELDS: Final = (
    "service_name", "table_prefix", "s3_base", "execution", "execution_date", "replace_newer",
    "tables",
)  # fmt: skip
_TABLE_FIELDS: Final = ("query_type", "table", "location", "row_count")
_COUNT: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Staged:
    """One table of an execution that is to be published."""

    query_type: str
    leaf: Leaf
    row_count: int


@dataclass(frozen=True, slots=True)
class Publication:
    """What the publisher is asked for: the tables of one service, one of each query type."""

    service_name: str
    prefix: str
    s3_base: str
    execution: str
    execution_date: date
    replace_newer: bool
    tables: tuple[Staged, ...]


def parse_publication(event: Any) -> Publication:
    """Return what a payload asks for, once each of its tables is seen to be of its execution.

    Raises: InvalidPayload naming the field and what is allowed
    """
    try:
        check_fields(event, _FIELDS, "the event", optional=("replace_newer",))
        return _parse(event)
    except InvalidName as error:
        raise InvalidPayload(str(error)) from error


def _parse(event: Mapping[str, Any]) -> Publication:
    service_name = parse_service_name(event["service_name"], field="service_name")
    prefix = table_prefix(service_name)
    if event["table_prefix"] != prefix:
        raise InvalidPayload(
            f"table_prefix {_shown(event['table_prefix'])} is not that of {service_name}: {prefix}"
        )
    s3_base = S3Address.parse(event["s3_base"], field="s3_base")
    if not s3_base.key:
        raise InvalidPayload(f"s3_base {s3_base} is a bare bucket: add a prefix")
    replace_newer = event.get("replace_newer", False)
    if not isinstance(replace_newer, bool):
        raise InvalidPayload(f"replace_newer must be true or false, not {_shown(replace_newer)}")
    execution = parse_execution_token(event["execution"])
    return Publication(
        service_name=service_name,
        prefix=prefix,
        s3_base=str(s3_base),
        execution=execution,
        execution_date=parse_date(event["execution_date"], field="execution_date"),
        replace_newer=replace_newer,
        tables=_parse_tables(event["tables"], str(s3_base), prefix, execution),
    )


def _parse_tables(given: Any, s3_base: str, prefix: str, execution: str) -> tuple[Staged, ...]:
    if not isinstance(given, list):
        raise InvalidPayload(f"tables must be a list, not {_shown(given)}")
    found: dict[str, Staged] = {}
    for number, table in enumerate(given):
        field = f"tables[{number}]"
        check_fields(table, _TABLE_FIELDS, field)
        query_type = table["query_type"]
        if not isinstance(query_type, str) or query_type not in load_catalog():
            raise InvalidPayload(
                f"{field}.query_type {_shown(query_type)} is unknown; the query types are: "
                f"{', '.join(load_catalog())}"
            )
        if query_type in found:
            raise InvalidPayload(f"{field}: {query_type} is given twice")
        leaf = _own_leaf(table, s3_base, prefix, execution, field=field)
        count = _parse_count(table["row_count"], field=f"{field}.row_count")
        found[query_type] = Staged(query_type, leaf, count)
    missing = [query_type for query_type in load_catalog() if query_type not in found]
    if missing:
        raise InvalidPayload(f"tables lacks {', '.join(missing)}: all are published together")
    return tuple(found[query_type] for query_type in load_catalog())


def _own_leaf(
    table: Mapping[str, Any], s3_base: str, prefix: str, execution: str, *, field: str
) -> Leaf:
    """Return where a table's data lie, by nothing that the payload says without proof."""
    try:
        leaf = Leaf.parse(
            table["location"], s3_base=s3_base, prefix=prefix, query_type=table["query_type"]
        )
    except InvalidName as error:
        raise InvalidPayload(f"{field}: {error}") from error
    if leaf.execution != execution:
        raise InvalidPayload(f"{field}.location {leaf.location} is not of execution {execution}")
    if table["table"] != leaf.staging_table:
        raise InvalidPayload(
            f"{field}.table {_shown(table['table'])} is not {leaf.staging_table}, the table at "
            f"{leaf.location}"
        )
    return leaf


def _parse_count(value: Any, *, field: str) -> int:
    """Return a number of rows; the result of a query says it as text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (int, str)) or isinstance(value, bool):
        raise InvalidPayload(f"{field} must be a whole number, not {_shown(value)}")
    if not _COUNT.fullmatch(str(value)):
        raise InvalidPayload(f"{field} must be a whole number, 0 or more, not {_shown(value)}")
    return int(value)


def _shown(value: Any) -> str:
    return repr(value)[:80]
