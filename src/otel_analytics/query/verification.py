"""The Lambda `athena-checks-builder`: a service's tables in, one statement of all checks out.

The statement only reads. Its rows: check_name, severity, query_type ('' if of the service as a
whole), found, message; one for each check and table, those that passed with found = 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from otel_analytics.checks import load_checks
from otel_analytics.checks.catalog import EACH
from otel_analytics.errors import InvalidName, InvalidPayload
from otel_analytics.metrics import load_catalog
from otel_analytics.names import (
    EXECUTION_DATE_PARAMETER,
    EXECUTION_PARAMETER,
    ROW_COUNT_PARAMETER,
    Leaf,
    S3Address,
    parse_date,
    parse_execution_token,
    parse_service_name,
    parse_table_prefix,
    table_name,
)
from otel_analytics.query.binding import date_literal
from otel_analytics.query.check_relations import (
    CheckedTable,
    Subject,
    relation_builders,
    with_what_they_read,
)
from otel_analytics.query.checks import check_columns, findings_text
from otel_analytics.query.events import template
from otel_analytics.query.fields import check_fields
from otel_analytics.query.handler import source_of
from otel_analytics.query.syntax import athena_text, check_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from otel_analytics.checks import Check
    from otel_analytics.config import Settings
    from otel_analytics.metrics import Reads

__all__ = [
    "MAX_FINDINGS",
    "MAX_MESSAGES",
    "MAX_MESSAGE_CHARACTERS",
    "MAX_ROWS",
    "CatalogTable",
    "build_checks_query",
    "build_verification",
]

_FIELDS: Final = (
    "service_name", "table_prefix", "s3_base", "execution_date", "execution", "source", "tables",
)  # fmt: skip
_TABLE_FIELDS: Final = ("query_type", "table", "location")
# What a row tells of one event, and not of a visit.
_OF_EVENTS: Final = ("event_name", "is_session_start", "is_product_view", "is_cart_add")
_TABLE_NAME: Final = re.compile(r"[a-z0-9_]{1,255}")
MAX_FINDINGS: Final = 20
# A state reads the rows in one page of 256 KiB: 218 bytes a row and 6 a character, which is what
# JSON makes of a control character, are 207 KB at most.
MAX_ROWS: Final = 400
MAX_MESSAGES: Final = 40
MAX_MESSAGE_CHARACTERS: Final = 500
_UNREADABLE: Final = (
    "a finding cannot be read, since found is no whole number, 0 or more, or query_type is none of "
    "the tables: correct the check; "
)


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """What a check needs of a table's entry in the catalog."""

    location: str
    parameters: Mapping[str, str]


def build_verification(
    event: Any, *, settings: Settings, get_table: Callable[[str], CatalogTable | None]
) -> dict[str, Any]:
    """Return the statement that checks the tables of one service.

    `get_table` looks a table of the database up by its name, None if there is none. `execution` is
    None in the event for tables that are published. What is not there is a finding; checks that
    read it are left out.

    Shape:  query_string
    Raises: InvalidPayload naming the field and what is allowed; CheckError naming file and line
    """
    try:
        subject = _parse(event, settings=settings, get_table=get_table)
    except InvalidName as error:
        raise InvalidPayload(str(error)) from error
    checks = load_checks(settings.checks.folder)
    for name in checks.keys() - load_checks().keys():
        check_columns(checks[name])
    return {"query_string": build_checks_query(checks.values(), subject, settings)}


def build_checks_query(checks: Iterable[Check], subject: Subject, settings: Settings) -> str:
    """Return one Athena statement that makes the checks, but those that read what is not there.

    Raises: CheckError naming file and line; InvalidPayload if the text is longer than Athena takes,
        or its rows are more than `MAX_ROWS`
    """
    checks = list(checks)
    builders = relation_builders(subject, settings, reads=_coarsest(checks))
    checks = [check for check in checks if builders.keys() >= set(check.reads)]
    _check_rows(checks, subject)
    parameters = _parameters(subject, settings)
    read = with_what_they_read({"tables", *(name for check in checks for name in check.reads)})
    relations = {name: athena_text(builders[name]()) for name in builders if name in read}
    relations["findings"] = " UNION ALL ".join(findings_text(one, parameters) for one in checks)
    relations["checks"] = athena_text(_listed(checks, settings))
    ctes = (f"{name} AS ({text})" for name, text in relations.items())
    text = f"WITH {', '.join(ctes)}, {_judgement()}"
    check_size(
        text,
        of="the query of the checks",
        instead="name fewer events in the settings, or have fewer checks of your own",
    )
    return text


@cache
def _judgement() -> str:
    """Return what makes the rows of a verification of findings, without its WITH."""
    query = template(
        "verification.sql",
        {},
        {
            "most": exp.Literal.number(MAX_FINDINGS),
            "each": exp.Literal.string(EACH),
            "unreadable": exp.Literal.string(_UNREADABLE),
            "messages": exp.Literal.number(MAX_MESSAGES),
            "characters": exp.Literal.number(MAX_MESSAGE_CHARACTERS),
        },
    )
    return athena_text(query).removeprefix("WITH ")


def _coarsest(checks: Iterable[Check]) -> Reads:
    """Return the coarsest rows of `events` that tell the checks what they ask of an event."""
    texts = [check.sql.lower() for check in checks if "events" in check.reads]
    return "events" if any(name in text for name in _OF_EVENTS for text in texts) else "visits"


