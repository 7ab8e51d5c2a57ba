"""`deploy`: everything into an AWS account, or what is needed for that into a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say
from otel_analytics.errors import Refused

if TYPE_CHECKING:
    from otel_analytics.aws.packaging import Target

__all__ = ["deploy_command"]


@click.command("deploy", short_help="Put everything into an AWS account.")
@click.argument("services", metavar="[SERVICE]…", nargs=-1)
@click.option("--code-bucket", metavar="BUCKET", help="An S3 bucket for template and packages.")
@click.option("--stack", default="otel-analytics", show_default=True, help="The stack's name.")
@click.option(
    "--parameter",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the template, as --parameter CreateBucket=false; may be repeated.",
)
@click.option(
    "--packages-for",
    type=click.Choice(["lambda", "here"]),
    default="lambda",
    show_default=True,
    help="What the functions run on: Lambda's arm64, or this machine, as an emulator wants it.",
)
@click.option("--output", metavar="DIR", help="Write everything into a folder, and deploy nothing.")
@click.option("--print-template", is_flag=True, help="Print the CloudFormation template.")
@json_option
@settings_options
@click.pass_context
def deploy_command(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    /,
    *,
    services: tuple[str, ...],
    code_bucket: str | None,
    stack: str,
    parameters: tuple[str, ...],
    packages_for: str,
    output: str | None,
    print_template: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Create or update the stack by which the tables of SERVICE… are refreshed every day.

    Bucket, prefixes, database and work group are those of the settings. What a parameter is set to
    stays so until it is set again, and so do the services. Needs the AWS CLI.
    """
    from otel_analytics.aws.deployment import (
        Deployment,
        build_parameters,
        check_aws_cli,
        read_template,
        write_deployment,
    )

    if print_template:
        click.echo(read_template(), nl=False)
        return
    settings = settings_of(ctx, flags)
    names = build_parameters(
        settings,
        service_names=services,
        given=dict(_assignment(text) for text in parameters),
    )
    if output is not None:
        target = _target(packages_for)
        write_deployment(Path(output), settings=settings, parameters=names, target=target)
        say(f"written to {output}: deploy it with a tool of your own, as docs/aws.md says")
        return
    if code_bucket is None:
        raise Refused("--code-bucket is missing: name an S3 bucket for template and packages")
    check_aws_cli()
    target = _target(packages_for)
    options = (("--region", settings.aws.region), ("--profile", settings.aws.profile))
    with tempfile.TemporaryDirectory() as folder:
        write_deployment(Path(folder), settings=settings, parameters=names, target=target)
        say(f"packages are built; {stack} is being deployed")
        outputs = Deployment(
            folder=Path(folder),
            stack=stack,
            code_bucket=code_bucket,
            options=tuple(text for option in options if option[1] for text in option),
        ).deploy()
    if as_json:
        print_json(outputs)
    else:
        print_table(("output", "value"), sorted(outputs.items()))


def _target(packages_for: str) -> Target:
    from otel_analytics.aws.packaging import LAMBDA, this_machine

    target = LAMBDA if packages_for == "lambda" else this_machine()
    if target.interpreter is None:
        say(
            f"There is no Python {target.python} here, so the packages are not compiled, and a "
            f"function starts half a second later: to avoid that, install python{target.python}."
        )
    return target


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Refused(f"--parameter {text}: write --parameter NAME=VALUE")
    return name.strip(), value
