"""Refreshes at the same time, step by step: what one has overtaken, the other plans anew."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Activity, Settings
from otel_analytics.errors import ActivityChanged
from otel_analytics.query.levels import days_between, load_levels
from tests.oracle.seven_tables import Event
from tests.refresh.lakes import Lake, at, open_lake, partitions_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = date(2025, 3, 10)
E = date(2025, 3, 11)
SETTINGS = Settings(activity=Activity(days_per_query=100))
# What follows from a file of the last day, whose month is not over.
BUILT = (
    "activity",
    "activity_visits",
    "activity_services",
    "activity_dau",
    "activity_retention",
    "activity_conversion",
    "activity_session_metrics",
)


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with three days, refreshed; a copy is what a test may change."""
    home = tmp_path_factory.mktemp("refreshed") / "home"
    with open_lake(home, SETTINGS) as opened:
        for day in days_between(date(2025, 3, 8), DAY):
            opened.write(day, "in-time", [event("u1", day)])
        opened.refresh(E, "before")
        yield home


@pytest.fixture
def lake(refreshed: Path, tmp_path: Path) -> Iterator[Lake]:
    """Three days, refreshed; after that one more file has come for the last of them."""
    with open_lake(tmp_path / "home", SETTINGS, copy_of=refreshed) as opened:
        opened.write(DAY, "late-1", [event("u2")])
        yield opened


def event(user: str, day: date = DAY) -> Event:
    return Event("shop", at(f"{day} 12:00"), "ping", user, f"s-{user}")


def stage_of(plan: dict[str, Any], level: str) -> tuple[str, dict[str, Any]]:
    """Return the number and the step of a level in a first plan."""
    ((place, step),) = (
        (place, step)
        for place, stage in enumerate(plan["stages"])
        for step in stage["steps"]
        if step["level"] == level
    )
    return f"1_{place}_0", step


def users_of_the_day(lake: Lake, level: str) -> list[str]:
    where = f"WHERE period = '{DAY}'"
    return sorted(user for (user,) in lake.rows(f"SELECT DISTINCT user_key FROM {level} {where}"))


def assert_as_raw(lake: Lake) -> None:
    assert lake.plan(E)["stages"] == []
    assert lake.tables("activity", ["shop"], E) == lake.tables("raw", ["shop"], E)


def test_two_refreshes_that_plan_the_same_both_succeed(lake: Lake) -> None:
    """Step by step in turn; who is second at a step changes nothing, and leaves nothing."""
    one, other = lake.plan(E), lake.plan(E)
    assert one == other
    for place, stage in enumerate(one["stages"]):
        for index, step in enumerate(stage["steps"]):
            number = f"1_{place}_{index}"
            inputs = [lake.build(step, execution=who, number=number) for who in ("a", "b")]
            for who, read in zip(("a", "b"), inputs, strict=True):
                lake.register(step, read, execution=who, number=number)
    assert {level for level in load_levels() if "a" in folders_of(lake, level)} == set(BUILT)
    assert not any("b" in folders_of(lake, level) for level in load_levels())
    assert lake.aws.catalog.tables("log_db", "activity*_b_*") == []
    assert_as_raw(lake)


def test_a_step_whose_query_has_read_what_another_replaced_is_not_registered(lake: Lake) -> None:
    """One has built visits; before it registers them, another one takes a later file in."""
    plan = lake.plan(E)
    number, activity = stage_of(plan, "activity")
    lake.take(activity, execution="slow", number=number)
    number, visits = stage_of(plan, "activity_visits")
    inputs = lake.build(visits, execution="slow", number=number)
    lake.write(DAY, "late-2", [event("u3")])
    lake.refresh(E, "fast")
    assert users_of_the_day(lake, "activity_visits") == ["u1", "u2", "u3"]

    with pytest.raises(ActivityChanged, match="a step of activity_visits read them: it is planned"):
        lake.register(visits, inputs, execution="slow", number=number)
    assert users_of_the_day(lake, "activity_visits") == ["u1", "u2", "u3"]
    assert lake.aws.catalog.tables("log_db", "activity*slow*") == []
    assert "slow" not in folders_of(lake, "activity_visits")
    assert_as_raw(lake)


def test_a_step_whose_base_another_replaced_before_its_query_is_not_built(lake: Lake) -> None:
    plan = lake.plan(E)
    number, activity = stage_of(plan, "activity")
    lake.take(activity, execution="slow", number=number)
    lake.write(DAY, "late-2", [event("u3")])
    lake.refresh(E, "fast")
    number, visits = stage_of(plan, "activity_visits")
    with pytest.raises(ActivityChanged, match="partitions of activity are others than those"):
        lake.build(visits, execution="slow", number=number)
    assert_as_raw(lake)


def test_what_others_build_the_same_overtakes_nobody_who_reads_it(lake: Lake) -> None:
    """However many they are: the files of the first stay, and what was built of them counts."""
    plan = lake.plan(E)
    number, activity = stage_of(plan, "activity")
    lake.take(activity, execution="slow", number=number)
    place, visits = stage_of(plan, "activity_visits")
    inputs = lake.build(visits, execution="slow", number=place)
    before = partitions_of(lake, "activity")
    for other in ("second", "third", "fourth"):
        lake.take(activity, execution=other, number=number)
    assert partitions_of(lake, "activity") == before
    assert contents_of(lake, "activity", "slow") == {f"period={DAY}"}
    lake.register(visits, inputs, execution="slow", number=place)
    lake.refresh(E, "next")
    assert_as_raw(lake)


