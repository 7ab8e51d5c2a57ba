"""Executions started by a state: `states:startExecution`, `.sync` and `.sync:2`.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from otel_analytics.asl.clock import Clock, SystemClock
from otel_analytics.asl.driver import check_tasks, run
from otel_analytics.asl.execution import Execution, Identity
from otel_analytics.asl.json_text import parse_json, to_json
from otel_analytics.asl.tasks import StopSwitch, TaskContext, TaskFailed
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.asl.machine import StateMachine

    Tasks = Mapping[str, Callable[[Any, TaskContext], Any]]
    CarryOut = Callable[[StopSwitch], Execution]
    Begin = Callable[[StateMachine, Any, Identity, Tasks], CarryOut]

__all__ = [
    "MAX_AT_ONCE",
    "MAX_AWAITED_LEVELS",
    "MAX_GENERATIONS",
    "START_EXECUTION",
    "NestedExecutions",
    "state_machine_name",
]

START_EXECUTION = "arn:aws:states:::states:startExecution"
# Each level that waits for the next one holds threads.
MAX_AWAITED_LEVELS = 50
# A machine that starts itself for ever would never let its process end.
MAX_GENERATIONS = 1_000
# Of those for which no state waits; further ones begin when others have ended.
MAX_AT_ONCE = 40


def state_machine_name(reference: str) -> str:
    """Return a state machine's name: that of `arn:…:stateMachine:name:alias` is `name`."""
    _, found, rest = reference.rpartition(":stateMachine:")
    return (rest if found else reference).partition(":")[0]


