"""How each state of an execution went, read from its history: entered, left, repeated, failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_analytics.pipeline.explanations import reason_of
from otel_analytics.pipeline.trail import Trail, details_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_analytics.pipeline.trail import Place

__all__ = ["StateRun", "Status", "runs_of"]

Status = Literal["succeeded", "caught", "failed", "running", "aborted"]

_CONTAINERS: Final = ("Parallel", "Map")


@dataclass(frozen=True, slots=True)
class StateRun:
    """One entry of a state. `caught`: it failed, and a Catch led on from it.

    `after` is the state that led to it, '' if it is the first of its flow.

    `service_name`, and the `level` and `step` of a refresh, are '' where the state is of none.
    `attempts` are the calls of a Task, over its retries. `exited` is None while it runs, and if it
    was never left.
    """

    name: str
    after: str
    service_name: str
    level: str
    step: str
    entered: datetime
    exited: datetime | None
    status: Status
    attempts: int
    error: str = ""
    cause: str = ""

    def seconds(self, now: datetime) -> float:
        """Return how long it took, or takes since; 0 for what was never left and does not run."""
        if self.exited is None and self.status != "running":
            return 0.0
        return max(0.0, ((self.exited or now) - self.entered).total_seconds())


@dataclass(slots=True, eq=False)
class _Open:
    """A state that was entered; `failure` is that of its last call, if that failed."""

    name: str
    kind: str
    place: Place
    entered: datetime
    parent: _Open | None
    after: str
    exited: datetime | None = None
    attempts: int = 0
    failure: tuple[str, str] | None = None


@dataclass(slots=True)
class _Reader:
    """Follows events in the order in which they happened."""

    runs: list[_Open] = field(default_factory=list)
    _trail: Trail = field(default_factory=Trail)
    # by event: the state that is under way after it, and whether what follows is inside that
    _after: dict[int, tuple[_Open | None, bool]] = field(default_factory=dict)

    def read(self, event: Mapping[str, Any]) -> None:
        kind = event["type"]
        place = self._trail.follow(event)
        run, inside = self._after.get(event["previousEventId"], (None, False))
        time = datetime.fromisoformat(event["timestamp"])
        if kind.endswith("StateEntered"):
            parent = run if inside or run is None else run.parent
            name = event["stateEnteredEventDetails"]["name"]
            state = kind.removesuffix("StateEntered")
            after = "" if inside or run is None else run.name
            run = _Open(name, state, place, time, parent, after)
            self.runs.append(run)
            inside = False
        elif kind.endswith("StateExited"):
            run = self._left(run, event["stateExitedEventDetails"]["name"])
            inside = False
            if run is not None:
                run.exited = time
        elif kind.endswith("Started"):
            inside = kind in ("ParallelStateStarted", "MapStateStarted", "MapIterationStarted")
            run = _nearest(run, _CONTAINERS) if inside else run
        elif run is not None:
            self._called(run, kind, details_of(event))
        self._after[event["id"]] = run, inside

    def _called(self, run: _Open, kind: str, details: Mapping[str, Any]) -> None:
        if kind.endswith("Scheduled"):
            run.attempts += 1
        elif kind.endswith(("Failed", "TimedOut")) and not kind.startswith("Execution"):
            failed = _nearest(run, (kind[: kind.index("State")],)) if "State" in kind else run
            if failed is not None and not kind.startswith("MapIteration"):
                failed.failure = str(details.get("error", "")), str(details.get("cause", ""))
        elif kind.endswith("Succeeded") and not kind.startswith("MapIteration"):
            run.failure = None

    def _left(self, run: _Open | None, name: str) -> _Open | None:
        """Return the state of that name that was left; after a redrive, only its name tells."""
        while run is not None and run.name != name:
            run = run.parent
        if run is not None:
            return run
        named = (one for one in reversed(self.runs) if one.name == name and one.exited is None)
        return next(named, None)


def runs_of(history: Iterable[Mapping[str, Any]], *, is_running: bool) -> tuple[StateRun, ...]:
    """Return every entry of a state, in the order of the history.

    `is_running` says of the execution whether it still goes on.
    """
    reader = _Reader()
    for event in history:
        reader.read(event)
    return tuple(_closed(run, is_running=is_running) for run in reader.runs)


def _nearest(run: _Open | None, kinds: tuple[str, ...]) -> _Open | None:
    """Return the innermost state of these kinds, from a state outwards, that was not left."""
    while run is not None and (run.kind not in kinds or run.exited is not None):
        run = run.parent
    return run


def _closed(run: _Open, *, is_running: bool) -> StateRun:
    error, cause = run.failure or ("", "")
    return StateRun(
        name=run.name,
        after=run.after,
        service_name=run.place.service_name,
        level=run.place.level,
        step=run.place.step,
        entered=run.entered,
        exited=run.exited,
        status=_status(run, is_running=is_running),
        attempts=run.attempts,
        error=error,
        cause=reason_of(cause),
    )


def _status(run: _Open, *, is_running: bool) -> Status:
    if run.exited is not None:
        return "caught" if run.failure else "succeeded"
    if run.kind == "Fail":
        return "failed"
    if is_running and not _is_cut_off(run):
        return "running"
    return "failed" if run.failure else "aborted"


def _is_cut_off(run: _Open) -> bool:
    """Return whether a state around this one is over, or was entered again."""
    parent = run.parent
    while parent is not None:
        if parent.exited is not None:
            return True
        parent = parent.parent
    return False
