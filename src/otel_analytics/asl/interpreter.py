"""The step: advances everything in one execution that needs nothing from the outside.

Starts no thread, reads no clock of its own and stores nothing: time, chance and the listener are
passed in, and what the outside must do is returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_analytics.asl.bookkeeping import DEADLINE, Books, Ended
from otel_analytics.asl.children import (
    abandon,
    end_child,
    forget_fallen,
    fork,
    run_children,
    tolerate,
)
from otel_analytics.asl.execution import Children, Execution, Frame, TaskWait, Timer
from otel_analytics.asl.failures import StateError
from otel_analytics.asl.history import TRUNCATED, TaskEvents
from otel_analytics.asl.queries.functions import new_uuid
from otel_analytics.asl.retry import FATAL, TIMEOUTS, matches
from otel_analytics.asl.signals import (
    Asked,
    Heartbeat,
    Stopped,
    TaskRequest,
    TaskReturned,
    TaskSubmitted,
)
from otel_analytics.asl.states import ForkingState
from otel_analytics.asl.states.task import Task
from otel_analytics.asl.turn import Choose, Finish, StartTask, WaitUntil

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from otel_analytics.asl.machine import StateMachine
    from otel_analytics.asl.signals import Signal
    from otel_analytics.asl.states.state import State
    from otel_analytics.asl.turn import Outcome, Turn

__all__ = ["Interpreter"]

# So that a step ends now and then, between which the execution is at rest.
ADVANCES_PER_STEP = 256


class Interpreter:
    """Steps one execution of one machine."""

    def __init__(
        self,
        machine: StateMachine,
        execution: Execution,
        *,
        now: Callable[[], float],
        chance: random.Random,
        on_event: Callable[[dict[str, Any]], None],
    ) -> None:
        self._execution = execution
        self._region = execution.identity.region
        self._told_redrive = False
        self._books = Books(machine, execution, now=now, chance=chance, on_event=on_event)

    def step(self, signals: Iterable[Signal] = ()) -> Asked:
        """Take in what happened outside, advance, and return what to do.

        It may advance further, in another step, while any frame is ready.
        """
        self._books.asked = Asked()
        execution = self._execution
        try:
            if execution.events == 0:
                self._begin()
            elif execution.redriven_at is not None and not self._told_redrive:
                self._begin_again()
            for signal in signals:
                self._accept(signal)
            self._fire_timers()
            for _ in range(ADVANCES_PER_STEP):
                if not execution.ready:
                    break
                frame = execution.frames.get(execution.ready.popleft())
                if frame is not None:
                    self._advance(frame)
        except Ended:
            pass  # the books are closed
        return self._books.asked

    def next_timer(self) -> float | None:
        """Return when the next timer is due (seconds since 1970), if any is set."""
        return self._books.next_timer()

    def _begin(self) -> None:
        details = {
            "input": self._books.history.text(self._execution.input),
            "inputDetails": TRUNCATED,
            "roleArn": self._execution.identity.role_arn,
        }
        self._books.history.add("ExecutionStarted", 0, details)

    def _begin_again(self) -> None:
        self._told_redrive = True
        execution = self._execution
        details = {"redriveCount": execution.redrive_count}
        event = self._books.history.add("ExecutionRedriven", execution.events, details)
        for frame in execution.frames.values():
            frame.last_event = event

    # What happened outside

    def _accept(self, signal: Signal) -> None:
        if isinstance(signal, Stopped):
            self._books.end("ABORTED", signal.error, signal.cause)
        frame = self._execution.frames.get(self._execution.tasks.get(signal.task, -1))
        if frame is None or not isinstance(frame.waits, TaskWait):
            return  # cancelled or timed out in the meantime
        events = TaskEvents(frame.waits.resource)
        if isinstance(signal, Heartbeat):
            self._keep_alive(frame, frame.waits)
        elif isinstance(signal, TaskSubmitted):
            details = events.succeeded(self._books.history.text(signal.result))
            self._books.add(frame, f"{events.family}Submitted", details)
        elif isinstance(signal, TaskReturned):
            self._task_returned(frame, events, signal.result)
        else:
            how = "TimedOut" if signal.error in TIMEOUTS and frame.token is None else "Failed"
            self._task_failed(frame, events, StateError(signal.error, signal.cause), how)

    def _keep_alive(self, frame: Frame, wait: TaskWait) -> None:
        if wait.heartbeat_s is not None:
            wait.heartbeat_at = self._books.now() + wait.heartbeat_s
            self._books.set_timer(frame, wait.heartbeat_at)

    def _task_returned(self, frame: Frame, events: TaskEvents, result: Any) -> None:
        try:
            text = self._books.payload(result, of=events.subject)
        except StateError as failure:
            self._task_failed(frame, events, failure)
            return
        self._books.end_task(frame)
        self._books.add(frame, f"{events.family}Succeeded", events.succeeded(text))
        self._complete(frame, result)

    def _task_failed(
        self, frame: Frame, events: TaskEvents, failure: StateError, how: str = "Failed"
    ) -> None:
        self._books.end_task(frame)
        details = events.details(error=failure.error, cause=failure.cause)
        self._books.add(frame, f"{events.family}{how}", details)
        self._fail(frame, failure)

    def _fire_timers(self) -> None:
        now = self._books.now()
        while (due := self._books.next_timer()) is not None and due <= now:
            frame_id = self._books.take_timer()
            if frame_id == DEADLINE:
                self._books.end("TIMED_OUT", "States.Timeout")
            frame = self._execution.frames[frame_id]
            if isinstance(frame.waits, TaskWait):
                self._time_out(frame, frame.waits, due)
            elif isinstance(frame.waits, Timer):
                timer, frame.waits = frame.waits, None
                if timer.retries:
                    self._execution.ready.append(frame.id)
                else:
                    self._complete(frame, timer.result)

    def _time_out(self, frame: Frame, wait: TaskWait, due: float) -> None:
        error = "States.Timeout" if due == wait.timeout_at else "States.HeartbeatTimeout"
        self._books.cancel_task(frame)
        self._task_failed(frame, TaskEvents(wait.resource), StateError(error), "TimedOut")

    # One state

    def _advance(self, frame: Frame) -> None:
        state = self._books.state(frame)
        try:
            if isinstance(frame.waits, Children):
                self._join(frame, state)
                return
            if not frame.entered:
                self._enter(frame, state)
            if isinstance(state, Task) and state.waits_for_token:
                frame.token = new_uuid(self._books.chance)  # for each attempt its own
            turn = self._books.turn(frame)
            self._obey(frame, state, state.start(turn), turn)
        except StateError as failure:
            self._fail(frame, failure)

    def _enter(self, frame: Frame, state: State) -> None:
        self._books.keep_room()
        frame.entered = True
        frame.entered_at = self._books.now()
        frame.retry_count = 0
        frame.attempts = [0] * len(state.head.retriers)
        frame.last_event = self._books.history.entered(state, frame.input, frame.last_event)
        frame.entered_event = frame.last_event
        self._execution.transitions += 1

    def _obey(self, frame: Frame, state: State, outcome: Outcome, turn: Turn) -> None:
        if isinstance(outcome, Finish):
            self._finish(frame, state, outcome.result, turn)
        elif isinstance(outcome, Choose):
            left = outcome.flow.leave(turn, outcome.result)
            self._leave(frame, state, left, outcome.next)
        elif isinstance(outcome, WaitUntil):
            frame.waits = Timer(outcome.at, retries=False, result=outcome.result)
            self._books.set_timer(frame, outcome.at)
        elif isinstance(outcome, StartTask):
            self._start_task(frame, outcome)
        else:
            fork(self._books, frame, outcome)
            self._join(frame, state)

    def _join(self, frame: Frame, state: State) -> None:
        results = run_children(self._books, frame)
        if results is not None:
            self._finish(frame, state, results, self._books.turn(frame))

    def _start_task(self, frame: Frame, task: StartTask) -> None:
        books, events, now = self._books, TaskEvents(task.resource), self._books.now()
        text = books.payload(task.arguments, of=events.subject)
        details = events.scheduled(text, self._region, task.timeout_s, task.heartbeat_s)
        books.add(frame, f"{events.family}Scheduled", details)
        books.add(frame, f"{events.family}Started", events.details() or None)
        frame.waits = wait = TaskWait(
            books.new_id(),
            task.resource,
            None if task.timeout_s is None else now + task.timeout_s,
            task.heartbeat_s,
            None if task.heartbeat_s is None else now + task.heartbeat_s,
        )
        self._execution.tasks[wait.id] = frame.id
        for at in (wait.timeout_at, wait.heartbeat_at):
            if at is not None:
                books.set_timer(frame, at)
        books.asked.start.append(
            TaskRequest(
                wait.id,
                task.resource,
                task.arguments,
                frame.state,
                frame.retry_count,
                task.token,
            )
        )

    def _complete(self, frame: Frame, result: Any) -> None:
        try:
            turn = self._books.turn(frame)
            self._finish(frame, self._books.state(frame), result, turn)
        except StateError as failure:
            self._fail(frame, failure)

    def _finish(self, frame: Frame, state: State, result: Any, turn: Turn) -> None:
        left = state.head.flow.leave(turn, result)
        self._leave(frame, state, left, state.head.next)

    def _leave(
        self, frame: Frame, state: State, left: tuple[Any, dict[str, Any]], following: str | None
    ) -> None:
        output, assigned = left
        self._books.payload(output, of=state.head.name)
        if assigned:
            self._books.payload(assigned, of=state.head.name)
            frame.variables = {**frame.variables, **assigned}
        self._books.keep_room()
        frame.last_event = self._books.history.exited(state, output, assigned, frame.last_event)
        frame.entered = False
        frame.token = None
        frame.input = output
        if following is not None:
            frame.state = following
            self._execution.ready.appendleft(frame.id)
        elif frame.parent is not None:
            end_child(self._books, frame, output)
        else:
            self._books.end("SUCCEEDED", previous=frame.last_event, output=output)

    # Failure

    def _fail(self, frame: Frame, failure: StateError) -> None:
        """Retry, or catch, or let the flow above fail in turn."""
        while True:
            state = self._books.state(frame)
            failure = self._books.explained(frame, failure)
            if self._retry(frame, state, failure):
                forget_fallen(self._books, frame)
                return
            self._note_failed(frame, state, failure)
            try:
                if self._catch(frame, state, failure):
                    forget_fallen(self._books, frame)
                    return
            except StateError as worse:
                failure = self._books.explained(frame, worse)
                self._note_failed(frame, state, failure)
            if frame.parent is None:
                error, cause = failure.error, failure.cause
                self._books.end("FAILED", error, cause, previous=frame.last_event)
            if tolerate(self._books, frame, failure):
                return
            frame, failure = abandon(self._books, frame, failure)

    def _note_failed(self, frame: Frame, state: State, failure: StateError) -> None:
        """Record that a state failed; a failure that nothing can catch ends the execution."""
        if failure.error in FATAL:
            error, cause = failure.error, failure.cause
            self._books.end("FAILED", error, cause, previous=frame.last_event)
        if isinstance(state, ForkingState):
            self._books.add(frame, f"{state.head.type}StateFailed")

    def _retry(self, frame: Frame, state: State, failure: StateError) -> bool:
        for number, retrier in enumerate(state.head.retriers):
            if not matches(retrier.errors, failure.error):
                continue
            attempt = frame.attempts[number]
            if attempt >= retrier.max_attempts:
                return False
            frame.attempts[number] += 1
            frame.retry_count += 1
            self._execution.transitions += 1
            at = self._books.now() + retrier.delay(attempt, self._books.chance)
            frame.waits = Timer(at, retries=True)
            self._books.set_timer(frame, at)
            return True
        return False

    def _catch(self, frame: Frame, state: State, failure: StateError) -> bool:
        for catcher in state.head.catchers:
            if matches(catcher.errors, failure.error):
                left = catcher.flow.leave_failed(self._books.turn(frame), failure.output())
                self._leave(frame, state, left, catcher.next)
                return True
        return False
