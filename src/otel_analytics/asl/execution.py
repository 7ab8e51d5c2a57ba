"""One execution as plain data: what `step` reads and changes, and nothing else.

Everything here is JSON but for the dataclasses themselves, so that an execution can be stored
between two steps.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Children", "Execution", "Frame", "Identity", "TaskWait", "Timer"]


@dataclass(frozen=True, slots=True)
class Identity:
    """How an execution is called; the context object and the history show it."""

    execution_arn: str
    execution_name: str
    state_machine_arn: str
    state_machine_name: str
    role_arn: str

    @property
    def region(self) -> str:
        """The AWS region that the ARNs name."""
        return self.state_machine_arn.split(":")[3]

    @classmethod
    def of(
        cls,
        state_machine_name: str,
        execution_name: str,
        *,
        region: str = "us-east-1",
        account: str = "000000000000",
    ) -> Identity:
        """Return the identity with ARNs made as AWS makes them."""
        states = f"arn:aws:states:{region}:{account}"
        return cls(
            f"{states}:execution:{state_machine_name}:{execution_name}",
            execution_name,
            f"{states}:stateMachine:{state_machine_name}",
            state_machine_name,
            f"arn:aws:iam::{account}:role/{state_machine_name}",
        )


@dataclass(slots=True)
class TaskWait:
    """A task that was handed out and has not come back. Units: seconds since 1970."""

    id: int
    resource: str
    timeout_at: float | None
    heartbeat_s: int | None
    heartbeat_at: float | None


@dataclass(slots=True)
class Timer:
    """A frame that sleeps: a Wait state (with its result), or a retry."""

    at: float
    retries: bool
    result: Any = None


@dataclass(slots=True)
class Children:
    """The child frames of a Parallel or Map state.

    `tolerated` is how many of them may fail; without it the first failure is the state's own.
    `failed` is how many have, and were borne.
    """

    items: list[Any]
    limit: int
    results: list[Any]
    tolerated: int | None = None
    running: list[int] = field(default_factory=list)
    started: int = 0
    finished: int = 0
    failed: int = 0


@dataclass(slots=True)
class Frame:
    """One flow under way: the outermost, a branch or an iteration.

    `entered` tells whether `state` was entered and not yet left. `last_event` is what the next
    event of this flow follows. `fallen` are the children with which the state failed; a redrive
    goes on with them. `token` is what a task that waits for a callback shows.
    """

    id: int
    flow: int
    state: str
    input: Any
    variables: dict[str, Any]
    last_event: int
    parent: int | None = None
    index: int = 0
    item: dict[str, Any] | None = None
    entered: bool = False
    entered_event: int = 0
    entered_at: float = 0.0
    retry_count: int = 0
    attempts: list[int] = field(default_factory=list)  # for each retrier: its retries so far
    waits: TaskWait | Timer | Children | None = None
    fallen: Children | None = None
    token: str | None = None


@dataclass(slots=True)
class Execution:
    """An execution: where it stands, and how it ended.

    `status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; `transitions` counts as AWS
    bills: each state entered, each retry and each redrive. Units: times in seconds since 1970.
    """

    identity: Identity
    input: Any
    start: float
    status: str = "RUNNING"
    output: Any = None
    error: str | None = None
    cause: str | None = None
    stop: float | None = None
    transitions: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    events: int = 0
    frames: dict[int, Frame] = field(default_factory=dict)
    fallen: dict[int, Frame] = field(default_factory=dict)  # the frames of all fallen children
    ready: deque[int] = field(default_factory=deque)
    timers: list[tuple[float, int]] = field(default_factory=list)  # a heap of (when, frame)
    tasks: dict[int, int] = field(default_factory=dict)  # task: frame
    next_id: int = 1
    redrive_count: int = 0
    redriven_at: float | None = None
