"""Time: the system's, or one that jumps."""

from __future__ import annotations

import queue
import time
from typing import Any, Protocol

__all__ = ["Clock", "SkippingClock", "SystemClock", "VirtualClock"]


class Clock(Protocol):
    """What the driver needs to know of time. Units: seconds since 1970.

    On a `repeatable` clock, tasks that work at the same time are heard in the order in which they
    were started, so that the same run gives the same history.
    """

    @property
    def repeatable(self) -> bool:
        """Whether the same run must give the same history."""

    def now(self) -> float:
        """Return the time."""

    def wait(self, inbox: queue.SimpleQueue[Any], *, until: float | None, busy: bool) -> Any:
        """Return the next message, or None when `until` has come.

        `busy` says whether a task is at work that will send a message.
        """


class SystemClock:
    """The time of the machine."""

    repeatable = False

    def now(self) -> float:
        """Return the time."""
        return time.time()

    def wait(self, inbox: queue.SimpleQueue[Any], *, until: float | None, busy: bool) -> Any:  # noqa: ARG002
        """Return the next message, or None when `until` has come."""
        # The longest time that every platform can wait for.
        patience = None if until is None else min(max(0.0, until - self.now()), 86_400.0)
        try:
            return inbox.get(timeout=patience)
        except queue.Empty:
            return None


class SkippingClock(SystemClock):
    """The time of the machine while tasks work; what would only be waiting is skipped.

    So Wait states and the delays of Retry take no time, and a task still has all of its own.
    """

    def __init__(self) -> None:
        self._skipped_s = 0.0

    def now(self) -> float:
        """Return the time as if nothing had been skipped."""
        return super().now() + self._skipped_s

    def wait(self, inbox: queue.SimpleQueue[Any], *, until: float | None, busy: bool) -> Any:
        """Return the next message, or None when `until` has come, at once if no task works."""
        if busy or until is None:
            return super().wait(inbox, until=until, busy=busy)
        try:
            return inbox.get_nowait()
        except queue.Empty:
            self._skipped_s += max(0.0, until - self.now())
            return None


class VirtualClock:
    """A clock that stands still while tasks work, and jumps when only timers are left.

    A task that is to take time, and so can time out, sleeps with `TaskContext.sleep`.
    """

    repeatable = True

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the virtual time."""
        return self._now

    def wait(self, inbox: queue.SimpleQueue[Any], *, until: float | None, busy: bool) -> Any:
        """Return the next message; jump to `until` if none can come."""
        if not busy:
            try:
                return inbox.get_nowait()
            except queue.Empty:
                self._now = self._now if until is None else max(self._now, until)
                return None
        return inbox.get()
