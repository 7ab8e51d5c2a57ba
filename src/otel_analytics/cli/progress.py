"""The progress of an execution, from its history events as they happen."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from otel_analytics.cli.output import say
from otel_analytics.pipeline.trail import Trail, details_of, failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from rich.live import Live
    from rich.table import Table

__all__ = ["Progress", "StateChange", "Tracker", "show_progress"]

SERVICE_FAILED: Final = "ServiceFailed"  # the state in which a service ends that failed
BUILD_LEVEL: Final = "BuildLevel"  # the state in which a step of a refresh makes its query
_MOST_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class StateChange:
    """What became of one state of one service: `entered`, `left`, or `failed` an attempt.

    Of a refresh, the level that is built stands in the service's place. `service failed` is the end
    of a service, in that state.

    Units:  seconds: how long the state took, where it was left
    """

    service_name: str
    state: str
    change: str
    attempt: int = 1
    seconds: float | None = None
    reason: str = ""


@dataclass(slots=True)
class Tracker:
    """Follows each event to the service and the state it belongs to."""

    _trail: Trail = field(default_factory=Trail)
    _entered: dict[tuple[str, str, str], float] = field(default_factory=dict)
    _failed: set[int] = field(default_factory=set)

    def follow(self, event: Mapping[str, Any]) -> StateChange | None:
        """Return what the event changes for a person who watches, or None."""
        kind, place = event["type"], self._trail.follow(event)
        service, state = place.service_name or place.level, place.state
        timestamp_s = datetime.fromisoformat(event["timestamp"]).timestamp()
        task = place.service_name, place.step, state
        if failure := failure_of(event):
            self._failed.add(event["id"])
            return StateChange(service, state, "failed", place.attempt, reason=_told(failure))
        if place.level and state != BUILD_LEVEL:
            return None  # a first build has some hundred steps; what they do besides takes no time
        if kind == "TaskStateEntered":
            self._entered[task] = timestamp_s
            return StateChange(service, state, "entered")
        if kind == "TaskStateExited" and event["previousEventId"] not in self._failed:
            seconds = timestamp_s - self._entered.get(task, timestamp_s)
            return StateChange(service, state, "left", place.attempt, seconds)
        if kind == "PassStateEntered" and state == SERVICE_FAILED:
            return _service_failed(service, details_of(event))
        return None


def _told(failure: Mapping[str, Any]) -> str:
    from otel_analytics.pipeline.explanations import reason_of

    reason = reason_of(failure.get("cause") or "")
    text = f"{failure['error']}: {reason}" if reason else str(failure["error"])
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _service_failed(service: str, entered: Mapping[str, Any]) -> StateChange | None:
    import json

    match json.loads(entered["input"]):
        case {"failure": {"state": str(state), "error": str(error)}}:
            return StateChange(service, state, "service failed", reason=error)
    return None  # another document has a state of that name


class Progress(Protocol):
    """Shows state changes until it is closed."""

    def __enter__(self) -> Callable[[StateChange], None]: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def show_progress() -> Progress:
    """Return a live table if a person watches stderr, plain lines otherwise."""
    return _LiveTable() if sys.stderr.isatty() else _PlainLines()


class _PlainLines:
    def __enter__(self) -> Callable[[StateChange], None]:
        return self._print

    def __exit__(self, *_: object) -> None: ...

    def _print(self, change: StateChange) -> None:
        if change.change != "entered":
            where = "  ".join(filter(None, (change.service_name, change.state)))
            say(f"  {where}  {_what(change)}")


def _what(change: StateChange) -> str:
    match change.change:
        case "entered":
            return "running"
        case "left":
            again = f" (attempt {change.attempt})" if change.attempt > 1 else ""
            return f"{change.seconds:.2f} s{again}"
        case "failed":
            return f"attempt {change.attempt} failed: {change.reason}"
        case _:
            return f"the service FAILED: {change.reason}"


class _LiveTable:
    """One line per service and task, coloured by what became of it."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], tuple[str, str]] = {}
        self._live: Live | None = None

    def __enter__(self) -> Callable[[StateChange], None]:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(stderr=True), refresh_per_second=10)
        self._live.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.stop()

    def _show(self, change: StateChange) -> None:
        style = {"entered": "yellow", "left": "green"}.get(change.change, "red")
        self._lines[change.service_name, change.state] = (_what(change), style)
        if self._live is not None:
            self._live.update(self._table())

    def _table(self) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        # A terminal holds some twenty lines of work; what is done and older scrolls away.
        table = Table("service", "state", "", box=box.SIMPLE_HEAD)
        for (service, state), (what, style) in list(self._lines.items())[-20:]:
            table.add_row(Text(service), Text(state), Text(what, style=style))
        return table
