"""An account in an emulator that others wrote (MiniStack), and the stack in it.

The emulator enforces IAM policies, those of buckets and roles, and speaks TLS as they demand.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.cli.shell import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BIN = Path(__file__).parents[3] / "build" / "emulator" / "bin"
# Those of the guide's commands, which are run here word for word.
REGION = "ap-northeast-2"
ACCOUNT = "725129837589"
BUCKET = f"aws-athena-query-results-{ACCOUNT}-{REGION}"
CODE_BUCKET = "deployments"
STACK = "otel-analytics"
SERVICES = ("theshop-brand", "theshop-pharmacy")
SETTINGS = f"""
lake = "s3://{BUCKET}/lake"
timezone = "Asia/Seoul"

[athena]
s3_base = "s3://{BUCKET}/summary"
output_location = "s3://{BUCKET}/athena-results"
workgroup = "otel-analytics"
"""
_STARTS_WITHIN_S = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("emulator"))


@dataclass(frozen=True)
class Emulator:
    """An emulator at work: its address, and what a client's environment has to say."""

    endpoint: str
    certificate: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "OTEL_ANALYTICS_"))
        }
        return ours | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        }

    def command(self, *arguments: str) -> str:
        """Return what a program prints, which must do what it is asked."""
        done = subprocess.run(
            arguments,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def aws(self, *arguments: str) -> Any:
        """Return what the AWS CLI answers."""
        answer = self.command(str(BIN / "aws"), *arguments)
        try:
            return json.loads(answer)
        except ValueError:
            return answer

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            verify=str(self.certificate),
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - what MiniStack calls its root user's
        )

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the stack's bucket under a prefix."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for page in found for one in page.get("Contents", ())]

    def eventually(self, look: Callable[[], Any], *, within_s: float = 60) -> Any:
        """Return what `look` finds, as soon as that is true."""
        until = time.monotonic() + within_s
        while not (found := look()):
            assert time.monotonic() < until, f"still {found!r} after {within_s} s"
            time.sleep(0.2)
        return found


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    if not (BIN / "ministack").exists():
        pytest.skip("there is no emulator of AWS here: make test-aws installs it")
    folder = tmp_path_factory.mktemp("emulator")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    emulator = Emulator(f"https://127.0.0.1:{port}", folder / "ministack-tls/server.crt", folder)
    own = {
        "AUTH": "true",
        "AWS_CA_BUNDLE": str(emulator.certificate),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(folder / "state"),
        "TMPDIR": str(folder),
        "USE_SSL": "true",
    }
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [BIN / "python", "-m", "ministack"],
            cwd=folder,
            env=passed | own,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for(process, port, folder / "log")
            yield emulator
        finally:
            # It would wait for executions under way; and its functions are processes of their own.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"the emulator did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def deployment(emulator: Emulator) -> Path:
    """Template, document, packages and parameters, for a stack whose functions run here."""
    (emulator.folder / "otel-analytics.toml").write_text(SETTINGS)
    emulator.command(
        *(str(PROGRAM), "deploy", *SERVICES, "--packages-for", "here", "--output", "deployment")
    )
    return emulator.folder / "deployment"


@pytest.fixture(scope="session")
def stack(emulator: Emulator, deployment: Path) -> Emulator:
    """The emulator with the stack in it, deployed by the AWS CLI as the docs say."""
    emulator.aws("s3", "mb", f"s3://{CODE_BUCKET}")
    packaged = str(deployment / "packaged.yaml")
    emulator.aws(
        *("cloudformation", "package", "--template-file", str(deployment / "template.yaml")),
        *("--s3-bucket", CODE_BUCKET, "--output-template-file", packaged),
    )
    emulator.aws(
        *("cloudformation", "deploy", "--template-file", packaged, "--stack-name", STACK),
        *("--s3-bucket", CODE_BUCKET, "--capabilities", "CAPABILITY_IAM"),
        *("--parameter-overrides", f"file://{deployment / 'parameters.json'}"),
    )
    return emulator


@pytest.fixture(scope="session")
def resources(stack: Emulator) -> dict[str, str]:
    """Return the physical ids of the stack's resources, by their logical ones."""
    found = stack.aws("cloudformation", "list-stack-resources", "--stack-name", STACK)
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in found["StackResourceSummaries"]
    }


def evaluate(questions: list[dict[str, Any]]) -> list[str]:
    """Return the decisions of the emulator's policy evaluator, one for each question."""
    script = Path(__file__).with_name("evaluate_policies.py")
    done = subprocess.run(
        [BIN / "python", script],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, list)
    return answer


__all__ = ["ACCOUNT", "BUCKET", "REGION", "SERVICES", "STACK", "Emulator", "evaluate"]
