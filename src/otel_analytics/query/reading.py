"""Queries that read published tables: a `.sql` text with its tables and values put in."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from otel_analytics.query.binding import bind, date_literal
from otel_analytics.query.exact import expand_exact_ratios

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["build_reading"]


def build_reading(
    sql: str, *, tables: Mapping[str, str], values: Mapping[str, date | str], database: str
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
    return query.sql(dialect="athena", pretty=True, comments=False)


def _literal(value: date | str) -> exp.Expr:
    return exp.Literal.string(value) if isinstance(value, str) else date_literal(value)


@lru_cache(maxsize=64)
def _parse(sql: str) -> exp.Query:
    query = sqlglot.parse_one(sql, read="athena")
    assert isinstance(query, exp.Query)  # noqa: S101 - the package's own texts
    expand_exact_ratios(query)
    return query
