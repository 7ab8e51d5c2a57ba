"""Step Functions on a laptop: a document and an input in, a recorded execution out.

The states are executed by `asl`; this says what its Tasks do here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from otel_analytics import asl
from otel_analytics.errors import InvalidName
from otel_analytics.local.lambdas import INVOKE, invoke, invoke_directly
from otel_analytics.local.recording import Recording
from otel_analytics.local.runner import this_process
from otel_analytics.local.tasks_glue import glue_tasks
from otel_analytics.local.tasks_s3 import s3_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.local.athena import Athena
    from otel_analytics.local.executions import Executions
    from otel_analytics.local.lambdas import Functions

__all__ = ["ACCOUNT", "REGION", "STATE_MACHINE", "StepFunctions"]

REGION: Final = "local"
ACCOUNT: Final = "000000000000"
STATE_MACHINE: Final = "otel-analytics-pipeline"

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MAX_CAUSE_CHARACTERS: Final = 32_768  # AWS cuts longer causes, which would no longer be JSON
_ATHENA_ARGUMENTS: Final = (
    "QueryString", "QueryExecutionContext", "ResultConfiguration", "WorkGroup",
    "ClientRequestToken",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepFunctions:
    """Executions of state machines over an Athena and functions of this process."""

    athena: Athena
    executions: Executions
    functions: Functions
    clock: asl.Clock = field(default_factory=asl.SystemClock)
    random: Random = field(default_factory=Random)  # jitter, no secret

    def start_execution(
        self,
        document: Mapping[str, Any] | str,
        value: Any,
        *,
        name: str | None = None,
        state_machine: str = STATE_MACHINE,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Execute a document on an input; return the execution as `describe-execution` shows it.

        Each event is recorded as it happens, then given to `on_event`.

        Raises: InvalidDocument, InvalidPayload or InvalidName before anything runs
        """
        machine = asl.parse(document)
        name = name or str(uuid4())
        if not _NAME.fullmatch(name):
            raise InvalidName(f"execution name {name[:80]!r} is not allowed: use A–Z a–z 0–9 _ -")
        identity = asl.Identity.of(state_machine, name, region=REGION, account=ACCOUNT)
        stop = asl.StopSwitch()
        recording = Recording(self.executions, name, stop)

        def record(event: dict[str, Any]) -> None:
            if event["type"] == "ExecutionStarted":
                # only now: what `asl.run` refuses leaves no execution behind
                self.executions.create(
                    identity,
                    value=value,
                    definition=machine.document,
                    start=self.clock.now(),
                    runner=this_process(),
                )
            recording.on_event(event)
            if on_event is not None:
                on_event(event)

        with recording:
            asl.run(
                machine,
                value,
                self.tasks(),
                clock=self.clock,
                random=self.random,
                identity=identity,
                on_event=record,
                on_rest=recording.on_rest,
                stop=stop,
            )
        return self.executions.describe_execution(name)

    def redrive_execution(
        self, reference: str, *, on_event: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        """Go on with an execution that did not succeed, or whose process died, to its end.

        It goes on from the states that failed or were at work, as RedriveExecution does.

        Raises: InvalidName if there is none; Refused if it cannot be redriven
        """
        stored = self.executions.claim(reference, this_process())
        execution, stop = stored.execution, asl.StopSwitch()
        name = execution.identity.execution_name
        recording = Recording(self.executions, name, stop)

        def record(event: dict[str, Any]) -> None:
            recording.on_event(event)
            if on_event is not None:
                on_event(event)

        with recording:
            asl.redrive(
                asl.parse(stored.definition),
                execution,
                self.tasks(),
                clock=self.clock,
                random=self.random,
                on_event=record,
                on_rest=recording.on_rest,
                stop=stop,
            )
        return self.executions.describe_execution(name)

    def tasks(self) -> dict[str, Callable[[Any, asl.TaskContext], Any]]:
        """Return what does which resource here."""
        return {
            "arn:aws:states:::athena:startQueryExecution.sync": self._start_query_execution,
            INVOKE: partial(invoke, self.functions),
            "arn:aws:lambda:*": partial(invoke_directly, self.functions),
            **s3_tasks(self.athena.store),
            **glue_tasks(self.athena.catalog),
        }

    def _start_query_execution(self, arguments: Any, context: asl.TaskContext) -> dict[str, Any]:
        _check_arguments(arguments)
        execution = self.athena.start_query_execution(
            arguments["QueryString"],
            database=arguments.get("QueryExecutionContext", {}).get("Database", "default"),
            output_location=arguments.get("ResultConfiguration", {}).get("OutputLocation"),
            work_group=arguments.get("WorkGroup", "primary"),
            on_cancel=context.on_cancel,
        )
        result = {"QueryExecution": execution.task_document()}
        if execution.state != "SUCCEEDED":
            raise asl.TaskFailed("States.TaskFailed", _cause(result))
        return result


def _check_arguments(arguments: Any) -> None:
    if not isinstance(arguments, dict) or not isinstance(arguments.get("QueryString"), str):
        raise asl.TaskFailed("Athena.InvalidRequestException", "QueryString is missing")
    for name in arguments:
        if name not in _ATHENA_ARGUMENTS:
            raise asl.TaskFailed(
                "Athena.InvalidRequestException",
                f"the argument {name} is not supported here; supported are "
                f"{', '.join(_ATHENA_ARGUMENTS)}",
            )
    for name in ("QueryExecutionContext", "ResultConfiguration"):
        if not isinstance(arguments.get(name, {}), dict):
            raise asl.TaskFailed("Athena.InvalidRequestException", f"{name} must be an object")


def _cause(result: dict[str, Any]) -> str:
    """Return the result as JSON that a cause can hold whole: a long query's text is shortened."""
    cause = json.dumps(result, ensure_ascii=False)
    if len(cause) <= _MAX_CAUSE_CHARACTERS:
        return cause
    execution = result["QueryExecution"]
    rest = json.dumps({"QueryExecution": {**execution, "Query": "…"}}, ensure_ascii=False)
    # JSON writes a character with six at most
    room = max(0, _MAX_CAUSE_CHARACTERS - len(rest)) // 6
    shortened = {**execution, "Query": f"{execution['Query'][:room]}…"}
    return json.dumps({"QueryExecution": shortened}, ensure_ascii=False)
