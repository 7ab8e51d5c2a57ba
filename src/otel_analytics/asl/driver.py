"""Running an execution: tasks on threads, timers on a clock, and the step in between."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.clock import Clock, SystemClock
from otel_analytics.asl.execution import Execution, Identity
from otel_analytics.asl.failures import MAX_PAYLOAD_BYTES
from otel_analytics.asl.interpreter import Interpreter, start_execution
from otel_analytics.asl.json_text import parse_json, to_json
from otel_analytics.asl.signals import (
    Heartbeat,
    Signal,
    Stopped,
    TaskErred,
    TaskReturned,
    TaskSubmitted,
)
from otel_analytics.errors import InvalidDocument, InvalidPayload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.asl.machine import StateMachine
    from otel_analytics.asl.signals import Asked, TaskRequest

    Tasks = Mapping[str, Callable[[Any, "TaskContext"], Any]]

__all__ = ["CANCEL_GRACE_S", "TaskContext", "TaskFailed", "run"]

# How long a run waits for tasks that it has cancelled.
CANCEL_GRACE_S = 5.0
# How long a repeatable run waits for the other tasks once one has come back.
STRAGGLER_PATIENCE_S = 1.0

_log = logging.getLogger(__name__)


class TaskFailed(Exception):  # noqa: N818 - reads as what happened
    """What a task raises to fail its state with an error name and a cause."""

    def __init__(self, error: str, cause: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass(frozen=True, slots=True)
class _Sleeping:
    """A task asks to be woken."""

    task: int
    seconds: float
    wake: threading.Event


class TaskContext:
    """What a task can see of its execution, and tell it."""

    def __init__(
        self, request: TaskRequest, identity: Identity, inbox: queue.SimpleQueue[Any]
    ) -> None:
        self.resource = request.resource
        self.state = request.state
        self.retry_count = request.retry_count
        self.identity = identity
        self.cancelled = threading.Event()
        self._task = request.id
        self._inbox = inbox
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()

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
        self._inbox.put(TaskSubmitted(self._task, _copy(output)))

    def sleep(self, seconds: float) -> bool:
        """Sleep on the execution's clock; return whether the task was cancelled meanwhile."""
        wake = threading.Event()
        self.on_cancel(wake.set)
        self._inbox.put(_Sleeping(self._task, seconds, wake))
        wake.wait()
        return self.cancelled.is_set()

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


