"""The query builder: one metric, some services and a date in; one Athena statement out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from otel_analytics.errors import MetricError
from otel_analytics.metrics.catalog import find_metric
from otel_analytics.query.binding import bind, date_literal, parameters_of
from otel_analytics.query.events import build_events, build_level_events, level_table
from otel_analytics.query.exact import expand_exact_ratios
from otel_analytics.query.levels import (
    PERIOD,
    facts_of,
    whole_periods,
    without_periods,
)
from otel_analytics.query.syntax import athena_text, check_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.metrics import Metric
    from otel_analytics.query.levels import DayRange

__all__ = [
    "MAX_PARTITIONS",
    "QueryRequest",
    "bound_metric",
    "build_create_table",
    "build_select",
    "window_of",
    "with_events",
]

QueryT = TypeVar("QueryT", bound=exp.Query)

# Of one query: https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html
MAX_PARTITIONS = 100


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What one query is for; every part is checked (`names`) before it comes here.

    `source` is what is read: the raw logs, or the activity tables.
    """

    query_type: str
    service_names: tuple[str, ...]
    execution_date: date
    source: str = "raw"


def build_select(request: QueryRequest, settings: Settings) -> exp.Query:
    """Return the parsed SELECT that computes a metric, its values bound as literals.

    Shape:  the columns of the metric's header; only the window's partitions are read
    Raises: InvalidName for an unknown query type; MetricError if the `.sql` file is wrong
    """
    metric = find_metric(request.query_type)
    window = first_day, last_day = window_of(metric, request.execution_date, settings)
    if request.source == "raw":
        events = build_events(
            service_names=request.service_names,
            first_day=first_day,
            last_day=last_day,
            settings=settings,
        )
        return with_events(_bound(metric, request, window, settings), events)
    whole = whole_periods(first_day, last_day, metric.period.grain) if metric.period else []
    if not whole:
        return _over_levels(metric, request, window, [window], settings)
    facts = _facts(metric, request, whole, first_day, settings)
    cut = without_periods([window], whole)
    if not cut:
        return facts
    rest = _over_levels(metric, request, window, cut, settings)
    ctes = rest.args.pop("with_")
    united = exp.union(facts, rest, distinct=False, copy=False)
    united.set("with_", ctes)
    return united


def window_of(metric: Metric, execution_date: date, settings: Settings) -> DayRange:
    """Return the first and the last day that a metric reads, and its table may hold."""
    first_day = metric.window.first_day(execution_date)
    if settings.min_data_date is not None:
        first_day = max(first_day, settings.min_data_date)
    return first_day, execution_date - timedelta(days=1)


def _over_levels(
    metric: Metric,
    request: QueryRequest,
    window: DayRange,
    days: Sequence[DayRange],
    settings: Settings,
) -> exp.Query:
    """Return the metric over the events of some days of its window."""
    events = build_level_events(
        metric.reads, service_names=request.service_names, days=days, settings=settings
    )
    return with_events(_bound(metric, request, window, settings), events)


def _facts(
    metric: Metric,
    request: QueryRequest,
    periods: Sequence[str],
    first_day: date,
    settings: Settings,
) -> exp.Select:
    """Return the rows of periods that lie wholly in the window, which are there already."""
    assert metric.period is not None  # noqa: S101 - seen by the caller
    columns = [exp.column(column.name, quoted=True) for column in metric.columns[:-1]]
    names = [exp.Literal.string(name) for name in request.service_names]
    low, high = exp.Literal.string(periods[0]), exp.Literal.string(periods[-1])
    facts = (
        exp.select(*columns, date_literal(request.execution_date).as_("execution_date"))
        .from_(level_table(facts_of(metric), settings), copy=False)
        .where(exp.column("service_name").isin(*names), copy=False)
        .where(exp.Between(this=exp.column(PERIOD), low=low, high=high), copy=False)
    )
    if metric.period.base_column is not None:
        base = exp.column(metric.period.base_column, quoted=True)
        facts.where(exp.GTE(this=base, expression=date_literal(first_day)), copy=False)
    return facts


def _bound(
    metric: Metric, request: QueryRequest, window: DayRange, settings: Settings
) -> exp.Query:
    first_day, last_day = window
    return bound_metric(
        metric,
        first_day=first_day,
        last_day=last_day,
        execution_date=request.execution_date,
        settings=settings,
    )


def bound_metric(
    metric: Metric, *, first_day: date, last_day: date, execution_date: date, settings: Settings
) -> exp.Query:
    """Return a metric's SELECT over `events`, which is still to come, its values bound.

    Raises: MetricError if the `.sql` file is wrong
    """
    select = _parse(metric).copy()
    bind(
        select,
        {
            "execution_date": date_literal(execution_date),
            "window_start": date_literal(first_day),
            "window_end": date_literal(last_day),
            "max_names": exp.Literal.number(settings.events.max_names),
        },
    )
    return select


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
    text = athena_text(create, pretty=True)
    check_size(text, instead="name fewer services or events")
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


def with_events(select: QueryT, events: exp.Select) -> QueryT:
    """Return a SELECT, changed in place, before which the relation `events` stands."""
    cte = exp.CTE(this=events, alias=exp.TableAlias(this=exp.to_identifier("events")))
    existing = select.ctes
    select.set("with_", exp.With(expressions=[cte, *existing]))
    return select
