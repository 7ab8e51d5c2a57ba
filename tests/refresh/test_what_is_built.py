"""Of which files follows the building of which partitions: exact lists, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Activity, Events, Settings
from otel_analytics.pipeline import build_definition
from otel_analytics.query.levels import days_between, load_levels
from tests.metrics.duckdb_tables import SEED_SOURCE
from tests.oracle.seven_tables import Event
from tests.refresh.lakes import Lake, at, open_lake, partitions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    Periods = dict[str, list[str]]

FIRST = date(2025, 1, 25)
LAST = date(2025, 3, 10)
E = date(2025, 3, 11)
# Queries of as many partitions as Athena lets them write: a level in one step.
SETTINGS = Settings(activity=Activity(days_per_query=100))


def events_of(day: date, *names: str) -> list[Event]:
    noon = at(f"{day} 12:00")
    return [Event("shop", noon, name, "u1", f"s-{day}") for name in names]


def fill(lake: Lake, first: date = FIRST, last: date = LAST) -> None:
    """Write a file of each day, with one event at noon of UTC."""
    for day in days_between(first, last):
        lake.write(day, "in-time", events_of(day, "commerce.session.start"))


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose levels are those of its files, as of E; a copy is what a test may change."""
    home = tmp_path_factory.mktemp("refreshed") / "home"
    with open_lake(home, SETTINGS) as opened:
        fill(opened)
        opened.refresh(E, "first")
        yield home


@pytest.fixture
def lake(refreshed: Path, tmp_path: Path) -> Iterator[Lake]:
    with open_lake(tmp_path / "home", SETTINGS, copy_of=refreshed) as opened:
        yield opened


def built(steps: Sequence[dict[str, Any]]) -> Periods:
    """Return the periods that steps build, by level; none of them may come twice."""
    found: Periods = {}
    for step in steps:
        found.setdefault(step["level"], []).extend(step["periods"])
    for level, periods in found.items():
        assert len(set(periods)) == len(periods), level
    return {level: sorted(periods) for level, periods in found.items()}


def registered(lake: Lake) -> Periods:
    """Return the periods whose partitions are registered, by level."""
    partitions = {level: partitions_of(lake, level) for level in load_levels()}
    return {level: sorted(found) for level, found in partitions.items() if found}


def queries_started(lake: Lake) -> int:
    with lake.aws.home.reading() as connection:
        ((count,),) = connection.execute("SELECT COUNT(*) FROM query_executions").fetchall()
    return int(count)


def days(first: str, last: str) -> list[str]:
    whole = days_between(date.fromisoformat(first), date.fromisoformat(last))
    return [day.isoformat() for day in whole]


def test_the_first_refresh_builds_what_the_windows_read(tmp_path: Path) -> None:
    """Of January, which is over, the month is built: that no file is of its first days is known."""
    with open_lake(tmp_path / "home", SETTINGS) as lake:
        fill(lake)
        every_day = days("2025-01-25", "2025-03-10")
        assert built(lake.refresh(E)) == {
            "activity": every_day,
            "activity_visits": every_day,
            "activity_services": ["2025-01", "2025-02", "2025-03"],
            "activity_users": ["2025-01", "2025-02"],
            "activity_mau": ["2025-01", "2025-02"],
            "activity_dau": every_day,
            "activity_conversion": every_day,
            "activity_retention": every_day,
            "activity_session_metrics": every_day,
        }


def test_a_refresh_with_nothing_changed_builds_nothing_and_starts_no_query(lake: Lake) -> None:
    before = registered(lake)
    started = queries_started(lake)
    assert lake.refresh(E, "second") == []
    assert lake.plan(E) == {"stages": [], "dropped": 0, "has_more": False}
    assert queries_started(lake) == started
    assert registered(lake) == before


def test_an_execution_with_nothing_changed_starts_no_query_but_those_of_its_services(
    lake: Lake,
) -> None:
    """For each of the seven tables a DROP and a CREATE, and the checks."""
    functions = lake.aws.step_functions(now=lambda: datetime(2025, 3, 11, tzinfo=UTC))
    started = queries_started(lake)
    execution = functions.start_execution(
        build_definition(lake.settings),
        {"service_names": ["shop"], "execution_date": E.isoformat()},
    )
    assert execution["status"] == "SUCCEEDED", execution
    assert queries_started(lake) - started == 7 * 2 + 1


def test_a_file_that_is_touched_but_older_than_any_window_builds_nothing(lake: Lake) -> None:
    """The first day that is read is that of MAU: thirteen months, from 2024-03-01 on."""
    lake.write(date(2024, 2, 29), "old", events_of(date(2024, 2, 29), "ping"))
    assert lake.refresh(E, "second") == []
    lake.write(date(2024, 3, 1), "old", events_of(date(2024, 3, 1), "ping"))
    assert built(lake.refresh(E, "third")) == {
        "activity": ["2024-03-01"],
        "activity_visits": ["2024-03-01"],
        "activity_services": ["2024-03"],
        "activity_mau": ["2024-03"],
    }


