"""What `deploy` gives the template, writes into a folder, and refuses."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from otel_analytics.aws import packaging
from otel_analytics.aws.deployment import build_parameters, read_template
from otel_analytics.config import Settings, load_settings
from otel_analytics.errors import InvalidName, InvalidSettings
from tests.cli.shell import Ended, Shell

if TYPE_CHECKING:
    from pathlib import Path

ADDRESSES = {
    "lake": "s3://shop/raw/lake",
    "athena.s3_base": "s3://shop/tables/",
    "athena.output_location": "s3://shop/results/",
}
SETTINGS = """
lake = "s3://shop/raw/lake"
[athena]
s3_base = "s3://shop/tables"
output_location = "s3://shop/results"
"""


def settings(**flags: str) -> Settings:
    return load_settings(environment={}, flags={**ADDRESSES, **flags})


def test_parameters_follow_from_the_settings() -> None:
    ours = settings(**{"athena.database": "shop_db", "athena.workgroup": "shop"})
    assert build_parameters(ours, service_names=("web", "app"), given={"Suffix": "-test"}) == {
        "Bucket": "shop",
        "Database": "shop_db",
        "WorkGroup": "shop",
        "LakePrefix": "raw/lake",
        "TablesPrefix": "tables",
        "ResultsPrefix": "results",
        "ServiceNames": "web,app",
        "Suffix": "-test",
    }


def test_the_primary_work_group_is_there_already() -> None:
    parameters = build_parameters(settings(), service_names=(), given={})
    assert (parameters["WorkGroup"], parameters["CreateWorkGroup"]) == ("primary", "false")
    assert "ServiceNames" not in parameters


def test_what_is_given_counts_before_the_settings() -> None:
    given = {"Database": "other"}
    assert build_parameters(settings(), service_names=(), given=given)["Database"] == "other"


def test_services_that_are_given_as_a_parameter_are_checked_too() -> None:
    given = {"ServiceNames": "web, app"}
    assert build_parameters(settings(), service_names=(), given=given)["ServiceNames"] == "web,app"
    for wrong in ('web","x', "web,,app", "web,web"):
        with pytest.raises(InvalidName):
            build_parameters(settings(), service_names=(), given={"ServiceNames": wrong})
    nobody = {"ServiceNames": ""}  # which turns the schedule off
    assert build_parameters(settings(), service_names=("web",), given=nobody)["ServiceNames"] == ""


def test_several_buckets_are_refused_by_name() -> None:
    ours = settings(lake="s3://raw/lake")
    with pytest.raises(InvalidSettings, match=r"several buckets \(raw, shop\)"):
        build_parameters(ours, service_names=(), given={})


def test_the_bucket_of_a_laptop_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="set all three to a bucket of yours"):
        build_parameters(Settings(), service_names=(), given={})


def test_results_at_the_root_of_a_bucket_are_refused() -> None:
    ours = settings(**{"athena.output_location": "s3://shop"})
    with pytest.raises(InvalidSettings, match="bare bucket"):
        build_parameters(ours, service_names=(), given={})


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "otel-analytics.toml").write_text(SETTINGS)
    return Shell(tmp_path)


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages without libraries, which take long to get."""
    monkeypatch.setattr(
        packaging, "_install", lambda _libraries, folder, _target: folder.mkdir(exist_ok=True)
    )


def test_the_template_is_printed_without_settings(tmp_path: Path) -> None:
    assert Shell(tmp_path).done("deploy", "--print-template").stdout == read_template()


@pytest.mark.usefixtures("no_packages")
def test_everything_is_written_into_a_folder(shell: Shell) -> None:
    shell.done(
        "deploy", "web", "--packages-for", "here", "--output", "out", "--set", "timezone=UTC"
    )
    out = shell.folder / "out"
    assert {file.name for file in out.iterdir()} == {
        "template.yaml",
        "otel-analytics-pipeline.asl.json",
        "parameters.json",
        "pipeline.zip",
        "log-processor.zip",
    }
    assert "ServiceNames=web" in json.loads((out / "parameters.json").read_text())
    document = json.loads((out / "otel-analytics-pipeline.asl.json").read_text())
    assert document["States"]["TransformServiceNames"]["Output"]["database"] == "${Database}"


def test_a_deployment_without_a_bucket_for_its_code_is_refused(shell: Shell) -> None:
    assert "--code-bucket is missing" in shell.refused("deploy", "web")


def test_a_parameter_without_a_value_is_refused(shell: Shell) -> None:
    message = shell.refused("deploy", "--parameter", "Suffix")
    assert message == "--parameter Suffix: write --parameter NAME=VALUE"


