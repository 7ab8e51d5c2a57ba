"""An execution as JSON and back, so that it can be kept between two steps.

The history is not part of it: it is kept event by event as it happens.
"""

from __future__ import annotations

from collections import deque
from dataclasses import fields
from typing import Any

from otel_analytics.asl.execution import Children, Execution, Frame, Identity, TaskWait, Timer

__all__ = ["dump_execution", "load_execution"]

_WAITS: dict[str, type[TaskWait | Timer | Children]] = {
    "task": TaskWait,
    "timer": Timer,
    "children": Children,
}
_OWN_LISTS = {"attempts", "results", "running"}
_PLAIN = tuple(
    one.name
    for one in fields(Execution)
    if one.name not in ("identity", "history", "frames", "fallen", "ready", "timers", "tasks")
)


def dump_execution(execution: Execution) -> dict[str, Any]:
    """Return an execution at rest as JSON data, which later steps do not change."""
    document = {name: getattr(execution, name) for name in _PLAIN}
    document["identity"] = _dump(execution.identity)
    document["frames"] = [_dump_frame(frame) for frame in execution.frames.values()]
    document["fallen"] = [_dump_frame(frame) for frame in execution.fallen.values()]
    document["ready"] = list(execution.ready)
    document["timers"] = list(execution.timers)
    document["tasks"] = list(execution.tasks.items())
    return document


def load_execution(document: dict[str, Any]) -> Execution:
    """Return the execution that `dump_execution` wrote down, with an empty history."""
    execution = Execution(
        Identity(**document["identity"]), **{name: document[name] for name in _PLAIN}
    )
    execution.frames = {one["id"]: _load_frame(one) for one in document["frames"]}
    execution.fallen = {one["id"]: _load_frame(one) for one in document["fallen"]}
    execution.ready = deque(document["ready"])
    execution.timers = [(at, frame) for at, frame in document["timers"]]
    execution.tasks = dict(document["tasks"])
    return execution


def _dump_frame(frame: Frame) -> dict[str, Any]:
    document = _dump(frame)
    for name in ("waits", "fallen"):
        document[name] = _dump_waits(document[name])
    return document


def _dump_waits(waits: TaskWait | Timer | Children | None) -> dict[str, Any] | None:
    if waits is None:
        return None
    kind = next(name for name, one in _WAITS.items() if isinstance(waits, one))
    return {"kind": kind, **_dump(waits)}


def _dump(data: Any) -> dict[str, Any]:
    """Return the fields; lists of our own are copied, payloads are never changed in place."""
    values = {name: getattr(data, name) for name in data.__slots__}
    for name in _OWN_LISTS.intersection(values):
        values[name] = list(values[name])
    return values


def _load_frame(document: dict[str, Any]) -> Frame:
    waits, fallen = (_load_waits(document[name]) for name in ("waits", "fallen"))
    return Frame(**{**document, "waits": waits, "fallen": fallen})


def _load_waits(document: dict[str, Any] | None) -> Any:
    if document is None:
        return None
    values = dict(document)
    return _WAITS[values.pop("kind")](**values)
