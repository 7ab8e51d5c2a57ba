"""Executions that are followed: each event is read once, whoever else follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.errors import InvalidName
from otel_analytics.web.following import Asked, Follower

if TYPE_CHECKING:
    from collections.abc import Iterable


class Engine:
    """Executions that move when a test moves them; `asked` is what was asked of it, with what."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.status = "RUNNING"
        self.events: list[dict[str, Any]] = []
        self.inputs: dict[str, str] = {}

    def happens(self, ids: Iterable[int], status: str = "RUNNING") -> None:
        self.events += [{"id": one} for one in ids]
        self.status = status

    def describe_execution(self, reference: str) -> dict[str, Any]:
        self.asked.append(("describe", reference))
        if reference == "nosuch":
            raise InvalidName("ExecutionDoesNotExist")
        given = self.inputs.get(reference, "")
        return {"executionArn": f"arn:{reference}", "status": self.status, "input": given}

    def definition(self, reference: str) -> Any:
        self.asked.append(("definition", reference))
        return {"StartAt": "A"}

    def events_after(self, arn: str, seen: int) -> list[dict[str, Any]]:
        self.asked.append(("events", arn, seen))
        return [event for event in self.events if event["id"] > seen]


class Clock:
    """Seconds that go on when they are told to."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def followed() -> tuple[Follower, Engine, Clock]:
    engine, clock = Engine(), Clock()
    return Follower(engine, clock), engine, clock  # type: ignore[arg-type]


def ids(follower: Follower, reference: str = "one") -> list[int]:
    return [event["id"] for event in follower.read(reference).history]


def test_the_document_is_read_once_and_each_event_once() -> None:
    follower, engine, clock = followed()
    engine.happens(range(1, 4))
    assert ids(follower) == [1, 2, 3]
    engine.happens([4])
    clock.seconds += 1
    assert ids(follower) == [1, 2, 3, 4]
    assert follower.read("one").document == {"StartAt": "A"}
    assert engine.asked == [
        ("describe", "one"),
        ("definition", "arn:one"),
        ("events", "arn:one", 0),
        ("describe", "one"),
        ("events", "arn:one", 3),
    ]


def test_all_who_follow_within_a_second_are_told_the_same() -> None:
    follower, engine, clock = followed()
    told = follower.read("one")
    asked = len(engine.asked)
    clock.seconds += 0.8
    assert follower.read("one") is told
    assert len(engine.asked) == asked


def test_of_one_that_is_over_no_events_are_asked_for_until_it_is_redriven() -> None:
    follower, engine, clock = followed()
    follower.read("one")
    engine.happens([1, 2], status="FAILED")
    for _ in range(3):
        clock.seconds += 1
        assert ids(follower) == [1, 2]
    assert engine.asked[-2:] == [("describe", "one"), ("describe", "one")]
    engine.happens([3], status="RUNNING")
    clock.seconds += 1
    assert ids(follower) == [1, 2, 3]


def test_one_that_is_not_there_is_asked_for_again() -> None:
    follower, engine, _ = followed()
    for _ in range(2):
        with pytest.raises(InvalidName):
            follower.read("nosuch")
    assert engine.asked == [("describe", "nosuch")] * 2


def test_only_a_few_executions_are_kept() -> None:
    follower, engine, _ = followed()
    for number in range(20):
        follower.read(str(number))
    assert len(follower._kept) == 8
    engine.asked.clear()
    follower.read("19")
    follower.read("0")
    assert [one[1] for one in engine.asked if one[0] == "describe"] == ["0"]


def test_what_an_execution_was_started_for_is_asked_once() -> None:
    follower, engine, clock = followed()
    engine.inputs["one"] = '{"service_names": ["web", "app"], "execution_date": "2024-07-01"}'
    assert follower.asked("one") == Asked(("web", "app"), "2024-07-01")
    clock.seconds += 60
    assert follower.asked("one") == Asked(("web", "app"), "2024-07-01")
    assert engine.asked == [("describe", "one")]


@pytest.mark.parametrize("given", ["", "{", "[]", "null", '{"service_names": "web"}'])
def test_an_input_that_says_no_services_is_of_none(given: str) -> None:
    follower, engine, _ = followed()
    engine.inputs["one"] = given
    assert follower.asked("one") == Asked()
