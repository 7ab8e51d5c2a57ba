"""`asl run` and `asl validate`: any document in the Amazon States Language."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demo.otlp import ShopEvent
from tests.cli.seed_machine import S3_BASE, seed_document
from tests.cli.seven import tables_of
from tests.oracle.seven_tables import TABLES

if TYPE_CHECKING:
    from tests.cli.conftest import Ingest
    from tests.cli.shell import Shell

DAY_NS = 24 * 3600 * 10**9
NOON = 1_760_961_600 * 10**9  # 2025-10-20 12:00 UTC
E = "2025-10-24"
INVOKE = "arn:aws:states:::lambda:invoke"
FUNCTIONS = """
import time

def double(event, context):
    print("this is no data")
    return {"n": event["n"] * 2, "by": context.function_name}

def alone(event):
    return event

def fail(event, context):
    raise LookupError("nothing like that")

def slow(event, context):
    time.sleep(event["seconds"])

not_a_function = 1
"""


def write(shell: Shell, name: str, value: Any) -> Path:
    file = shell.folder / name
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


def one(state: dict[str, Any], **fields: Any) -> dict[str, Any]:
    states = {"Only": {"End": True, **state}}
    return {"QueryLanguage": "JSONata", "StartAt": "Only", "States": states, **fields}


def task(resource: str, arguments: Any, **fields: Any) -> dict[str, Any]:
    return one({"Type": "Task", "Resource": resource, "Arguments": arguments, **fields})


def run(shell: Shell, document: Any, *options: object, value: Any = None) -> Any:
    """Return what `asl run --json` prints, whatever the execution's status."""
    file = write(shell, "machine.asl.json", document)
    payload = write(shell, "input.json", {} if value is None else value)
    ended = shell.run("asl", "run", file, "--input", payload, "--instant", "--json", *options)
    assert ended.exit_code == (0 if ended.json["status"] == "SUCCEEDED" else 1), ended.stderr
    return ended.json


def test_the_first_guides_machine_makes_the_same_seven_tables(shell: Shell, ingest: Ingest) -> None:
    services = ("theshop-brand", "theshop-pharmacy")
    ingest(
        *(
            ShopEvent(service, NOON + day * DAY_NS + user, event, f"user-{user}", f"s{day}-{user}")
            for service in services
            for day in range(4)
            for user in range(day + 1)
            for event in ("commerce.product.view", "commerce.cart.add")[: 1 + user % 2]
        )
    )
    shell.done("run", *services, "--execution-date", E)
    ours = {name: tables_of(shell, name.replace("-", "_")) for name in services}
    builder = Path(__file__).with_name("query_builder_function.py")

    report = run(
        shell.with_environment(OTEL_ANALYTICS_HOME=str(shell.home), EXECUTION_DATE=E),
        seed_document(),
        "--lambda",
        f"athena-query-builder={builder}:lambda_handler",
        value={"service_names": list(services)},
    )

    assert report["status"] == "SUCCEEDED", report["cause"]
    output = report["output"]
    assert (output["status"], output["services"]) == ("COMPLETED", list(services))
    assert output["execution_summary"]["processed_services"] == 2
    # 3 outside; for each service 1 prefix, 4 batches, 7 branches of 3.
    assert report["transitions"] == 3 + 2 * (1 + 4 + 21)
    for name in services:
        prefix = name.replace("-", "_")
        tables = tables_of(shell, prefix)
        assert tables == ours[name]
        assert all(tables[query_type] for query_type in TABLES)
        folder = shell.home / "s3" / S3_BASE.removeprefix("s3://") / f"{prefix}_mau"
        assert list(folder.glob("*"))


def test_a_report_has_status_output_history_and_transitions(shell: Shell) -> None:
    report = run(
        shell, one({"Type": "Pass", "Output": "{% $states.input.n + 1 %}"}), value={"n": 1}
    )
    assert (report["status"], report["output"], report["transitions"]) == ("SUCCEEDED", 2, 1)
    assert (report["error"], report["cause"]) == (None, None)
    first, entered = report["history"][:2]
    assert (first["id"], first["previousEventId"], first["type"]) == (1, 0, "ExecutionStarted")
    assert entered["stateEnteredEventDetails"] == {
        "name": "Only",
        "input": '{"n":1}',
        "inputDetails": {"truncated": False},
    }
    assert {"id", "previousEventId", "type", "timestamp"} <= set(entered)


