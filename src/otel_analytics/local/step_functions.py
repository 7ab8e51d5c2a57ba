"""Step Functions on a laptop: a document and an input in, a recorded execution out.

The states are executed by `asl`; this says what its Tasks do here.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

from otel_analytics import asl
from otel_analytics.errors import InvalidName
from otel_analytics.local.lambdas import INVOKE, invoke, invoke_directly
from otel_analytics.local.recording import Recording
from otel_analytics.local.runner import this_process
from otel_analytics.local.tasks_athena import athena_tasks
from otel_analytics.local.tasks_glue import glue_tasks
from otel_analytics.local.tasks_s3 import s3_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.local.athena import Athena
    from otel_analytics.local.executions import Executions
    from otel_analytics.local.lambdas import Functions

    OnEvent = Callable[[dict[str, Any]], None]
    Tasks = Mapping[str, Callable[[Any, asl.TaskContext], Any]]

__all__ = ["ACCOUNT", "REGION", "STATE_MACHINE", "StepFunctions", "Tasks"]

REGION: Final = "local"
ACCOUNT: Final = "000000000000"
STATE_MACHINE: Final = "otel-analytics-pipeline"

_STARTS: Final = [f"{asl.START_EXECUTION}{mode}" for mode in ("", ".sync", ".sync:2")]
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StepFunctions:
    """Executions of state machines over an Athena and functions of this process.

    `machines` are those of which an execution may start nested ones, by their names. `around` is
    given what does which resource, and gives what is called in its place.
    """

    athena: Athena
    executions: Executions
    functions: Functions
    machines: Mapping[str, asl.StateMachine] = field(default_factory=dict)
    clock: asl.Clock = field(default_factory=asl.SystemClock)
    random: Random = field(default_factory=Random)  # jitter, no secret
    around: Callable[[Tasks], Tasks] = dict

    def start_execution(
        self,
        document: Mapping[str, Any] | str,
        value: Any,
        *,
        name: str | None = None,
        state_machine: str = STATE_MACHINE,
        on_event: OnEvent | None = None,
    ) -> dict[str, Any]:
        """Execute a document on an input; return the execution as `describe-execution` shows it.

        Each event is given to `on_event` as it happens, and recorded. Nested executions are
        recorded too, and have ended when this returns.

        Raises: InvalidDocument, InvalidPayload or InvalidName before anything runs
        """
        machine = asl.parse(document)
        name = name or str(uuid4())
        _check_name(name)
        identity = asl.Identity.of(state_machine, name, region=REGION, account=ACCOUNT)

        def tell(event: dict[str, Any]) -> None:
            if event["type"] == "ExecutionStarted":
                # only now: what `asl.run` refuses leaves no execution behind
                self._create(machine, value, identity)
            if on_event is not None:
                on_event(event)

        with self._with(state_machine, machine).nested() as nested:
            run = partial(asl.run, machine, value, nested.tasks, identity=identity)
            self._carry_out(run, name, asl.StopSwitch(), on_event=tell)
        return self.executions.describe_execution(name)

    def redrive_execution(
        self, reference: str, *, on_event: OnEvent | None = None
    ) -> dict[str, Any]:
        """Go on with an execution that did not succeed, or whose process died, to its end.

        It goes on from the states that failed or were at work, as RedriveExecution does.

        Raises: InvalidName if there is none; Refused if it cannot be redriven
        """
        described = self.executions.describe_execution(reference)
        machine = asl.parse(self.executions.definition(reference))
        own_name = asl.state_machine_name(described["stateMachineArn"])
        with self._with(own_name, machine).nested() as nested:
            stored = self.executions.claim(reference, this_process())
            name = stored.execution.identity.execution_name
            go_on = partial(asl.redrive, machine, stored.execution, nested.tasks)
            kept = len(stored.execution.history)
            self._carry_out(go_on, name, asl.StopSwitch(), on_event=on_event, kept=kept)
        return self.executions.describe_execution(name)

    def _with(self, name: str, machine: asl.StateMachine) -> StepFunctions:
        """Return the same for a machine that may start itself, as the pipeline's does."""
        if not any(task.resource in _STARTS for task in machine.tasks()):
            return self
        return replace(self, machines={name: machine, **self.machines})

    def nested(self) -> asl.NestedExecutions:
        """Return what starts nested executions; its `tasks` are all that can be done here.

        Raises: InvalidDocument if one of the machines asks for more
        """
        tasks: Tasks = {
            INVOKE: partial(invoke, self.functions),
            "arn:aws:lambda:*": partial(invoke_directly, self.functions),
            **athena_tasks(self.athena),
            **s3_tasks(self.athena.store),
            **glue_tasks(self.athena.catalog),
        }
        return asl.NestedExecutions(
            self.machines, self.around(tasks), clock=self.clock, begin=self._begin_nested
        )

    def _begin_nested(
        self, machine: asl.StateMachine, value: Any, identity: asl.Identity, tasks: Tasks
    ) -> Callable[[asl.StopSwitch], asl.Execution]:
        name = identity.execution_name
        try:
            _check_name(name)
        except InvalidName as error:
            raise asl.TaskFailed("StepFunctions.InvalidNameException", str(error)) from error
        try:
            self._create(machine, value, identity)
        except InvalidName as error:
            raise asl.TaskFailed(
                "StepFunctions.ExecutionAlreadyExistsException", str(error)
            ) from error
        run = partial(asl.run, machine, value, tasks, identity=identity)
        # what one execution skips with `--instant` is no time of another
        own = replace(self, clock=copy(self.clock))
        return partial(own._carry_out, run, name)

    def _create(self, machine: asl.StateMachine, value: Any, identity: asl.Identity) -> None:
        self.executions.create(
            identity,
            value=value,
            definition=machine.document,
            start=self.clock.now(),
            runner=this_process(),
        )

    def _carry_out(
        self,
        run: Callable[..., _T],
        name: str,
        stop: asl.StopSwitch,
        *,
        on_event: OnEvent | None = None,
        kept: int = 0,
    ) -> _T:
        """Return what `asl.run` or `asl.redrive` does, having recorded it."""
        try:
            with Recording(self.executions, name, stop, kept=kept) as recording:
                return run(
                    clock=self.clock,
                    random=self.random,
                    on_event=on_event,
                    on_rest=recording.on_rest,
                    stop=stop,
                )
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(
                f"interrupted: {name} was stopped; otel-analytics asl redrive {name} would go on"
            ) from interrupt


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidName(f"execution name {name[:80]!r} is not allowed: use A–Z a–z 0–9 _ -")
