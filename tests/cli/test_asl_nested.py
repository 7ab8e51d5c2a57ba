"""`asl run --state-machine`: executions that start others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.shell import Shell

START = "arn:aws:states:::states:startExecution"
INVOKE = "arn:aws:states:::lambda:invoke"
FUNCTIONS = """
def double(event, context):
    return event["n"] * 2
"""


def one(resource: str, arguments: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}
    return {"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": state}}


CHILD = one(INVOKE, {"FunctionName": "double", "Payload": "{% $states.input %}"})


def write(shell: Shell, name: str, value: Any) -> Path:
    file = shell.folder / name
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


@pytest.fixture
def options(shell: Shell) -> list[str]:
    write(shell, "child.json", CHILD)
    write(shell, "functions.py", FUNCTIONS)
    return ["--state-machine=child=child.json", "--lambda=double=functions.py:double"]


@pytest.mark.parametrize("mode", ["", ".sync", ".sync:2"])
@pytest.mark.parametrize(
    "reference", ["child", "arn:aws:states:ap-northeast-2:725129837589:stateMachine:child"]
)
def test_a_nested_execution_is_seen_among_the_executions(
    shell: Shell, options: list[str], mode: str, reference: str
) -> None:
    arguments = {"StateMachineArn": reference, "Name": "inner", "Input": {"n": 21}}
    machine = write(shell, "outer.json", one(START + mode, arguments))
    report = shell.done("asl", "run", machine, "--name", "outer", "--json", *options).json
    arn = "arn:aws:states:local:000000000000:execution:child:inner"
    assert report["output"]["ExecutionArn"] == arn
    listed = shell.done("executions", "--json").json["executions"]
    assert {each["name"]: each["status"] for each in listed} == {
        "outer": "SUCCEEDED",
        "inner": "SUCCEEDED",
    }
    inner = shell.done("describe", arn, "--json").json
    assert json.loads(inner["output"])["Payload"] == 42
    assert shell.done("history", "inner", "--json").json[-1]["type"] == "ExecutionSucceeded"


def test_a_redrive_takes_nested_state_machines_too(shell: Shell, options: list[str]) -> None:
    machine = write(shell, "outer.json", one(f"{START}.sync:2", {"StateMachineArn": "child"}))
    ended = shell.run("asl", "run", machine, "--name", "outer", *options)
    assert ended.exit_code == 1  # without n
    said = shell.refused("asl", "redrive", "outer")
    assert "give it with --state-machine child=DOCUMENT.json" in said
    write(shell, "functions.py", "def double(event, context):\n    return 'mended'\n")
    report = shell.done("asl", "redrive", "outer", "--json", *options).json
    assert report["output"]["Output"]["Payload"] == "mended"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            one(START, {"StateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:other:live"}),
            "$.States.Only.Arguments.StateMachineArn: there is no state machine "
            "arn:aws:states:us-east-1:1:stateMachine:other:live here: give it with "
            "--state-machine other=DOCUMENT.json",
        ),
        (
            one("arn:aws:states:::sqs:sendMessage.waitForTaskToken", {}),
            "$.States.Only.Resource: nothing here does arn:aws:states:::sqs:sendMessage"
            ".waitForTaskToken: run the document from Python, with otel_analytics.asl.run and a "
            "task that calls its TaskContext's send_task_success or send_task_failure",
        ),
        (
            one(f"{INVOKE}.waitForTaskToken", {"FunctionName": "other"}),
            "run the document from Python",
        ),
        (
            one(f"{START}.waitForTaskToken", {"StateMachineArn": "other"}),
            "run the document from Python",
        ),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_what_cannot_be_started_is_refused_before_anything_runs(
    shell: Shell, options: list[str], document: dict[str, Any], said: str, *, nested: bool
) -> None:
    file = write(shell, "wrong.json", document)
    if nested:
        machine = write(shell, "outer.json", one(START, {"StateMachineArn": "wrong"}))
        message = shell.refused("asl", "run", machine, *options, "--state-machine=wrong=wrong.json")
        assert message.startswith("state machine wrong: $.States.Only.")
    else:
        message = shell.refused("asl", "run", file, *options)
        assert message.startswith("$.States.Only.")
    assert said in message
    assert shell.done("executions", "--json").json == {"executions": []}


def test_a_lambda_of_a_nested_machine_must_be_given(shell: Shell, options: list[str]) -> None:
    machine = write(shell, "outer.json", one(START, {"StateMachineArn": "child"}))
    said = shell.refused("asl", "run", machine, options[0])
    assert said.startswith(
        "state machine child: $.States.Only.Arguments.FunctionName: there is no function double"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["child"], "write --state-machine NAME=DOCUMENT.json"),
        (["=child.json"], "write --state-machine NAME=DOCUMENT.json"),
        (["child=child.json", "child=child.json"], "--state-machine child is given twice"),
        (["child=nowhere.json"], "nowhere.json: cannot be read"),
        (["child=broken.json"], "broken.json: line 2: the document is not JSON"),
        (["child=wrong.json"], "wrong.json: $: a flow of states needs the field StartAt"),
    ],
)
def test_a_state_machine_that_cannot_be_had_is_refused(
    shell: Shell, options: list[str], given: list[str], said: str
) -> None:
    write(shell, "broken.json", "{\n nothing")
    write(shell, "wrong.json", {"States": {}})
    machine = write(shell, "outer.json", CHILD)
    chosen = [f"--state-machine={one}" for one in given]
    assert said in shell.refused("asl", "run", machine, options[1], *chosen)
