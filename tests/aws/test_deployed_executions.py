"""Executions of the deployed state machine: started, watched, listed, as the AWS CLI does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from otel_analytics.aws.clients import Client
from otel_analytics.aws.engine import open_aws
from otel_analytics.aws.step_functions import StepFunctions
from otel_analytics.config import Settings
from otel_analytics.errors import AwsFailed, InvalidName, InvalidPayload, Refused

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:otel-analytics-pipeline"
RUN = "arn:aws:states:eu-central-1:123456789012:execution:otel-analytics-pipeline:run-1"
BEGIN = datetime(2025, 3, 1, 2, 0, tzinfo=UTC)


class Stubbed:
    """Step Functions that answers as planned; `waits` are the seconds that were slept."""

    def __init__(self, state_machine: str = MACHINE) -> None:
        boto = boto3.client(
            "stepfunctions",
            region_name="eu-central-1",
            aws_access_key_id="x",
            aws_secret_access_key="y",  # noqa: S106
        )
        self.stubber = Stubber(boto)
        self.stubber.activate()
        self.waits: list[float] = []
        self.client = Client(boto)
        self.executions = StepFunctions(self.client, state_machine, sleep=self.waits.append)

    def answers(self, operation: str, answer: Any, **asked: Any) -> None:
        self.stubber.add_response(operation, answer, asked or None)

    def describes(self, status: str, arn: str = RUN) -> None:
        ended = {} if status == "RUNNING" else {"stopDate": BEGIN + timedelta(seconds=90)}
        self.answers("describe_execution", {**execution(arn, status), **ended}, executionArn=arn)

    def gives_events(self, *events: Any, page: int, following: str | None = None) -> None:
        self.answers(
            "get_execution_history",
            {"events": list(events)} | ({"nextToken": following} if following else {}),
            executionArn=RUN,
            reverseOrder=True,
            includeExecutionData=True,
            maxResults=page,
        )


def execution(arn: str, status: str) -> dict[str, Any]:
    return {
        "executionArn": arn,
        "stateMachineArn": MACHINE,
        "name": arn.rpartition(":")[2],
        "status": status,
        "startDate": BEGIN,
    }


def event(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "previousEventId": number - 1,
        "timestamp": BEGIN + timedelta(seconds=number),
        "type": "PassStateEntered",
    }


def test_each_event_is_given_once_and_in_order_until_the_execution_is_over() -> None:
    stubbed = Stubbed()
    stubbed.describes("RUNNING")
    stubbed.gives_events(event(2), event(1), page=1000)
    stubbed.describes("RUNNING")
    stubbed.gives_events(event(2), event(1), page=100)
    stubbed.describes("SUCCEEDED")
    stubbed.gives_events(event(5), event(4), event(3), event(2), page=100)
    seen: list[int] = []
    described = stubbed.executions.watch(RUN, lambda one: seen.append(one["id"]))
    assert seen == [1, 2, 3, 4, 5]
    assert stubbed.waits == [2.0, 2.0]
    assert described["status"] == "SUCCEEDED"
    assert described["startDate"] == "2025-03-01T02:00:00.000+00:00"
    assert described["stopDate"] == "2025-03-01T02:01:30.000+00:00"
    stubbed.stubber.assert_no_pending_responses()


def test_an_event_has_the_shape_that_the_aws_cli_prints() -> None:
    stubbed = Stubbed()
    stubbed.describes("SUCCEEDED")
    stubbed.gives_events(event(1), page=1000)
    seen: list[Any] = []
    stubbed.executions.watch(RUN, seen.append)
    assert seen == [
        {
            "id": 1,
            "previousEventId": 0,
            "timestamp": "2025-03-01T02:00:01.000+00:00",
            "type": "PassStateEntered",
        }
    ]


def test_an_event_without_a_previous_one_has_0() -> None:
    stubbed, seen = Stubbed(), list[Any]()
    stubbed.describes("SUCCEEDED")
    first = {name: value for name, value in event(1).items() if name != "previousEventId"}
    stubbed.gives_events(event(2), first, page=1000)
    stubbed.executions.watch(RUN, seen.append)
    assert [one["previousEventId"] for one in seen] == [0, 1]


def test_an_interrupt_leaves_the_execution_to_itself_and_says_how_to_stop_it() -> None:
    stubbed = Stubbed()
    stubbed.answers("start_execution", {"executionArn": RUN, "startDate": BEGIN})
    stubbed.describes("RUNNING")
    stubbed.gives_events(page=1000)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with open_aws(Settings(), client=lambda _: stubbed.client) as aws:
        object.__setattr__(aws.executions, "state_machine", MACHINE)
        object.__setattr__(aws.executions, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt) as held:
            aws.run({"service_names": ["shop"]}, name=None, on_event=lambda _: None)
    assert "goes on without you" in str(held.value)
    assert f"aws stepfunctions stop-execution --execution-arn {RUN}" in str(held.value)


@pytest.mark.parametrize(
    ("code", "what_to_do"),
    [("ExpiredTokenException", "log in again"), ("AccessDeniedException", "have whoever manages")],
)
def test_an_execution_that_can_no_longer_be_watched_is_said_to_go_on(
    code: str, what_to_do: str
) -> None:
    stubbed = Stubbed()
    stubbed.answers("start_execution", {"executionArn": RUN, "startDate": BEGIN})
    stubbed.stubber.add_client_error("describe_execution", code, "The security token is expired")
    with open_aws(Settings(), client=lambda _: stubbed.client) as aws:
        object.__setattr__(aws.executions, "state_machine", MACHINE)
        with pytest.raises(AwsFailed) as held:
            aws.run({"service_names": ["shop"]}, name=None, on_event=lambda _: None)
    said = str(held.value)
    assert code in said
    assert what_to_do in said.lower()
    assert f"Meanwhile {RUN} goes on without you: see it with otel-analytics --engine aws" in said
    assert held.value.exit_code == 1  # and not 2, by which nothing would have been begun


def test_the_state_machine_is_found_by_its_name_on_any_page() -> None:
    stubbed = Stubbed("otel-analytics-pipeline")
    other = {"stateMachineArn": "arn:x", "name": "x", "type": "STANDARD", "creationDate": BEGIN}
    mine = {**other, "stateMachineArn": MACHINE, "name": "otel-analytics-pipeline"}
    stubbed.answers("list_state_machines", {"stateMachines": [other], "nextToken": "more"})
    stubbed.answers("list_state_machines", {"stateMachines": [mine]})
    assert stubbed.executions.arn == MACHINE
    assert stubbed.executions.arn == MACHINE  # asked once


def test_where_nothing_is_deployed_it_says_to_deploy() -> None:
    stubbed = Stubbed("otel-analytics-pipeline")
    stubbed.answers("list_state_machines", {"stateMachines": []})
    with pytest.raises(Refused, match="there is no state machine otel-analytics-pipeline in eu-"):
        stubbed.executions.start({})


def test_an_execution_is_started_with_the_payload_as_it_is() -> None:
    stubbed = Stubbed()
    payload = {"service_names": ["theshop-brand"], "execution_date": "2025-03-01"}
    stubbed.answers(
        "start_execution",
        {"executionArn": RUN, "startDate": BEGIN},
        stateMachineArn=MACHINE,
        input=json.dumps(payload),
        name="run-1",
    )
    assert stubbed.executions.start(payload, name="run-1") == RUN


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ExecutionAlreadyExists", InvalidName),
        ("InvalidName", InvalidName),
        ("InvalidExecutionInput", InvalidPayload),
        ("StateMachineDoesNotExist", AwsFailed),
        ("AccessDeniedException", AwsFailed),
    ],
)
def test_what_start_execution_refuses_is_of_the_kind_that_it_is_on_a_laptop(
    code: str, kind: type[Exception]
) -> None:
    stubbed = Stubbed()
    stubbed.stubber.add_client_error("start_execution", code, "no")
    with pytest.raises(kind, match=code):
        stubbed.executions.start({}, name="run-1")


def test_executions_are_listed_newest_first_over_pages() -> None:
    stubbed = Stubbed()
    named = [execution(RUN.replace("run-1", f"run-{n}"), "SUCCEEDED") for n in (3, 2, 1)]
    stubbed.answers("list_executions", {"executions": named[:2], "nextToken": "more"})
    stubbed.answers("list_executions", {"executions": named[2:]})
    found = stubbed.executions.list_executions()
    assert [one["name"] for one in found] == ["run-3", "run-2", "run-1"]
    assert set(found[0]) == {"executionArn", "stateMachineArn", "name", "status", "startDate"}


def test_those_under_way_are_asked_for_by_status() -> None:
    stubbed = Stubbed()
    stubbed.answers(
        "list_executions",
        {"executions": [execution(RUN, "RUNNING")]},
        stateMachineArn=MACHINE,
        statusFilter="RUNNING",
    )
    (one,) = stubbed.executions.list_executions(status="RUNNING")
    assert one["name"] == "run-1"


@pytest.mark.parametrize(
    ("beginning", "message"),
    [
        ("run", "begins the names of several executions: run-2, run-1"),
        ("x", "ExecutionDoesNotExist"),
    ],
)
def test_a_reference_must_be_the_beginning_of_one_name(beginning: str, message: str) -> None:
    stubbed = Stubbed()
    stubbed.stubber.add_client_error("describe_execution", "ExecutionDoesNotExist", "no")
    named = [execution(RUN.replace("run-1", f"run-{n}"), "SUCCEEDED") for n in (2, 1)]
    stubbed.answers("list_executions", {"executions": named})
    with pytest.raises(InvalidName, match=message):
        stubbed.executions.describe_execution(beginning)


def test_the_beginning_of_a_name_is_enough() -> None:
    stubbed = Stubbed()
    stubbed.stubber.add_client_error("describe_execution", "ExecutionDoesNotExist", "no")
    stubbed.answers("list_executions", {"executions": [execution(RUN, "FAILED")]})
    stubbed.describes("FAILED")
    assert stubbed.executions.describe_execution("ru")["name"] == "run-1"


def test_the_document_of_an_execution_is_that_with_which_it_was_started() -> None:
    stubbed = Stubbed()
    stubbed.describes("SUCCEEDED")
    stubbed.answers(
        "describe_state_machine_for_execution",
        {
            "stateMachineArn": MACHINE,
            "name": "otel-analytics-pipeline",
            "definition": '{"StartAt": "A"}',
            "roleArn": "arn:aws:iam::123456789012:role/x",
            "updateDate": BEGIN,
        },
        executionArn=RUN,
    )
    assert stubbed.executions.definition(RUN) == {"StartAt": "A"}


def test_whoever_follows_asks_for_the_newest_events_alone() -> None:
    stubbed = Stubbed()
    stubbed.gives_events(event(5), event(4), event(3), page=100, following="older")
    assert [one["id"] for one in stubbed.executions.events_after(RUN, 3)] == [4, 5]
    stubbed.stubber.assert_no_pending_responses()