def test_a_failed_execution_is_reported_whole_and_exits_with_1(shell: Shell) -> None:
    fail = {"Type": "Fail", "Error": "Nope", "Cause": "because"}
    report = run(shell, {"StartAt": "Only", "States": {"Only": fail}})
    assert (report["status"], report["output"]) == ("FAILED", None)
    assert (report["error"], report["cause"]) == ("Nope", "because")
    assert report["history"][-1]["type"] == "ExecutionFailed"


def test_without_json_the_output_is_printed_and_the_rest_is_said(shell: Shell) -> None:
    file = write(shell, "machine.json", one({"Type": "Pass", "Output": {"n": 1}}))
    ended = shell.done("asl", "run", file)
    assert ended.json == {"n": 1}
    assert "SUCCEEDED after 1 transitions" in ended.stderr


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("double", "double"),
        ("double", "arn:aws:lambda:ap-northeast-2:725129837589:function:double"),
        ("double", "arn:aws:lambda:ap-northeast-2:725129837589:function:double:live"),
        ("double:live", "double:live"),
        ("arn:aws:lambda:us-east-1:1:function:double", "double"),
        ("arn:aws:lambda:us-east-1:1:function:double:live", "1:function:double:live"),
    ],
)
def test_a_lambda_from_a_file_is_found_by_name_alias_or_arn(
    shell: Shell, given: str, asked: str
) -> None:
    file = write(shell, "functions.py", FUNCTIONS)
    document = task(INVOKE, {"FunctionName": asked, "Payload": {"n": 21}})
    report = run(shell, document, "--lambda", f"{given}={file}:double")
    assert report["output"]["Payload"] == {"n": 42, "by": "double"}


def test_an_alias_that_was_not_given_is_refused(shell: Shell) -> None:
    file = write(shell, "functions.py", FUNCTIONS)
    document = task(INVOKE, {"FunctionName": "double:test", "Payload": {}})
    machine = write(shell, "machine.json", document)
    said = shell.refused("asl", "run", machine, "--lambda", f"double:live={file}:double")
    assert said.startswith("$.States.Only.Arguments.FunctionName: there is no function double:test")


def test_a_functions_own_arn_is_a_resource_and_may_take_the_event_alone(shell: Shell) -> None:
    file = write(shell, "functions.py", FUNCTIONS)
    arn = "arn:aws:lambda:us-east-1:123456789012:function:alone"
    report = run(shell, task(arn, [1, "two"]), "--lambda", f"alone={file}:alone")
    assert report["output"] == [1, "two"]
    assert "LambdaFunctionSucceeded" in [event["type"] for event in report["history"]]


def test_an_exception_of_a_lambda_is_the_error_of_the_execution(shell: Shell) -> None:
    file = write(shell, "functions.py", FUNCTIONS)
    document = task(INVOKE, {"FunctionName": "fail", "Payload": {}})
    report = run(shell, document, "--lambda", f"fail={file}:fail")
    assert report["error"] == "LookupError"
    assert json.loads(report["cause"])["errorMessage"] == "nothing like that"


