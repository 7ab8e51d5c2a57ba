"""Every task failed in every way while a reader asks for all tables: none missing or half true."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl
from otel_analytics.config import Settings
from otel_analytics.pipeline import build_definition
from tests.faults.runs import DAYS, SERVICE, Reader, clean, fill, leaves, referred, run, tables_of

if TYPE_CHECKING:
    from pathlib import Path

THROTTLING = {
    "arn:aws:states:::athena:startQueryExecution.sync": "Athena.TooManyRequestsException",
    "arn:aws:states:::athena:getQueryResults": "Athena.TooManyRequestsException",
    "arn:aws:states:::lambda:invoke": "Lambda.TooManyRequestsException",
    "arn:aws:states:::aws-sdk:s3:putObject": "S3.SlowDownException",
}
TASKS = {task.head.name: task.resource for task in asl.parse(build_definition(Settings())).tasks()}
# How the run with the fault ends, by what the fault is.
ENDS = {"once": "SUCCEEDED", "times out": "SUCCEEDED", "always": "FAILED", "killed": "KILLED"}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose tables are of the day before the last; a copy is what a test may change."""
    home = tmp_path_factory.mktemp("published") / "home"
    fill(home, [SERVICE], home.parent)
    assert run(home, [SERVICE], DAYS - 1) == "SUCCEEDED"
    return home


@pytest.fixture(scope="session")
def undisturbed(published: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tables of a run without any fault."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(published, home)
    assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    return tables_of(home, SERVICE)


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "home")


def fault(state: str, kind: str) -> str:
    return {
        "once": f"{state}:{THROTTLING[TASKS[state]]}",
        "times out": f"{state}:States.Timeout",
        "always": f"{state}:{THROTTLING[TASKS[state]]}:always",
        "killed": f"{state}:crash",
    }[kind]


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("state", TASKS)
def test_readers_find_all_tables_of_one_execution_whatever_fails(
    home: Path, undisturbed: dict[str, Any], state: str, kind: str
) -> None:
    with Reader(home, [SERVICE]).reading():
        assert run(home, [SERVICE], DAYS, [fault(state, kind)]) == ENDS[kind]
        assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    assert tables_of(home, SERVICE) == undisturbed
    clean(home)
    assert leaves(home) <= referred(home)


LATE = ["CreateMAUTable", "VerifyTables", "PublishTables", "StoreSummary"]


@pytest.mark.parametrize("state", LATE)
def test_a_process_that_dies_once_a_task_has_worked_leaves_no_half_truth(
    home: Path, undisturbed: dict[str, Any], state: str
) -> None:
    with Reader(home, [SERVICE]).reading():
        assert run(home, [SERVICE], DAYS, [f"{state}:crash-after"]) == "KILLED"
        assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    assert tables_of(home, SERVICE) == undisturbed
    clean(home)
    assert leaves(home) <= referred(home)


@pytest.mark.parametrize("error", ["FAILED", "CANCELLED", "FAILED=HIVE_PATH_ALREADY_EXISTS: x"])
def test_a_query_that_ends_badly_costs_readers_nothing(
    home: Path, undisturbed: dict[str, Any], error: str
) -> None:
    with Reader(home, [SERVICE]).reading():
        run(home, [SERVICE], DAYS, [f"CreateDAUTable:{error}:2"])
        assert run(home, [SERVICE], DAYS) == "SUCCEEDED"
    assert tables_of(home, SERVICE) == undisturbed
