"""The progress of an execution, from its history events as they happen."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from otel_analytics.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from rich.live import Live
    from rich.table import Table

__all__ = ["Progress", "StateChange", "Tracker", "show_progress"]


@dataclass(frozen=True, slots=True)
class StateChange:
    """One state of one service that was entered, left, or failed an attempt.

    Units:  seconds: how long the state took, where it was left
    """

    service_name: str
    state: str
    change: str
    seconds: float | None = None
    reason: str = ""


@dataclass(slots=True)
class Tracker:
    """Follows each event to the service it belongs to, by the chain of previous events."""

    _services: dict[int, str] = field(default_factory=dict)
    _entered: dict[tuple[str, str], float] = field(default_factory=dict)

    def follow(self, event: Mapping[str, Any]) -> StateChange | None:
        """Return what the event changes for a person who watches, or None."""
        kind = event["type"]
        timestamp_s = datetime.fromisoformat(event["timestamp"]).timestamp()
        entered = event.get("stateEnteredEventDetails", {})
        service = _service_of_input(entered.get("input")) or self._services.get(
            event["previousEventId"], ""
        )
        self._services[event["id"]] = service
        if kind == "TaskStateEntered":
            self._entered[service, entered["name"]] = timestamp_s
            return StateChange(service, entered["name"], "entered")
        if kind == "TaskStateExited":
            name = event["stateExitedEventDetails"]["name"]
            since = self._entered.get((service, name), timestamp_s)
            return StateChange(service, name, "left", timestamp_s - since)
        if kind in ("TaskFailed", "TaskTimedOut", "LambdaFunctionFailed"):
            details: dict[str, Any] = next(
                (v for k, v in event.items() if k.endswith("EventDetails")), {}
            )
            return StateChange(service, "", "failed", reason=details.get("error", kind))
        return None


def _service_of_input(text: str | None) -> str:
    import json

    if not text or '"service_name"' not in text:
        return ""
    value = json.loads(text)
    name = value.get("service_name", "") if isinstance(value, dict) else ""
    return name if isinstance(name, str) else ""


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
        if change.change == "left":
            say(f"  {change.service_name}  {change.state}  {change.seconds:.2f} s")
        elif change.change == "failed":
            say(f"  {change.service_name}  an attempt failed: {change.reason}")


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
        if change.change == "entered":
            self._lines[change.service_name, change.state] = ("running", "yellow")
        elif change.change == "left":
            self._lines[change.service_name, change.state] = (f"{change.seconds:.2f} s", "green")
        else:
            self._lines[change.service_name, change.reason] = ("an attempt failed", "red")
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
