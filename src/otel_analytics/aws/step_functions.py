"""Executions of the deployed state machine, in the shapes that the AWS CLI prints."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import AwsFailed, InvalidName, InvalidPayload, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.aws.clients import Client

    OnEvent = Callable[[dict[str, Any]], None]

__all__ = ["StepFunctions"]

_LOOK_AGAIN_S: Final = 2.0
_PAGE: Final = 1000
_SHOWN: Final = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")
_REFUSED: Final = {
    "ExecutionAlreadyExists": InvalidName,
    "InvalidName": InvalidName,
    "InvalidExecutionInput": InvalidPayload,
}


@dataclass(frozen=True)
class StepFunctions:
    """The executions of one state machine, given by its name or ARN; `states` is a client."""

    states: Client
    state_machine: str
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def arn(self) -> str:
        """The state machine's ARN.

        Raises: Refused if there is none of its name
        """
        if self.state_machine.startswith("arn:"):
            return self.state_machine
        for page in self.states.pages("list_state_machines"):
            for one in page["stateMachines"]:
                if one["name"] == self.state_machine:
                    return str(one["stateMachineArn"])
        raise Refused(
            f"there is no state machine {self.state_machine} in {self.states.boto.meta.region_name}"
            ": deploy it (otel-analytics deploy), or name another with aws.state_machine or the "
            "region with --region"
        )

    def start(self, value: Any, *, name: str | None = None) -> str:
        """Start an execution; return its ARN.

        Raises: InvalidName if the name is taken or not allowed; InvalidPayload; Refused
        """
        named = {} if name is None else {"name": name}
        try:
            reply = self.states.call(
                "start_execution", stateMachineArn=self.arn, input=json.dumps(value), **named
            )
        except AwsFailed as error:
            if error.code in _REFUSED:
                raise _REFUSED[error.code](str(error)) from error
            raise
        return str(reply["executionArn"])

    def watch(self, arn: str, on_event: OnEvent) -> dict[str, Any]:
        """Give each event of an execution to `on_event` until it is over; return it then."""
        seen = 0
        while True:
            described = self.describe_execution(arn)
            for event in self.events_after(arn, seen):
                seen = event["id"]
                on_event(event)
            # described before its last events were asked for
            if described["status"] not in ("RUNNING", "PENDING_REDRIVE"):
                return described
            self.sleep(_LOOK_AGAIN_S)

    def events_after(self, arn: str, seen: int) -> list[dict[str, Any]]:
        """Return the events that were not seen yet, oldest first; newer pages are asked alone."""
        found: list[dict[str, Any]] = []
        for event in self._events(arn, reverse_order=True, page=_PAGE if not seen else 100):
            if event["id"] <= seen:
                break
            found.append(event)
        return found[::-1]

    def list_executions(
        self, *, max_results: int | None = None, status: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the executions as `list-executions` shows them, newest first."""
        asked = {} if status is None else {"statusFilter": status}
        pages = self.states.pages("list_executions", stateMachineArn=self.arn, **asked)
        found = chain.from_iterable(page["executions"] for page in pages)
        return [_document(one, _SHOWN) for one in islice(found, max_results)]

    def describe_execution(self, reference: str) -> dict[str, Any]:
        """Return an execution as `describe-execution` shows it.

        `reference` is its ARN, its name, or a beginning of its name that no other has.

        Raises: InvalidName if there is none, or more than one
        """
        arn = reference if reference.startswith("arn:") else self._execution_arn(reference)
        try:
            found = self.states.call("describe_execution", executionArn=arn)
        except AwsFailed as error:
            if error.code not in ("ExecutionDoesNotExist", "InvalidArn"):
                raise
            if reference.startswith("arn:"):
                raise _unknown(reference) from error
            return self.describe_execution(self._beginning_with(reference))
        return _document(found)

    def _execution_arn(self, name: str) -> str:
        return f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"

    def _beginning_with(self, beginning: str) -> str:
        found = [one for one in self.list_executions() if one["name"].startswith(beginning)]
        if not found or not beginning:
            raise _unknown(beginning)
        if len(found) > 1:
            names = ", ".join(one["name"] for one in found[:5])
            raise InvalidName(
                f"'{beginning}' begins the names of several executions: {names}: write more"
            )
        return str(found[0]["executionArn"])

    def get_execution_history(
        self, reference: str, *, reverse_order: bool = False, max_results: int | None = None
    ) -> list[dict[str, Any]]:
        """Return an execution's events as `get-execution-history` shows them.

        Raises: InvalidName as `describe_execution` does
        """
        arn = self.describe_execution(reference)["executionArn"]
        events = self._events(
            arn, reverse_order=reverse_order, page=min(_PAGE, max_results or _PAGE)
        )
        return list(islice(events, max_results))

    def _events(self, arn: str, *, reverse_order: bool, page: int) -> Iterator[dict[str, Any]]:
        pages = self.states.pages(
            "get_execution_history",
            executionArn=arn,
            reverseOrder=reverse_order,
            includeExecutionData=True,
            PaginationConfig={"PageSize": page},
        )
        for one in pages:
            for event in one["events"]:
                # what may be left out, and is 0 then:
                # https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
                yield {"previousEventId": 0} | _document(event)

    def definition(self, reference: str) -> Any:
        """Return the document with which an execution was started.

        Raises: InvalidName as `describe_execution` does
        """
        arn = self.describe_execution(reference)["executionArn"]
        found = self.states.call("describe_state_machine_for_execution", executionArn=arn)
        return json.loads(found["definition"])


def _unknown(reference: str) -> InvalidName:
    return InvalidName(
        f"ExecutionDoesNotExist: there is no execution '{reference[:200]}': "
        "`otel-analytics executions` lists them"
    )


def _document(found: Any, shown: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return an answer as the AWS CLI prints it: times as text, in UTC."""
    return {
        key: _iso_time(value) if isinstance(value, datetime) else value
        for key, value in found.items()
        if key != "ResponseMetadata" and (not shown or key in shown)
    }


def _iso_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
