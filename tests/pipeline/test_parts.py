"""Many services: an execution that starts further ones, each for a part of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from stand_in_aws import StandInAws

from otel_analytics import asl
from otel_analytics.config import Activity, Concurrency, Settings
from otel_analytics.errors import InvalidSettings
from otel_analytics.pipeline import build_definition
from otel_analytics.pipeline.billing import planned_usage
from otel_analytics.pipeline.cost import cost_of, nested_executions
from otel_analytics.pipeline.parts import is_part, part_count

EVENTS_OF_A_HISTORY = 25_000
BYTES_OF_A_STATE = 256 * 1024
THREE = Settings(concurrency=Concurrency(services_per_execution=3))
SEVEN = [f"shop-{number}" for number in range(7)]


def summary_of(execution: asl.Execution) -> Any:
    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    return execution.output


def largest_data(execution: asl.Execution) -> int:
    """Return the bytes of the largest input or output of a state."""
    details = (value for event in execution.history for value in event.values())
    texts = (
        one.get(key, "") or ""
        for one in details
        if isinstance(one, dict)
        for key in ("input", "output")
    )
    return max(len(text.encode()) for text in texts)


def stand_in_of_a_part() -> asl.StateMachine:
    """Return a machine that answers as a part does whose services all complete."""
    counts = ("queries", "scanned_bytes", "billed_bytes", "least_transitions", "estimated_cost_usd")
    summary = {
        **dict.fromkeys(counts, 1),
        "failed_services": 0,
        "summary_location": "{% 's3://results/' & $states.context.Execution.Name %}",
    }
    output = {"status": "COMPLETED", "failed": [], "execution_summary": summary}
    done = {"Type": "Succeed", "Output": output}
    return asl.parse({"QueryLanguage": "JSONata", "StartAt": "Done", "States": {"Done": done}})


def test_a_thousand_services_stay_below_the_limits_of_history_and_data() -> None:
    services = [
        f"a-service-of-the-shop-with-a-name-as-long-as-names-may-be-{n:06}" for n in range(1000)
    ]
    aws = StandInAws(part=stand_in_of_a_part())
    execution = aws.run({"service_names": services})
    summary = summary_of(execution)
    assert summary["status"] == "COMPLETED"
    assert summary["services"] == services
    assert summary["execution_summary"]["processed_services"] == 1000
    assert [part["services"] for part in summary["parts"]] == [50] * 20
    assert [name for part in aws.nested for name in part.input["service_names"]] == services
    assert len(execution.history) < 1_000
    assert largest_data(execution) < BYTES_OF_A_STATE


def test_a_thousand_services_are_each_built_and_one_that_fails_is_told() -> None:
    """The whole document and all of its parts, which takes 40 seconds of one core."""
    services = [f"service-{number:04}" for number in range(1000)]
    aws = StandInAws()
    aws.failures["DropMAUTable"] = [asl.TaskFailed("AccessDenied", "no right to drop")]
    execution = aws.run({"service_names": services})
    assert str(execution.cause).startswith("PARTIALLY_COMPLETED: 1 of 1000 services failed. ")
    stored = [
        aws.objects[part.output["execution_summary"]["summary_location"]] for part in aws.nested
    ]
    outcomes = {one["service_name"]: one["status"] for part in stored for one in part["results"]}
    assert outcomes == {**dict.fromkeys(services, "COMPLETED"), services[0]: "FAILED"}
    published = [payload for state, payload in aws.calls if state == "PublishTables"]
    assert [payload["service_name"] for payload in published] == services[1:]
    histories = [len(one.history) for one in (execution, *aws.nested)]
    assert len(histories) == 21
    assert max(histories) < EVENTS_OF_A_HISTORY


def test_a_part_of_as_many_services_as_it_may_have_leaves_room_for_retries() -> None:
    services = [f"a-service-of-the-shop-{number:04}" for number in range(50)]
    part_of = {"execution": "test", "execution_time": "2025-03-01T00:00:00.000Z"}
    execution = StandInAws().run({"service_names": services, "part_of": part_of})
    assert summary_of(execution)["status"] == "COMPLETED"
    assert len(execution.history) < EVENTS_OF_A_HISTORY / 2
    assert largest_data(execution) < BYTES_OF_A_STATE / 2


def test_the_parts_have_the_date_and_the_start_of_the_whole_and_do_not_refresh_again() -> None:
    aws = StandInAws()
    execution = aws.run({"service_names": SEVEN, "replace_newer": True}, settings=THREE)
    summary_of(execution)
    start = aws.nested[0].input["part_of"]["execution_time"]
    assert [part.input for part in aws.nested] == [
        {
            "service_names": services,
            "source": "activity",
            "replace_newer": True,
            "part_of": {"execution": "test", "execution_time": start},
        }
        for services in (SEVEN[:3], SEVEN[3:6], SEVEN[6:])
    ]
    assert start.startswith("2025-03-01T00:00:00")
    assert [state for state, _ in aws.calls].count("PlanRefresh") == 1
    builds = [payload for state, payload in aws.calls if state == "BuildMAUQuery"]
    assert {payload["execution_time"] for payload in builds} == {start}
    names = [part.identity.execution_name for part in aws.nested]
    assert names == ["test-part-1-0", "test-part-2-0", "test-part-3-0"]


def test_an_execution_date_goes_to_the_parts() -> None:
    aws = StandInAws()
    aws.run({"service_names": SEVEN, "execution_date": "2025-03-01"}, settings=THREE)
    assert {part.input["execution_date"] for part in aws.nested} == {"2025-03-01"}


def test_as_many_services_as_one_execution_builds_are_not_split() -> None:
    aws = StandInAws()
    summary = summary_of(aws.run({"service_names": SEVEN[:3]}, settings=THREE))
    assert aws.nested == []
    assert "parts" not in summary
    assert [one["service_name"] for one in summary["results"]] == SEVEN[:3]


def test_the_summary_of_the_whole_says_where_those_of_the_parts_are() -> None:
    aws = StandInAws()
    summary = summary_of(aws.run({"service_names": SEVEN}, settings=THREE))
    assert [(one["services"], one["status"]) for one in summary["parts"]] == [
        (3, "COMPLETED"),
        (3, "COMPLETED"),
        (1, "COMPLETED"),
    ]
    stored = [aws.objects[one["summary_location"]] for one in summary["parts"]]
    assert [one["service_name"] for part in stored for one in part["results"]] == SEVEN
    assert len({one["summary_location"] for one in summary["parts"]}) == 3


def test_services_that_fail_in_a_part_fail_the_whole_and_not_the_part() -> None:
    aws = StandInAws()
    aws.failures["DropMAUTable"] = [asl.TaskFailed("AccessDenied", "no right to drop")]
    execution = aws.run({"service_names": SEVEN}, settings=THREE)
    assert execution.error == "ServicesFailed"
    assert str(execution.cause).startswith("PARTIALLY_COMPLETED: 1 of 7 services failed. ")
    assert "shop-0: DropMAUTable: AccessDenied: no right to drop" in str(execution.cause)
    assert [part.status for part in aws.nested] == ["SUCCEEDED"] * 3
    assert [part.output["status"] for part in aws.nested] == [
        "PARTIALLY_COMPLETED", "COMPLETED", "COMPLETED",
    ]  # fmt: skip


def test_a_part_that_dies_leaves_the_others_alone_and_counts_with_all_its_services() -> None:
    aws = StandInAws()
    # its own Catch does not hear it
    aws.failures["StoreSummary"] = [asl.TaskFailed("States.Runtime", "killed")]
    execution = aws.run({"service_names": SEVEN}, settings=THREE)
    assert execution.error == "ServicesFailed"
    assert "PARTIALLY_COMPLETED: 3 of 7 services failed." in str(execution.cause)
    said = "shop-0, shop-1, shop-2: RunPart: States.Runtime: test-part-1-0 is FAILED: killed"
    assert said in str(execution.cause)
    assert [part.status for part in aws.nested] == ["FAILED", "SUCCEEDED", "SUCCEEDED"]


def test_a_part_that_cannot_be_started_says_why() -> None:
    aws = StandInAws()
    # both parts get one name, and the second is refused
    settings = replace(THREE, concurrency=replace(THREE.concurrency, services_per_execution=6))
    machine = build_definition(settings)
    run_part = machine["States"]["RunParts"]["ItemProcessor"]["States"]["RunPart"]
    run_part["Arguments"]["Name"] = "taken"
    execution = aws.run_document(machine, {"service_names": SEVEN})
    said = "shop-6: RunPart: StepFunctions.ExecutionAlreadyExistsException: Execution Already Exi"
    assert said in str(execution.cause)


@pytest.mark.parametrize("length", [59, 66, 67, 80])
def test_executions_whose_names_end_otherwise_have_parts_of_other_names(length: int) -> None:
    names = [f"{'n' * (length - 10)}2025-10-{day}" for day in (27, 28)]
    parts = []
    for name in names:
        aws = StandInAws()
        summary_of(aws.run({"service_names": SEVEN}, settings=THREE, name=name))
        parts += [part.identity.execution_name for part in aws.nested]
    assert len(set(parts)) == 6
    assert {len(part) for part in parts} == {min(80, length + len("-part-1-0"))}
    assert parts[0].endswith("2025-10-27-part-1-0")
    assert all(is_part(part) for part in parts)


def test_the_whole_counts_what_its_parts_used() -> None:
    aws = StandInAws()
    execution = aws.run({"service_names": SEVEN, "source": "raw"}, settings=THREE)
    whole = summary_of(execution)["execution_summary"]
    costs = [cost_of(one.history).usage for one in (execution, *aws.nested)]
    assert whole["queries"] == sum(cost.queries for cost in costs) == 7 * 8
    assert whole["scanned_bytes"] == sum(cost.scanned_bytes for cost in costs)
    assert whole["billed_bytes"] == 7 * 8 * 10_000_000
    assert whole["least_transitions"] == sum(cost.transitions for cost in costs)
    document = build_definition(THREE)
    planned = planned_usage(document, services=7, parts=part_count(7, THREE))
    assert planned.transitions == whole["least_transitions"]
    usd = sum(cost.usd(Settings().prices) for cost in costs)
    assert whole["estimated_cost_usd"] == pytest.approx(usd, abs=5e-6)


def test_a_history_says_which_executions_its_own_started() -> None:
    aws = StandInAws()
    execution = aws.run({"service_names": SEVEN}, settings=THREE)
    arns = [part.identity.execution_arn for part in aws.nested]
    assert nested_executions(execution.history) == arns
    assert nested_executions(aws.nested[0].history) == []


@pytest.mark.parametrize(
    "part_of", [None, "x", {}, {"execution": "x"}, {"execution": 1, "execution_time": "x"}]
)
def test_a_part_says_of_what_it_is_a_part(part_of: Any) -> None:
    execution = StandInAws().run({"service_names": ["one"], "part_of": part_of})
    assert execution.error == "InvalidInput"
    assert "part_of is what an execution of many services gives its parts" in str(execution.cause)


def test_services_are_built_at_once_as_the_setting_says() -> None:
    settings = Settings(concurrency=Concurrency(services=10))
    document = build_definition(settings)
    assert document["States"]["ProcessEachService"]["MaxConcurrency"] == 10
    assert build_definition(Settings())["States"]["ProcessEachService"]["MaxConcurrency"] == 1
    json.dumps(document)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            Concurrency(services=13),
            "13 services at once with 2 DML queries (CREATE TABLE AS) each are 26, and "
            "concurrency.max_dml_queries is 25: set it to 12 at most",
        ),
        (
            Concurrency(services=11, max_dml_queries=200),
            "11 services at once with 2 DDL queries (DROP TABLE) each are 22, and "
            "concurrency.max_ddl_queries is 20: set it to 10 at most",
        ),
    ],
)
def test_more_at_once_than_the_account_allows_is_refused_with_the_sum(
    asked: Concurrency, message: str
) -> None:
    with pytest.raises(InvalidSettings) as held:
        build_definition(Settings(concurrency=asked))
    assert message in str(held.value)


def test_a_refresh_keeps_to_the_limit_too() -> None:
    settings = replace(
        Settings(activity=Activity(concurrency=6)), concurrency=Concurrency(max_dml_queries=5)
    )
    with pytest.raises(InvalidSettings, match="6 queries at once are more than"):
        build_definition(settings)
