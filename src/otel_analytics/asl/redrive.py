"""Redriving: an execution that did not succeed goes on from the states that failed.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_analytics.asl.bookkeeping import DEADLINE
from otel_analytics.asl.execution import Children
from otel_analytics.asl.history import MAX_EVENTS
from otel_analytics.asl.interpreter import deadline_of
from otel_analytics.errors import Refused

if TYPE_CHECKING:
    from otel_analytics.asl.execution import Execution
    from otel_analytics.asl.machine import StateMachine

__all__ = ["prepare_redrive"]

MAX_REDRIVES = 1_000


def prepare_redrive(machine: StateMachine, execution: Execution, *, now: float) -> None:
    """Have `execution` stand where it stopped: the next step records the redrive and goes on.

    What had succeeded is kept. A state that failed, or was at work, starts again with all of its
    retries; of a Parallel or Map only the branches and iterations that had not succeeded do.

    Raises: Refused if the execution succeeded, or has no room for more events or redrives
    """
    _check(execution)
    execution.frames.update(execution.fallen)
    execution.fallen.clear()
    execution.tasks.clear()
    execution.ready.clear()
    execution.timers[:] = [(deadline_of(machine, now), DEADLINE)]
    for frame in execution.frames.values():
        waiting_for = frame.waits if frame.fallen is None else frame.fallen
        frame.waits = waiting_for if isinstance(waiting_for, Children) else None
        if frame.waits is not None:
            frame.waits.failed = 0
        frame.fallen, frame.token = None, None
        frame.retry_count = 0
        frame.attempts = [0] * len(frame.attempts)
        execution.ready.append(frame.id)
    execution.status, execution.stop = "RUNNING", None
    execution.error = execution.cause = None
    execution.redrive_count += 1
    execution.redriven_at = now
    execution.transitions += 1


def _check(execution: Execution) -> None:
    name = execution.identity.execution_name
    if execution.status == "SUCCEEDED":
        why = "it is SUCCEEDED"
    elif execution.events >= MAX_EVENTS - 1:
        why = "its history has no room"
    elif execution.redrive_count >= MAX_REDRIVES:
        why = f"it was redriven {MAX_REDRIVES} times"
    else:
        return
    raise Refused(f"ExecutionNotRedrivable: {name} cannot be redriven, {why}: start a new one")