def test_a_service_that_is_none_is_refused(shell: Shell) -> None:
    assert "'a b'" in shell.refused("deploy", "a b", "--code-bucket", "code")


@pytest.mark.usefixtures("no_packages")
def test_without_the_aws_cli_it_says_what_to_do(shell: Shell) -> None:
    empty = shell.with_environment(PATH=str(shell.folder))
    message = empty.refused("deploy", "--packages-for", "here", "--code-bucket", "code")
    assert "install `aws`, or" in message


# What the AWS CLI does: it says so on both streams, and fails at a step if it is told to.
AWS_CLI = """#!/bin/sh
if [ "$2" = describe-stack-events ]; then cat "$EVENTS"; exit; fi
if [ "$2" = describe-stacks ]; then echo '[{"OutputKey": "A", "OutputValue": "b"}]'; exit; fi
echo "doing: $*"
echo "on the way" >&2
if [ "$2" = "$FAILS" ]; then echo "$SINCE" > "$EVENTS"; echo "what is wrong" >&2; exit 255; fi
"""


def stack_events(*events: tuple[str, str, str | None]) -> str:
    """Return events of a stack as the AWS CLI prints them; newest first, their number is from 1."""
    found = []
    for number, (resource, status, reason) in enumerate(reversed(events), 1):
        event = {"EventId": f"e-{number}", "LogicalResourceId": resource, "ResourceStatus": status}
        found.append(event | ({"ResourceStatusReason": reason} if reason else {}))
    return json.dumps({"StackEvents": found[::-1]})


@pytest.fixture
def aws_cli(shell: Shell, tmp_path: Path) -> Shell:
    """A program `aws` before all others."""
    program = shell.folder / "aws"
    program.write_text(AWS_CLI)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "events").write_text(stack_events(("Old", "UPDATE_FAILED", "long ago")))
    return shell.with_environment(
        PATH=f"{shell.folder}:/usr/bin:/bin", EVENTS=str(tmp_path / "events")
    )


def deploying(capfd: pytest.CaptureFixture[str], shell: Shell, *options: str) -> tuple[Ended, str]:
    """Return how a deployment ended, and what the AWS CLI said of its progress meanwhile."""
    capfd.readouterr()
    ended = shell.run("deploy", "--packages-for", "here", "--code-bucket", "code", *options)
    said = capfd.readouterr()
    assert said.out == ""
    return ended, said.err


@pytest.mark.usefixtures("no_packages")
def test_what_the_aws_cli_says_on_the_way_is_seen_and_is_no_data(
    aws_cli: Shell, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--json", "--region", "eu-central-1", "--profile", "shop")
    ended, said = deploying(capfd, aws_cli, *options)
    assert ended.json == {"A": "b"}
    assert "doing: cloudformation package --template-file " in said
    assert "doing: cloudformation deploy --template-file " in said
    assert said.count("--region eu-central-1 --profile shop") == 2
    assert said.count("on the way") == 2


@pytest.mark.usefixtures("no_packages")
@pytest.mark.parametrize("step", ["package", "deploy"])
def test_an_aws_cli_that_fails_is_named_with_its_step(
    aws_cli: Shell, capfd: pytest.CaptureFixture[str], step: str
) -> None:
    ended, said = deploying(capfd, aws_cli.with_environment(FAILS=step, SINCE=stack_events()))
    assert ended.exit_code == 1
    assert said.endswith("what is wrong\n")
    message = ended.stderr.rpartition("otel-analytics: ")[2]
    assert message.startswith(f"aws cloudformation {step}: it ended with exit code 255: see what")
    assert "Old" not in message


@pytest.mark.usefixtures("no_packages")
def test_a_stack_that_fails_says_which_resources_failed_and_why(
    aws_cli: Shell, capfd: pytest.CaptureFixture[str]
) -> None:
    since = stack_events(
        ("otel-analytics", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create"),
        ("AlarmTopic", "CREATE_FAILED", "Resource creation cancelled"),
        ("GlueDatabase", "CREATE_FAILED", None),
        ("DataBucket", "CREATE_FAILED", "shop already exists"),
        ("otel-analytics", "CREATE_IN_PROGRESS", "User Initiated"),
        ("Old", "UPDATE_FAILED", "long ago"),
    )
    ended, _ = deploying(capfd, aws_cli.with_environment(FAILS="deploy", SINCE=since))
    assert ended.stderr.splitlines()[-2:] == [
        "  DataBucket CREATE_FAILED: shop already exists",
        "  GlueDatabase CREATE_FAILED: no reason was given",
    ]