def test_instant_skips_waits_and_backoff_but_not_a_tasks_own_time(shell: Shell) -> None:
    file = write(shell, "functions.py", FUNCTIONS)
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3600, "MaxAttempts": 2}
    catch = {"ErrorEquals": ["LookupError"], "Next": "Slow"}

    def call(function: str, payload: Any, **fields: Any) -> dict[str, Any]:
        arguments = {"FunctionName": function, "Payload": payload}
        return {"Type": "Task", "Resource": INVOKE, "Arguments": arguments, "End": True, **fields}

    document = {
        "QueryLanguage": "JSONata",
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 86_400, "Next": "Flaky"},
            "Flaky": call("fail", {}, Retry=[retry], Catch=[catch]),
            "Slow": call("slow", {"seconds": 1.5}, TimeoutSeconds=1),
        },
    }
    options = [f"--lambda={name}={file}:{name}" for name in ("slow", "fail")]
    report = run(shell, document, *options)
    assert report["error"] == "States.Timeout"
    types = [event["type"] for event in report["history"]]
    assert types.count("TaskFailed") == 3
    begun, *_, ended = (datetime.fromisoformat(one["timestamp"]) for one in report["history"])
    assert 0 < (ended - begun).total_seconds() - (86_400 + 3600 + 7200) < 60


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage"},
            "$.States.Only.Resource: nothing here does arn:aws:states:::sqs:sendMessage",
        ),
        (
            {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:createBucket"},
            "nothing here does arn:aws:states:::aws-sdk:s3:createBucket",
        ),
        (
            {"Type": "Task", "Resource": INVOKE, "Arguments": {"FunctionName": "unknown"}},
            "there is no function unknown here: give it with --lambda unknown=FILE.py:function",
        ),
        (
            {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:unknown"},
            "there is no function arn:aws:lambda:us-east-1:1:function:unknown here",
        ),
        ({"Type": "Pass", "Result": 1}, "$.States.Only.Result: is not a field of a Pass state"),
        ({"Type": "Wait", "Seconds": "{% 1 + %}"}, "$.States.Only.Seconds"),
    ],
)
def test_what_cannot_run_is_refused_by_name_before_anything_runs(
    shell: Shell, state: dict[str, Any], said: str
) -> None:
    document = {
        "QueryLanguage": "JSONata",
        "StartAt": "First",
        "States": {
            "First": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
                "Arguments": {"Bucket": "bucket", "Key": "touched", "Body": ""},
                "Next": "Only",
            },
            "Only": {"End": True, **state},
        },
    }
    file = write(shell, "machine.json", document)
    assert said in shell.refused("asl", "run", file, "--input", write(shell, "input", {}))
    assert not (shell.home / "s3" / "bucket").exists()
    assert shell.done("executions", "--json").json == {"executions": []}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("double", "write --lambda NAME=FILE.py:function"),
        ("double=functions.py", "write --lambda NAME=FILE.py:function"),
        ("double=nowhere.py:double", "nowhere.py: there is no such file"),
        ("double=functions.py:nothing", "functions.py:nothing: there is no such function"),
        ("double=functions.py:not_a_function", "there is no such function"),
        ("double=broken.py:double", "broken.py: cannot be imported: SyntaxError"),
        ("double=raising.py:double", "raising.py: cannot be imported: KeyError: 'HOME_OF_IT'"),
        ("double=notes.txt:double", "notes.txt: is not a Python file"),
    ],
)
def test_a_lambda_that_cannot_be_had_is_refused(shell: Shell, option: str, said: str) -> None:
    write(shell, "functions.py", FUNCTIONS)
    write(shell, "broken.py", "def double(event:\n")
    write(shell, "raising.py", "import os\nos.environ['HOME_OF_IT']\n")
    write(shell, "notes.txt", "nothing")
    file = write(shell, "machine.json", one({"Type": "Pass"}))
    assert said in shell.refused("asl", "run", file, "--lambda", option)


def test_an_input_that_is_no_json_is_refused_with_its_file(shell: Shell) -> None:
    file = write(shell, "machine.json", one({"Type": "Pass"}))
    said = shell.refused("asl", "run", file, "--input", write(shell, "input.json", "{"))
    assert "input.json: is not JSON" in said
    assert "cannot be read" in shell.refused("asl", "run", file, "--input", "nowhere.json")
    assert "cannot be read" in shell.refused("asl", "run", "nowhere.asl.json")


def test_a_valid_document_is_told_so(shell: Shell) -> None:
    file = write(shell, "machine.json", seed_document())
    assert "is valid: 29 states" in shell.done("asl", "validate", file).stderr
    report = shell.done("asl", "validate", file, "--json").json
    assert report == {"valid": True, "states": 29}


def test_a_wrong_document_is_refused_with_the_path_of_the_field(shell: Shell) -> None:
    document = seed_document()
    each = document["States"]["ProcessEachService"]["Iterator"]["States"]
    each["Batch1_MAU_DAU"]["Branches"][1]["States"]["DropDAUTable"]["Next"] = "Elsewhere"
    said = shell.refused("asl", "validate", write(shell, "machine.json", document))
    assert said.startswith(
        "$.States.ProcessEachService.Iterator.States.Batch1_MAU_DAU.Branches[1].States."
        "DropDAUTable.Next: there is no state 'Elsewhere'"
    )
    assert "line 2" in shell.refused("asl", "validate", write(shell, "no.json", "{\n nothing"))


def test_an_execution_of_any_document_is_among_the_executions(shell: Shell) -> None:
    run(shell, one({"Type": "Pass"}), "--name", "mine")
    (listed,) = shell.done("executions", "--json").json["executions"]
    assert listed["executionArn"].endswith(":execution:machine:mine")
    assert len(shell.done("history", "mine", "--json").json) == 4
