"""The history of an execution, event by event, as get-execution-history shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.json_text import to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.asl.execution import Execution
    from otel_analytics.asl.states.state import State

__all__ = ["MAX_EVENTS", "TRUNCATED", "History", "TaskEvents", "iso_time"]

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_EVENTS = 25_000
TRUNCATED = {"truncated": False}


def iso_time(seconds: float) -> str:
    """Return a time as the context object shows it: UTC, with milliseconds."""
    return f"{_millisecond_text(_milliseconds(seconds))}Z"


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1_000_000) // 1000


@lru_cache(maxsize=16)
def _millisecond_text(milliseconds: int) -> str:
    second, millisecond = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{millisecond:03d}"


class History:
    """Numbers events, keeps them, and tells the listener of each as it happens."""

    def __init__(
        self,
        execution: Execution,
        now: Callable[[], float],
        on_event: Callable[[dict[str, Any]], None],
    ) -> None:
        self._execution = execution
        self._now = now
        self._on_event = on_event
        self._last_value: Any = None
        self._last_text = "null"

    def add(self, event_type: str, previous: int, details: dict[str, Any] | None = None) -> int:
        """Record an event and return its id."""
        execution = self._execution
        execution.events += 1
        event: dict[str, Any] = {
            "id": execution.events,
            "previousEventId": previous,
            "type": event_type,
            "timestamp": f"{_millisecond_text(_milliseconds(self._now()))}+00:00",
        }
        if details is not None:
            event[_details_key(event_type)] = details
        execution.history.append(event)
        self._on_event(event)
        return execution.events

    def text(self, value: Any) -> str:
        """Return a payload as JSON; the same object as last time is not written out again."""
        if value is not self._last_value:
            self._last_value, self._last_text = value, to_json(value)
        return self._last_text

    def entered(self, state: State, value: Any, previous: int) -> int:
        """Record that a state was entered."""
        details = {
            "name": state.head.name,
            "input": self.text(value),
            "inputDetails": TRUNCATED,
        }
        return self.add(f"{state.head.type}StateEntered", previous, details)

    def exited(self, state: State, output: Any, assigned: dict[str, Any], previous: int) -> int:
        """Record that a state was left."""
        details: dict[str, Any] = {
            "name": state.head.name,
            "output": self.text(output),
            "outputDetails": TRUNCATED,
        }
        if assigned:
            details["assignedVariables"] = {
                name: to_json(value) for name, value in assigned.items()
            }
            details["assignedVariablesDetails"] = TRUNCATED
        return self.add(f"{state.head.type}StateExited", previous, details)


@lru_cache(maxsize=256)
def _details_key(event_type: str) -> str:
    for shared in ("StateEntered", "StateExited"):
        if event_type.endswith(shared):
            return f"state{shared[5:]}EventDetails"
    return f"{event_type[0].lower()}{event_type[1:]}EventDetails"


class TaskEvents:
    """How the events of a task are called, and what they say, which depends on its resource."""

    def __init__(self, resource: str) -> None:
        parts = resource.split(":", 5)
        self._resource = resource
        self.family = "Task"
        if parts[2] == "lambda":
            self.family = "LambdaFunction"
        elif parts[5].startswith("activity:"):
            self.family = "Activity"
        # aws-sdk:s3:listObjectsV2 has a type of two parts, states:startExecution.sync:2 of one.
        names = parts[5].split(":")
        width = 2 if names[0] == "aws-sdk" else 1
        self.service, self.action = ":".join(names[:width]), ":".join(names[width:])

    @property
    def subject(self) -> str:
        """What the message about a result that is too large calls the task."""
        return self.service if self.family == "Task" else self._resource

    def details(self, **more: Any) -> dict[str, Any]:
        """Return details with what names the task, if its family names it in every event."""
        told = {name: value for name, value in more.items() if value is not None}
        if self.family != "Task":
            return told
        return {"resourceType": self.service, "resource": self.action, **told}

    def scheduled(
        self, arguments: str, region: str, timeout_s: int | None, heartbeat_s: int | None
    ) -> dict[str, Any]:
        """Return the details of the …Scheduled event."""
        limits = {"timeoutInSeconds": timeout_s, "heartbeatInSeconds": heartbeat_s}
        if self.family == "Task":
            return self.details(region=region, parameters=arguments, **limits)
        return self.details(
            resource=self._resource, input=arguments, inputDetails=TRUNCATED, **limits
        )

    def succeeded(self, output: str) -> dict[str, Any]:
        """Return the details of the …Succeeded event."""
        return self.details(output=output, outputDetails=TRUNCATED)
