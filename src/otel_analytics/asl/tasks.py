"""What a task is given: a view of its execution, and ways to tell it something."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.json_text import copy_json
from otel_analytics.asl.signals import Heartbeat, Stopped, TaskErred, TaskReturned, TaskSubmitted

if TYPE_CHECKING:
    import queue
    from collections.abc import Callable

    from otel_analytics.asl.execution import Identity
    from otel_analytics.asl.signals import Signal, TaskRequest

__all__ = ["Sleeping", "StopSwitch", "TaskContext", "TaskFailed"]

_log = logging.getLogger(__name__)


class TaskFailed(Exception):  # noqa: N818 - reads as what happened
    """What a task raises to fail its state with an error name and a cause."""

    def __init__(self, error: str, cause: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Sleeping:
    """A task asks to be woken."""

    task: int
    seconds: float
    wake: threading.Event


class StopSwitch:
    """Stops the execution that it was given to, from any thread, as StopExecution does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[Any] | None = None
        self._asked: Stopped | None = None

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """Stop the execution; one that has not begun yet ends as soon as it does."""
        with self._lock:
            self._asked = Stopped(error, cause)
            if self._inbox is not None:
                self._inbox.put(self._asked)

    def connect(self, inbox: queue.SimpleQueue[Any]) -> None:
        """Have the execution that reads `inbox` stopped; the driver calls this."""
        with self._lock:
            self._inbox = inbox
            if self._asked is not None:
                inbox.put(self._asked)


class TaskContext:
    """What a task can see of its execution, and tell it.

    A task whose resource ends with `.waitForTaskToken` is over when `send_task_success` or
    `send_task_failure` was called, then or later, from any thread; what the call of the task
    itself returns is only told in the history. `token` is what `$states.context.Task.Token` gave.
    """

    def __init__(
        self, request: TaskRequest, identity: Identity, inbox: queue.SimpleQueue[Any]
    ) -> None:
        self.resource = request.resource
        self.state = request.state
        self.retry_count = request.retry_count
        self.identity = identity
        self.token = request.token
        self.cancelled = threading.Event()
        self._task = request.id
        self._inbox = inbox
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        # Until the call is over, so that the history tells the call before its answer.
        self._held: list[Signal] | None = []

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, from another thread, when the task is cancelled; or now."""
        with self._lock:
            if not self.cancelled.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def heartbeat(self) -> None:
        """Tell that the task is alive."""
        self._inbox.put(Heartbeat(self._task))

    def submitted(self, output: Any) -> None:
        """Tell that the job for which the task waits was submitted, and as what."""
        self._inbox.put(TaskSubmitted(self._task, copy_json(output)))

    def send_task_success(self, output: Any) -> None:
        """Have the task succeed with `output`, which must be JSON."""
        self._call_back(TaskReturned(self._task, copy_json(output)))

    def send_task_failure(self, error: str, cause: str | None = None) -> None:
        """Have the task fail."""
        self._call_back(TaskErred(self._task, error, cause))

    def sleep(self, seconds: float) -> bool:
        """Sleep on the execution's clock; return whether the task was cancelled meanwhile."""
        wake = threading.Event()
        self.on_cancel(wake.set)
        self._inbox.put(Sleeping(self._task, seconds, wake))
        wake.wait()
        return self.cancelled.is_set()

    def end_call(self) -> None:
        """Let the callbacks through that came while the call was at work; the driver calls this."""
        with self._lock:
            held, self._held = self._held or [], None
        for signal in held:
            self._inbox.put(signal)

    def _call_back(self, signal: Signal) -> None:
        if self.token is None:
            raise RuntimeError(f"{self.resource} does not wait for a callback: return the result")
        with self._lock:
            if self._held is not None:
                self._held.append(signal)
                return
        self._inbox.put(signal)

    def cancel(self) -> None:
        """Tell the task to stop; the driver calls this."""
        with self._lock:
            self.cancelled.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - a task's own code must not stop the others
                _log.exception("on_cancel of state %s failed", self.state)
