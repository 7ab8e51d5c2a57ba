"""The queries that build partitions of a level, and what tells one state of them from another."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from otel_analytics.metrics import load_catalog
from otel_analytics.query.build import bound_metric, with_events
from otel_analytics.query.events import build_level_events, template
from otel_analytics.query.levels import (
    ACTIVITY,
    PERIOD,
    Level,
    days_of,
    event_days,
    period_of,
    ranges_of,
)
from otel_analytics.query.source import (
    event_date,
    mapped_columns,
    of_partitions,
    partition_text,
    source_table,
)
from otel_analytics.query.syntax import athena_text, check_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_analytics.config import Settings

__all__ = ["build_level_table", "level_fingerprint"]

# Two thirds of the bytes that the default takes, at the same speed.
_COMPRESSION: Final = "ZSTD"
# A day whose query stands for those of all others.
_ANY_DAY: Final = date(2001, 1, 1)


def build_level_table(
    level: Level, periods: Sequence[str], *, table: str, location: str, settings: Settings
) -> str:
    """Return the CTAS statement that builds partitions of a level, in Athena's dialect.

    Raises: InvalidPayload if the text is longer than Athena takes
    """
    properties = [
        exp.FileFormatProperty(this=exp.Literal.string("PARQUET")),
        _property("external_location", exp.Literal.string(location)),
        _property("write_compression", exp.Literal.string(_COMPRESSION)),
        _property("partitioned_by", exp.array(exp.Literal.string(PERIOD))),
    ]
    create = exp.Create(
        this=exp.table_(table, db=settings.athena.database, quoted=True),
        kind="TABLE",
        properties=exp.Properties(expressions=properties),
        expression=_build_select(level, periods, settings),
    )
    text = athena_text(create, pretty=True)
    check_size(
        text, instead="name fewer events in the settings, or set activity.days_per_query lower"
    )
    return text


@lru_cache(maxsize=64)
def level_fingerprint(level: Level, settings: Settings) -> str:
    """Return what changes whenever partitions of a level would be built by another query."""
    period = period_of(_ANY_DAY, level.grain)
    text = athena_text(_build_select(level, [period], settings))
    return sha256(text.encode()).hexdigest()


def _build_select(level: Level, periods: Sequence[str], settings: Settings) -> exp.Select:
    """Return the SELECT of the rows of some partitions.

    Shape:  the level's columns, then its period
    """
    select = _build_rows(level, periods, settings)
    return _of_one_period(select, periods[0]) if len(periods) == 1 else select


def _of_one_period(select: exp.Select, period: str) -> exp.Select:
    """Return the SELECT with its period as a constant: an engine need not divide rows by it."""
    select.selects[-1].replace(exp.Literal.string(period).as_(PERIOD))
    for name in ("group", "order"):
        if clause := select.args.get(name):
            clause.set("expressions", [key for key in clause.expressions if key.name != PERIOD])
    return select


def _build_rows(level: Level, periods: Sequence[str], settings: Settings) -> exp.Select:
    if level.source is None:
        return _build_activity(periods, settings)
    events = build_level_events(
        "events" if level.source == ACTIVITY else "visits",
        service_names=None,
        days=event_days(level, periods),
        settings=settings,
    )
    if level.query_type is not None:
        return _build_facts(level, periods, events, settings)
    return with_events(template(f"{level.name}.sql", {}, {}), events)


def _build_activity(periods: Sequence[str], settings: Settings) -> exp.Select:
    days = [days_of(period)[0] for period in periods]
    slack = timedelta(days=settings.source.partition_slack_days + 1)
    period = exp.cast(exp.column(PERIOD), "DATE")
    in_reach: exp.Expr = exp.true()
    if not settings.reads_own_lake:
        # Events whose day no query looks for in this partition are of no use.
        in_reach = exp.Between(
            this=exp.column("event_date"),
            low=_days_after(period, -slack.days),
            high=_days_after(period, slack.days),
        )
    return template(
        "activity.sql",
        {"source": source_table(settings)},
        {
            **mapped_columns(settings),
            "period": partition_text(settings),
            "event_date": event_date(min(days) - slack, max(days) + slack, settings),
            "in_partitions": of_partitions(ranges_of(days), settings),
            "in_reach": in_reach,
        },
    )


def _days_after(day: exp.Expr, days: int) -> exp.Expr:
    later = exp.DateAdd(this=day.copy(), expression=exp.Literal.number(days), unit=exp.var("day"))
    return exp.cast(later, "DATE")


def _build_facts(
    level: Level, periods: Sequence[str], events: exp.Select, settings: Settings
) -> exp.Select:
    """Return the rows of a metric over the events of just these periods, of all services."""
    metric = load_catalog()[str(level.query_type)]
    assert metric.period is not None  # noqa: S101 - else there would be no such level
    days = event_days(level, periods)
    last_day = days[-1][1]
    select = bound_metric(
        metric,
        first_day=days[0][0],
        last_day=last_day,
        execution_date=last_day + timedelta(days=1),
        settings=settings,
    )
    period = exp.cast(exp.column(metric.period.column, quoted=True), "VARCHAR")
    columns = [exp.column(name, quoted=True) for name, _ in level.columns]
    return (
        exp.select(*columns, period.as_(PERIOD))
        .from_(with_events(select, events).subquery("facts", copy=False), copy=False)
        .where(period.copy().isin(*map(exp.Literal.string, periods)), copy=False)
        .order_by(PERIOD, "service_name", copy=False)
    )


def _property(name: str, value: exp.Expr) -> exp.Property:
    return exp.Property(this=exp.Literal.string(name), value=value)
