"""Running an execution: tasks on threads, timers on a clock, and the step in between."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.begin import prepare_redrive, start_execution
from otel_analytics.asl.clock import Clock, SystemClock
from otel_analytics.asl.execution import Execution, Identity
from otel_analytics.asl.failures import MAX_PAYLOAD_BYTES
from otel_analytics.asl.interpreter import Interpreter
from otel_analytics.asl.json_text import copy_json, to_json
from otel_analytics.asl.signals import Signal, Stopped, TaskErred, TaskReturned, TaskSubmitted
from otel_analytics.asl.tasks import Sleeping, StopSwitch, TaskContext, TaskFailed
from otel_analytics.errors import InvalidDocument, InvalidPayload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_analytics.asl.machine import StateMachine
    from otel_analytics.asl.signals import Asked, TaskRequest

    Tasks = Mapping[str, Callable[[Any, "TaskContext"], Any]]

__all__ = ["CANCEL_GRACE_S", "check_tasks", "redrive", "run"]

# How long a run waits for tasks that it has cancelled.
CANCEL_GRACE_S = 5.0
# How long a repeatable run waits for the other tasks once one has come back.
STRAGGLER_PATIENCE_S = 1.0

_log = logging.getLogger(__name__)


def run(  # noqa: PLR0913 - what comes after the first three has defaults
    machine: StateMachine,
    value: Any,
    tasks: Tasks,
    *,
    clock: Clock | None = None,
    random: Random | None = None,
    identity: Identity | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    on_rest: Callable[[Execution], None] | None = None,
    stop: StopSwitch | None = None,
) -> Execution:
    """Return the execution of `machine` on the input `value`, when it has ended.

    `tasks` says what does which resource: an ARN, or a pattern with `*`, and a callable that takes
    the arguments and a TaskContext, and returns JSON or raises TaskFailed. Any other exception
    fails the state as States.TaskFailed, with its text as the cause. `on_event` is told each event
    as it happens, `on_rest` the execution between two steps, when it can be kept.

    Raises: InvalidDocument if nothing does the resource of one of its Task states;
        InvalidPayload if the input is not JSON
    """
    check_tasks(machine, tasks)
    clock = clock or SystemClock()
    identity = identity or Identity.of("state-machine", "execution")
    try:
        value = copy_json(value)
    except (TypeError, ValueError) as error:
        raise InvalidPayload(f"the input of an execution must be JSON: {error}") from error
    if len(to_json(value).encode()) > MAX_PAYLOAD_BYTES:
        raise InvalidPayload(
            f"the input of an execution is at most {MAX_PAYLOAD_BYTES:,} bytes: pass the address "
            "of the data instead"
        )
    execution = start_execution(machine, value, identity=identity, now=clock.now())
    outside = _Outside(tasks, clock, random or Random(), on_event, on_rest, stop)  # noqa: S311 - for jitter
    outside.carry_out(machine, execution)
    return execution


def redrive(  # noqa: PLR0913 - as for run
    machine: StateMachine,
    execution: Execution,
    tasks: Tasks,
    *,
    clock: Clock | None = None,
    random: Random | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    on_rest: Callable[[Execution], None] | None = None,
    stop: StopSwitch | None = None,
) -> None:
    """Have an execution that did not succeed, or whose process died, go on to its end.

    It goes on from the states that failed or were at work; `machine` must be the one with which
    it began. The rest is as for `run`.

    Raises: Refused if it cannot be redriven; InvalidDocument as `run` does
    """
    check_tasks(machine, tasks)
    clock = clock or SystemClock()
    prepare_redrive(machine, execution, now=clock.now())
    outside = _Outside(tasks, clock, random or Random(), on_event, on_rest, stop)  # noqa: S311 - for jitter
    outside.carry_out(machine, execution)


@dataclass(frozen=True, slots=True)
class _Outside:
    """What an execution is carried out with."""

    tasks: Tasks
    clock: Clock
    random: Random
    on_event: Callable[[dict[str, Any]], None] | None
    on_rest: Callable[[Execution], None] | None
    stop: StopSwitch | None

    def carry_out(self, machine: StateMachine, execution: Execution) -> None:
        """Run an execution to its end."""
        interpreter = Interpreter(
            machine,
            execution,
            now=self.clock.now,
            chance=self.random,
            on_event=self.on_event or (lambda _event: None),
        )
        driver = _Driver(execution, interpreter, self)
        if self.stop is not None:
            self.stop.connect(driver.inbox)
        driver.run()


def check_tasks(machine: StateMachine, tasks: Tasks) -> None:
    """Check that something does the resource of every Task state.

    Raises: InvalidDocument naming the first that nothing does
    """
    for task in machine.tasks():
        if _find_task(tasks, task.resource) is None:
            what_to_do = (
                "run the document from Python, with otel_analytics.asl.run and a task that calls "
                "its TaskContext's send_task_success or send_task_failure"
                if task.waits_for_token
                else f"give a task for it (there is: {', '.join(tasks) or 'none'})"
            )
            raise InvalidDocument(
                f"nothing here does {task.resource}: {what_to_do}",
                where=f"{task.head.where}.Resource",
            )


def _find_task(tasks: Tasks, resource: str) -> Callable[[Any, TaskContext], Any] | None:
    if resource in tasks:
        return tasks[resource]
    matching = (task for pattern, task in tasks.items() if fnmatchcase(resource, pattern))
    return next(matching, None)


class _Driver:
    """Carries messages between one interpreter and the threads of its tasks."""

    def __init__(self, execution: Execution, interpreter: Interpreter, outside: _Outside) -> None:
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._execution = execution
        self._interpreter = interpreter
        self._tasks = outside.tasks
        self._clock = outside.clock
        self._on_rest = outside.on_rest or (lambda _execution: None)
        self._contexts: dict[int, TaskContext] = {}
        self._at_work: set[int] = set()  # of these the tasks whose call is not over
        self._sleepers: dict[int, tuple[float, threading.Event]] = {}
        self._threads: dict[int, threading.Thread] = {}

    def run(self) -> None:
        """Step until the execution has ended."""
        try:
            self._step()
            while self._execution.stop is None:
                self._step([] if self._execution.ready else self._wait())
        except KeyboardInterrupt:
            if self._execution.stop is None:
                stopped = Stopped("Interrupted", "Stopped by the user.")
                self._step([stopped])
            raise
        finally:
            self._cancel_all()

    def _step(self, signals: Iterable[Signal] = ()) -> None:
        asked = self._interpreter.step(signals)
        self._on_rest(self._execution)
        self._obey(asked)

    def _wait(self) -> list[Signal]:
        """Return what happened, once something has."""
        waking = [at for at, _ in self._sleepers.values()]
        timer = self._interpreter.next_timer()
        due = min([*waking, timer] if timer is not None else waking, default=None)
        message = self._clock.wait(self.inbox, until=due, busy=self._is_busy())
        signals: list[Any] = []
        while message is not None:
            self._take(message, signals)
            message = self._next_message()
        self._wake()
        if self._clock.repeatable:
            signals.sort(key=lambda signal: 0 if isinstance(signal, Stopped) else signal.task)
        return signals

    def _is_busy(self) -> bool:
        return len(self._at_work) > len(self._sleepers)

    def _take(self, message: Any, signals: list[Any]) -> None:
        if not isinstance(message, Sleeping):
            signals.append(message)
            if isinstance(message, (TaskReturned, TaskErred)):
                self._contexts.pop(message.task, None)
                self._at_work.discard(message.task)
            elif isinstance(message, TaskSubmitted) and self._awaits_token(message.task):
                self._at_work.discard(message.task)
        elif message.task in self._contexts:
            at = self._clock.now() + message.seconds
            self._sleepers[message.task] = (at, message.wake)

    def _awaits_token(self, task: int) -> bool:
        return task in self._contexts and self._contexts[task].token is not None

    def _next_message(self) -> Any:
        """Return what else has happened; if that must be repeatable, wait for tasks at work."""
        patience = STRAGGLER_PATIENCE_S if self._clock.repeatable and self._is_busy() else 0.0
        try:
            return self.inbox.get(timeout=patience)
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
            context = TaskContext(request, self._execution.identity, self.inbox)
            self._contexts[request.id] = context
            self._at_work.add(request.id)
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
            result = copy_json(task(copy_json(request.arguments), context))
            answer = TaskReturned if request.token is None else TaskSubmitted
            signal = answer(request.id, result)
        except TaskFailed as failure:
            signal = TaskErred(request.id, failure.error, failure.cause)
        except Exception as error:  # noqa: BLE001 - the edge to the caller's code
            _log.debug("the task of state %s raised", request.state, exc_info=True)
            cause = f"{type(error).__name__}: {error}"
            signal = TaskErred(request.id, "States.TaskFailed", cause)
        self._threads.pop(request.id, None)
        self.inbox.put(signal)
        context.end_call()

    def _cancel(self, task: int) -> None:
        self._sleepers.pop(task, None)
        self._at_work.discard(task)
        context = self._contexts.pop(task, None)
        if context is not None:
            context.cancel()

    def _cancel_all(self) -> None:
        for task in list(self._contexts):
            self._cancel(task)
        deadline = SystemClock().now() + CANCEL_GRACE_S
        for thread in list(self._threads.values()):
            if thread.is_alive():  # an interrupt may have come before it was started
                thread.join(max(0.0, deadline - SystemClock().now()))
