"""Checks as parsed SQL, each held to what its header declares."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.qualify import qualify

from otel_analytics.checks.catalog import EACH, RELATIONS
from otel_analytics.errors import CheckError
from otel_analytics.metrics import load_catalog
from otel_analytics.query.binding import bind, parameters_of
from otel_analytics.query.syntax import position_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_analytics.checks import Check

__all__ = ["check_columns", "findings_text", "parse_check"]

_OPTIONAL_COLUMNS: Final = {"found"}


def findings_text(check: Check, parameters: Mapping[str, exp.Expr]) -> str:
    """Return the SELECT of a check's findings in Athena's dialect, its values bound as literals.

    Shape:  check_name, query_type, found, finding
    Raises: CheckError naming file and line if the file is not what its header says
    """
    return _findings_text(check, tuple(parameters[name] for name in check.parameters))


# Most checks have the same text for every service.
@lru_cache(maxsize=1024)
def _findings_text(check: Check, values: tuple[exp.Expr, ...]) -> str:
    select = parse_check(check).copy()
    bind(select, dict(zip(check.parameters, values, strict=True)))
    of_table: exp.Expr = exp.Literal.string(check.table)
    if check.table == EACH:
        of_table = exp.column("query_type")
    found = exp.column("found") if "found" in _column_names(select) else exp.Literal.number(1)
    findings = exp.select(
        exp.Literal.string(check.name).as_("check_name"),
        of_table.as_("query_type"),
        found.as_("found"),
        "finding",
    )
    findings.from_(select.subquery("of_check", copy=False), copy=False)
    return findings.sql(dialect="athena", comments=False, copy=False)


@lru_cache(maxsize=256)
def parse_check(check: Check) -> exp.Query:
    """Return a check's SELECT.

    Raises: CheckError naming file and line
    """
    select = _parse_select(check)
    used, declared = parameters_of(select), set(check.parameters)
    if used != declared:
        raise CheckError(
            f"params declares {sorted(declared)}, the SQL uses {sorted(used)}", where=check.file
        )
    ctes = {cte.alias.lower() for cte in select.find_all(exp.CTE)}
    tables = [t for t in select.find_all(exp.Table) if t.db or t.name.lower() not in ctes]
    for table in tables:
        if table.db or table.name.lower() not in check.reads:
            line, _ = position_of(check.sql, table)
            raise CheckError(
                f"reads '{table.sql('athena')}', which the header's reads does not name",
                where=f"{check.file}:{check.sql_line + line - 1}",
            )
    if unread := set(check.reads) - {table.name.lower() for table in tables}:
        raise CheckError(
            f"reads names {sorted(unread)}, which the SQL does not read", where=check.file
        )
    needed = {"finding"} | ({"query_type"} if check.table == EACH else set())
    columns = _column_names(select)
    if not needed <= set(columns) <= needed | _OPTIONAL_COLUMNS or len(columns) > len(set(columns)):
        raise CheckError(
            f"the columns must be {', '.join(sorted(needed))} and, if findings count more than "
            f"once, found; they are {', '.join(columns)}",
            where=f"{check.file}:{check.sql_line}",
        )
    return select


@lru_cache(maxsize=256)
def check_columns(check: Check) -> None:
    """Check that every column of a check is one of what it reads.

    Raises: CheckError naming file and line
    """
    schema: dict[str, object] = {
        metric.query_type: {c.name: c.type for c in metric.columns}
        for metric in load_catalog().values()
    }
    schema |= {name: dict.fromkeys(r.columns, "VARCHAR") for name, r in RELATIONS.items()}
    try:
        qualify(parse_check(check).copy(), schema=schema, dialect="athena")
    except OptimizeError as error:
        what, _, place = str(error).partition(". Line: ")
        line = int(place.partition(",")[0]) if place else 1
        raise CheckError(what, where=f"{check.file}:{check.sql_line + line - 1}") from error


def _column_names(select: exp.Query) -> list[str]:
    return [name.lower() for name in select.named_selects]


def _parse_select(check: Check) -> exp.Query:
    try:
        statements = [one for one in sqlglot.parse(check.sql, read="athena") if one is not None]
    except SqlglotError as error:
        line, what = 1, str(error).splitlines()[0]
        if isinstance(error, ParseError) and error.errors:
            first = error.errors[0]
            line, what = int(first.get("line") or 1), str(first.get("description") or what)
        where = f"{check.file}:{check.sql_line + line - 1}"
        raise CheckError(f"is not SQL: {what}", where=where) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise CheckError("must be one SELECT", where=f"{check.file}:{check.sql_line}")
    return statements[0]
