"""What the state machine makes of the refresher's plans: steps, overtaken steps, failures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl
from otel_analytics.cli.progress import Tracker
from otel_analytics.pipeline.cost import cost_of
from otel_analytics.pipeline.refresh_states import MAX_PLANS
from tests.pipeline.stand_in_aws import StandInAws, athena_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

PAYLOAD = {"service_names": ["a-shop"], "execution_date": "2025-10-28"}
OVERTAKEN = asl.TaskFailed("ActivityChanged", '{"errorMessage": "it is planned anew"}')
THROTTLED = asl.TaskFailed("Athena.TooManyRequestsException", "Rate exceeded")
EXHAUSTED = athena_failure("Query exhausted resources at this scale factor", retryable=True)
DISK_FULL = athena_failure("HIVE_WRITER_CLOSE_ERROR: no space", retryable=False)
VERSION = "0" * 24

Stages = list[list[tuple[str, str]]]


def plan_of(stages: Stages, *, has_more: bool = False) -> dict[str, Any]:
    """Return what the refresher answers, of steps given by level and period."""
    steps = [[{"level": name, "periods": {day: VERSION}} for name, day in one] for one in stages]
    return {"stages": [{"steps": one} for one in steps], "dropped": 0, "has_more": has_more}


WHOLE = plan_of(
    [
        [("activity", "2025-10-26"), ("activity", "2025-10-27")],
        [("activity_visits", "2025-10-27")],
        [("activity_dau", "2025-10-27"), ("activity_conversion", "2025-10-27")],
    ]
)
NOTHING = plan_of([])


@dataclass
class Refresher(StandInAws):
    """It answers with one plan after the other, and with the last one from then on."""

    plans: Sequence[dict[str, Any]] = ()
    registered: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, arguments: Any, context: asl.TaskContext) -> Any:
        payload = arguments["Payload"]
        answer = super().invoke(arguments, context)
        match payload.get("action"):
            case "plan":
                asked = sum(call.get("action") == "plan" for _, call in self.calls)
                return {"Payload": self.plans[min(asked, len(self.plans)) - 1]}
            case "build":
                folder = f"{payload['level']}/{payload['execution']}/{payload['step']}"
                location = f"s3://lake/activity/{folder}/{{attempt}}/"
                query = f"CREATE TABLE t WITH (external_location='{location}') AS SELECT 1 AS a"
                return {"Payload": {"query_string": query, "inputs": f"of {payload['level']}"}}
            case "register":
                self.registered.append(payload)
                return {"Payload": {"partitions": 1, "not_deleted": []}}
        return answer

    def asked(self, action: str) -> list[dict[str, Any]]:
        return [payload for _, payload in self.calls if payload.get("action") == action]


def levels(steps: Sequence[dict[str, Any]]) -> list[str]:
    return [step["level"] for step in steps]


def test_every_step_of_a_stage_is_registered_before_the_next_stage_begins() -> None:
    aws = Refresher(plans=[WHOLE])
    execution = aws.run(PAYLOAD)
    assert execution.status == "SUCCEEDED"
    calls = [
        (payload["action"], payload["level"])
        for _, payload in aws.calls
        if payload.get("action") in ("build", "register")
    ]
    stages = [
        {"activity"},
        {"activity_visits"},
        {"activity_dau", "activity_conversion"},
    ]
    for size, stage in zip((4, 2, 4), stages, strict=True):
        part, calls = calls[:size], calls[size:]
        assert {level for _, level in part} == stage
        assert sorted(action for action, _ in part) == ["build"] * (size // 2) + ["register"] * (
            size // 2
        )
    assert execution.output["refreshed"] == [
        {"level": level, "partitions": 1, "scanned_bytes": 100}
        for level in (
            "activity", "activity", "activity_visits", "activity_dau", "activity_conversion",
        )
    ]  # fmt: skip


def test_each_query_of_a_refresh_costs_what_it_scans_and_is_known_by_its_level() -> None:
    aws = Refresher(plans=[WHOLE])
    aws.failures["BuildLevel"] = [THROTTLED]
    aws.failures["RegisterPartitions"] = [OVERTAKEN]
    execution = aws.run(PAYLOAD)
    cost = cost_of(execution.history)
    built = [query.name for query in cost.queries if not query.service_name]
    # by each of two plans, and those of a stage are built at once, in any order
    once = ["activity", "activity", "activity_conversion", "activity_dau", "activity_visits"]
    assert sorted(built) == sorted(2 * once)
    assert cost.transitions == execution.transitions
    assert cost.lambda_calls == len(aws.calls)


def test_a_registration_says_what_was_built_by_which_attempt_and_of_what() -> None:
    aws = Refresher(plans=[plan_of([[("activity", "2025-10-27")]])])
    aws.failures["BuildLevel"] = [THROTTLED]
    aws.run(PAYLOAD)
    (build,) = aws.asked("build")
    (register,) = aws.registered
    assert register == {
        **build, "action": "register", "attempt": "1", "inputs": "of activity",
    }  # fmt: skip
    assert aws.created("BuildLevel") == [
        f"s3://lake/activity/activity/{build['execution']}/{build['step']}/{attempt}/"
        for attempt in (0, 1)
    ]


def test_no_two_steps_of_an_execution_have_the_same_number() -> None:
    """Their tables and addresses are called by it."""
    more = [{**WHOLE, "has_more": True}] * 3
    aws = Refresher(plans=[*more, WHOLE])
    assert aws.run(PAYLOAD).status == "SUCCEEDED"
    numbers = [payload["step"] for payload in aws.asked("build")]
    assert len(set(numbers)) == len(numbers) == 4 * 5


def test_where_nothing_changed_there_are_no_steps() -> None:
    aws = Refresher(plans=[NOTHING])
    execution = aws.run(PAYLOAD)
    assert execution.output["refreshed"] == []
    assert aws.asked("build") == aws.registered == []


def test_tables_built_from_the_raw_logs_need_no_refresh() -> None:
    aws = Refresher(plans=[WHOLE])
    execution = aws.run({**PAYLOAD, "source": "raw"})
    assert execution.output["refreshed"] == []
    assert aws.asked("plan") == []
    assert {payload["source"] for state, payload in aws.calls if state.startswith("Build")} == {
        "raw"
    }


@pytest.mark.parametrize("state", ["BuildLevelQuery", "RegisterPartitions"])
def test_a_step_that_was_overtaken_is_planned_anew_and_the_others_go_on(state: str) -> None:
    first = plan_of([[("activity", "2025-10-26"), ("activity", "2025-10-27")]])
    aws = Refresher(plans=[first, plan_of([[("activity", "2025-10-27")]])])
    aws.failures[state] = [OVERTAKEN]
    execution = aws.run(PAYLOAD)
    assert execution.status == "SUCCEEDED"
    assert len(aws.asked("plan")) == 2
    assert levels(execution.output["refreshed"]) == ["activity", "activity"]
    assert len(aws.registered) == 2


@pytest.mark.parametrize("state", ["BuildLevelQuery", "RegisterPartitions"])
def test_who_is_overtaken_again_and_again_fails_before_any_service(state: str) -> None:
    aws = Refresher(plans=[plan_of([[("activity", "2025-10-27")]])])
    aws.always[state] = OVERTAKEN
    execution = aws.run(PAYLOAD)
    assert (execution.status, execution.error) == ("FAILED", "ActivityChanged")
    assert str(execution.cause).startswith("RefreshActivity: after 20 plans there is still some")
    assert len(aws.asked("plan")) == MAX_PLANS == 20
    assert not any("query_type" in payload for _, payload in aws.calls)


def test_a_plan_that_says_there_is_more_is_followed_by_another() -> None:
    part = plan_of([[("activity", "2025-10-26")]], has_more=True)
    aws = Refresher(plans=[part, part, plan_of([[("activity_visits", "2025-10-26")]])])
    execution = aws.run(PAYLOAD)
    assert len(aws.asked("plan")) == 3
    assert levels(execution.output["refreshed"]) == ["activity", "activity", "activity_visits"]


def test_more_that_never_ends_fails_in_the_end() -> None:
    aws = Refresher(plans=[plan_of([[("activity", "2025-10-26")]], has_more=True)])
    execution = aws.run(PAYLOAD)
    assert (execution.status, execution.error) == ("FAILED", "ActivityChanged")
    assert len(aws.asked("plan")) == MAX_PLANS


def test_a_step_that_can_succeed_on_another_try_is_begun_three_times_in_all() -> None:
    aws = Refresher(plans=[plan_of([[("activity", "2025-10-27")]])])
    aws.failures["BuildLevel"] = [EXHAUSTED, EXHAUSTED]
    assert aws.run(PAYLOAD).status == "SUCCEEDED"
    assert [payload["attempt"] for payload in aws.registered] == ["20"]
    aws = Refresher(plans=[plan_of([[("activity", "2025-10-27")]])])
    aws.always["BuildLevel"] = EXHAUSTED
    assert aws.run(PAYLOAD).status == "FAILED"
    assert [state for state, _ in aws.statements] == ["BuildLevel"] * 3


REFUSED = asl.TaskFailed("Failed", '{"errorMessage": "there is no table", "errorType": "Failed"}')


@pytest.mark.parametrize(
    ("state", "failure", "cause"),
    [
        ("PlanRefresh", REFUSED, "PlanRefresh: there is no table"),
        ("BuildLevelQuery", REFUSED, "BuildLevelQuery: there is no table"),
        ("BuildLevel", DISK_FULL, "BuildLevel: HIVE_WRITER_CLOSE_ERROR: no space"),
        ("BuildLevel", THROTTLED, "BuildLevel: Rate exceeded"),
        ("RegisterPartitions", REFUSED, "RegisterPartitions: there is no table"),
    ],
)
def test_a_refresh_that_fails_fails_the_execution_with_state_and_reason_before_any_service(
    state: str, failure: asl.TaskFailed, cause: str
) -> None:
    aws = Refresher(plans=[WHOLE])
    aws.always[state] = failure
    execution = aws.run(PAYLOAD)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", failure.error, cause)
    assert not any("query_type" in payload for _, payload in aws.calls)
    assert aws.objects == {}


def test_a_person_who_watches_sees_each_step_and_only_its_own_attempts() -> None:
    aws = Refresher(plans=[WHOLE])
    aws.failures["BuildLevel"] = [THROTTLED]
    tracker = Tracker()
    changes = filter(None, map(tracker.follow, aws.run(PAYLOAD).history))
    of_levels = [c for c in changes if c.service_name.startswith("activity")]
    assert {change.state for change in of_levels} == {"BuildLevel"}
    assert sorted((c.service_name, c.attempt) for c in of_levels if c.change == "left") == [
        ("activity", 1),
        ("activity", 2),
        ("activity_conversion", 1),
        ("activity_dau", 1),
        ("activity_visits", 1),
    ]