def run(
    machine: StateMachine,
    value: Any,
    tasks: Tasks,
    *,
    clock: Clock | None = None,
    random: Random | None = None,
    identity: Identity | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> Execution:
    """Return the execution of `machine` on the input `value`, when it has ended.

    `tasks` says what does which resource: an ARN, or a pattern with `*`, and a callable that takes
    the arguments and a TaskContext, and returns JSON or raises TaskFailed. Any other exception
    fails the state as States.TaskFailed, with its text as the cause.

    Raises: InvalidDocument if nothing does the resource of one of its Task states;
        InvalidPayload if the input is not JSON
    """
    _check_tasks(machine, tasks)
    clock = clock or SystemClock()
    identity = identity or Identity.of("state-machine", "execution")
    try:
        value = _copy(value)
    except (TypeError, ValueError) as error:
        raise InvalidPayload(f"the input of an execution must be JSON: {error}") from error
    if len(to_json(value).encode()) > MAX_PAYLOAD_BYTES:
        raise InvalidPayload(
            f"the input of an execution is at most {MAX_PAYLOAD_BYTES:,} bytes: pass the address "
            "of the data instead"
        )
    execution = start_execution(machine, value, identity=identity, now=clock.now())
    interpreter = Interpreter(
        machine,
        execution,
        now=clock.now,
        chance=random or Random(),  # noqa: S311 - for jitter, not for secrets
        on_event=on_event or (lambda _event: None),
    )
    _Driver(execution, interpreter, tasks, clock).run()
    return execution


def _copy(value: Any) -> Any:
    """Return a deep copy of a JSON value.

    Raises: TypeError or ValueError if it is not JSON
    """
    return parse_json(to_json(value))


def _check_tasks(machine: StateMachine, tasks: Tasks) -> None:
    for task in machine.tasks():
        if _find_task(tasks, task.resource) is None:
            raise InvalidDocument(
                f"nothing here does {task.resource}; there is: {', '.join(tasks) or 'no task'}",
                where=f"{task.head.where}.Resource",
            )


def _find_task(tasks: Tasks, resource: str) -> Callable[[Any, TaskContext], Any] | None:
    if resource in tasks:
        return tasks[resource]
    matching = (task for pattern, task in tasks.items() if fnmatchcase(resource, pattern))
    return next(matching, None)


class _Driver:
    """Carries messages between one interpreter and the threads of its tasks."""

    def __init__(
        self, execution: Execution, interpreter: Interpreter, tasks: Tasks, clock: Clock
    ) -> None:
        self._execution = execution
        self._interpreter = interpreter
        self._tasks = tasks
        self._clock = clock
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._contexts: dict[int, TaskContext] = {}
        self._sleepers: dict[int, tuple[float, threading.Event]] = {}
        self._threads: dict[int, threading.Thread] = {}

    def run(self) -> None:
        """Step until the execution has ended."""
        try:
            self._obey(self._interpreter.step())
            while self._execution.stop is None:
                self._obey(self._interpreter.step(self._wait()))
        except KeyboardInterrupt:
            if self._execution.stop is None:
                stopped = Stopped("Interrupted", "Stopped by the user.")
                self._obey(self._interpreter.step([stopped]))
            raise
        finally:
            self._cancel_all()

    def _wait(self) -> list[Signal]:
        """Return what happened, once something has."""
        waking = [at for at, _ in self._sleepers.values()]
        timer = self._interpreter.next_timer()
        due = min([*waking, timer] if timer is not None else waking, default=None)
        message = self._clock.wait(self._inbox, until=due, busy=self._is_busy())
        signals: list[Any] = []
        while message is not None:
            self._take(message, signals)
            message = self._next_message()
        self._wake()
        if self._clock.repeatable:
            signals.sort(key=lambda signal: signal.task)
        return signals

    def _is_busy(self) -> bool:
        return len(self._contexts) > len(self._sleepers)

    def _take(self, message: Any, signals: list[Any]) -> None:
        if not isinstance(message, _Sleeping):
            signals.append(message)
            if isinstance(message, (TaskReturned, TaskErred)):
                self._contexts.pop(message.task, None)
        elif message.task in self._contexts:
            at = self._clock.now() + message.seconds
            self._sleepers[message.task] = (at, message.wake)

    def _next_message(self) -> Any:
        """Return what else has happened; if that must be repeatable, wait for tasks at work."""
        patience = STRAGGLER_PATIENCE_S if self._clock.repeatable and self._is_busy() else 0.0
        try:
            return self._inbox.get(timeout=patience)
        except queue.Empty:
            return None

    def _wake(self) -> None:
        now = self._clock.now()
        for task, (at, wake) in list(self._sleepers.items()):
            if at <= now:
                del self._sleepers[task]
                wake.set()

    def _obey(self, asked: Asked) -> None:
        for task in asked.cancel:
            self._cancel(task)
        for request in asked.start:
            context = TaskContext(request, self._execution.identity, self._inbox)
            self._contexts[request.id] = context
            thread = threading.Thread(
                target=self._do, args=(request, context), name=request.state, daemon=True
            )
            self._threads[request.id] = thread
            thread.start()

    def _do(self, request: TaskRequest, context: TaskContext) -> None:
        task = _find_task(self._tasks, request.resource)
        signal: Signal
        try:
            assert task is not None  # noqa: S101 - checked before the execution began
            # Copies, so that neither side sees what the other changes later.
            result = task(_copy(request.arguments), context)
            signal = TaskReturned(request.id, _copy(result))
        except TaskFailed as failure:
            signal = TaskErred(request.id, failure.error, failure.cause)
        except Exception as error:  # noqa: BLE001 - the edge to the caller's code
            _log.debug("the task of state %s raised", request.state, exc_info=True)
            cause = f"{type(error).__name__}: {error}"
            signal = TaskErred(request.id, "States.TaskFailed", cause)
        self._threads.pop(request.id, None)
        self._inbox.put(signal)

    def _cancel(self, task: int) -> None:
        self._sleepers.pop(task, None)
        context = self._contexts.pop(task, None)
        if context is not None:
            context.cancel()

    def _cancel_all(self) -> None:
        for task in list(self._contexts):
            self._cancel(task)
        deadline = SystemClock().now() + CANCEL_GRACE_S
        for thread in list(self._threads.values()):
            thread.join(max(0.0, deadline - SystemClock().now()))