def test_of_a_new_day_only_what_follows_from_it_is_built(lake: Lake) -> None:
    new = LAST + timedelta(days=1)
    lake.write(new, "in-time", events_of(new, "commerce.session.start"))
    assert built(lake.refresh(E + timedelta(days=1), "second")) == {
        "activity": ["2025-03-11"],
        "activity_visits": ["2025-03-11"],
        "activity_services": ["2025-03"],
        "activity_dau": ["2025-03-11"],
        "activity_conversion": ["2025-03-11"],
        "activity_retention": ["2025-03-11"],
        "activity_session_metrics": ["2025-03-11"],
    }


def test_the_day_that_closes_a_month_builds_the_month_too(tmp_path: Path) -> None:
    with open_lake(tmp_path / "home", SETTINGS) as lake:
        fill(lake, date(2025, 3, 20), date(2025, 3, 30))
        first = built(lake.refresh(date(2025, 3, 31), "first"))
        assert first["activity_services"] == ["2025-03"]
        assert "activity_mau" not in first
        assert "activity_users" not in first
        lake.write(date(2025, 3, 31), "in-time", events_of(date(2025, 3, 31), "ping"))
        assert built(lake.refresh(date(2025, 4, 1), "second")) == {
            "activity": ["2025-03-31"],
            "activity_visits": ["2025-03-31"],
            "activity_services": ["2025-03"],
            "activity_users": ["2025-03"],
            "activity_mau": ["2025-03"],
            "activity_dau": ["2025-03-31"],
            "activity_conversion": ["2025-03-31"],
            "activity_retention": ["2025-03-31"],
            "activity_session_metrics": ["2025-03-31"],
        }


@pytest.mark.parametrize("is_new", [True, False], ids=["beside others", "in place of another"])
def test_a_late_file_builds_its_day_its_month_and_the_days_that_look_back_at_it(
    lake: Lake, is_new: bool
) -> None:
    """31 days before E; 30 days later is the last day of which there are rows."""
    late = date(2025, 2, 8)
    lake.write(late, "late" if is_new else "in-time", events_of(late, "ping", "ping"))
    assert built(lake.refresh(E, "second")) == {
        "activity": ["2025-02-08"],
        "activity_visits": ["2025-02-08"],
        "activity_services": ["2025-02"],
        "activity_users": ["2025-02"],
        "activity_mau": ["2025-02"],
        "activity_dau": ["2025-02-08"],
        "activity_conversion": ["2025-02-08"],
        "activity_retention": ["2025-02-08", "2025-02-09", "2025-02-15", "2025-03-10"],
        "activity_session_metrics": ["2025-02-08"],
    }
    assert lake.tables("activity", ["shop"], E) == lake.tables("raw", ["shop"], E)


def test_a_late_file_of_a_utc_day_is_of_two_days_of_seoul(tmp_path: Path) -> None:
    """15:00 of UTC is midnight there, so the 8th holds the end of the 8th and begin of the 9th."""
    settings = replace(SETTINGS, timezone="Asia/Seoul")
    with open_lake(tmp_path / "home", settings) as lake:
        fill(lake)
        lake.refresh(E, "first")
        lake.write(date(2025, 2, 8), "late", events_of(date(2025, 2, 8), "ping"))
        assert built(lake.refresh(E, "second")) == {
            "activity": ["2025-02-08"],
            "activity_visits": ["2025-02-08", "2025-02-09"],
            "activity_services": ["2025-02"],
            "activity_users": ["2025-02"],
            "activity_mau": ["2025-02"],
            "activity_dau": ["2025-02-08", "2025-02-09"],
            "activity_conversion": ["2025-02-08", "2025-02-09"],
            # 1, 7 and 30 days after each; 2025-03-11 is E itself
            "activity_retention": [
                "2025-02-08", "2025-02-09", "2025-02-10", "2025-02-15", "2025-02-16", "2025-03-10",
            ],
            "activity_session_metrics": ["2025-02-08", "2025-02-09"],
        }  # fmt: skip


