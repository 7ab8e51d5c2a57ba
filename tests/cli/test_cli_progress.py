"""What a person sees of an execution while it runs, from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_analytics import asl
from otel_analytics.cli.progress import StateChange, Tracker, show_progress
from otel_analytics.pipeline.trail import Place, Trail
from tests.pipeline.stand_in_aws import StandInAws, athena_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

SHOPS = {"service_names": ["a-shop", "b-shop"], "execution_date": "2025-10-28"}
THROTTLED = asl.TaskFailed("Athena.TooManyRequestsException", "Rate exceeded")
EXHAUSTED = athena_failure("Query exhausted resources at this scale factor", retryable=True)
NO_COLUMN = athena_failure("COLUMN_NOT_FOUND: line 1:8: Column 'x'", retryable=False)


def changes(aws: StandInAws, state: str) -> Iterator[StateChange]:
    """Yield what happened to one state, and to services."""
    tracker = Tracker()
    for event in aws.run(SHOPS).history:
        change = tracker.follow(event)
        if change and (change.state == state or change.change == "service failed"):
            yield change


def told(change: StateChange) -> tuple[str, str, int, str]:
    return change.service_name, change.change, change.attempt, change.reason


def test_each_task_of_each_service_is_entered_and_left() -> None:
    assert [told(change) for change in changes(StandInAws(), "VerifyTables")] == [
        ("a-shop", "entered", 1, ""),
        ("a-shop", "left", 1, ""),
        ("b-shop", "entered", 1, ""),
        ("b-shop", "left", 1, ""),
    ]


def test_an_attempt_that_failed_is_told_with_its_number_and_reason() -> None:
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [THROTTLED, THROTTLED]
    reason = "Athena.TooManyRequestsException: Rate exceeded"
    assert [told(change) for change in changes(aws, "CreateMAUTable")][:4] == [
        ("a-shop", "entered", 1, ""),
        ("a-shop", "failed", 1, reason),
        ("a-shop", "failed", 2, reason),
        ("a-shop", "left", 3, ""),
    ]


def test_attempts_are_counted_over_rounds_and_a_state_that_failed_is_not_told_as_left() -> None:
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [EXHAUSTED]
    reason = "States.TaskFailed: Query exhausted resources at this scale factor"
    assert [told(change) for change in changes(aws, "CreateMAUTable")][:4] == [
        ("a-shop", "entered", 1, ""),
        ("a-shop", "failed", 1, reason),
        ("a-shop", "entered", 1, ""),
        ("a-shop", "left", 2, ""),
    ]


def test_a_service_that_failed_is_told_with_its_state_and_the_next_goes_on() -> None:
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [NO_COLUMN]
    found = list(changes(aws, "CreateMAUTable"))
    assert [(change.service_name, change.change, change.state) for change in found] == [
        ("a-shop", "entered", "CreateMAUTable"),
        ("a-shop", "failed", "CreateMAUTable"),
        ("a-shop", "service failed", "CreateMAUTable"),
        ("b-shop", "entered", "CreateMAUTable"),
        ("b-shop", "left", "CreateMAUTable"),
    ]


def test_lines_say_what_became_of_each_state(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as show:
        show(StateChange("shop", "CreateMAUTable", "entered"))
        show(StateChange("shop", "CreateMAUTable", "failed", 1, reason="States.Timeout"))
        show(StateChange("shop", "CreateMAUTable", "left", 2, 0.5))
        show(StateChange("", "StoreSummary", "left", 1, 0.25))
        show(StateChange("shop", "PublishTables", "service failed", reason="NewerPublished"))
    assert capsys.readouterr().err.splitlines() == [
        "  shop  CreateMAUTable  attempt 1 failed: States.Timeout",
        "  shop  CreateMAUTable  0.50 s (attempt 2)",
        "  StoreSummary  0.25 s",
        "  shop  PublishTables  the service FAILED: NewerPublished",
    ]


def test_events_behind_the_services_are_of_none_of_them() -> None:
    trail = Trail()
    places = [trail.follow(event) for event in StandInAws().run(SHOPS).history]
    assert [place for place in places if place.state == "StoreSummary"][-1] == Place(
        "", "StoreSummary", 1
    )


def test_after_a_redrive_a_call_is_of_no_state_since_no_event_says_of_which() -> None:
    trail = Trail()
    details = {"name": "Ask", "input": "{}"}
    events = [
        {"type": "TaskStateEntered", "stateEnteredEventDetails": details},
        {"type": "TaskScheduled"},
        {"type": "ExecutionRedriven"},
        {"type": "TaskScheduled"},
    ]
    places = [
        trail.follow({**event, "id": number, "previousEventId": number - 1})
        for number, event in enumerate(events, start=1)
    ]
    assert places == [Place("", "Ask", 0), Place("", "Ask", 1), Place(), Place()]
