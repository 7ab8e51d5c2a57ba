"""What the outside tells an execution, and what the execution asks of the outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Asked",
    "Heartbeat",
    "Signal",
    "Stopped",
    "TaskErred",
    "TaskRequest",
    "TaskReturned",
    "TaskSubmitted",
]


@dataclass(frozen=True, slots=True)
class TaskReturned:
    """A task came back with its result."""

    task: int
    result: Any


@dataclass(frozen=True, slots=True)
class TaskErred:
    """A task failed."""

    task: int
    error: str
    cause: str | None


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    """A task that waits for a job or a callback has asked for it."""

    task: int
    result: Any


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A task is alive."""

    task: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Someone stopped the execution."""

    error: str | None = None
    cause: str | None = None


Signal = TaskReturned | TaskErred | TaskSubmitted | Heartbeat | Stopped


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A task to start."""

    id: int
    resource: str
    arguments: Any
    state: str
    retry_count: int
    token: str | None


@dataclass(slots=True)
class Asked:
    """What one step asks for: tasks to start and tasks to cancel."""

    start: list[TaskRequest] = field(default_factory=list)
    cancel: list[int] = field(default_factory=list)
