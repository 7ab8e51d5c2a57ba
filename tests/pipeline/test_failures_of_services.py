"""What the state machine does where something fails: retries, rounds, results, summary."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from stand_in_aws import StandInAws, athena_failure

from otel_analytics import asl
from otel_analytics.config import Concurrency, Settings
from otel_analytics.metrics import load_catalog
from otel_analytics.names import Leaf, execution_token
from otel_analytics.query.verification import MAX_MESSAGE_CHARACTERS, MAX_MESSAGES, MAX_ROWS

BASE = "s3://otel-analytics/summary"
PAYLOAD = {"service_names": ["a-shop"], "execution_date": "2025-10-28"}
THROTTLED = asl.TaskFailed("Athena.TooManyRequestsException", "Rate exceeded")
TIMED_OUT = asl.TaskFailed("States.Timeout", None)
EXHAUSTED = athena_failure("Query exhausted resources at this scale factor", retryable=True)
NO_COLUMN = athena_failure("COLUMN_NOT_FOUND: line 1:8: Column 'x'", retryable=False)


def summary_of(aws: StandInAws) -> dict[str, Any]:
    (summary,) = aws.objects.values()
    assert isinstance(summary, dict)
    return summary


def attempts(aws: StandInAws, state: str, query_type: str) -> list[str]:
    return [
        Leaf.parse(location, s3_base=BASE, prefix="a_shop", query_type=query_type).attempt
        for location in aws.created(state)
    ]


def test_every_table_is_built_under_the_executions_own_name_and_location() -> None:
    aws = StandInAws()
    execution = aws.run(PAYLOAD)
    assert execution.status == "SUCCEEDED"
    token = execution_token(execution.identity.execution_name, execution.identity.execution_arn)
    (location,) = aws.created("CreateMAUTable")
    assert location == f"{BASE}/a_shop_mau/{token}/0/"
    (statement,) = [query for state, query in aws.statements if state == "CreateMAUTable"]
    assert f'CREATE TABLE "log_db"."a_shop_mau_{token}_0"' in statement
    (drop,) = [query for state, query in aws.statements if state == "DropMAUTable"]
    assert drop == f"DROP TABLE IF EXISTS `log_db`.`a_shop_mau_{token}_0`"
    ((_, published),) = [call for call in aws.calls if call[0] == "PublishTables"]
    assert published["execution"] == token
    assert published["execution_date"] == "2025-10-28"
    assert published["replace_newer"] is False
    assert published["tables"][0] == {
        "query_type": "mau",
        "table": f"a_shop_mau_{token}_0",
        "location": location,
    }
    assert [table["query_type"] for table in published["tables"]] == [
        "mau", "dau", "retention", "conversion", "user_cohort", "session_metrics",
        "event_distribution",
    ]  # fmt: skip


def test_one_service_without_failures_takes_42_transitions_and_three_less_from_the_raw_logs() -> (
    None
):
    """Of the refresh PlanRefresh, RefreshActivity and IsRefreshed, where there is nothing to do."""
    assert StandInAws().run(PAYLOAD).transitions == 42
    assert StandInAws().run({**PAYLOAD, "source": "raw"}).transitions == 42 - 3


@pytest.mark.parametrize("failure", [THROTTLED, TIMED_OUT], ids=["throttled", "timed out"])
def test_a_task_itself_retries_what_passes_by_under_fresh_names(failure: asl.TaskFailed) -> None:
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [failure, failure]
    execution = aws.run(PAYLOAD)
    assert execution.status == "SUCCEEDED"
    assert attempts(aws, "CreateMAUTable", "mau") == ["0", "1", "2"]
    ((_, published),) = [call for call in aws.calls if call[0] == "PublishTables"]
    assert published["tables"][0]["table"].endswith("_2")
    assert published["tables"][0]["location"].endswith("/2/")
    assert execution.transitions == 42 + 2  # each retry is one


def test_a_query_that_athena_calls_retryable_is_begun_three_times_in_all() -> None:
    aws = StandInAws()
    aws.always["CreateMAUTable"] = EXHAUSTED
    execution = aws.run(PAYLOAD)
    assert attempts(aws, "CreateMAUTable", "mau") == ["0", "10", "20"]
    assert execution.status == "FAILED"
    (result,) = summary_of(aws)["results"]
    assert (result["state"], result["error"]) == ("CreateMAUTable", "States.TaskFailed")
    assert result["cause"] == "Query exhausted resources at this scale factor"


def test_the_rounds_wait_about_twice_as_long_each_time() -> None:
    aws = StandInAws()
    aws.always["CreateMAUTable"] = EXHAUSTED
    history = aws.run(PAYLOAD).history
    waits = [
        (entered["timestamp"], left["timestamp"])
        for entered, left in zip(
            (event for event in history if event["type"] == "WaitStateEntered"),
            (event for event in history if event["type"] == "WaitStateExited"),
            strict=True,
        )
    ]
    first, second = (round((_seconds(left) - _seconds(entered)), 3) for entered, left in waits)
    assert first in (2, 3)  # jittered
    assert second in (4, 5, 6, 7)


def _seconds(timestamp: Any) -> float:
    return datetime.fromisoformat(str(timestamp)).timestamp()


def test_a_query_that_can_succeed_on_another_try_does() -> None:
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [EXHAUSTED]
    assert aws.run(PAYLOAD).status == "SUCCEEDED"
    ((_, published),) = [call for call in aws.calls if call[0] == "PublishTables"]
    assert published["tables"][0]["table"].endswith("_10")


@pytest.mark.parametrize(
    "reason",
    [
        "HIVE_PATH_ALREADY_EXISTS: Target directory already exists: s3://b/x",
        "TABLE_ALREADY_EXISTS: line 1:1: Destination table already exists",
    ],
)
def test_what_another_attempt_left_is_met_once(reason: str) -> None:
    aws = StandInAws()
    aws.failures["CreateDAUTable"] = [athena_failure(reason, retryable=False)]
    assert aws.run(PAYLOAD).status == "SUCCEEDED"
    assert attempts(aws, "CreateDAUTable", "dau") == ["0", "10"]


def test_a_query_that_cannot_succeed_is_not_run_again() -> None:
    aws = StandInAws()
    aws.always["CreateMAUTable"] = NO_COLUMN
    assert aws.run(PAYLOAD).status == "FAILED"
    assert attempts(aws, "CreateMAUTable", "mau") == ["0"]
    (result,) = summary_of(aws)["results"]
    assert result["cause"] == "COLUMN_NOT_FOUND: line 1:8: Column 'x'"


def test_a_cause_that_was_cut_off_stands_for_itself() -> None:
    cut = asl.TaskFailed("States.TaskFailed", '{"QueryExecution": {"Query": "SELECT')
    aws = StandInAws()
    aws.always["CreateMAUTable"] = cut
    assert aws.run(PAYLOAD).status == "FAILED"
    (result,) = summary_of(aws)["results"]
    assert result["cause"] == cut.cause


def test_a_lambda_that_refuses_says_why() -> None:
    refusal = asl.TaskFailed("InvalidPayload", '{"errorMessage": "no such type", "errorType": "x"}')
    aws = StandInAws()
    aws.always["BuildConversionQuery"] = refusal
    assert aws.run(PAYLOAD).status == "FAILED"
    (result,) = summary_of(aws)["results"]
    assert result["state"] == "BuildConversionQuery"
    assert (result["error"], result["cause"]) == ("InvalidPayload", "no such type")
    assert len([call for call in aws.calls if call[0] == "BuildConversionQuery"]) == 1


SERVICE_TASKS = [
    f"{verb}{label}{noun}"
    for label in ("MAU", "Retention", "EventDistribution")
    for verb, noun in (("Drop", "Table"), ("Build", "Query"), ("Create", "Table"))
] + ["BuildVerificationQuery", "VerifyTables", "ReadVerification", "PublishTables"]


@pytest.mark.parametrize("state", SERVICE_TASKS)
def test_one_services_failure_is_its_own(state: str) -> None:
    aws = StandInAws()
    aws.failures[state] = [asl.TaskFailed("AccessDenied", "not authorized")]
    execution = aws.run({"service_names": ["a", "b"], "execution_date": "2025-10-28"})
    assert (execution.status, execution.error) == ("FAILED", "ServicesFailed")
    summary = summary_of(aws)
    first, second = summary["results"]
    assert summary["status"] == "PARTIALLY_COMPLETED"
    assert summary["services"] == ["a", "b"]
    assert (first["status"], first["state"]) == ("FAILED", state)
    assert (first["error"], first["cause"]) == ("AccessDenied", "not authorized")
    assert (second["status"], len(second["tables"])) == ("COMPLETED", 7)
    (address,) = aws.objects
    assert address == summary["execution_summary"]["summary_location"]
    assert f"PARTIALLY_COMPLETED: 1 of 2 services failed. The whole summary: {address}" in str(
        execution.cause
    )
    assert f"a: {state}: AccessDenied: not authorized" in str(execution.cause)


ROW_COUNT = ("row_count", "info", "mau", 13, "")
PASSED = ("keys_unique", "error", "mau", 0, "")
WARNED = ("row_count_drop", "warning", "dau", 40, "dau fell from 90 to 50 rows")
GAP = ("lake_gap", "error", "", 1, "no raw data of 2025-10-03")
DOUBLE = ("keys_unique", "error", "dau", 2, "2 keys twice")
UNKNOWN = ("service_known", "error", "", 1, "no event of a-shop; there are b")


def test_warnings_are_reported_and_the_tables_published() -> None:
    aws = StandInAws(checks=[ROW_COUNT, PASSED, WARNED])
    execution = aws.run(PAYLOAD)
    assert execution.status == "SUCCEEDED"
    (result,) = summary_of(aws)["results"]
    assert execution.output == summary_of(aws)
    assert result["tables"][0]["row_count"] == 13
    assert result["checks"] == {
        "run": 2,
        "scanned_bytes": 100,
        "errors_found": 0,
        "warnings_found": 1,
        "errors": [],
        "warnings": [
            {
                "check_name": "row_count_drop",
                "query_type": "dau",
                "found": 40,
                "message": "dau fell from 90 to 50 rows",
            }
        ],
        "findings_location": "s3://results/1.csv",
    }
    ((_, published),) = [call for call in aws.calls if call[0] == "PublishTables"]
    assert published["tables"][0]["row_count"] == 13


@pytest.mark.parametrize(
    ("checks", "error", "cause"),
    [
        ([PASSED, GAP], "ChecksFailed", "no raw data of 2025-10-03"),
        ([GAP, PASSED, DOUBLE], "ChecksFailed", "no raw data of 2025-10-03; 2 keys twice"),
        ([GAP, UNKNOWN], "UnknownService", "no event of a-shop; there are b"),
    ],
)
def test_an_error_blocks_publication(
    checks: list[tuple[str, str, str, int, str]], error: str, cause: str
) -> None:
    aws = StandInAws(checks=checks)
    assert aws.run(PAYLOAD).status == "FAILED"
    (result,) = summary_of(aws)["results"]
    assert (result["state"], result["error"], result["cause"]) == ("VerifyTables", error, cause)
    assert not [call for call in aws.calls if call[0] == "PublishTables"]


def test_all_failed_is_told_apart_from_some() -> None:
    aws = StandInAws()
    aws.always["DropMAUTable"] = asl.TaskFailed("AccessDenied", "not authorized")
    aws.run({"service_names": ["a", "b"]})
    assert summary_of(aws)["status"] == "FAILED"


def test_a_hundred_services_that_fail_with_long_causes_still_end_with_a_summary() -> None:
    aws = StandInAws()
    aws.always["DropMAUTable"] = asl.TaskFailed("AccessDenied", "x" * 32_768)
    settings = Settings(concurrency=Concurrency(services_per_execution=100))
    payload = {"service_names": [f"s{number}" for number in range(100)]}
    execution = aws.run(payload, settings=settings)
    assert execution.error == "ServicesFailed"
    assert len(summary_of(aws)["results"]) == 100
    assert "The whole summary: s3://" in str(execution.cause)


def finding(number: int, severity: str, message: str) -> tuple[str, str, str, int, str]:
    return (f"{'c' * 60}_{number:02}", severity, "event_distribution", 10**15, message)


def test_a_result_has_the_first_findings_errors_before_warnings_and_counts_all() -> None:
    checks = [finding(number, "warning", "w") for number in range(4)]
    checks += [finding(number, "error", "e") for number in range(4, 7)]
    aws = StandInAws(checks=checks)
    aws.run(PAYLOAD)
    (result,) = summary_of(aws)["results"]
    found = result["checks"]
    assert (found["errors_found"], found["warnings_found"]) == (3, 4)
    assert [one["check_name"][-2:] for one in found["errors"]] == ["04", "05", "06"]
    assert [one["check_name"][-2:] for one in found["warnings"]] == ["00", "01"]
    assert found["findings_location"] == "s3://results/1.csv"


def test_an_unknown_service_is_said_first_among_many_errors() -> None:
    checks = [finding(number, "error", "e") for number in range(9)]
    aws = StandInAws(checks=[*checks, UNKNOWN])
    aws.run(PAYLOAD)
    (result,) = summary_of(aws)["results"]
    assert (result["error"], result["cause"]) == ("UnknownService", UNKNOWN[-1])
    assert result["checks"]["errors_found"] == 10


def test_a_message_of_one_service_keeps_500_characters() -> None:
    aws = StandInAws(checks=[finding(1, "error", "가" * 600)])
    aws.run(PAYLOAD)
    (result,) = summary_of(aws)["results"]
    assert result["checks"]["errors"][0]["message"] == result["cause"] == "가" * 500


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_forty_services_with_all_the_findings_that_there_can_be_end_with_a_summary(
    severity: str,
) -> None:
    counted = [("row_count", "info", name, 10**12, "rows") for name in load_catalog()]
    found = [finding(number, severity, "가" * 500) for number in range(40)]
    aws = StandInAws(checks=[*found, *counted])
    services = [f"{'S' * 60}-{number:03}" for number in range(40)]
    execution = aws.run({"service_names": services, "execution_date": "2025-10-28"})
    assert execution.error == ("ServicesFailed" if severity == "error" else None)
    results = summary_of(aws)["results"]
    assert len(results) == 40
    for result in results:
        checks = result["checks"]
        assert checks["errors_found"] + checks["warnings_found"] == 40
        # of 7000 characters for all, 175 for each
        messages = [one["message"] for one in checks["errors"] + checks["warnings"]]
        assert messages == ["가" * 175] * 5


def test_forty_services_whose_publication_fails_in_korean_after_warnings_end_with_a_summary() -> (
    None
):
    aws = StandInAws(checks=[finding(number, "warning", "가" * 500) for number in range(40)])
    aws.always["PublishTables"] = asl.TaskFailed("Failed", "나" * 30_000)
    services = [f"{'S' * 60}-{number:03}" for number in range(40)]
    execution = aws.run({"service_names": services, "execution_date": "2025-10-28"})
    assert execution.error == "ServicesFailed"
    assert {result["cause"] for result in summary_of(aws)["results"]} == {"나" * 350}


def test_a_page_with_all_that_the_checks_can_give_is_read() -> None:
    # what the builder lets through: so many rows, and messages in so many of them
    checks = [finding(0, "warning", "\x01" * MAX_MESSAGE_CHARACTERS)] * MAX_MESSAGES
    checks += [finding(0, "warning", "")] * (MAX_ROWS - MAX_MESSAGES)
    execution = StandInAws(checks=checks).run(PAYLOAD)
    assert (execution.status, execution.cause) == ("SUCCEEDED", None)


def test_findings_that_do_not_fit_into_one_page_fail_the_service() -> None:
    aws = StandInAws(checks=[("c", "error", "", 0, "")] * 1000)
    assert aws.run(PAYLOAD).status == "FAILED"
    (result,) = summary_of(aws)["results"]
    assert (result["state"], result["error"]) == ("VerifyTables", "ChecksNotRead")
    assert "more than the 1000 rows of one page" in result["cause"]
    assert not [call for call in aws.calls if call[0] == "PublishTables"]


def test_a_summary_that_cannot_be_stored_fails_with_its_status_and_its_beginning() -> None:
    aws = StandInAws()
    aws.failures["DropMAUTable"] = [asl.TaskFailed("AccessDenied", "not authorized")]
    aws.always["StoreSummary"] = asl.TaskFailed("S3.S3Exception", "Access Denied")
    execution = aws.run({"service_names": ["a", "b"], "execution_date": "2025-10-28"})
    assert (execution.status, execution.error) == ("FAILED", "SummaryNotStored")
    cause = str(execution.cause)
    assert cause.startswith(
        "PARTIALLY_COMPLETED: 1 of 2 services failed. "
        "The summary could not be stored at s3://otel-analytics/"
    )
    assert "S3.S3Exception: Access Denied" in cause
    assert "a: DropMAUTable: AccessDenied: not authorized" in cause
