"""The state machine document: its states, its rules, and its copy in the docs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonata.jsonata import Jsonata

from otel_analytics.config import Settings
from otel_analytics.errors import InvalidName
from otel_analytics.metrics import load_catalog
from otel_analytics.names import parse_date, parse_service_names, table_prefix
from otel_analytics.pipeline import build_definition

ROOT = Path(__file__).parents[2]
BATCHES = [
    "Batch1_MAU_DAU",
    "Batch2_Retention_Conversion",
    "Batch3_UserCohort_SessionMetrics",
    "Batch4_EventDistribution",
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_definition(Settings())


def service_states(document: dict[str, Any]) -> dict[str, Any]:
    states = document["States"]["ProcessEachService"]["ItemProcessor"]["States"]
    assert isinstance(states, dict)
    return states


def step_states(document: dict[str, Any]) -> dict[str, Any]:
    """Return the states of one step of the refresh."""
    stage = document["States"]["RefreshActivity"]["ItemProcessor"]["States"]["BuildStage"]
    states = stage["ItemProcessor"]["States"]
    assert isinstance(states, dict)
    return states


def branch_states(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for batch in BATCHES:
        for branch in service_states(document)[batch]["Branches"]:
            yield from branch["States"].items()


def evaluate(expression: str, states: dict[str, Any], **variables: Any) -> Any:
    parsed = Jsonata(expression.removeprefix("{%").removesuffix("%}"))
    parsed.assign("states", states)
    for name, value in variables.items():
        parsed.assign(name, value)
    return parsed.evaluate(None)


def problem(document: dict[str, Any], payload: Any) -> str | None:
    for rule in document["States"]["CheckInput"]["Choices"]:
        if evaluate(rule["Condition"], {"input": payload}):
            return str(evaluate(rule["Assign"]["problem"], {"input": payload}))
    return None


def test_the_states_are_those_of_the_design(document: dict[str, Any]) -> None:
    assert list(document["States"]) == [
        "CheckInput",
        "InvalidInput",
        "TransformServiceNames",
        "ReadsActivity",
        "PlanRefresh",
        "RefreshActivity",
        "IsRefreshed",
        "RefreshFailed",
        "ProcessEachService",
        "RunParts",
        "SummarizeResults",
        "StoreSummary",
        "SummaryNotStored",
        "AllCompleted",
        "Completed",
        "PartCompleted",
        "ServicesFailed",
        "SummarizeParts",
    ]
    assert list(service_states(document)) == [
        "ComputeTablePrefix",
        *BATCHES,
        "BuildVerificationQuery",
        "VerifyTables",
        "CanVerificationSucceed",
        "WaitForVerification",
        "ReadVerification",
        "JudgeVerification",
        "PublishTables",
        "ServiceFailed",
    ]
    assert list(step_states(document)) == [
        "BuildLevelQuery",
        "BuildLevel",
        "CanLevelSucceed",
        "WaitForLevel",
        "RegisterPartitions",
        "StepOvertaken",
        "StepFailed",
    ]
    assert [name for name, state in branch_states(document) if state["Type"] == "Task"] == [
        f"{verb}{label}{noun}"
        for label in (
            "MAU",
            "DAU",
            "Retention",
            "Conversion",
            "UserCohort",
            "SessionMetrics",
            "EventDistribution",
        )
        for verb, noun in (("Drop", "Table"), ("Build", "Query"), ("Create", "Table"))
    ]


def test_every_task_has_a_time_limit_and_is_retried_with_backoff_and_jitter(
    document: dict[str, Any],
) -> None:
    tasks = {
        name: state
        for name, state in (
            *document["States"].items(),
            *service_states(document).items(),
            *branch_states(document),
            *step_states(document).items(),
            *document["States"]["RunParts"]["ItemProcessor"]["States"].items(),
        )
        if state["Type"] == "Task"
    }
    assert len(tasks) == 3 * 7 + 5 + 4 + 1
    for name, task in tasks.items():
        assert task["TimeoutSeconds"] > 0, name
        # an attempt's number has one digit for them
        assert 3 <= sum(retrier["MaxAttempts"] for retrier in task["Retry"]) <= 9, name
        for retrier in task["Retry"]:
            assert retrier["BackoffRate"] > 1, name
            assert retrier["JitterStrategy"] == "FULL", name
            if name != "StoreSummary":
                # whatever else fails goes to a Choice, or fails its service, and is not repeated
                assert not {"States.ALL", "States.TaskFailed"} & set(retrier["ErrorEquals"]), name
        assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


@pytest.mark.parametrize(
    "name", ["theshop-brand", "theshop-brand-kr", "theshop-brand-jp", "Shop.API_v2", "7-eleven"]
)
def test_the_machine_computes_the_prefix_that_the_code_computes(
    document: dict[str, Any], name: str
) -> None:
    output = service_states(document)["ComputeTablePrefix"]["Output"]
    result = evaluate(output, {"input": {"service_name": name}})
    assert result["table_prefix"] == table_prefix(name)


PAYLOADS = [
    {"service_names": ["theshop-brand", "theshop-pharmacy"]},
    {"service_names": ["one"]},
    {"service_names": ["one"], "execution_date": "2024-02-29"},
    {},
    {"service_names": "one"},
    {"service_names": []},
    {"service_names": [["one"]]},
    {"service_names": [None]},
    {"service_names": ["one", 2]},
    {"service_names": ["one\n"]},
    {"service_names": ["-one"]},
    {"service_names": ["x" * 64]},
    {"service_names": ["x" * 65]},
    {"service_names": ["a'; DROP TABLE logall; --"]},
    {"service_names": ["one", "one"]},
    {"service_names": ["a-b", "A.b"]},
    {"service_names": ["one"], "execution_date": None},
    {"service_names": ["one"], "replace_newer": True},
    {"service_names": ["one"], "execution_date": 20250101},
    {"service_names": ["one"], "execution_date": "2025-02-29"},
    {"service_names": ["one"], "execution_date": "2025-10-28\n"},
    *(
        {"service_names": ["one"], "execution_date": day}
        for day in (
            "0000-01-01",
            "0001-01-01",
            "0999-12-31",
            "1899-01-01",
            "1970-12-31",
            "1971-01-01",
            "1980-01-01",
            "2000-02-29",
            "9000-01-01",
            "9989-06-30",
            "9998-12-31",
            "9999-01-01",
            "9999-12-31",
        )
    ),
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: json.dumps(payload)[:60])
def test_the_machine_refuses_what_the_code_refuses(
    document: dict[str, Any], payload: dict[str, Any]
) -> None:
    try:
        parse_service_names(payload.get("service_names"))
        if "execution_date" in payload:
            parse_date(payload["execution_date"], field="execution_date")
    except InvalidName:
        said = problem(document, payload)
        assert said is not None
        assert "service_names" in said or "execution_date" in said
    else:
        assert problem(document, payload) is None


@pytest.mark.parametrize("payload", [None, [], "one", 7, True], ids=repr)
def test_a_payload_that_is_no_object_is_refused(document: dict[str, Any], payload: Any) -> None:
    assert "the input must be an object" in (problem(document, payload) or "")


def test_a_field_that_means_nothing_is_refused(document: dict[str, Any]) -> None:
    said = problem(document, {"service_names": ["one"], "executiondate": "2025-10-28"})
    assert said == (
        "the input may have the fields service_names, execution_date, replace_newer, source, "
        "part_of; found service_names, executiondate"
    )


@pytest.mark.parametrize("value", [None, "true", 1, [], {}])
def test_replace_newer_is_true_or_false(document: dict[str, Any], value: Any) -> None:
    said = problem(document, {"service_names": ["one"], "replace_newer": value})
    assert (said or "").startswith("replace_newer must be true or false; found ")


@pytest.mark.parametrize("value", [None, "", "Raw", "activity ", True, 1, [], ["raw"], {}])
def test_source_is_activity_or_raw(document: dict[str, Any], value: Any) -> None:
    said = problem(document, {"service_names": ["one"], "source": value})
    assert (said or "").startswith("source must be activity or raw; found ")
    for allowed in ("activity", "raw"):
        assert problem(document, {"service_names": ["one"], "source": allowed}) is None


def test_exactly_the_days_of_the_calendar_pass_as_execution_date(document: dict[str, Any]) -> None:
    rule = next(
        rule["Condition"]
        for rule in document["States"]["CheckInput"]["Choices"]
        if "execution_date" in rule["Condition"]
    )
    for year in (1900, 2000, 2023, 2024, 2100):
        for month in range(14):
            for day in (0, 1, 28, 29, 30, 31, 32):
                text = f"{year}-{month:02}-{day:02}"
                payload = {"service_names": ["one"], "execution_date": text}
                is_date = date(year, 1, 1) <= (_as_date(text) or date.min)
                assert evaluate(rule, {"input": payload}) is not is_date, text


def test_a_day_too_early_or_too_late_is_told_from_what_is_no_day(document: dict[str, Any]) -> None:
    for day in ("1970-12-31", "9999-01-01"):
        payload = {"service_names": ["one"], "execution_date": day}
        assert problem(document, payload) == (
            f"execution_date must be from 1971-01-01 to 9998-12-31; found {day}"
        )


def _as_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def test_the_rendered_copy_in_the_docs_is_the_document(document: dict[str, Any]) -> None:
    copy = ROOT / "docs" / "otel-analytics-pipeline.asl.json"
    assert json.loads(copy.read_text("utf-8")) == document, "run: make docs"


def test_cfn_lint_finds_nothing_wrong_with_the_document(
    document: dict[str, Any], tmp_path: Path
) -> None:
    template = tmp_path / "template.json"
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": "arn:aws:iam::111111111111:role/pipeline",
            "Definition": document,
        },
    }
    template.write_text(
        json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Pipeline": machine}})
    )
    lint = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), template],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.returncode, lint.stdout) == (0, "")
    # It does look inside: a field that the language lacks is found.
    machine["Properties"]["Definition"] = document | {"StartsAt": "CheckInput"}  # type: ignore[index]
    template.write_text(json.dumps({"Resources": {"Pipeline": machine}}))
    lint = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), template],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "StartsAt" in lint.stdout


def test_windows_end_before_the_execution_date() -> None:
    execution_date = date(2025, 3, 1)
    windows = {m.query_type: m.window.first_day(execution_date) for m in load_catalog().values()}
    assert windows == {
        "mau": date(2024, 2, 1),  # the month of 2025-02-28 and the twelve before it
        "dau": date(2024, 12, 1),
        "retention": date(2024, 12, 1),
        "conversion": date(2024, 12, 1),
        "user_cohort": date(2024, 3, 1),
        "session_metrics": date(2024, 12, 1),
        "event_distribution": execution_date - timedelta(days=7),
    }
