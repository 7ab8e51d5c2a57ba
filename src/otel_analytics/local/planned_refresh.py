"""The plans that a refresh would make, found without changing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_analytics.operations.raw_files import find_raw_files
from otel_analytics.operations.refresher import registered_versions
from otel_analytics.pipeline.refresh import plan_refresh
from otel_analytics.query.levels import load_levels
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
        execution_date,
        store=aws.store,
        settings=settings,
    )
    tables = {name: aws.catalog.find(TableName(name, database)) for name in load_levels()}
    registered = {name: registered_versions(table) for name, table in tables.items()}
    plans: list[RefreshPlan] = []
    while not plans or plans[-1].has_more:
        plan = plan_refresh(execution_date, files=files, registered=registered, settings=settings)
        for step in plan.steps:
            registered[step.level] |= dict(step.periods)
        plans.append(plan)
    return plans
