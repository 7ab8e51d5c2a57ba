"""Recording an execution while it runs: its events and where it stands, in batches.

The driver's thread only takes notes; another writes them every moment, and looks whether someone
wants the execution stopped. But what leads to a task is written before the task begins: a redrive
after a crash then goes on from there, and does not repeat what the task made impossible to repeat.
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
_SCHEDULED: Final = ("TaskScheduled", "LambdaFunctionScheduled")


class Recording:
    """The record of one execution while it runs, as a context; at the end it writes down how.

    The first `kept` events of its history are in the home already. What could not be written, as
    on a full disk, is raised in the driver's thread.
    """

    def __init__(
        self, executions: Executions, name: str, stop: StopSwitch, *, kept: int = 0
    ) -> None:
        self._executions = executions
        self._name = name
        self._stop = stop
        self._taken = kept  # events that are written, or noted to be
        self._noted: list[dict[str, Any]] = []
        self._checkpoint: dict[str, Any] | None = None
        self._ended: Execution | None = None
        self._failure: BaseException | None = None
        self._turn = threading.Lock()
        self._writing = threading.Lock()
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

    def on_rest(self, execution: Execution) -> None:
        """Take note of the events so far, and where the execution stands after them."""
        if self._failure is not None:
            raise self._failure
        fresh = execution.history[self._taken :]
        if not fresh:
            return
        checkpoint = dump_execution(execution)
        with self._turn:
            self._noted += fresh
            self._checkpoint = checkpoint
        self._taken += len(fresh)
        if execution.stop is not None:
            self._ended = execution
        elif any(event["type"] in _SCHEDULED for event in fresh):
            self._write()

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
        with self._writing:  # or an older checkpoint could come over a newer one
            with self._turn:
                events, self._noted = self._noted, []
                checkpoint = self._checkpoint
            if events:
                self._executions.append(self._name, events, checkpoint)
