"""Faults on purpose: a named task fails with a named error, or takes the process down with it.

For tests, and for people who want to see what a failure does before it comes by itself.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn
from uuid import uuid4

from otel_analytics.asl import TaskFailed
from otel_analytics.errors import Refused
from otel_analytics.local.query_executions import QueryExecution
from otel_analytics.local.tasks_athena import START_QUERY_EXECUTION, query_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from otel_analytics.asl import StateMachine, TaskContext

    Call = Callable[[Any, TaskContext], Any]

__all__ = ["CRASH", "Fault", "Faults", "check_faults", "parse_fault"]

CRASH: Final = "crash"
AFTER: Final = "-after"
ALWAYS: Final = "always"
_QUERY_STATES: Final = ("FAILED", "CANCELLED")
_FAULT: Final = re.compile(
    r"(?P<state>[^:@]+)(?:@(?P<service>[^:]+))?:(?P<error>[^:=]+)"
    r"(?:=(?P<text>.*?))?(?::(?P<times>always|[1-9][0-9]{0,8}))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to happen to a task: `error` in place of its work, or, with `after`, behind it.

    `error` is an error name, FAILED or CANCELLED for a query that ends so, or `crash`; `times`
    None is always; without `service` it happens to every one.
    """

    spec: str
    state: str
    error: str
    text: str | None = None
    after: bool = False
    service: str | None = None
    times: int | None = 1


def parse_fault(spec: str) -> Fault:
    """Return the fault that `STATE[@SERVICE]:ERROR[=TEXT][:TIMES]` says.

    `ERROR-after` lets the task do its work first.

    Raises: Refused
    """
    found = _FAULT.fullmatch(spec)
    if found is None:
        raise Refused(
            f"--inject {spec[:200]!r}: write STATE:ERROR, STATE@SERVICE:ERROR=TEXT or "
            "STATE:ERROR:TIMES, such as CreateMAUTable:States.Timeout:always"
        )
    error, times = found["error"].removesuffix(AFTER), found["times"] or "1"
    if "-" in error:
        raise Refused(
            f"--inject {spec[:200]!r}: no error name has a -: the one suffix there is, is {AFTER}, "
            "such as crash-after"
        )
    return Fault(
        spec,
        state=found["state"],
        error=error,
        text=found["text"],
        after=found["error"].endswith(AFTER),
        service=found["service"],
        times=None if times == ALWAYS else int(times),
    )


def check_faults(
    faults: Iterable[Fault], machine: StateMachine, services: Collection[str] = ()
) -> None:
    """Check that each fault is of a Task state of the machine, and can happen to it.

    `services` are those that are asked for; none, if they are not known.

    Raises: Refused naming the Task states, or the services, that there are
    """
    resources = {task.head.name: task.resource for task in machine.tasks()}
    for fault in faults:
        if fault.state not in resources:
            raise Refused(
                f"--inject {fault.spec[:200]!r}: there is no Task state {fault.state[:80]!r}; "
                f"there are: {', '.join(resources)}"
            )
        if fault.service and services and fault.service not in services:
            raise Refused(
                f"--inject {fault.spec[:200]!r}: the service {fault.service[:80]!r} is not asked "
                f"for; these are: {', '.join(services)}"
            )
        if fault.error in _QUERY_STATES and resources[fault.state] != START_QUERY_EXECUTION:
            raise Refused(
                f"--inject {fault.spec[:200]!r}: {fault.state} runs no query, so none can end as "
                f"{fault.error}: name an error such as States.Timeout"
            )


class Faults:
    """The faults of one run, and how often each is still to come."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        self._left = [fault.times for fault in self._faults]
        self._happened: set[int] = set()
        self._service = ""
        self._turn = threading.Lock()

    def unused(self) -> list[Fault]:
        """Return the faults that never happened, as their states were not reached."""
        return [one for n, one in enumerate(self._faults) if n not in self._happened]

    def follow(self, event: Mapping[str, Any]) -> None:
        """Take note of the service at work: services are processed one after the other."""
        if event["type"] == "MapStateExited":
            self._service = ""
        entered = event.get("stateEnteredEventDetails", {}).get("input", "")
        if '"service_name"' in entered and isinstance(value := json.loads(entered), dict):
            self._service = value.get("service_name", self._service)

    def around(self, tasks: Mapping[str, Call]) -> dict[str, Call]:
        """Return the tasks with the faults in their way."""
        return {resource: self._faulty(task) for resource, task in tasks.items()}

    def _faulty(self, task: Call) -> Call:
        def call(arguments: Any, context: TaskContext) -> Any:
            fault = self._next(context.state)
            if fault is None:
                return task(arguments, context)
            if fault.after:
                task(arguments, context)
            _happen(fault, arguments)

        return call

    def _next(self, state: str) -> Fault | None:
        with self._turn:
            for number, fault in enumerate(self._faults):
                left = self._left[number]
                if fault.state != state or fault.service not in (None, self._service) or left == 0:
                    continue
                if left is not None:
                    self._left[number] = left - 1
                self._happened.add(number)
                return fault
        return None


def _happen(fault: Fault, arguments: Any) -> NoReturn:
    """Fail as the fault says, or end the process.

    Raises: TaskFailed
    """
    if fault.error == CRASH:
        os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait()  # until the signal arrives
    if fault.error in _QUERY_STATES:
        raise query_failure(_query_execution(fault, arguments))
    # a time-out of Step Functions itself says no more than its name
    text = None if fault.error == "States.Timeout" else f"injected: {fault.spec}"
    raise TaskFailed(fault.error, fault.text or text)


def _query_execution(fault: Fault, arguments: Any) -> QueryExecution:
    reason = "Query cancelled by user"
    if fault.error == "FAILED":
        reason = f"GENERIC_INTERNAL_ERROR: injected: {fault.spec}"
    now = time.time()
    return QueryExecution(
        id=str(uuid4()),
        query=str(arguments.get("QueryString", "")),
        statement_type="DDL",
        database=str(arguments.get("QueryExecutionContext", {}).get("Database", "default")),
        output_location=None,
        work_group=str(arguments.get("WorkGroup", "primary")),
        state=fault.error,
        submitted=now,
        completed=now,
        reason=fault.text or reason,
    )
