"""Athena and the Lambdas as the state machine sees them, without any data behind them.

A statement succeeds unless the test has planned otherwise; every call is written down.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from otel_analytics import asl
from otel_analytics.config import Settings
from otel_analytics.pipeline import build_definition
from otel_analytics.query.handler import Deletion, build_query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BEGIN_S = 1_740_787_200.0  # 2025-03-01
HEADS = ("check_name", "severity", "query_type", "found", "message")


def athena_failure(reason: str, *, retryable: bool, query: str = "SELECT 1") -> asl.TaskFailed:
    """Return how a task fails whose query ended as FAILED."""
    error = {"ErrorCategory": 1 if retryable else 2, "Retryable": retryable, "ErrorMessage": reason}
    status = {"State": "FAILED", "StateChangeReason": reason, "AthenaError": error}
    document = {"QueryExecution": {"Query": query, "Status": status}}
    return asl.TaskFailed("States.TaskFailed", json.dumps(document))


@dataclass
class StandInAws:
    """What happens in which state: the first failures planned for it, one after the other."""

    failures: dict[str, list[asl.TaskFailed]] = field(default_factory=lambda: defaultdict(list))
    always: dict[str, asl.TaskFailed] = field(default_factory=dict)
    checks: Sequence[tuple[str, str, str, int, str]] = ()
    statements: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    objects: dict[str, Any] = field(default_factory=dict)
    part: asl.StateMachine | None = None
    nested: list[asl.Execution] = field(default_factory=list)

    def run(
        self, payload: Any, *, settings: Settings | None = None, name: str = "test"
    ) -> asl.Execution:
        """Execute the document on a payload, in no time."""
        return self.run_document(build_definition(settings or Settings()), payload, name=name)

    def run_document(self, document: Any, payload: Any, *, name: str = "test") -> asl.Execution:
        """Execute a document that a test has changed."""
        machine = asl.parse(document)
        clock, random = asl.VirtualClock(_BEGIN_S), Random(1)
        identity = asl.Identity.of("pipeline", name)
        with self._nested(machine, clock) as nested:
            return asl.run(
                machine, payload, nested.tasks, clock=clock, random=random, identity=identity
            )

    def redrive(self, execution: asl.Execution) -> None:
        """Go on with an execution, in no time."""
        machine, clock = asl.parse(build_definition(Settings())), asl.VirtualClock(_BEGIN_S)
        with self._nested(machine, clock) as nested:
            asl.redrive(machine, execution, nested.tasks, clock=clock)

    def _nested(self, machine: asl.StateMachine, clock: asl.Clock) -> asl.NestedExecutions:
        nested = asl.NestedExecutions({"pipeline": self.part or machine}, self.tasks, clock=clock)
        self.nested = nested.executions
        return nested

    @property
    def tasks(self) -> dict[str, Callable[[Any, asl.TaskContext], Any]]:
        """What does which resource."""
        return {
            "arn:aws:states:::athena:startQueryExecution.sync": self.start_query_execution,
            "arn:aws:states:::athena:getQueryResults": self.get_query_results,
            "arn:aws:states:::lambda:invoke": self.invoke,
            "arn:aws:states:::aws-sdk:s3:putObject": self.put_object,
        }

    def _fail_as_planned(self, context: asl.TaskContext) -> None:
        if self.failures[context.state]:
            raise self.failures[context.state].pop(0)
        if context.state in self.always:
            raise self.always[context.state]

    def start_query_execution(self, arguments: Any, context: asl.TaskContext) -> Any:
        query = arguments["QueryString"]
        self.statements.append((context.state, query))
        self._fail_as_planned(context)
        return {
            "QueryExecution": {
                "QueryExecutionId": "1",
                "Query": query,
                "Statistics": {"DataScannedInBytes": 100},
                "ResultConfiguration": {"OutputLocation": "s3://results/1.csv"},
            }
        }

    def get_query_results(self, _arguments: Any, context: asl.TaskContext) -> Any:
        self._fail_as_planned(context)
        rows: list[tuple[object, ...]] = [HEADS, *self.checks]
        cells = [{"Data": [{"VarCharValue": str(cell)} for cell in row]} for row in rows]
        page = {"ResultSet": {"Rows": cells[:1000]}}
        return page | ({"NextToken": "1000"} if len(cells) > 1000 else {})

    def invoke(self, arguments: Any, context: asl.TaskContext) -> Any:
        payload = arguments["Payload"]
        self.calls.append((context.state, payload))
        self._fail_as_planned(context)
        if "query_type" in payload:
            return {"Payload": self._built(payload)}
        return {"Payload": {"query_string": "SELECT 1", "status": "PUBLISHED"}}

    def _built(self, payload: Any) -> Any:
        def nothing_is_deleted(_prefix: object) -> Deletion:
            raise AssertionError("the machine does not ask for a cleanup")

        def no_clock() -> Any:
            raise AssertionError("the machine gives the time")

        return build_query(
            payload,
            settings=Settings(),
            delete_prefix=nothing_is_deleted,
            delete_directly_under=nothing_is_deleted,
            now=no_clock,
        )

    def put_object(self, arguments: Any, context: asl.TaskContext) -> Any:
        self._fail_as_planned(context)
        self.objects[f"s3://{arguments['Bucket']}/{arguments['Key']}"] = arguments["Body"]
        return {}

    def created(self, state: str) -> list[str]:
        """Return the locations at which a state had tables created, in order."""
        found = (
            re.search(r"s3://[^']*", query) for name, query in self.statements if name == state
        )
        return [one.group() for one in found if one]