def _check_rows(checks: Iterable[Check], subject: Subject) -> None:
    """Check that what the checks can give fits into the page that is read of it.

    Raises: InvalidPayload
    """
    # what is of each table may also have findings that are of none
    rows = sum(len(subject.tables) + 1 if check.table == EACH else 1 for check in checks)
    if rows > MAX_ROWS:
        raise InvalidPayload(
            f"the checks give up to {rows} rows, one for each check and table, and {MAX_ROWS} can "
            "be read: have fewer checks of your own in checks.folder, or let one file find more"
        )


def _listed(checks: Iterable[Check], settings: Settings) -> exp.Select:
    names = ("check_name", "severity", "of_table", "message")
    rows = [
        (check.name, check.severity_under(settings), check.table, check.message) for check in checks
    ]
    values = exp.values(rows, alias="listed", columns=names)
    return exp.select(*names).from_(values, copy=False)


def _parameters(subject: Subject, settings: Settings) -> dict[str, exp.Expr]:
    window_start, window_end = subject.window("mau", settings)
    cohort_start, _ = subject.window("user_cohort", settings)
    return {
        "cohort_start": date_literal(cohort_start),
        "execution": exp.Literal.string(subject.execution or ""),
        "execution_date": date_literal(subject.execution_date),
        "max_row_count_drop": exp.Literal.number(settings.checks.max_row_count_drop),
        "service_name": exp.Literal.string(subject.service_name),
        "window_start": date_literal(window_start),
        "window_end": date_literal(window_end),
    }


@dataclass(frozen=True, slots=True)
class _Request:
    """What the event says of all tables."""

    table_prefix: str
    s3_base: str
    execution_date: date
    execution: str | None


def _parse(
    event: Any, *, settings: Settings, get_table: Callable[[str], CatalogTable | None]
) -> Subject:
    check_fields(event, _FIELDS, "the event")
    request = _Request(
        table_prefix=parse_table_prefix(event["table_prefix"]),
        s3_base=str(S3Address.parse(event["s3_base"], field="s3_base")),
        execution_date=parse_date(event["execution_date"], field="execution_date"),
        execution=None if event["execution"] is None else parse_execution_token(event["execution"]),
    )
    return Subject(
        service_name=parse_service_name(event["service_name"], field="service_name"),
        execution_date=request.execution_date,
        execution=request.execution,
        tables=tuple(
            _look_up(entry, request, get_table) for entry in _entries(event["tables"]).values()
        ),
        has_source=get_table(settings.source.table) is not None,
        source=source_of(event, settings),
    )


def _entries(tables: Any) -> dict[str, dict[str, str]]:
    """Return the event's tables by query type, in the order of the catalog."""
    known = load_catalog()
    if not isinstance(tables, list):
        raise InvalidPayload(f"tables must be a list of objects with {', '.join(_TABLE_FIELDS)}")
    entries: dict[str, dict[str, str]] = {}
    for position, entry in enumerate(tables):
        where = f"tables[{position}]"
        check_fields(entry, _TABLE_FIELDS, where)
        for name in _TABLE_FIELDS:
            if not isinstance(entry[name], str):
                raise InvalidPayload(f"{where}.{name} must be a text, not {entry[name]!r:.80}")
        if not _TABLE_NAME.fullmatch(entry["table"]):
            raise InvalidPayload(f"{where}.table {entry['table'][:80]!r} is no name: use a–z 0–9 _")
        entries[entry["query_type"]] = entry
    if len(tables) != len(known) or entries.keys() != known.keys():
        raise InvalidPayload(f"tables must have one entry for each of {', '.join(known)}")
    return {query_type: entries[query_type] for query_type in known}


def _look_up(
    entry: Mapping[str, str], request: _Request, get_table: Callable[[str], CatalogTable | None]
) -> CheckedTable:
    """Return what the catalog has of a table of the event.

    Raises: InvalidName if a staging table does not lie where its execution builds it
    """
    query_type, name = entry["query_type"], entry["table"]
    table = get_table(name)
    execution = table.parameters.get(EXECUTION_PARAMETER, "") if table else ""
    if request.execution is not None:
        location = entry["location"]
        leaf = Leaf.parse(
            location, s3_base=request.s3_base, prefix=request.table_prefix, query_type=query_type
        )
        if (leaf.execution, leaf.staging_table) != (request.execution, name):
            raise InvalidName(f"{name} at {location} is no staging table of {request.execution}")
        is_at_leaf = table is not None and table.location.rstrip("/") == location.rstrip("/")
        execution = request.execution if is_at_leaf else ""
    return CheckedTable(
        query_type=query_type,
        name=name,
        is_there=table is not None,
        execution=execution,
        published_rows=_published_rows(
            get_table(table_name(request.table_prefix, query_type)), request.execution_date
        ),
    )


def _published_rows(published: CatalogTable | None, execution_date: date) -> int | None:
    """Return the row count of the last publication, if it is of this or an earlier date."""
    said = published.parameters if published else {}
    rows = said.get(ROW_COUNT_PARAMETER, "")
    # Dates as ISO text are in the order of the dates.
    is_later = said.get(EXECUTION_DATE_PARAMETER, "") > execution_date.isoformat()
    return int(rows) if rows.isdecimal() and not is_later else None
