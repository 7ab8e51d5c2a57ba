"""A stack of its own comes up by `deploy`, is updated, is removed, and comes back to its data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.shell import PROGRAM

if TYPE_CHECKING:
    from tests.aws.emulator.conftest import Emulator

BUCKET = "shop-analytics"
STACK = "otel-analytics-test"
SETTINGS = f"""
lake = "s3://{BUCKET}/lake"

[athena]
database = "shop_db"
s3_base = "s3://{BUCKET}/summary"
output_location = "s3://{BUCKET}/athena-results"
workgroup = "shop"
"""


@pytest.fixture(scope="module")
def beside(stack: Emulator) -> Emulator:
    """The emulator, with a settings file for a second stack beside the first."""
    (stack.folder / "shop.toml").write_text(SETTINGS)
    return stack


def deploy(emulator: Emulator, *arguments: str) -> dict[str, str]:
    printed = emulator.command(
        *(str(PROGRAM), "deploy", "--config", "shop.toml", "--stack", STACK, "--json"),
        *("--code-bucket", "deployments", "--packages-for", "here", *arguments),
    )
    outputs = json.loads(printed)
    assert isinstance(outputs, dict)
    return outputs


def schedule(emulator: Emulator) -> Any:
    return emulator.aws("scheduler", "get-schedule", "--name", "otel-analytics-pipeline-test")


def exists(emulator: Emulator, *command: str) -> bool:
    try:
        emulator.aws(*command)
    except AssertionError:
        return False
    return True


def test_a_stack_comes_up_is_updated_and_removed_and_finds_its_data_again(
    beside: Emulator,
) -> None:
    key = beside.aws("kms", "create-key")["KeyMetadata"]["Arn"]
    first = ("--parameter", "Suffix=-test", "--parameter", f"KmsKeyArn={key}")
    outputs = deploy(beside, "theshop-web", *first)
    assert outputs["StateMachineArn"].endswith(":stateMachine:otel-analytics-pipeline-test")
    payload = {"service_names": ["theshop-web"]}
    assert json.loads(schedule(beside)["Target"]["Input"]) == payload

    role = beside.aws(
        *("cloudformation", "describe-stack-resource", "--stack-name", STACK),
        *("--logical-resource-id", "LogProcessorRole"),
    )["StackResourceDetail"]["PhysicalResourceId"]
    policy = beside.aws("iam", "get-role-policy", "--role-name", role, "--policy-name", "key")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (
        ["kms:Decrypt", "kms:GenerateDataKey"],
        key,
    )

    # Updated: what is named changes, what is not stays.
    deploy(beside, "theshop-web", "a.shop", "--parameter", "Schedule=cron(0 17 * * ? *)")
    changed = schedule(beside)
    assert changed["ScheduleExpression"] == "cron(0 17 * * ? *)"
    assert json.loads(changed["Target"]["Input"]) == {"service_names": ["theshop-web", "a.shop"]}

    # Removed: what was at work is gone, what was collected and built is there.
    beside.client("s3").put_object(Bucket=BUCKET, Key="summary/a", Body=b"table")
    beside.aws("cloudformation", "delete-stack", "--stack-name", STACK)
    beside.aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", STACK)
    machine = ("stepfunctions", "describe-state-machine", "--state-machine-arn")
    function = ("lambda", "get-function", "--function-name", "otel-log-processor-test")
    logall = ("glue", "get-table", "--database-name", "shop_db", "--name", "logall")
    assert not exists(beside, *machine, outputs["StateMachineArn"])
    assert not exists(beside, *function)
    assert exists(beside, *logall)
    assert exists(beside, "s3api", "head-object", "--bucket", BUCKET, "--key", "summary/a")

    # Back again, over what is there.
    adopted = ("CreateBucket=false", "CreateDatabase=false", "CreateLogall=false")
    parameters = [text for one in ("Suffix=-test", *adopted) for text in ("--parameter", one)]
    again = deploy(beside, "theshop-web", *parameters)
    assert again == outputs
    assert exists(beside, *function)
    beside.aws("cloudformation", "delete-stack", "--stack-name", STACK)
    beside.aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", STACK)
    assert exists(beside, *logall)
