"""The query builder: one metric, some services and a date in; one Athena statement out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from otel_analytics.errors import InvalidPayload, MetricError
from otel_analytics.metrics.catalog import find_metric
from otel_analytics.query.binding import bind, date_literal, parameters_of
from otel_analytics.query.events import build_events
from otel_analytics.query.exact import expand_exact_ratios

if TYPE_CHECKING:
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.metrics import Metric

__all__ = ["MAX_QUERY_BYTES", "QueryRequest", "build_create_table", "build_select"]

# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
MAX_QUERY_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What one query is for; every part is checked (`names`) before it comes here."""

    query_type: str
    service_names: tuple[str, ...]
    execution_date: date


def build_select(request: QueryRequest, settings: Settings) -> exp.Query:
    """Return the parsed SELECT that computes a metric, its values bound as literals.

    Shape:  the columns of the metric's header; only the window's partitions are read
    Raises: InvalidName for an unknown query type; MetricError if the `.sql` file is wrong
    """
    metric = find_metric(request.query_type)
    last_day = request.execution_date - timedelta(days=1)
    first_day = metric.window.first_day(request.execution_date)
    if settings.min_data_date is not None:
        first_day = max(first_day, settings.min_data_date)
    select = _parse(metric).copy()
    bind(
        select,
        {
            "execution_date": date_literal(request.execution_date),
            "window_start": date_literal(first_day),
            "window_end": date_literal(last_day),
            "max_names": exp.Literal.number(settings.events.max_names),
        },
    )
    events = build_events(
        service_names=request.service_names,
        first_day=first_day,
        last_day=last_day,
        settings=settings,
    )
    return _with_events(select, events)


def build_create_table(
    request: QueryRequest, *, table: str, location: str, settings: Settings
) -> str:
    """Return the CTAS statement that builds a metric's table at a location, in Athena's dialect.

    Raises: InvalidPayload if the text is longer than Athena takes
    Source: https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html
    """
    create = exp.Create(
        this=exp.table_(table, db=settings.athena.database, quoted=True),
        kind="TABLE",
        properties=exp.Properties(
            expressions=[
                exp.FileFormatProperty(this=exp.Literal.string("PARQUET")),
                exp.Property(
                    this=exp.Literal.string("external_location"),
                    value=exp.Literal.string(location),
                ),
            ]
        ),
        expression=build_select(request, settings),
    )
    text = create.sql(dialect="athena", pretty=True, comments=False)
    size = len(text.encode())
    if size > MAX_QUERY_BYTES:
        raise InvalidPayload(
            f"the query has {size} bytes, Athena takes {MAX_QUERY_BYTES}: "
            "name fewer services or events"
        )
    return text


@cache
def _parse(metric: Metric) -> exp.Query:
    where = f"{metric.query_type}.sql"
    try:
        select = sqlglot.parse_one(metric.sql, read="athena")
    except ParseError as error:
        line = error.errors[0].get("line") or 1 if error.errors else 1
        raise MetricError(str(error), where=f"{where}:{metric.sql_line + line - 1}") from error
    if not isinstance(select, exp.Query):
        raise MetricError("must be one SELECT", where=where)
    used, declared = parameters_of(select), set(metric.parameters)
    if used != declared:
        raise MetricError(
            f"params declares {sorted(declared)}, the SQL uses {sorted(used)}", where=where
        )
    names = [column.name for column in metric.columns]
    if select.named_selects != names:
        raise MetricError(
            f"the header's columns are {names}, the SQL's {select.named_selects}", where=where
        )
    try:
        expand_exact_ratios(select)
    except ValueError as error:
        raise MetricError(str(error), where=where) from error
    return select


def _with_events(select: exp.Query, events: exp.Select) -> exp.Query:
    cte = exp.CTE(this=events, alias=exp.TableAlias(this=exp.to_identifier("events")))
    existing = select.ctes
    select.set("with_", exp.With(expressions=[cte, *existing]))
    return select
