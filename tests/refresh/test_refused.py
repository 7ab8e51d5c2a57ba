"""What the Lambda athena-activity-refresher refuses to build or to register, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Events, Settings, Source
from otel_analytics.errors import Failed, InvalidPayload
from otel_analytics.names import S3Address
from otel_analytics.query.level_queries import build_level_table
from otel_analytics.query.levels import load_levels
from tests.oracle.seven_tables import Event
from tests.refresh.lakes import Lake, at, open_lake, partitions_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

E = date(2025, 3, 11)
DAY = date(2025, 3, 10)
VERSION = "0123456789abcdef01234567"
BUILD: dict[str, Any] = {
    "level": "activity",
    "periods": {"2025-03-10": VERSION},
    "execution": "run_1",
    "step": "1_0_0",
}
REGISTER = {**BUILD, "attempt": "0", "inputs": ""}
ATTEMPT_AS_NAME = Settings(events=Events(active=("a", "{attempt}")))


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """One day of logs, of which nothing is built yet."""
    with open_lake(tmp_path / "home") as opened:
        opened.write(DAY, "a", [Event("shop", at(f"{DAY} 12:00"), "ping", "u1", "s1")])
        opened.plan(E)
        yield opened


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": "logall"}, "level must be one of activity, activity_visits, "),
        ({"level": None}, "level must be one of activity, "),
        ({"periods": {}}, "periods must be an object with the version of each day"),
        ({"periods": ["2025-03-10"]}, "periods must be an object with the version of each day"),
        ({"periods": {"2025-03": VERSION}}, "of each day, not '2025-03'"),
        ({"periods": {"2025-02-30": VERSION}}, "of each day, not '2025-02-30'"),
        ({"periods": {"2025-3-1": VERSION}}, "of each day, not '2025-3-1'"),
        ({"periods": {"2025-03-10": "x' OR 1"}}, "of each day, not '2025-03-10': \"x' OR 1\""),
        ({"periods": {"2025-03-10": None}}, "of each day, not '2025-03-10': 'None'"),
        (
            {"level": "activity_mau", "periods": {"2025-03-10": VERSION}},
            "of each month, not '2025-03-10'",
        ),
        ({"execution": "../run"}, "execution"),
        ({"execution": 1}, "execution"),
        ({"step": "1_0"}, "step must be three numbers with _ between, not '1_0'"),
        ({"step": "1_0_0/x"}, "step must be three numbers"),
        ({"step": None}, "step must be three numbers"),
        ({"table": "logall"}, "the event of build has unknown fields table; it may have action, "),
    ],
    ids=str,
)
def test_a_wrong_step_is_refused_naming_the_field(
    lake: Lake, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidPayload) as refused:
        lake.call("build", **{**BUILD, **change})
    assert message in str(refused.value)


@pytest.mark.parametrize("field", list(BUILD))
def test_every_field_of_a_step_is_needed(lake: Lake, field: str) -> None:
    event = {name: value for name, value in BUILD.items() if name != field}
    with pytest.raises(InvalidPayload, match=f"the event of build lacks {field}"):
        lake.call("build", **event)


@pytest.mark.parametrize("attempt", [0, "-1", "01", "{attempt}", "", None, "1/2"])
def test_an_attempt_that_is_registered_is_a_number_as_text(lake: Lake, attempt: Any) -> None:
    with pytest.raises(InvalidPayload, match="attempt must be a whole number"):
        lake.call("register", **{**REGISTER, "attempt": attempt})


@pytest.mark.parametrize("action", ["drop", "", None, ["plan"]])
def test_an_unknown_action_is_refused(lake: Lake, action: Any) -> None:
    with pytest.raises(InvalidPayload, match="must have an action: plan, build, register"):
        lake.call(action)


def test_the_attempts_stand_in_may_not_be_an_event_name(lake: Lake) -> None:
    """The machine replaces it by the attempt's number wherever it stands in the query."""
    named = lake.with_settings(ATTEMPT_AS_NAME)
    lake.refresh(E)
    (visits,) = (
        step
        for stage in named.plan(E)["stages"]
        for step in stage["steps"]
        if step["level"] == "activity_visits"
    )
    with pytest.raises(InvalidPayload, match="stands in the settings of a query"):
        named.call("build", **visits, execution="run_1", step="1_0_0")
    # of `activity`, no event name stands in the query
    assert "query_string" in named.call("build", **BUILD)


@pytest.mark.parametrize("name", load_levels())
def test_a_levels_query_that_is_longer_than_athena_takes_is_refused(name: str) -> None:
    """The events are named where rows of `activity` are read; visits say by flags what they are."""
    names = tuple(f"event.{number:06}" for number in range(20_000))
    settings = Settings(events=Events(active=names))
    level = load_levels()[name]
    period = "2025-03" if level.grain == "month" else "2025-03-10"

    def build() -> str:
        return build_level_table(
            level, [period], table="t", location="s3://b/t/", settings=settings
        )

    if level.source == "activity":
        with pytest.raises(InvalidPayload, match=r"has \d+ bytes, Athena takes 262144: name fewer"):
            build()
    else:
        assert len(build()) < 262_144


def test_what_was_not_built_is_not_registered(lake: Lake) -> None:
    with pytest.raises(Failed, match="the table activity_run_1_1_0_0_0 does not exist, so nothing"):
        lake.call("register", **REGISTER)
    assert partitions_of(lake, "activity") == {}


def test_a_step_whose_table_is_there_and_whose_day_has_no_row_is_an_empty_partition(
    lake: Lake,
) -> None:
    """It has a version, so that it is not built again."""
    lake.write(DAY, "a", [])
    lake.refresh(E)
    (partition,) = partitions_of(lake, "activity").values()
    assert partition.parameters["otel_analytics.is_empty"] == "true"
    assert list(lake.aws.store.list(S3Address.parse(partition.location))) == []
    assert lake.rows("SELECT COUNT(*) FROM activity") == [(0,)]
    assert lake.plan(E)["stages"] == []


def test_a_refresh_without_a_table_of_logs_says_how_to_come_by_one(lake: Lake) -> None:
    other = lake.with_settings(replace(lake.settings, source=Source(table="elsewhere")))
    with pytest.raises(Failed, match=r"there is no table log_db.elsewhere: put logs into it"):
        other.plan(E)


def test_a_table_of_logs_with_other_partitions_than_the_settings_say_is_refused(
    lake: Lake,
) -> None:
    keys = ("y", "m", "d")
    other = lake.with_settings(replace(lake.settings, source=Source(partitions=keys)))
    with pytest.raises(Failed, match=r"is partitioned by year, month, day, and source\.p"):
        other.plan(E)
