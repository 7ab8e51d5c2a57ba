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
from tests.cli.shell import Shell

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


@pytest.mark.usefixtures("no_packages")
def test_what_the_aws_cli_says_is_passed_on(shell: Shell) -> None:
    program = shell.folder / "aws"
    program.write_text('#!/bin/sh\necho "Unable to locate credentials: $*" >&2\nexit 253\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    ours = shell.with_environment(PATH=f"{shell.folder}:/usr/bin:/bin")
    ended = ours.run(
        *("deploy", "--packages-for", "here", "--code-bucket", "code"),
        *("--region", "eu-central-1", "--profile", "shop"),
    )
    assert ended.exit_code == 1
    message = ended.stderr.rstrip().rpartition("otel-analytics: ")[2]
    assert message.startswith("aws cloudformation package: Unable to locate credentials")
    assert message.endswith("--region eu-central-1 --profile shop")
