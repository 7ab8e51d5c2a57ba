"""What every part of a step needs: events within the quota, ids, timers, and the end."""

from __future__ import annotations

import heapq
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from otel_analytics.asl.execution import Children, TaskWait, Timer
from otel_analytics.asl.failures import (
    MAX_PAYLOAD_BYTES,
    StateError,
    runtime_error,
    too_large,
)
from otel_analytics.asl.history import MAX_EVENTS, TRUNCATED, History, iso_time
from otel_analytics.asl.signals import Asked
from otel_analytics.asl.turn import Turn

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from otel_analytics.asl.execution import Execution, Frame
    from otel_analytics.asl.machine import StateMachine
    from otel_analytics.asl.states.state import State

__all__ = ["DEADLINE", "Books", "Ended"]

DEADLINE = 0  # in place of a frame: the timer of the execution itself
_RETRYABLE = {"Task", "Parallel", "Map"}
_END_EVENTS = {
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "TIMED_OUT": "ExecutionTimedOut",
    "ABORTED": "ExecutionAborted",
}


class Ended(Exception):  # noqa: N818 - reads as what happened
    """The execution has ended in the middle of a step."""


class Books:
    """Keeps the books of one execution: its events, ids, timers and what it asks for."""

    def __init__(
        self,
        machine: StateMachine,
        execution: Execution,
        *,
        now: Callable[[], float],
        chance: random.Random,
        on_event: Callable[[dict[str, Any]], None],
    ) -> None:
        self.execution = execution
        self.history = History(execution, now, on_event)
        self.asked = Asked()
        self.now = now
        self.chance = chance
        self.machine = machine
        self._context = _static_context(execution)

    def state(self, frame: Frame) -> State:
        """Return the state in which a frame is."""
        return self.machine.flows[frame.flow].states[frame.state]

    def new_id(self) -> int:
        """Return a number that no frame and no task has."""
        self.execution.next_id += 1
        return self.execution.next_id - 1

    def turn(self, frame: Frame) -> Turn:
        """Return what the frame's state sees, until the frame moves on."""
        make_context = partial(self._make_context, frame)
        return Turn(frame.input, make_context, frame.variables, self.now, self.chance)

    def _make_context(self, frame: Frame) -> dict[str, Any]:
        about: dict[str, Any] = {"Name": frame.state, "EnteredTime": iso_time(frame.entered_at)}
        if self.state(frame).head.type in _RETRYABLE:
            about["RetryCount"] = frame.retry_count
        context = {**self._context, "State": about}
        if frame.item is not None:
            context["Map"] = {"Item": frame.item}
        if frame.token is not None:
            context["Task"] = {"Token": frame.token}
        return context

    def payload(self, value: Any, *, of: str) -> str:
        """Return what a state or task hands on, as JSON.

        Raises: StateError if it cannot be written, or is above the quota
        """
        try:
            text = self.history.text(value)
        except (TypeError, ValueError) as error:
            raise runtime_error(f"The data cannot be written as JSON: {error}") from error
        if len(text) > MAX_PAYLOAD_BYTES or len(text.encode()) > MAX_PAYLOAD_BYTES:
            raise too_large(of)
        return text

    def add(self, frame: Frame, event_type: str, details: dict[str, Any] | None = None) -> None:
        """Record an event that follows the frame's last one."""
        self.keep_room()
        frame.last_event = self.history.add(event_type, frame.last_event, details)

    def explained(self, frame: Frame, failure: StateError) -> StateError:
        """Return the failure with its cause in full, having recorded an EvaluationFailed."""
        if not failure.in_state:
            return failure
        explained = StateError(
            failure.error,
            f"An error occurred while executing the state '{frame.state}' (entered at the event id "
            f"#{frame.entered_event}). {failure.cause}",
        )
        if failure.location is not None:
            details = {
                "error": explained.error,
                "cause": explained.cause,
                "location": failure.location,
                "state": frame.state,
            }
            self.add(frame, "EvaluationFailed", details)
        return explained

    def keep_room(self) -> None:
        """End the execution if its history has room for one more event only."""
        if self.execution.events >= MAX_EVENTS - 1:
            self.end(
                "FAILED",
                "States.Runtime",
                f"The execution reached the maximum number of history events ({MAX_EVENTS}).",
                previous=self.execution.events,
            )

    def end(
        self,
        status: str,
        error: str | None = None,
        cause: str | None = None,
        *,
        previous: int = 0,
        output: Any = None,
    ) -> NoReturn:
        """End the execution, and cancel what is still at work.

        Raises: Ended, always
        """
        execution = self.execution
        execution.status, execution.output = status, output
        execution.error, execution.cause = error, cause
        execution.stop = self.now()
        told: dict[str, Any] = {"error": error, "cause": cause}
        if status == "SUCCEEDED":
            told = {"output": self.history.text(output), "outputDetails": TRUNCATED}
        details = {name: value for name, value in told.items() if value is not None}
        self.history.add(_END_EVENTS[status], previous, details)
        self.asked.cancel.extend(execution.tasks)
        self.asked.start.clear()
        execution.tasks.clear()
        if status == "SUCCEEDED":  # else a redrive goes on with them
            execution.frames.clear()
        execution.ready.clear()
        execution.timers.clear()
        raise Ended

    def end_task(self, frame: Frame) -> None:
        """Forget the task for which a frame waits."""
        if isinstance(frame.waits, TaskWait):
            self.execution.tasks.pop(frame.waits.id, None)
        frame.waits = None

    def cancel_task(self, frame: Frame) -> None:
        """Ask for the task for which a frame waits to be cancelled, and forget it."""
        if isinstance(frame.waits, TaskWait):
            task = frame.waits.id
            waiting = [request for request in self.asked.start if request.id != task]
            if len(waiting) == len(self.asked.start):
                self.asked.cancel.append(task)
            self.asked.start = waiting
        self.end_task(frame)

    def children_of(self, parent: Frame) -> Children:
        """Return the children for which a frame waits."""
        assert isinstance(parent.waits, Children)  # noqa: S101 - a parent waits for its children
        return parent.waits

    def set_timer(self, frame: Frame, at: float) -> None:
        """Have a frame looked at when a time has come."""
        heapq.heappush(self.execution.timers, (at, frame.id))

    def next_timer(self) -> float | None:
        """Return when the next timer is due (seconds since 1970), if any is set."""
        timers = self.execution.timers
        while timers and self._is_stale(timers[0]):
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def take_timer(self) -> int:
        """Return the frame of the next timer, and remove the timer."""
        return heapq.heappop(self.execution.timers)[1]

    def _is_stale(self, timer: tuple[float, int]) -> bool:
        at, frame_id = timer
        if frame_id == DEADLINE:
            return False
        frame = self.execution.frames.get(frame_id)
        waits = None if frame is None else frame.waits
        if isinstance(waits, TaskWait):
            return at not in (waits.timeout_at, waits.heartbeat_at)
        return not isinstance(waits, Timer) or waits.at != at


def _static_context(execution: Execution) -> dict[str, Any]:
    identity = execution.identity
    context: dict[str, Any] = {
        "Execution": {
            "Id": identity.execution_arn,
            "Input": execution.input,
            "StartTime": iso_time(execution.start),
            "Name": identity.execution_name,
            "RoleArn": identity.role_arn,
            "RedriveCount": execution.redrive_count,
        },
        "StateMachine": {
            "Id": identity.state_machine_arn,
            "Name": identity.state_machine_name,
        },
    }
    if execution.redriven_at is not None:
        context["Execution"]["RedriveTime"] = iso_time(execution.redriven_at)
    return context
