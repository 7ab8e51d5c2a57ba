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
        place = self._places.get(event["previousEventId"], Place())
        if entered := event.get("stateEnteredEventDetails"):
            place = _subject_of(entered.get("input")) or place
            place = replace(place, state=entered["name"], attempt=0)
        elif place.state and event["type"].endswith("Scheduled"):
            call = place.service_name, place.step, place.state
            attempt = self._attempts[call] = self._attempts.get(call, 0) + 1
            place = replace(place, attempt=attempt, is_retry=place.attempt > 0)
        elif event["type"] == "MapStateExited":
            # what follows is no longer of one service
            place = Place(state=place.state, attempt=place.attempt)
        elif event["type"] == "ExecutionRedriven":
            place = Place()  # every state that goes on follows this event
        if not event["type"].endswith("Scheduled"):
            place = replace(place, is_retry=False)
        self._places[event["id"]] = place
        return place


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