def test_of_a_step_only_the_partitions_that_another_has_not_built_are_registered(
    lake: Lake,
) -> None:
    """Two files come late; of the day before, another one has registered the partition first."""
    day_before = date(2025, 3, 9)
    lake.write(day_before, "late-1", [event("u4", day_before)])
    number, both = stage_of(lake.plan(E), "activity")
    inputs = lake.build(both, execution="slow", number=number)
    one = {**both, "periods": {"2025-03-09": both["periods"]["2025-03-09"]}}
    lake.take(one, execution="fast", number=number)
    for _ in range(2):
        answer = lake.register(both, inputs, execution="slow", number=number)
        assert answer == {"partitions": 2, "not_deleted": []}
        assert contents_of(lake, "activity", "slow") == {"period=2025-03-10"}
        assert contents_of(lake, "activity", "fast") == {"period=2025-03-09"}
    lake.refresh(E, "next")
    assert_as_raw(lake)


def test_an_older_state_of_the_files_that_is_registered_last_is_built_again(lake: Lake) -> None:
    """Nothing lies below `activity` that could be compared; its version says what it is of."""
    plan = lake.plan(E)
    number, activity = stage_of(plan, "activity")
    inputs = lake.build(activity, execution="slow", number=number)
    lake.write(DAY, "late-2", [event("u3")])
    lake.refresh(E, "fast")
    lake.register(activity, inputs, execution="slow", number=number)
    assert users_of_the_day(lake, "activity") == ["u1", "u2"]
    # the step that was planned on this state has it again
    number, visits = stage_of(plan, "activity_visits")
    lake.take(visits, execution="slow", number=number)
    assert users_of_the_day(lake, "activity_visits") == ["u1", "u2"]
    lake.refresh(E, "next")
    assert users_of_the_day(lake, "activity_visits") == ["u1", "u2", "u3"]
    assert_as_raw(lake)


def test_a_file_that_comes_between_plan_and_query_is_built_again_by_the_next_refresh(
    lake: Lake,
) -> None:
    plan = lake.plan(E)
    lake.write(DAY, "late-2", [event("u3")])
    number, activity = stage_of(plan, "activity")
    lake.take(activity, execution="slow", number=number)
    assert users_of_the_day(lake, "activity") == ["u1", "u2", "u3"]
    assert stage_of(lake.plan(E), "activity")[1]["periods"].keys() == {DAY.isoformat()}
    lake.refresh(E, "next")
    assert_as_raw(lake)


def test_a_registration_that_is_repeated_changes_nothing(lake: Lake) -> None:
    number, activity = stage_of(lake.plan(E), "activity")
    inputs = lake.build(activity, execution="a", number=number)
    answer = lake.register(activity, inputs, execution="a", number=number)
    table = partitions_of(lake, "activity")
    assert lake.register(activity, inputs, execution="a", number=number) == answer
    assert partitions_of(lake, "activity") == table


def test_a_registration_whose_answer_was_lost_stands_though_its_base_is_another_since(
    lake: Lake,
) -> None:
    """It is called again, and must not take for overtaken what is registered and read."""
    plan = lake.plan(E)
    number, activity = stage_of(plan, "activity")
    lake.take(activity, execution="slow", number=number)
    place, visits = stage_of(plan, "activity_visits")
    inputs = lake.build(visits, execution="slow", number=place)
    answer = lake.register(visits, inputs, execution="slow", number=place)
    lake.write(DAY, "late-2", [event("u3")])
    number, activity = stage_of(lake.plan(E), "activity")
    lake.take(activity, execution="fast", number=number)
    assert lake.register(visits, inputs, execution="slow", number=place) == answer
    assert users_of_the_day(lake, "activity_visits") == ["u1", "u2"]
    # and, for readers under way, where another one has replaced it meanwhile
    lake.refresh(E, "next")
    assert lake.register(visits, inputs, execution="slow", number=place) == answer
    assert contents_of(lake, "activity_visits", "slow") == {f"period={DAY}"}
    assert users_of_the_day(lake, "activity_visits") == ["u1", "u2", "u3"]
    assert_as_raw(lake)


def test_a_step_that_was_overtaken_is_so_whenever_it_is_asked(lake: Lake) -> None:
    plan = lake.plan(E)
    number, activity = stage_of(plan, "activity")
    lake.take(activity, execution="slow", number=number)
    number, visits = stage_of(plan, "activity_visits")
    inputs = lake.build(visits, execution="slow", number=number)
    lake.write(DAY, "late-2", [event("u3")])
    lake.refresh(E, "fast")
    for _ in range(2):
        with pytest.raises(ActivityChanged):
            lake.register(visits, inputs, execution="slow", number=number)
    assert_as_raw(lake)


def test_the_address_before_the_last_is_deleted_and_the_last_one_is_kept(lake: Lake) -> None:
    """For readers under way, who found it in the catalog."""
    period = f"period={DAY}"
    for name in ("second", "third"):
        assert period in contents_of(lake, "activity", "before")
        number, activity = stage_of(lake.plan(E), "activity")
        lake.take(activity, execution=name, number=number)
        lake.write(DAY, f"late-{name}", [event("u4")])
    assert period not in contents_of(lake, "activity", "before")
    assert period in contents_of(lake, "activity", "second")
    assert period in contents_of(lake, "activity", "third")


def folders_of(lake: Lake, level: str) -> set[str]:
    """Return the executions of which there are data of a level."""
    root = lake.folder(DAY).parents[3] / "activity" / level
    return {path.relative_to(root).parts[0] for path in root.rglob("*.parquet")}


def contents_of(lake: Lake, level: str, execution: str) -> set[str]:
    """Return the names of the folders with data that an execution has left of a level."""
    root = lake.folder(DAY).parents[3] / "activity" / level / execution
    return {file.parent.name for file in root.rglob("*") if file.is_file()}
