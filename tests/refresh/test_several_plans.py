"""A refresh of more partitions than one plan may name: several plans, and all of it once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from otel_analytics.config import Activity, Settings
from otel_analytics.pipeline.refresh import RawFile, RefreshPlan, plan_refresh
from otel_analytics.query.levels import days_between, load_levels
from tests.oracle.seven_tables import Event
from tests.refresh.lakes import at, open_lake, partitions_of

if TYPE_CHECKING:
    from pathlib import Path

# Every day that the windows of E read: MAU's first is thirteen months back.
FIRST, LAST, E = date(2024, 3, 1), date(2025, 3, 10), date(2025, 3, 11)
SETTINGS = Settings(activity=Activity(days_per_query=100))
# 375 days of activity, visits; 13 months of services; 12 that are over of MAU, and 11 of users,
# whose window of 365 days begins in the midst of March 2024; 90 days of each of four facts.
PERIODS = {
    "activity": 375,
    "activity_visits": 375,
    "activity_services": 13,
    "activity_users": 11,
    "activity_mau": 12,
    "activity_dau": 90,
    "activity_retention": 90,
    "activity_conversion": 90,
    "activity_session_metrics": 90,
}


def test_no_plan_names_more_than_a_thousand_partitions_and_together_they_name_each_once() -> None:
    files = {day.isoformat(): [RawFile("a.parquet", 1, "1")] for day in days_between(FIRST, LAST)}
    registered: dict[str, dict[str, str]] = {level: {} for level in load_levels()}
    plans: list[RefreshPlan] = []
    while not plans or plans[-1].has_more:
        plan = plan_refresh(E, files=files, registered=registered, settings=SETTINGS)
        plans.append(plan)
        for step in plan.steps:
            for period, version in step.periods:
                # of what was not registered before, and of no level before those below it
                assert period not in registered[step.level]
                registered[step.level][period] = version
    sizes = [sum(len(step.periods) for step in plan.steps) for plan in plans]
    assert sizes == [1000, sum(PERIODS.values()) - 1000]
    assert {level: len(periods) for level, periods in registered.items()} == PERIODS
    settled = plan_refresh(E, files=files, registered=registered, settings=SETTINGS)
    assert settled == RefreshPlan((), (), has_more=False)


def test_a_plan_of_exactly_a_thousand_partitions_is_the_last_one() -> None:
    """All stands but the first so many; what is built from these would be the same, and stands."""
    files = {day.isoformat(): [RawFile("a.parquet", 1, "1")] for day in days_between(FIRST, LAST)}
    whole: dict[str, dict[str, str]] = {level: {} for level in load_levels()}
    for _ in range(2):
        for step in plan_refresh(E, files=files, registered=whole, settings=SETTINGS).steps:
            whole[step.level].update(step.periods)
    for missing, has_more in ((1000, False), (1001, True)):
        every = [(level, period) for level, periods in whole.items() for period in periods]
        registered: dict[str, dict[str, str]] = {level: {} for level in load_levels()}
        for level, period in every[missing:]:
            registered[level][period] = whole[level][period]
        plan = plan_refresh(E, files=files, registered=registered, settings=SETTINGS)
        assert sum(len(step.periods) for step in plan.steps) == 1000
        assert plan.has_more is has_more


@pytest.mark.parametrize(
    ("days_per_query", "sizes"),
    [
        # of `activity`, of what is built from it, and twice as many again; of months one by one
        (1, {"activity": 1, "activity_visits": 2, "activity_dau": 6, "activity_mau": 1}),
        (15, {"activity": 15, "activity_visits": 30, "activity_dau": 90, "activity_mau": 3}),
        # Athena's limit of 100 partitions for one query, and 100 days are three months
        (100, {"activity": 100, "activity_visits": 100, "activity_dau": 90, "activity_mau": 3}),
    ],
)
def test_a_query_builds_as_many_days_as_the_settings_say_and_more_of_smaller_rows(
    days_per_query: int, sizes: dict[str, int]
) -> None:
    settings = Settings(activity=Activity(days_per_query=days_per_query))
    files = {day.isoformat(): [RawFile("a.parquet", 1, "1")] for day in days_between(FIRST, LAST)}
    registered: dict[str, dict[str, str]] = {level: {} for level in load_levels()}
    largest = dict.fromkeys(load_levels(), 0)
    for _ in range(2):
        for step in plan_refresh(E, files=files, registered=registered, settings=settings).steps:
            largest[step.level] = max(largest[step.level], len(step.periods))
            registered[step.level].update(step.periods)
    assert {level: largest[level] for level in sizes} == sizes


def test_a_query_reads_several_days_of_raw_logs_only_where_they_are_small() -> None:
    sizes_mb = [1, 2, 3, 4, 1, 25, 1, 9, 2, *[0] * 12]
    days = [LAST - timedelta(days=back) for back in reversed(range(len(sizes_mb)))]
    files = {
        day.isoformat(): [RawFile(f"{part}.parquet", size * 500_000, "1") for part in range(2)]
        for day, size in zip(days, sizes_mb, strict=True)
    }
    none: dict[str, dict[str, str]] = {level: {} for level in load_levels()}
    plan = plan_refresh(E, files=files, registered=none, settings=Settings())
    steps = [step.periods for step in plan.steps if step.level == "activity"]
    # no more than 10 MB or a day, and no more than 10 days
    assert [len(periods) for periods in steps] == [4, 1, 1, 2, 10, 3]
    assert [day for periods in steps for day, _ in periods] == list(files)


def test_a_year_of_logs_is_refreshed_by_several_plans_and_equals_the_raw_logs(
    tmp_path: Path,
) -> None:
    with open_lake(tmp_path / "home", SETTINGS) as lake:
        for day in days_between(FIRST, LAST):
            user = f"u{day.toordinal() % 5}"
            event = Event("shop", at(f"{day} 12:00"), "commerce.session.start", user, f"s-{day}")
            lake.write(day, "in-time", [event])
        first = lake.plan(E)
        assert first["has_more"] is True
        lake.refresh(E)
        assert {level: len(partitions_of(lake, level)) for level in load_levels()} == PERIODS
        assert lake.plan(E) == {"stages": [], "dropped": 0, "has_more": False}
        assert lake.tables("activity", ["shop"], E) == lake.tables("raw", ["shop"], E)