class NestedExecutions:
    """Starts executions of `machines`, which are known by name or ARN, as tasks of others.

    Nested executions use the same `tasks`, and may nest further. As a context, it ends when those
    have ended for which no state waits; an error, or an interrupt, stops them.

    `begin` is given what to execute, as whom, and the tasks; it raises TaskFailed if that cannot
    be, and returns what carries the execution out until it ends or is stopped. Without `begin`,
    `executions` are those that were started, in the order in which they ended.

    Raises: InvalidDocument if nothing does the resource of a Task state of one of the machines
    """

    def __init__(
        self,
        machines: Mapping[str, StateMachine],
        tasks: Tasks,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        begin: Begin | None = None,
    ) -> None:
        self.executions: list[Execution] = []
        self._machines = {state_machine_name(name): one for name, one in machines.items()}
        self._clock = clock or SystemClock()
        self._random = random or Random()  # noqa: S311 - for jitter, not for secrets
        self._begin = begin or self._begin_here
        self._names: set[str] = set()
        # By execution ARN: how many executions led to it, and how many of these wait for it.
        self._lineages: dict[str, tuple[int, int]] = {}
        self._alone: list[tuple[threading.Thread, StopSwitch]] = []
        self._room = threading.Semaphore(MAX_AT_ONCE)
        self._failures: list[Exception] = []
        self._lock = threading.Lock()
        self.tasks: dict[str, Callable[[Any, TaskContext], Any]] = {
            **tasks,
            START_EXECUTION: self._start,
            f"{START_EXECUTION}.sync": self._start_and_wait,
            f"{START_EXECUTION}.sync:2": self._start_and_wait,
        }
        self._check_machines()

    def __enter__(self) -> NestedExecutions:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        try:
            if error is not None:
                self._stop()
            self.join()
        except BaseException:  # the interrupt of someone who has waited enough
            self._stop()
            self.join()
            raise

    def join(self) -> None:
        """Wait for the executions for which no state waits.

        Raises: what carrying one of them out raised
        """
        for thread, _ in self._alone:  # it grows while they run
            thread.join()
        if self._failures:
            raise self._failures.pop()

    def _stop(self) -> None:
        for _, stop in self._alone:
            stop.stop(cause="The process that carried the execution out was ended.")

    def _check_machines(self) -> None:
        for name, machine in self._machines.items():
            try:
                check_tasks(machine, self.tasks)
            except InvalidDocument as error:
                where = f"state machine {name}: {error.where}"
                raise InvalidDocument(error.message, where=where) from error

    def _start(self, arguments: Any, context: TaskContext) -> dict[str, Any]:
        identity, carry_out = self._prepare(arguments, context, awaited=False)
        stop = StopSwitch()
        thread = threading.Thread(target=self._run_alone, args=(carry_out, stop), daemon=True)
        self._alone.append((thread, stop))
        thread.start()
        return self._started(identity)

    def _run_alone(self, carry_out: CarryOut, stop: StopSwitch) -> None:
        try:
            with self._room:
                carry_out(stop)
        except Exception as error:  # noqa: BLE001 - raised again by join
            self._failures.append(error)

    def _start_and_wait(self, arguments: Any, context: TaskContext) -> dict[str, Any]:
        identity, carry_out = self._prepare(arguments, context, awaited=True)
        context.submitted(self._started(identity))
        stop = StopSwitch()
        cause = (
            f"The Task state in AWS Step Functions execution [{context.identity.execution_arn}] "
            "which was managing this resource was aborted"
        )
        context.on_cancel(lambda: stop.stop(cause=cause))
        execution = carry_out(stop)
        described = _describe(execution, as_text=context.resource.endswith(".sync"))
        if execution.status != "SUCCEEDED":
            raise TaskFailed("States.TaskFailed", to_json(described))
        return described

    def _prepare(
        self, arguments: Any, context: TaskContext, *, awaited: bool
    ) -> tuple[Identity, CarryOut]:
        """Return who a nested execution is, and what carries it out.

        Raises: TaskFailed if it cannot be started
        """
        machine_name = self._machine_name(arguments)
        value = _input(arguments)
        lineage = self._lineage(context.identity, awaited=awaited)
        name = arguments.get("Name")
        name = str(uuid4()) if name is None else name
        if not isinstance(name, str) or not name:
            raise TaskFailed("StepFunctions.InvalidNameException", f"Invalid Name: '{name}'")
        region, account = context.identity.state_machine_arn.split(":")[3:5]
        identity = Identity.of(machine_name, name, region=region, account=account)
        carry_out = self._begin(self._machines[machine_name], value, identity, self.tasks)
        self._lineages[identity.execution_arn] = lineage
        return identity, carry_out

    def _machine_name(self, arguments: Any) -> str:
        arn = arguments.get("StateMachineArn") if isinstance(arguments, dict) else None
        if not isinstance(arn, str):
            raise TaskFailed("StepFunctions.InvalidArnException", "StateMachineArn is missing")
        name = state_machine_name(arn)
        if name not in self._machines:
            raise TaskFailed(
                "StepFunctions.StateMachineDoesNotExistException",
                f"State Machine Does Not Exist: '{arn}'",
            )
        return name

    def _lineage(self, parent: Identity, *, awaited: bool) -> tuple[int, int]:
        generations, levels = self._lineages.get(parent.execution_arn, (0, 0))
        lineage = generations + 1, levels + 1 if awaited else 0
        if lineage[0] > MAX_GENERATIONS or lineage[1] > MAX_AWAITED_LEVELS:
            raise TaskFailed(
                "StepFunctions.ExecutionLimitExceededException",
                f"{parent.execution_arn} is nested too deeply to start another execution: at most "
                f"{MAX_GENERATIONS:,} executions one out of the other, and {MAX_AWAITED_LEVELS} "
                "each of which waits for the next",
            )
        return lineage

    def _begin_here(
        self, machine: StateMachine, value: Any, identity: Identity, tasks: Tasks
    ) -> CarryOut:
        with self._lock:
            if identity.execution_arn in self._names:
                raise TaskFailed(
                    "StepFunctions.ExecutionAlreadyExistsException",
                    f"Execution Already Exists: '{identity.execution_arn}'",
                )
            self._names.add(identity.execution_arn)

        def carry_out(stop: StopSwitch) -> Execution:
            clock, random = self._clock, self._random
            execution = run(
                machine, value, tasks, clock=clock, random=random, identity=identity, stop=stop
            )
            self.executions.append(execution)
            return execution

        return carry_out

    def _started(self, identity: Identity) -> dict[str, Any]:
        return {
            "ExecutionArn": identity.execution_arn,
            "SdkHttpMetadata": {"HttpStatusCode": 200},
            "SdkResponseMetadata": {"RequestId": str(uuid4())},
            "StartDate": round(self._clock.now() * 1000),
        }


def _input(arguments: Mapping[str, Any]) -> Any:
    """Return the input of a nested execution; StartExecution takes a text for the JSON itself.

    Raises: TaskFailed if that is no JSON
    """
    value = arguments.get("Input", {})
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except ValueError as error:
        raise TaskFailed(
            "StepFunctions.InvalidExecutionInputException",
            f"Invalid State Machine Execution Input: {error}",
        ) from error


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
