"""Failures in the words of AWS, of the seed and of the embedded AWS find their explanation."""

from __future__ import annotations

import json
import re

import pytest

from otel_analytics.cli.main import COMMANDS
from otel_analytics.config import settings_table
from otel_analytics.pipeline.explanations import EXPLANATIONS, explain, reason_of

MEMORY = "Resources exhausted"
LIMIT = "Concurrent query limit"
TIMEOUT = "Lambda timeout"


def failed_query(reason: str, state: str = "FAILED") -> str:
    status = {"State": state, "StateChangeReason": reason} if reason else {"State": state}
    # The text of the query may hold any words; only its status counts.
    return json.dumps({"QueryExecution": {"Query": "SELECT 'Access Denied'", "Status": status}})


@pytest.mark.parametrize(
    ("error", "cause", "name"),
    [
        (
            "States.TaskFailed",
            failed_query("Query exhausted resources at this scale factor"),
            MEMORY,
        ),
        (
            "States.TaskFailed",
            failed_query(
                "EXHAUSTED_RESOURCES_AT_THIS_SCALE_FACTOR: Query exhausted resources at this scale "
                "factor: read fewer days, or raise memory_limit"
            ),
            MEMORY,
        ),
        ("States.TaskFailed", failed_query("EXCEEDED_MEMORY_LIMIT: over the limit"), MEMORY),
        ("ConcurrentExecutionLimitExceeded", None, LIMIT),
        ("Athena.TooManyRequestsException", "You have exceeded the limit", LIMIT),
        ("Lambda.TooManyRequestsException", None, "Lambda concurrency limit"),
        ("States.TaskFailed", "Lambda function execution timed out", TIMEOUT),
        ("Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 30.00 seconds", TIMEOUT),
        ("Lambda.Unknown", "The cause could not be determined", "Lambda crashed"),
        (
            "Lambda.Unknown",
            json.dumps({"errorMessage": "2025 Task timed out after 3.00 seconds"}),
            TIMEOUT,
        ),
        ("States.Timeout", None, "Task timeout"),
        (
            "States.TaskFailed",
            failed_query("HIVE_PATH_ALREADY_EXISTS: Target directory"),
            "Location holds data",
        ),
        (
            "States.TaskFailed",
            "TABLE_NOT_FOUND: line 1:15: Table 'x' does not exist",
            "Table not found",
        ),
        (
            "States.TaskFailed",
            "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved",
            "Column not found",
        ),
        (
            "States.TaskFailed",
            "SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved",
            "Column not found",
        ),
        ("States.TaskFailed", "SYNTAX_ERROR: line 1:1: no", "Syntax error"),
        (
            "States.TaskFailed",
            failed_query("Access denied when writing to s3://b/"),
            "Access denied",
        ),
        ("Athena.AccessDeniedException", "You are not authorized", "Access denied"),
        ("States.TaskFailed", failed_query("", state="CANCELLED"), "Query cancelled"),
        (
            "States.TaskFailed",
            failed_query("Query cancelled by user", "CANCELLED"),
            "Query cancelled",
        ),
        (
            "States.TaskFailed",
            "HIVE_FILESYSTEM_ERROR: the disk that holds /h is full: make room",
            "Disk full",
        ),
        ("Failed", "s3://b/k could not be written: No space left on device; see", "Disk full"),
        (
            "Failed",
            "/h/catalog.sqlite: the catalog could not be used: database is locked",
            "Catalog locked",
        ),
        ("States.TaskFailed", "HIVE_BAD_DATA: s3://b/k cannot be read", "Damaged file"),
        (
            "States.DataLimitExceeded",
            "The state/task 'athena' returned a result",
            "Payload too large",
        ),
        (
            "States.Runtime",
            "The execution reached the maximum number of history events (25000).",
            "History full",
        ),
        ("ServicesFailed", "1 of 2 services failed: Access Denied", "Services failed"),
        ("SummaryNotStored", "could not be stored: Access Denied", "Summary not stored"),
        ("ChecksFailed", "keys_unique: 3 keys stand twice", "Checks failed"),
        ("UnknownService", "no event of x", "Unknown service"),
        ("NewerPublished", "2025-01-02 is published", "A newer date is published"),
        ("InvalidInput", "service_names must be a list", "Invalid input"),
        ("InvalidPayload", "tables[0] lacks location", "Invalid event of a Lambda"),
        ("InvalidName", "database: 'A b' is no name", "Invalid event of a Lambda"),
        ("CheckError", "own/broken.sql:3: is not SQL: no", "Broken check"),
        (
            "States.TaskFailed",
            failed_query("HIVE_CANNOT_OPEN_SPLIT: s3://b/k may not be read (Permission denied): "),
            "No right to a file",
        ),
        ("Failed", "[Errno 13] Permission denied: '/h/s3/b'", "No right to a file"),
        (
            "States.TaskFailed",
            failed_query("PERMISSION_DENIED: Access Denied: Cannot select"),
            "Access denied",
        ),
        # a staging table, by the execution's eight digits and the attempt in its name
        (
            "States.TaskFailed",
            failed_query(
                "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.log_db.shop_mau_r_5f0c3a9e_0' "
                "does not exist"
            ),
            "Staging tables gone",
        ),
        (
            "States.TaskFailed",
            failed_query(
                "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.log_db.shop_mau_summary' does "
                "not exist"
            ),
            "Table not found",
        ),
        (
            "ChecksFailed",
            "not in the catalog, so that what reads it could not be checked; build it by a run of "
            "the service, or ingest logs: shop_mau_r_5f0c3a9e_0; shop_dau_r_5f0c3a9e_0",
            "Staging tables gone",
        ),
        ("ChecksFailed", "not in the catalog, so that: shop_mau_summary", "Checks failed"),
        (
            "Failed",
            "there are no data at s3://b/t/shop_mau/r_5f0c3a9e/0/, so nothing is published: start",
            "Staging tables gone",
        ),
        ("ProcessDied", "The process 1 is gone", "The process died"),
    ],
)
def test_a_failure_is_explained(error: str, cause: str | None, name: str) -> None:
    explanation = explain(error, cause)
    assert explanation is not None
    assert explanation.name == name


