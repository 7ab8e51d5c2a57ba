"""How an execution begins, and begins again: a redrive goes on from the states that failed.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_analytics.asl.bookkeeping import DEADLINE
from otel_analytics.asl.execution import Children, Execution, Frame
from otel_analytics.asl.history import MAX_EVENTS
from otel_analytics.errors import Refused

if TYPE_CHECKING:
    from otel_analytics.asl.execution import Identity
    from otel_analytics.asl.machine import StateMachine

__all__ = ["check_redrive", "prepare_redrive", "start_execution"]

# A year: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_EXECUTION_S = 31_536_000
MAX_REDRIVES = 1_000


def start_execution(
    machine: StateMachine, value: Any, *, identity: Identity, now: float
) -> Execution:
    """Return a new execution of `machine`, which the first step will begin."""
    execution = Execution(identity, value, now, next_id=2)
    execution.frames[1] = Frame(1, 0, machine.flows[0].start_at, value, {}, last_event=0)
    execution.ready.append(1)
    execution.timers.append((_deadline(machine, now), DEADLINE))
    return execution


def prepare_redrive(machine: StateMachine, execution: Execution, *, now: float) -> None:
    """Have `execution` stand where it stopped: the next step records the redrive and goes on.

    What had succeeded is kept. A state that failed, or was at work, starts again with all of its
    retries; of a Parallel or Map only the branches and iterations that had not succeeded do.

    Raises: Refused if the execution succeeded, or has no room for more events or redrives
    """
    check_redrive(execution)
    execution.frames.update(execution.fallen)
    execution.fallen.clear()
    execution.tasks.clear()
    execution.ready.clear()
    execution.timers[:] = [(_deadline(machine, now), DEADLINE)]
    for frame in execution.frames.values():
        waiting_for = frame.waits if frame.fallen is None else frame.fallen
        frame.waits = waiting_for if isinstance(waiting_for, Children) else None
        frame.fallen, frame.token = None, None
        frame.retry_count = 0
        frame.attempts = [0] * len(frame.attempts)
        execution.ready.append(frame.id)
    execution.status, execution.stop = "RUNNING", None
    execution.error = execution.cause = None
    execution.redrive_count += 1
    execution.redriven_at = now
    execution.transitions += 1


def check_redrive(execution: Execution) -> None:
    """Check that an execution can be redriven.

    Raises: Refused if it succeeded, or has no room for more events or redrives
    """
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


def _deadline(machine: StateMachine, now: float) -> float:
    """Return when the execution times out."""
    limit_s = MAX_EXECUTION_S if machine.timeout_s is None else machine.timeout_s
    return now + min(limit_s, MAX_EXECUTION_S)
