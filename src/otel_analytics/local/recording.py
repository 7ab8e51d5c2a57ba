"""Recording an execution while it runs: its events and where it stands, in batches.

The driver's thread only takes notes; another writes them every moment, and looks whether someone
wants the execution stopped.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.asl import dump_execution

if TYPE_CHECKING:
    from otel_analytics.asl import Execution, StopSwitch
    from otel_analytics.local.executions import Executions

__all__ = ["FLUSH_S", "Recording"]

FLUSH_S: Final = 0.05


class Recording:
    """The record of one execution while it runs, as a context; at the end it writes down how.

    What could not be written, as on a full disk, is raised in the driver's thread.
    """

    def __init__(self, executions: Executions, name: str, stop: StopSwitch) -> None:
        self._executions = executions
        self._name = name
        self._stop = stop
        self._fresh: list[dict[str, Any]] = []  # events since the last rest
        self._noted: list[dict[str, Any]] = []  # events up to the last rest, not yet written
        self._checkpoint: dict[str, Any] | None = None
        self._ended: Execution | None = None
        self._failure: BaseException | None = None
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._writer = threading.Thread(target=self._write_on, name=f"record {name}", daemon=True)

    def __enter__(self) -> Recording:
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._writer.join()
        if self._failure is not None:
            raise self._failure
        if self._ended is not None:
            self._executions.finish(self._name, self._ended, self._noted)

    def on_event(self, event: dict[str, Any]) -> None:
        """Take note of an event."""
        if self._failure is not None:
            raise self._failure
        self._fresh.append(event)

    def on_rest(self, execution: Execution) -> None:
        """Take note of where the execution stands after the events so far."""
        if not self._fresh:
            return
        checkpoint = dump_execution(execution)
        with self._turn:
            self._noted += self._fresh
            self._checkpoint = checkpoint
        self._fresh = []
        if execution.stop is not None:
            self._ended = execution

    def _write_on(self) -> None:
        try:
            while not self._over.wait(FLUSH_S):
                self._write()
                request = self._executions.stop_request(self._name)
                if request is not None:
                    self._stop.stop(*request)
                    self._executions.forget_stop_request(self._name)
        except BaseException as error:  # noqa: BLE001 - raised again in the driver's thread
            self._failure = error
            self._stop.stop("States.Runtime", "The history could not be written.")

    def _write(self) -> None:
        with self._turn:
            events, self._noted = self._noted, []
            checkpoint = self._checkpoint
        if events:
            self._executions.append(self._name, events, checkpoint)
