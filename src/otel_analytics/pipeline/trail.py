"""Where each event of a history belongs, by the chain of previous events."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Place", "Trail", "details_of", "failure_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """The service and the state of an event, and the number of the state's call in that service.

    `attempt` counts from 1, over retries and rounds; it is 0 in a state that calls nothing, and
    after a redrive, which no event ties to a state. `is_retry` says of a call that the state has
    called before since it was entered.
    """

    service_name: str = ""
    state: str = ""
    attempt: int = 0
    is_retry: bool = False


@dataclass(slots=True)
class Trail:
    """Follows events in the order in which they happened."""

    _places: dict[int, Place] = field(default_factory=dict)
    _attempts: dict[tuple[str, str], int] = field(default_factory=dict)

    def follow(self, event: Mapping[str, Any]) -> Place:
        """Return the place of an event."""
        before = self._places.get(event["previousEventId"], Place())
        service, state, attempt = before.service_name, before.state, before.attempt
        is_retry = False
        if entered := event.get("stateEnteredEventDetails"):
            service = _service_of(entered.get("input")) or service
            state, attempt = entered["name"], 0
        elif state and event["type"].endswith("Scheduled"):
            is_retry = attempt > 0
            attempt = self._attempts[service, state] = self._attempts.get((service, state), 0) + 1
        elif event["type"] == "MapStateExited":
            service = ""  # what follows is no longer of one service
        elif event["type"] == "ExecutionRedriven":
            service, state, attempt = "", "", 0  # every state that goes on follows this event
        place = self._places[event["id"]] = Place(service, state, attempt, is_retry)
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


def _service_of(text: str | None) -> str:
    if not text or '"service_name"' not in text:
        return ""
    value = json.loads(text)
    name = value.get("service_name", "") if isinstance(value, dict) else ""
    return name if isinstance(name, str) else ""
