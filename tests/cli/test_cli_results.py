"""What an execution's summary tells a person: tables, warnings, failures and what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl
from otel_analytics.cli.results import failure_lines, print_results, summary_of, warning_lines
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.names import S3Address
from otel_analytics.pipeline.explanations import explain
from tests.pipeline.stand_in_aws import StandInAws, athena_failure

if TYPE_CHECKING:
    from pathlib import Path

PAYLOAD = {"service_names": ["a-shop", "b-shop"], "execution_date": "2025-10-28"}
NO_COLUMN = athena_failure("COLUMN_NOT_FOUND: line 1:8: Column 'x'", retryable=False)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    for name in ("s3", "tmp"):
        (tmp_path / name).mkdir()
    return ObjectStore(tmp_path / "s3", tmp_path / "tmp")


def described(execution: asl.Execution) -> dict[str, Any]:
    """Return what `describe` has of an execution."""
    if execution.status == "SUCCEEDED":
        return {"status": "SUCCEEDED", "output": json.dumps(execution.output)}
    return {"status": "FAILED", "error": execution.error, "cause": execution.cause}


def summary(aws: StandInAws, store: ObjectStore) -> Any:
    execution = aws.run(PAYLOAD)
    for address, body in aws.objects.items():
        store.put(S3Address.parse(address), json.dumps(body).encode())
    return summary_of(described(execution), store)


def test_the_summary_of_a_failed_execution_is_the_one_that_it_stored(store: ObjectStore) -> None:
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [NO_COLUMN]
    found = summary(aws, store)
    assert [found] == list(aws.objects.values())
    assert [result["status"] for result in found["results"]] == ["FAILED", "COMPLETED"]


@pytest.mark.parametrize(
    "execution",
    [
        {"status": "RUNNING"},
        {"status": "SUCCEEDED", "output": "[1]"},
        {"status": "SUCCEEDED", "output": '{"results": 1, "execution_summary": {}}'},
        {"status": "FAILED", "error": "InvalidInput", "cause": "no"},
        {
            "status": "FAILED",
            "error": "ServicesFailed",
            "cause": "FAILED: 1 of 1. The whole summary: s3://bucket/gone.json . a-shop: …",
        },
    ],
)
def test_an_execution_without_a_summary_has_none(
    store: ObjectStore, execution: dict[str, Any]
) -> None:
    assert summary_of(execution, store) is None


def test_every_service_is_shown_with_its_tables_and_the_failed_one_with_none(
    store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = StandInAws(checks=[("row_count", "info", "mau", 12, "rows")] * 2)
    aws.failures["BuildDAUQuery"] = [asl.TaskFailed("InvalidPayload", '{"errorMessage": "no"}')]
    print_results(summary(aws, store))
    printed = capsys.readouterr().out.splitlines()
    lines = [line.split() for line in printed]
    assert lines[0] == ["service", "status", "table", "execution_date", "rows", "scanned"]
    assert lines[2] == ["a-shop", "FAILED"]
    assert lines[3][:4] == ["b-shop", "COMPLETED", "b_shop_mau_summary", "2025-10-28"]
    assert [line[:2] for line in lines[3:-1]] == [["b-shop", "COMPLETED"]] * 7
    assert printed[-1] == "PARTIALLY_COMPLETED: 1 of 2 services in database log_db"


def test_a_failure_says_where_why_and_what_to_do(store: ObjectStore) -> None:
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [NO_COLUMN]
    explanation = explain("States.TaskFailed", "COLUMN_NOT_FOUND")
    assert explanation is not None
    assert list(failure_lines(summary(aws, store))) == [
        "a-shop: CreateMAUTable: States.TaskFailed: COLUMN_NOT_FOUND: line 1:8: Column 'x'",
        f"  why: {explanation.why}",
        f"  what to do: {explanation.what_to_do}",
    ]


def test_checks_are_told_one_by_one_errors_and_warnings_apart(store: ObjectStore) -> None:
    aws = StandInAws(
        checks=[
            ("keys_unique", "error", "dau", 3, "3 rows of one key"),
            ("lake_gap", "error", "", 1, "no data on 2025-10-02"),
            ("row_count_drop", "warning", "mau", 1, "fell from 9 to 2"),
            ("quiet_service", "warning", "", 0, "passes"),
        ]
    )
    found = summary(aws, store)
    assert list(failure_lines(found))[:3] == [
        "a-shop: VerifyTables: ChecksFailed",
        "  keys_unique (dau): 3 rows of one key",
        "  lake_gap: no data on 2025-10-02",
    ]
    assert list(warning_lines(found)) == [
        f"warning: {service}: row_count_drop (mau): fell from 9 to 2"
        for service in ("a-shop", "b-shop")
    ]


def test_findings_that_a_result_leaves_out_are_counted_and_the_place_of_all_is_told(
    store: ObjectStore,
) -> None:
    checks = [(f"e{number}", "error", "dau", 1, "wrong") for number in range(4)]
    checks += [(f"w{number}", "warning", "", 1, "odd") for number in range(3)]
    found = summary(StandInAws(checks=checks), store)
    lines = list(failure_lines(found))
    assert lines[:5] == [
        "a-shop: VerifyTables: ChecksFailed",
        *(f"  e{number} (dau): wrong" for number in range(4)),
    ]
    assert list(warning_lines(found))[:2] == [
        "warning: a-shop: w0: odd",
        "warning: a-shop: and 2 more warnings: s3://results/1.csv",
    ]
    found = summary(StandInAws(checks=[checks[0]] * 7), store)
    assert "  and 2 more errors: s3://results/1.csv" in failure_lines(found)
