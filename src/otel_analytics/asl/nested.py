"""Executions started by a state: `states:startExecution`, `.sync` and `.sync:2`.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from otel_analytics.asl.clock import Clock, SystemClock
from otel_analytics.asl.driver import run
from otel_analytics.asl.execution import Execution, Identity
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.tasks import StopSwitch, TaskContext, TaskFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.asl.machine import StateMachine

__all__ = ["NestedExecutions"]

_RESOURCE = "arn:aws:states:::states:startExecution"


class NestedExecutions:
    """Starts executions of `machines`, which are known by name or ARN, as tasks of others.

    Nested executions use the same `tasks`, and may nest further. `executions` are those that were
    started, in the order in which they ended.
    """

    def __init__(
        self,
        machines: Mapping[str, StateMachine],
        tasks: Mapping[str, Callable[[Any, TaskContext], Any]],
        *,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self.executions: list[Execution] = []
        self._machines = {name.rpartition(":")[2]: machine for name, machine in machines.items()}
        self._clock = clock or SystemClock()
        self._random = random or Random()  # noqa: S311 - for jitter, not for secrets
        self._names: set[str] = set()
        self._background: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.tasks = {
            **tasks,
            _RESOURCE: self._start,
            f"{_RESOURCE}.sync": self._start_and_wait,
            f"{_RESOURCE}.sync:2": self._start_and_wait,
        }

    def join(self) -> None:
        """Wait for the executions for which no state waits."""
        for thread in self._background:
            thread.join()

    def _start(self, arguments: Any, context: TaskContext) -> dict[str, Any]:
        machine, identity = self._identify(arguments, context)
        thread = threading.Thread(
            target=self._run, args=(machine, identity, arguments, StopSwitch())
        )
        self._background.append(thread)
        thread.start()
        return self._started(identity)

    def _start_and_wait(self, arguments: Any, context: TaskContext) -> dict[str, Any]:
        machine, identity = self._identify(arguments, context)
        context.submitted(self._started(identity))
        stop = StopSwitch()
        cause = (
            f"The Task state in AWS Step Functions execution [{context.identity.execution_arn}] "
            "which was managing this resource was aborted"
        )
        context.on_cancel(lambda: stop.stop(cause=cause))
        execution = self._run(machine, identity, arguments, stop)
        described = _describe(execution, as_text=context.resource.endswith(".sync"))
        if execution.status != "SUCCEEDED":
            raise TaskFailed("States.TaskFailed", to_json(described))
        return described

    def _run(
        self, machine: StateMachine, identity: Identity, arguments: Any, stop: StopSwitch
    ) -> Execution:
        execution = run(
            machine,
            arguments.get("Input", {}),
            self.tasks,
            clock=self._clock,
            random=self._random,
            identity=identity,
            stop=stop,
        )
        self.executions.append(execution)
        return execution

    def _identify(self, arguments: Any, context: TaskContext) -> tuple[StateMachine, Identity]:
        arn = arguments.get("StateMachineArn") if isinstance(arguments, dict) else None
        if not isinstance(arn, str):
            raise TaskFailed("StepFunctions.InvalidArnException", "StateMachineArn is missing")
        machine_name = arn.rpartition(":")[2]
        if machine_name not in self._machines:
            raise TaskFailed(
                "StepFunctions.StateMachineDoesNotExistException",
                f"State Machine Does Not Exist: '{arn}'",
            )
        name = arguments.get("Name") or str(uuid4())
        region, account = context.identity.state_machine_arn.split(":")[3:5]
        identity = Identity.of(machine_name, name, region=region, account=account)
        with self._lock:
            if identity.execution_arn in self._names:
                raise TaskFailed(
                    "StepFunctions.ExecutionAlreadyExistsException",
                    f"Execution Already Exists: '{identity.execution_arn}'",
                )
            self._names.add(identity.execution_arn)
        return self._machines[machine_name], identity

    def _started(self, identity: Identity) -> dict[str, Any]:
        return {
            "ExecutionArn": identity.execution_arn,
            "SdkHttpMetadata": {"HttpStatusCode": 200},
            "SdkResponseMetadata": {"RequestId": str(uuid4())},
            "StartDate": round(self._clock.now() * 1000),
        }


def _describe(execution: Execution, *, as_text: bool) -> dict[str, Any]:
    """Return what DescribeExecution tells, as Step Functions hands it on.

    Input and Output are JSON texts for `.sync`, and values for `.sync:2`.
    """
    succeeded = execution.status == "SUCCEEDED"
    payloads = {"Input": execution.input, "Output": execution.output if succeeded else None}
    told = {
        "Cause": execution.cause,
        "Error": execution.error,
        "ExecutionArn": execution.identity.execution_arn,
        "Input": None,
        "InputDetails": {"Included": True},
        "Name": execution.identity.execution_name,
        "Output": None,
        "OutputDetails": {"Included": True} if succeeded else None,
        "RedriveCount": execution.redrive_count,
        "RedriveStatus": "NOT_REDRIVABLE" if succeeded else "REDRIVABLE",
        "RedriveStatusReason": (
            "Execution is SUCCEEDED and cannot be redriven" if succeeded else None
        ),
        "StartDate": round(execution.start * 1000),
        "StateMachineArn": execution.identity.state_machine_arn,
        "Status": execution.status,
        "StopDate": None if execution.stop is None else round(execution.stop * 1000),
    }
    for name, value in payloads.items():
        told[name] = to_json(value) if as_text else value
    if not succeeded:
        del told["Output"]
    return {name: value for name, value in told.items() if value is not None or name in payloads}
