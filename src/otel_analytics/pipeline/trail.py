"""Where each event of a history belongs, by the chain of previous events."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Place", "Trail", "details_of", "failure_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """The service and the state of an event, and the number of the state's call in that service.

    In a step of a refresh, which is of no service, `level` is the one that it builds, and `step`
    its number. `attempt` counts from 1, over retries and rounds; it is 0 in a state that calls
    nothing, and after a redrive, which no event ties to a state. `is_retry` says of a call that the
    state has called before since it was entered.
    """

    service_name: str = ""
    state: str = ""
    attempt: int = 0
    is_retry: bool = False
    level: str = ""
    step: str = ""


@dataclass(slots=True)
class Trail:
    """Follows events in the order in which they happened."""

    _places: dict[int, Place] = field(default_factory=dict)
    _attempts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def follow(self, event: Mapping[str, Any]) -> Place:
        """Return the place of an event."""
        before = self._places.get(event["previousEventId"], Place())
        place = self._places[event["id"]] = self._after(before, event)
        return place

    def _after(self, before: Place, event: Mapping[str, Any]) -> Place:
        kind = event["type"]
        if entered := event.get("stateEnteredEventDetails"):
            subject = _subject_of(entered.get("input")) or before
            return replace(subject, state=entered["name"], attempt=0, is_retry=False)
        if before.state and kind.endswith("Scheduled"):
            call = before.service_name, before.step, before.state
            attempt = self._attempts[call] = self._attempts.get(call, 0) + 1
            return replace(before, attempt=attempt, is_retry=before.attempt > 0)
        if kind == "MapStateExited":
            # what follows is no longer of one service
            return Place(state=before.state, attempt=before.attempt)
        if kind == "ExecutionRedriven":
            return Place()  # every state that goes on follows this event
        return replace(before, is_retry=False) if before.is_retry else before


def details_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says, whatever its type."""
    return next((value for key, value in event.items() if key.endswith("EventDetails")), {})


def failure_of(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return error and cause if the event says that a call failed or timed out."""
    failed = event["type"].endswith(("Failed", "TimedOut"))
    if not failed or event["type"].startswith("Execution"):
        return None
    details = details_of(event)
    return details if "error" in details else None


def _subject_of(text: str | None) -> Place | None:
    """Return the service, or the step of a refresh, that a state's input is of."""
    if not text or ('"service_name"' not in text and '"step"' not in text):
        return None
    match json.loads(text):
        case {"service_name": str(name)} if name:
            return Place(name)
        case {"step": {"level": str(level)}, "number": str(number)}:
            return Place(level=level, step=number)
    return None
