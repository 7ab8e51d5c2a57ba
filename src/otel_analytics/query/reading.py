"""Queries that read published tables: a `.sql` text with its tables and values put in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from otel_analytics.query.binding import bind, date_literal
from otel_analytics.query.exact import expand_exact_ratios
from otel_analytics.query.syntax import athena_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["Macro", "Output", "build_reading", "columns_of"]


@dataclass(frozen=True, slots=True)
class Macro:
    """What whoever runs a query writes a time for, as Grafana does for `$__timeFrom()`."""

    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """The columns that a reader wants, with the names that it gives them.

    `time` is the column that becomes the TIMESTAMP `time`, by which the rows are then in order.
    `partial` are the names of further columns, which have the value where the row `is_partial`.
    """

    columns: Mapping[str, str]
    time: str | None = None
    partial: Mapping[str, str] = field(default_factory=dict)


def build_reading(
    sql: str,
    *,
    tables: Mapping[str, str],
    values: Mapping[str, date | Macro],
    database: str,
    output: Output | None = None,
) -> str:
    """Return a query in Athena's dialect: `sql` with its tables named and its parameters bound.

    `tables` says for each relation of the text which table of the database it is. Names are quoted
    and values become typed literals, whatever they hold. EXACT_RATE and EXACT_AVERAGE are written
    out as in metrics.

    Raises: KeyError if a parameter has no value
    """
    query = _parse(sql).copy()
    for table in list(query.find_all(exp.Table)):
        if table.name in tables:
            named = exp.table_(tables[table.name], db=database, quoted=True)
            named.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias_or_name)))
            table.replace(named)
    bind(query, {name: _literal(value) for name, value in values.items()})
    if output is not None:
        query = _put_out(query, output)
    return athena_text(query, pretty=True)


def columns_of(sql: str) -> tuple[str, ...]:
    """Return the names of the columns that a reading's text gives."""
    return tuple(_parse(sql).named_selects)


def _put_out(query: exp.Query, output: Output) -> exp.Select:
    # Trino drops the order of a subquery: https://github.com/trinodb/trino/pull/818
    order = query.args.pop("order").expressions
    for column in (found for one in order for found in one.find_all(exp.Column)):
        column.set("table", exp.to_identifier("panel"))
    selected = []
    if output.time is not None:
        time = exp.cast(exp.column(output.time, quoted=True), "TIMESTAMP").as_("time")
        selected, order = [time], [exp.column("time"), *order]
    for name, title in output.columns.items():
        value, is_partial = exp.column(name, quoted=True), exp.column("is_partial")
        if name not in output.partial:
            selected.append(value.as_(title, quoted=True))
            continue
        whole = exp.Case(default=value).when(is_partial, exp.null())
        part = exp.Case().when(is_partial, value.copy())
        selected += [whole.as_(title, quoted=True), part.as_(output.partial[name], quoted=True)]
    rows = query.subquery("panel", copy=False)
    return exp.select(*selected).from_(rows, copy=False).order_by(*order)


def _literal(value: date | Macro) -> exp.Expr:
    if isinstance(value, Macro):
        return exp.cast(exp.Var(this=value.text), "DATE")
    return date_literal(value)


@lru_cache(maxsize=64)
def _parse(sql: str) -> exp.Query:
    query = sqlglot.parse_one(sql, read="athena")
    assert isinstance(query, exp.Query)  # noqa: S101 - the package's own texts
    expand_exact_ratios(query)
    return query
