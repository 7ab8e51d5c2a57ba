"""Every task failed in every way while a reader asks for all tables: none missing or half true.

Those of the refresh among them: a new day is to build, and one of which a file has come late.
"""

from __future__ import annotations

import shutil
import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl
from otel_analytics.config import Settings
from otel_analytics.pipeline import build_definition
from tests.faults.runs import (
    DAYS,
    SERVICE,
    Reader,
    clean,
    come_late,
    fill,
    leaves,
    levels_of,
    referred,
    run,
    tables_of,
    unfinished,
)

if TYPE_CHECKING:
    from pathlib import Path

THROTTLING = {
    "arn:aws:states:::athena:startQueryExecution.sync": "Athena.TooManyRequestsException",
    "arn:aws:states:::athena:getQueryResults": "Athena.TooManyRequestsException",
    "arn:aws:states:::lambda:invoke": "Lambda.TooManyRequestsException",
    "arn:aws:states:::aws-sdk:s3:putObject": "S3.SlowDownException",
}
# Those that start the parts of an execution of many services are in tests/pipeline/test_parts.py.
TASKS = {
    task.head.name: task.resource
    for task in asl.parse(build_definition(Settings())).tasks()
    if task.resource in THROTTLING
}
# Of these the world is another one once they have worked: a failure that comes then is of its own.
WORKING = [state for state in TASKS if not state.startswith(("Drop", "Read"))]
KILLS = 10


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose tables are of the day before the last; a copy is what a test may change.

    After that, a file has come late for a day that stands in its activity tables.
    """
    home = tmp_path_factory.mktemp("published") / "home"
    fill(home, [SERVICE], home.parent)
    assert run(home, [SERVICE], DAYS - 1) == "SUCCEEDED"
    come_late(home, home.parent)
    return home


@pytest.fixture(scope="session")
def undisturbed(published: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tables of a run without any fault, and the activity tables."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(published, home)
    assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    return {**tables_of(home, SERVICE), **levels_of(home)}


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "home")


def check(home: Path, undisturbed: dict[str, Any]) -> None:
    """Check that the tables are those of a run without any fault, and all that `clean` leaves."""
    assert {**tables_of(home, SERVICE), **levels_of(home)} == undisturbed
    assert clean(home) == ()
    assert leaves(home) <= referred(home)
    assert unfinished(home) == []


@pytest.mark.parametrize("state", TASKS)
def test_a_task_that_fails_for_a_moment_is_tried_again(
    home: Path, undisturbed: dict[str, Any], state: str
) -> None:
    """It is throttled, times out, and times out once more when its work is done."""
    faults = [f"{state}:{THROTTLING[TASKS[state]]}", f"{state}:States.Timeout"]
    with Reader(home, [SERVICE]).reading():
        assert run(home, [SERVICE], DAYS, [*faults, f"{state}:States.Timeout-after"]) == "SUCCEEDED"
    check(home, undisturbed)


@pytest.mark.parametrize("state", TASKS)
def test_a_task_that_keeps_failing_fails_the_run_and_the_next_one_succeeds(
    home: Path, undisturbed: dict[str, Any], state: str
) -> None:
    fault = f"{state}:{THROTTLING[TASKS[state]]}:always"
    with Reader(home, [SERVICE]).reading():
        assert run(home, [SERVICE], DAYS, [fault]) == "FAILED"
        assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    check(home, undisturbed)


@pytest.mark.parametrize("state", WORKING)
def test_a_task_of_which_nobody_learns_that_it_worked_fails_the_run_and_the_next_one_succeeds(
    home: Path, undisturbed: dict[str, Any], state: str
) -> None:
    with Reader(home, [SERVICE]).reading():
        assert run(home, [SERVICE], DAYS, [f"{state}:States.Timeout-after:always"]) == "FAILED"
        assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    check(home, undisturbed)


@pytest.mark.parametrize(
    "fault",
    [*(f"{state}:crash" for state in TASKS), *(f"{state}:crash-after" for state in WORKING)],
)
def test_a_process_that_dies_at_a_task_leaves_no_half_truth(
    home: Path, undisturbed: dict[str, Any], fault: str
) -> None:
    with Reader(home, [SERVICE]).reading():
        assert run(home, [SERVICE], DAYS, [fault]) == "KILLED"
        assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    check(home, undisturbed)


def test_processes_that_die_at_any_moment_leave_no_half_truth(
    home: Path, undisturbed: dict[str, Any]
) -> None:
    """Also between two tasks, while files are moved or the catalog is written, and before all."""
    moments = Random(20250310)
    begun = time.monotonic()
    assert run(home, [SERVICE], DAYS - 1) == "SUCCEEDED"
    took_s = time.monotonic() - begun
    with Reader(home, [SERVICE]).reading():
        ended = [
            run(home, [SERVICE], DAYS, kill_after_s=moments.uniform(0.1, 1) * took_s)
            for _ in range(KILLS)
        ]
        assert "KILLED" in ended
        assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    check(home, undisturbed)


@pytest.mark.parametrize("state", ["BuildLevelQuery", "RegisterPartitions"])
def test_a_step_that_is_overtaken_is_built_anew(
    home: Path, undisturbed: dict[str, Any], state: str
) -> None:
    with Reader(home, [SERVICE]).reading():
        assert run(home, [SERVICE], DAYS, [f"{state}:ActivityChanged:2"]) == "SUCCEEDED"
    check(home, undisturbed)


@pytest.mark.parametrize("state", ["CreateDAUTable", "BuildLevel"])
@pytest.mark.parametrize("error", ["FAILED", "CANCELLED", "FAILED=HIVE_PATH_ALREADY_EXISTS: x"])
def test_a_query_that_ends_badly_costs_readers_nothing(
    home: Path, undisturbed: dict[str, Any], error: str, state: str
) -> None:
    with Reader(home, [SERVICE]).reading():
        run(home, [SERVICE], DAYS, [f"{state}:{error}:2"])
        assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    check(home, undisturbed)
