"""The commands with `--engine aws`, under the policies that the stack has for who uses them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.names import execution_token
from tests.aws.emulator.conftest import BUCKET, STACK
from tests.cli.shell import PROGRAM

if TYPE_CHECKING:
    from tests.aws.emulator.conftest import Emulator


@dataclass(frozen=True)
class Person:
    """Somebody with policies of the stack and no other rights."""

    stack: Emulator
    key: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *arguments, "--engine", "aws"],
            env=self.stack.environment | self.key,
            cwd=self.stack.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *arguments: str) -> Any:
        """Return what a command prints, which must do what it is asked."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def outputs(stack: Emulator) -> dict[str, str]:
    """What the stack says of itself."""
    (found,) = stack.aws("cloudformation", "describe-stacks", "--stack-name", STACK)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}


def person(stack: Emulator, name: str, *policies: str) -> Person:
    iam = stack.client("iam")
    iam.create_user(UserName=name)
    for arn in policies:
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    names = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
    return Person(stack, {variable: key[field] for variable, field in names.items()})


@pytest.fixture(scope="module")
def reader(stack: Emulator, outputs: dict[str, str]) -> Person:
    return person(stack, "reader", outputs["ReaderPolicyArn"])


@pytest.fixture(scope="module")
def operator(stack: Emulator, outputs: dict[str, str]) -> Person:
    return person(stack, "operator", outputs["ReaderPolicyArn"], outputs["OperatorPolicyArn"])


@pytest.fixture(scope="module")
def ran(operator: Person) -> str:
    """The name of an execution that the operator has run, which fails, as no Athena is there."""
    ended = operator.run("run", "theshop-brand", "--name", "of-the-operator")
    assert "of-the-operator FAILED" in ended.stderr, ended.stderr
    return "of-the-operator"


def test_a_reader_sees_tables_and_executions(reader: Person, ran: str) -> None:
    assert "logall" in {one["table"] for one in reader.done("tables")}
    assert ran in {one["name"] for one in reader.done("executions")["executions"]}
    assert reader.done("describe", ran)["status"] == "FAILED"
    assert reader.done("history", ran)[0]["type"] == "ExecutionStarted"


def test_a_reader_starts_nothing(reader: Person) -> None:
    ended = reader.run("run", "theshop-brand")
    assert ended.returncode == 1
    assert "SFN:StartExecution: AccessDenied" in ended.stderr


def test_what_an_execution_left_is_cleaned_by_an_operator_and_by_no_reader(
    reader: Person, operator: Person, ran: str
) -> None:
    token = execution_token(ran, operator.done("describe", ran)["executionArn"])
    left = f"summary/theshop_brand_mau/{token}/0/part.parquet"
    operator.stack.client("s3").put_object(Bucket=BUCKET, Key=left, Body=b"left")
    found = operator.done("clean")["leftovers"]
    assert [one["location"] for one in found] == [f"s3://{BUCKET}/{left.rpartition('/')[0]}/"]
    assert "AccessDenied" in reader.run("clean", "--yes").stderr
    assert operator.stack.keys(left) == [left]
    assert operator.done("clean", "--yes")["deleted"] is True
    assert operator.stack.keys(left) == []
