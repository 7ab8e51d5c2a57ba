"""The plans that a refresh would make, found without changing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_analytics.local.catalog import EntityNotFound
from otel_analytics.local.raw_files import find_raw_files
from otel_analytics.pipeline.refresh import VERSION, needed_days, plan_refresh
from otel_analytics.query.levels import load_levels, partition_range
from otel_analytics.query.statements import TableName

if TYPE_CHECKING:
    from datetime import date

    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.pipeline.refresh import RefreshPlan

__all__ = ["planned_refresh"]


def planned_refresh(aws: EmbeddedAws, execution_date: date) -> list[RefreshPlan]:
    """Return the plans that a refresh would make, one after the other.

    Raises: EntityNotFound if there is no table of raw logs; Failed if it is not partitioned as the
        settings say
    """
    settings, database = aws.settings, aws.settings.athena.database
    files = find_raw_files(
        aws.catalog.table(TableName(settings.source.table, database)),
        partition_range(*needed_days(execution_date, settings), settings),
        store=aws.store,
        settings=settings,
    )
    registered = {name: _versions(aws, TableName(name, database)) for name in load_levels()}
    plans: list[RefreshPlan] = []
    while not plans or plans[-1].has_more:
        plan = plan_refresh(execution_date, files=files, registered=registered, settings=settings)
        for step in plan.steps:
            registered[step.level] |= dict(step.periods)
        plans.append(plan)
    return plans


def _versions(aws: EmbeddedAws, level: TableName) -> dict[str, str]:
    try:
        table = aws.catalog.table(level)
    except EntityNotFound:
        return {}
    return {one.values[0]: one.parameters[VERSION] for one in table.partitions}
