"""The stack: a folder with template, document, packages and parameters, and the AWS CLI on it.

What the AWS CLI does well (uploads, change sets, waiting for the end) is left to it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.aws.packaging import PACKAGES, build_package
from otel_analytics.config import Settings
from otel_analytics.errors import Failed, InvalidSettings, Refused
from otel_analytics.names import S3Address, parse_service_names
from otel_analytics.pipeline import STATE_MACHINE_NAME, build_definition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from otel_analytics.aws.packaging import Target

__all__ = [
    "TEMPLATE",
    "Deployment",
    "build_parameters",
    "build_stack_definition",
    "check_aws_cli",
    "failures_of",
    "read_template",
    "write_deployment",
]

TEMPLATE: Final = "template.yaml"
DEFINITION: Final = f"{STATE_MACHINE_NAME}.asl.json"
PARAMETERS: Final = "parameters.json"
_PACKAGED: Final = "packaged.yaml"
_STDERR: Final = 2
_EVENTS: Final = 500

# field of the settings' `athena`: the name that the template's DefinitionSubstitutions give it
_SUBSTITUTIONS: Final = {
    "database": "Database",
    "s3_base": "S3Base",
    "output_location": "OutputLocation",
    "workgroup": "WorkGroup",
    "query_builder_function": "QueryBuilderFunction",
    "checks_builder_function": "ChecksBuilderFunction",
    "table_publisher_function": "TablePublisherFunction",
    "activity_refresher_function": "ActivityRefresherFunction",
}
# The work group that every account has; it cannot be created.
_PRIMARY: Final = "primary"


def read_template() -> str:
    """Return the text of the CloudFormation template."""
    return resources.files(__package__).joinpath(TEMPLATE).read_text("utf-8")


def build_stack_definition(settings: Settings) -> dict[str, Any]:
    """Return the state machine document whose names and addresses the stack puts in."""
    names = {field: f"${{{name}}}" for field, name in _SUBSTITUTIONS.items()}
    return build_definition(replace(settings, athena=replace(settings.athena, **names)))


def build_parameters(
    settings: Settings, *, service_names: Sequence[str], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the template's parameters that follow from the settings, and those `given` on top.

    A stack keeps its own value of any that is not among them.

    Raises: InvalidSettings if the addresses are not in one bucket of one's own; InvalidName if a
        service is none
    """
    athena = settings.athena
    addresses = {
        "LakePrefix": S3Address.parse(settings.lake, field="lake"),
        "TablesPrefix": S3Address.parse(athena.s3_base, field="athena.s3_base"),
        "ResultsPrefix": S3Address.parse(athena.output_location, field="athena.output_location"),
    }
    buckets = {address.bucket for address in addresses.values()}
    if len(buckets) > 1:
        raise InvalidSettings(
            "lake, athena.s3_base and athena.output_location are in several buckets "
            f"({', '.join(sorted(buckets))}), but a stack has one: name one"
        )
    if settings.lake == Settings().lake:
        raise InvalidSettings(
            f"lake, athena.s3_base and athena.output_location: {settings.lake} and its like stand "
            "for a bucket on a laptop; on AWS, where a bucket's name is taken once in the world, "
            "set all three to a bucket of yours"
        )
    if not addresses["ResultsPrefix"].key:
        raise InvalidSettings(
            f"athena.output_location: {athena.output_location} is a bare bucket; add a prefix"
        )
    parameters = {
        "Bucket": buckets.pop(),
        "Database": athena.database,
        "WorkGroup": athena.workgroup,
    }
    parameters |= {name: address.key.rstrip("/") for name, address in addresses.items()}
    if athena.workgroup == _PRIMARY:
        parameters["CreateWorkGroup"] = "false"
    if service_names:
        parameters["ServiceNames"] = ",".join(service_names)
    parameters |= given
    if parameters.get("ServiceNames"):
        names = [name.strip() for name in parameters["ServiceNames"].split(",")]
        parameters["ServiceNames"] = ",".join(parse_service_names(names))
    return parameters