def test_a_file_that_lies_by_its_arrival_may_be_of_the_days_around(tmp_path: Path) -> None:
    """With a slack of one day, the partition of March 1st is of two months, either of them new."""
    settings = replace(SETTINGS, source=SEED_SOURCE)
    with open_lake(tmp_path / "home", settings) as lake:
        fill(lake, date(2025, 2, 20), LAST)
        lake.refresh(E, "first")
        lake.write(date(2025, 3, 1), "late", events_of(date(2025, 2, 28), "ping"))
        around = ["2025-02-28", "2025-03-01", "2025-03-02"]
        assert built(lake.refresh(E, "second")) == {
            "activity": ["2025-03-01"],
            "activity_visits": around,
            "activity_services": ["2025-02", "2025-03"],
            "activity_users": ["2025-02"],
            "activity_mau": ["2025-02"],
            "activity_dau": around,
            "activity_conversion": around,
            # 1 and 7 days after each
            "activity_retention": [
                *around, "2025-03-03", "2025-03-07", "2025-03-08", "2025-03-09",
            ],
            "activity_session_metrics": around,
        }  # fmt: skip


def test_another_event_name_builds_visits_and_what_follows_anew_but_not_activity(
    lake: Lake,
) -> None:
    before = registered(lake)
    changed = lake.with_settings(replace(SETTINGS, events=Events(active=("ping",))))
    assert built(changed.refresh(E, "second")) == {
        level: periods for level, periods in before.items() if level != "activity"
    }
    assert changed.tables("activity", ["shop"], E) == changed.tables("raw", ["shop"], E)


def test_another_time_zone_builds_all_anew(lake: Lake) -> None:
    """Noon of UTC is of the same day in Seoul, yet that is not known before it is read."""
    before = registered(lake)
    changed = lake.with_settings(replace(SETTINGS, timezone="Asia/Seoul"))
    assert built(changed.refresh(E, "second")) == before
    assert changed.tables("activity", ["shop"], E) == changed.tables("raw", ["shop"], E)


@pytest.mark.parametrize(
    "settings",
    [
        replace(SETTINGS, activity=Activity(concurrency=1, days_per_query=7)),
        replace(SETTINGS, events=Events(max_names=3)),
        replace(SETTINGS, min_data_date=date(2025, 2, 10)),
    ],
    ids=["other steps", "a shorter event distribution", "a shorter window"],
)
def test_settings_that_no_partition_depends_on_build_nothing(
    lake: Lake, settings: Settings
) -> None:
    assert lake.with_settings(settings).refresh(E, "second") == []


def test_of_a_date_before_min_data_date_no_table_has_a_row(lake: Lake) -> None:
    """Though the facts of later days are there."""
    settings = replace(SETTINGS, min_data_date=date(2025, 2, 20))
    before = lake.with_settings(settings)
    for source in ("activity", "raw"):
        tables = before.tables(source, ["shop"], date(2025, 2, 20))
        assert {name: rows for name, (_, rows) in tables.items() if rows} == {}
        assert any(rows for _, rows in before.tables(source, ["shop"], date(2025, 2, 21)).values())


def test_a_day_whose_files_are_gone_is_dropped_at_every_level(lake: Lake) -> None:
    """But not what its month and the days that look back at it still have."""
    before = registered(lake)
    lake.remove(lake.folder(date(2025, 2, 8)) / "in-time.parquet")
    plan = lake.plan(E)
    # activity, visits, and the facts of DAU, conversion and session metrics
    assert plan["dropped"] == 5
    assert built(lake.refresh(E, "second")) == {
        "activity_services": ["2025-02"],
        "activity_users": ["2025-02"],
        "activity_mau": ["2025-02"],
        "activity_retention": ["2025-02-08", "2025-02-09", "2025-02-15", "2025-03-10"],
    }
    gone = {"activity", "activity_visits"} | {
        f"activity_{name}" for name in ("dau", "conversion", "session_metrics")
    }
    assert registered(lake) == {
        level: [p for p in periods if level not in gone or p != "2025-02-08"]
        for level, periods in before.items()
    }
    assert lake.tables("activity", ["shop"], E) == lake.tables("raw", ["shop"], E)


def test_a_month_whose_files_are_gone_is_dropped_at_every_level(lake: Lake) -> None:
    for day in days_between(FIRST, date(2025, 1, 31)):
        lake.remove(lake.folder(day) / "in-time.parquet")
    lake.refresh(E, "second")
    left = days("2025-02-01", "2025-03-10")
    assert registered(lake) == {
        "activity": left,
        "activity_visits": left,
        "activity_services": ["2025-02", "2025-03"],
        "activity_users": ["2025-02"],
        "activity_mau": ["2025-02"],
        "activity_dau": left,
        "activity_conversion": left,
        "activity_retention": left,
        "activity_session_metrics": left,
    }


def test_where_all_files_are_gone_no_level_has_anything_and_no_query_says_so(lake: Lake) -> None:
    for day in days_between(FIRST, LAST):
        lake.remove(lake.folder(day) / "in-time.parquet")
    started = queries_started(lake)
    assert lake.refresh(E, "second") == []
    assert queries_started(lake) == started
    assert registered(lake) == {}
    for level in load_levels():
        assert lake.rows(f"SELECT COUNT(*) FROM {level}") == [(0,)]