@pytest.mark.parametrize(
    ("error", "cause"), [(None, None), ("", ""), ("MyError", "it broke"), ("MyError", '{"a": 1}')]
)
def test_what_is_unknown_is_not_explained(error: str | None, cause: str | None) -> None:
    assert explain(error, cause) is None


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (failed_query("SYNTAX_ERROR: no"), "SYNTAX_ERROR: no"),
        (failed_query("", state="CANCELLED"), "Query cancelled"),
        ('{"errorMessage": "E is no date", "stackTrace": []}', "E is no date"),
        ('{"QueryExecution": 1}', '{"QueryExecution": 1}'),
        ("[1]", "[1]"),
        ("just a text", "just a text"),
        (json.dumps({"ExecutionArn": "arn:x", "Cause": "killed", "Error": "E"}), "killed"),
        ("", ""),
    ],
)
def test_the_reason_of_a_cause_is_what_a_person_needs(cause: str, reason: str) -> None:
    assert reason_of(cause) == reason


def test_every_explanation_can_be_reached_by_each_of_its_errors_and_texts() -> None:
    for one in EXPLANATIONS:
        assert one.errors or one.texts or one.patterns
        found = [explain(error, None) for error in one.errors]
        found += [explain("States.TaskFailed", text) for text in one.texts]
        assert found == [one] * len(found), one.name


@pytest.mark.parametrize("error", ["InvalidPayload", "InvalidName", "CheckError"])
def test_only_what_the_machine_itself_refuses_was_not_begun(error: str) -> None:
    """A Lambda meets these behind the first states, when tables may be built already."""
    explanation = explain(error, None)
    assert explanation is not None
    assert "nothing was begun" not in explanation.why
    refused = explain("InvalidInput", None)
    assert refused is not None
    assert "nothing was begun" in refused.why


def test_what_to_do_names_commands_and_settings_that_there_are() -> None:
    settings = {setting.name for setting in settings_table()}
    for one in EXPLANATIONS:
        for command in re.findall(r"`otel-analytics (\w+)", one.what_to_do):
            assert command in COMMANDS, one.name
        for setting in re.findall(r"`([a-z_]+\.[a-z_]+)`", one.what_to_do):
            assert setting in settings, one.name