def check_aws_cli() -> None:
    """Check that the AWS CLI, which deploys the stack, is there.

    Raises: Refused
    """
    if shutil.which("aws") is None:
        raise Refused(
            "the AWS CLI, which deploys the stack, is not installed: install `aws`, or have the "
            "folder written with --output DIR and deploy it with a tool of your own"
        )


def write_deployment(
    folder: Path, *, settings: Settings, parameters: Mapping[str, str], target: Target
) -> None:
    """Write template, document, packages and parameters into a folder, which may be there.

    Raises: Failed if a library of a package cannot be had
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TEMPLATE).write_text(read_template(), "utf-8")
    _write_json(folder / DEFINITION, build_stack_definition(settings))
    # As `aws cloudformation deploy --parameter-overrides file://…` reads it.
    _write_json(folder / PARAMETERS, [f"{name}={value}" for name, value in parameters.items()])
    for name in PACKAGES:
        build_package(name, folder, settings=settings, target=target)


def _write_json(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A folder that `write_deployment` wrote, and the stack that it goes to.

    `code_bucket` is where template and packages are uploaded; `options` are the AWS CLI's own. What
    the AWS CLI says of its progress goes to this process's standard error.
    """

    folder: Path
    stack: str
    code_bucket: str
    options: tuple[str, ...] = ()

    def deploy(self) -> dict[str, str]:
        """Return the outputs of the stack, after it was created or updated.

        Raises: Failed if the AWS CLI does not succeed, with the resources for which it did not
        """
        packaged = str(self.folder / _PACKAGED)
        uploads = ["--s3-bucket", self.code_bucket, "--s3-prefix", self.stack]
        template = ["--template-file", str(self.folder / TEMPLATE)]
        self._run(
            "cloudformation", "package", *template, *uploads, "--output-template-file", packaged
        )
        before = {event["EventId"] for event in self._events()}
        parameters = f"file://{self.folder / PARAMETERS}"
        try:
            self._run(
                *("cloudformation", "deploy", "--template-file", packaged),
                *("--stack-name", self.stack, *uploads, "--capabilities", "CAPABILITY_IAM"),
                *("--no-fail-on-empty-changeset", "--parameter-overrides", parameters),
            )
        except Failed as error:
            since = [event for event in self._events() if event["EventId"] not in before]
            reasons = "".join(f"\n  {reason}" for reason in failures_of(since))
            raise Failed(f"{error.message}{reasons}", where=error.where) from error
        described = self._ask(
            *("cloudformation", "describe-stacks", "--stack-name", self.stack),
            *("--query", "Stacks[0].Outputs"),
        )
        return {one["OutputKey"]: one["OutputValue"] for one in described}

    def _events(self) -> list[dict[str, Any]]:
        """Return the last events of the stack, newest first; none if there is no such stack."""
        try:
            found = self._ask(
                *("cloudformation", "describe-stack-events", "--stack-name", self.stack),
                *("--max-items", str(_EVENTS)),
            )
        except Failed:
            return []
        return list(found["StackEvents"])

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(["aws", *arguments, *self.options], stdout=_STDERR, check=False)
        if done.returncode:
            raise Failed(
                f"it ended with exit code {done.returncode}: see what it says above, and in "
                "docs/aws.md what is commonly met; then deploy again",
                where=f"aws {' '.join(arguments[:2])}",
            )

    def _ask(self, *arguments: str) -> Any:
        command = ["aws", *arguments, "--output", "json", *self.options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(done.stderr.strip()[-2000:], where=f"aws {' '.join(arguments[:2])}")
        return json.loads(done.stdout)


def failures_of(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which resources of a stack failed and why, oldest first, by its events."""
    return [
        f"{event['LogicalResourceId']} {event['ResourceStatus']}: "
        f"{event.get('ResourceStatusReason', 'no reason was given')}"
        for event in reversed(events)
        # those that others' failures have ended say nothing of their own
        if event["ResourceStatus"].endswith("_FAILED")
        and not event.get("ResourceStatusReason", "").endswith("cancelled")
    ]
