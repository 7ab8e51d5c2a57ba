"""The child flows of Parallel and Map: starting, joining, abandoning them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_analytics.asl.execution import Children, Frame
from otel_analytics.asl.failures import StateError
from otel_analytics.asl.states import ForkingState

if TYPE_CHECKING:
    from otel_analytics.asl.bookkeeping import Books
    from otel_analytics.asl.states.state import State
    from otel_analytics.asl.turn import Fork

__all__ = ["abandon", "end_child", "forget_fallen", "fork", "run_children", "tolerate"]


def fork(books: Books, frame: Frame, asked: Fork) -> None:
    """Have a frame wait for children, of which none has started yet."""
    state = books.state(frame)
    length = {"length": len(asked.items)} if _iterates(state) else None
    books.add(frame, f"{state.head.type}StateStarted", length)
    results = [None] * len(asked.items)
    frame.waits = Children(asked.items, asked.limit, results, asked.tolerated)


def run_children(books: Books, frame: Frame) -> list[Any] | None:
    """Return the results once all children are done; until then start as many as may run."""
    children, state = books.children_of(frame), books.state(frame)
    if children.finished == len(children.items):
        frame.waits = None
        books.keep_room()
        # As AWS links them: what comes next follows the last child, not this event.
        books.history.add(f"{state.head.type}StateSucceeded", frame.last_event)
        return children.results
    fresh = []
    while len(children.running) < children.limit and children.started < len(children.items):
        child = _start_child(books, frame, state)
        children.started += 1
        children.running.append(child.id)
        fresh.append(child.id)
    books.execution.ready.extendleft(reversed(fresh))
    return None


def end_child(books: Books, frame: Frame, output: Any) -> None:
    """Keep a child's result, and have its parent go on."""
    parent = _remove(books, frame)
    children, state = books.children_of(parent), books.state(parent)
    children.results[frame.index] = output
    children.finished += 1
    parent.last_event = frame.last_event
    if _iterates(state):
        books.add(frame, "MapIterationSucceeded", _iteration(state, frame.index))
        if children.finished == len(children.items):
            parent.last_event = frame.last_event
    books.execution.ready.appendleft(parent.id)


def tolerate(books: Books, frame: Frame, failure: StateError) -> bool:
    """Return whether the state above goes on without a child that failed."""
    assert frame.parent is not None  # noqa: S101 - the outermost flow is no child
    children = books.children_of(books.execution.frames[frame.parent])
    if children.tolerated is None or children.failed >= children.tolerated:
        return False
    children.failed += 1
    parent = _remove(books, frame)
    forget_fallen(books, frame)
    books.add(frame, "MapIterationFailed", _iteration(books.state(parent), frame.index))
    parent.last_event = frame.last_event
    children.results[frame.index] = failure.output()
    children.finished += 1
    books.execution.ready.appendleft(parent.id)
    return True


def abandon(books: Books, frame: Frame, failure: StateError) -> tuple[Frame, StateError]:
    """Abort the siblings of a failed child; return their parent and how it fails.

    They are kept with the parent, in case the execution is redriven.
    """
    assert frame.parent is not None  # noqa: S101 - the outermost flow is no child
    execution = books.execution
    state, parent = books.state(frame), execution.frames[frame.parent]
    parent_state, children = books.state(parent), books.children_of(parent)
    # As AWS links them: what comes next follows the failure, not these events.
    parent.last_event = frame.last_event
    if _iterates(parent_state):
        books.add(frame, "MapIterationFailed", _iteration(parent_state, frame.index))
    elif state.head.type == "Task":
        books.add(frame, "TaskStateAborted")
    execution.fallen[frame.id] = execution.frames.pop(frame.id)
    _abort(books, parent)
    parent.waits, parent.fallen = None, children
    if children.tolerated is not None:
        failure = StateError(
            "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
        )
    return parent, failure


def forget_fallen(books: Books, frame: Frame) -> None:
    """Forget the children with which a frame's state failed: it goes on without them."""
    pending = [frame]
    while pending:
        above = pending.pop()
        for children in (above.fallen, above.waits):
            if isinstance(children, Children):
                fallen = (books.execution.fallen.pop(below, None) for below in children.running)
                pending.extend(below for below in fallen if below is not None)
        above.fallen = None


def _start_child(books: Books, frame: Frame, state: State) -> Frame:
    assert isinstance(state, ForkingState)  # noqa: S101 - no other state forks
    children = books.children_of(frame)
    index, item = children.started, children.items[children.started]
    value = state.child_input(books.turn(frame), index, item)
    flow = state.child_flow(index)
    child = Frame(
        books.new_id(),
        flow,
        books.machine.flows[flow].start_at,
        value,
        frame.variables,
        frame.last_event,
        parent=frame.id,
        index=index,
        item={"Index": index, "Value": item} if state.iterates else frame.item,
    )
    if state.iterates:
        books.add(child, "MapIterationStarted", _iteration(state, index))
    books.execution.frames[child.id] = child
    return child


def _remove(books: Books, frame: Frame) -> Frame:
    """Remove a child from its parent; return the parent."""
    assert frame.parent is not None  # noqa: S101 - the outermost flow is no child
    parent = books.execution.frames[frame.parent]
    books.children_of(parent).running.remove(frame.id)
    del books.execution.frames[frame.id]
    return parent


def _abort(books: Books, parent: Frame) -> None:
    """Let all frames below one fall, the lowest first."""
    frames, fallen = books.execution.frames, books.execution.fallen
    order: list[tuple[Frame, State]] = []
    pending = [parent]
    while pending:
        above = pending.pop()
        if isinstance(above.waits, Children):
            below = [frames[frame_id] for frame_id in above.waits.running if frame_id in frames]
            pending.extend(below)
            order.extend((frame, books.state(above)) for frame in below)
    for frame, state_above in reversed(order):
        if not isinstance(frame.waits, Children):
            books.cancel_task(frame)
        if frame.entered:
            books.add(frame, f"{books.state(frame).head.type}StateAborted")
        if _iterates(state_above):
            books.add(frame, "MapIterationAborted", _iteration(state_above, frame.index))
        fallen[frame.id] = frames.pop(frame.id)


def _iterates(state: State) -> bool:
    return isinstance(state, ForkingState) and state.iterates


def _iteration(state: State, index: int) -> dict[str, Any]:
    return {"name": state.head.name, "index": index}
