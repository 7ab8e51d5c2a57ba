"""What a refresh that died has built goes; what is registered stays, and what was before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from otel_analytics.asl import Identity
from otel_analytics.local.runner import this_process
from otel_analytics.names import S3Address, execution_token
from otel_analytics.pipeline.level_leaves import LevelLeaf, find_level_leaf
from otel_analytics.query.levels import load_levels
from tests.oracle.seven_tables import Event
from tests.refresh.lakes import at, open_lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_analytics.operations.cleaning import Cleaner
    from tests.refresh.lakes import Lake

E = date(2025, 3, 3)
LAKE = "s3://otel-analytics/lake"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with open_lake(tmp_path / "home") as opened:
        opened.write(date(2025, 3, 1), "first", [_event("2025-03-01 12:00")])
        yield opened


def _event(text: str) -> Event:
    return Event("shop", at(text), "open", "u1", "s1")


def _execution(lake: Lake, name: str, status: str) -> str:
    """Write down an execution as one that ended so; return its token."""
    executions = lake.aws.executions
    identity = Identity.of("pipeline", name, region="local", account="000000000000")
    executions.create(identity, value={}, definition={}, start=0.0, runner=this_process())
    with lake.aws.catalog.home.transaction() as connection:
        connection.execute("UPDATE executions SET status = ? WHERE name = ?", (status, name))
    return execution_token(name, executions.describe_execution(name)["executionArn"])


def _cleaner(lake: Lake) -> Cleaner:
    return replace(lake.aws.cleaner, settings=lake.settings)


def _counts(lake: Lake) -> dict[str, int]:
    return {level: int(lake.rows(f"SELECT COUNT(*) FROM {level}")[0][0]) for level in load_levels()}


def test_what_was_built_and_not_registered_goes_with_its_table(lake: Lake) -> None:
    token = _execution(lake, "dead", "FAILED")
    ((step, *_), *_) = [stage["steps"] for stage in lake.plan(E)["stages"]]
    lake.build(step, execution=token, number="1_0_0")
    found = _cleaner(lake).find()
    root = f"{LAKE}/activity/activity/{token}/1_0_0/0/"
    table = f"activity_{token}_1_0_0_0"
    assert [(one.kind, one.location, one.size.objects) for one in found] == [
        ("activity", root, 0),
        ("activity", f"{root}period=2025-03-01/", 1),
    ]
    assert [name.name for one in found for name in one.tables] == [table]
    _, cleaned = _cleaner(lake).delete()
    assert (cleaned.deletion.objects, cleaned.problems) == (1, ())
    assert table not in {one.name for one in lake.aws.catalog.tables("log_db")}
    assert list(lake.aws.store.list(S3Address.parse(f"{LAKE}/activity/"))) == []
    assert _cleaner(lake).find() == ()


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_registered_partitions_stay_and_those_before_them(lake: Lake, status: str) -> None:
    first, second = (_execution(lake, name, status) for name in ("first", "second"))
    lake.refresh(E, first)
    lake.write(date(2025, 3, 1), "late", [_event("2025-03-01 13:00")])
    lake.refresh(E, second)
    before = _counts(lake)
    assert _cleaner(lake).find() == ()
    assert _cleaner(lake).delete()[0] == ()
    assert _counts(lake) == before
    # the third change takes the data of the first
    files = {str(one.address) for one in lake.aws.store.list(S3Address.parse(f"{LAKE}/activity/"))}
    assert any(f"/{first}/" in file for file in files)


def test_what_a_step_under_way_builds_is_not_touched(lake: Lake) -> None:
    token = _execution(lake, "alive", "RUNNING")
    ((step, *_), *_) = [stage["steps"] for stage in lake.plan(E)["stages"]]
    inputs = lake.build(step, execution=token, number="1_0_0")
    assert _cleaner(lake).delete()[0] == ()
    assert lake.register(step, inputs, execution=token, number="1_0_0")["partitions"] == 1


def test_data_of_days_that_are_gone_go(lake: Lake) -> None:
    token = _execution(lake, "over", "SUCCEEDED")
    lake.refresh(E, token)
    lake.remove(lake.folder(date(2025, 3, 1)) / "first.parquet")
    lake.refresh(E, token)
    leftovers, _ = _cleaner(lake).delete()
    assert {one.kind for one in leftovers} == {"activity"}
    assert list(lake.aws.store.list(S3Address.parse(f"{LAKE}/activity/"))) == []


@pytest.mark.parametrize(
    "location",
    [
        f"{LAKE}/activity/activity/run_1/1_0_0/0",
        f"{LAKE}/activity/activity/run_1/1_0_0/",
        f"{LAKE}/activity/activity/run_1/1_0/0/",
        f"{LAKE}/activity/activity/run_1/1_0_0/00/",
        f"{LAKE}/activity/activities/run_1/1_0_0/0/",
        f"{LAKE}/activity2/activity/run_1/1_0_0/0/",
        f"{LAKE}/activity/activity/../1_0_0/0/",
        f"{LAKE}/../activity/activity/run_1/1_0_0/0/",
        f"{LAKE}/activity/activity/run_1/1_0_0/0/period=2025-03-01/more/",
        f"{LAKE}/activity/activity/run_1/1_0_0/0/periods=2025-03-01/",
        "activity/activity/run_1/1_0_0/0/",
        "s3:///activity/activity/run_1/1_0_0/0/",
    ],
)
def test_any_other_address_is_none_of_a_step(location: str) -> None:
    assert find_level_leaf(location) is None


def test_the_address_of_a_step_and_of_its_partition_are_known() -> None:
    leaf = LevelLeaf("activity_dau", "run_1", "1_0_2", "100")
    assert find_level_leaf(leaf.location(LAKE)) == leaf
    assert find_level_leaf(leaf.partition(LAKE, "2025-03-01")) == leaf
    assert leaf.table == "activity_dau_run_1_1_0_2_100"
