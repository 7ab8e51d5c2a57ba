"""What AWS refuses, in our words: one error for each thing that a person can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from otel_analytics.aws.clients import Client, connect
from otel_analytics.config import Aws
from otel_analytics.errors import AwsFailed, NoAccess

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}


def stubbed(service: str = "glue") -> tuple[Client, Stubber]:
    boto = boto3.client(service, region_name="eu-central-1", **KEYS)
    stubber = Stubber(boto)
    stubber.activate()
    return Client(boto), stubber


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The tests know no region, profile or credentials but their own."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    "code",
    [
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    ],
)
def test_credentials_that_are_not_accepted_say_to_log_in_again(code: str) -> None:
    client, stubber = stubbed()
    stubber.add_client_error("get_table", code, "The security token is expired")
    with pytest.raises(NoAccess, match=rf"{code}: The security token is expired.*log in again"):
        client.call("get_table", DatabaseName="d", Name="t")


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_what_is_not_allowed_names_the_action_to_allow(code: str) -> None:
    client, stubber = stubbed()
    stubber.add_client_error("get_table", code, "User bob is not authorized")
    with pytest.raises(AwsFailed) as held:
        client.call("get_table", DatabaseName="d", Name="t")
    assert str(held.value) == (
        f"Glue:GetTable: {code}: User bob is not authorized. Have whoever manages the account "
        "allow Glue:GetTable, or use another profile"
    )
    assert (held.value.code, held.value.exit_code) == (code, 1)


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException", "SlowDown"])
def test_what_stays_throttled_says_to_wait(code: str) -> None:
    client, stubber = stubbed()
    for _ in range(8):
        stubber.add_client_error("get_table", code, "Rate exceeded")
    with pytest.raises(AwsFailed, match=r"Rate exceeded\. It was tried again and stayed so: wait"):
        client.call("get_table", DatabaseName="d", Name="t")


def test_a_page_that_is_refused_raises_as_a_call_does() -> None:
    client, stubber = stubbed()
    stubber.add_client_error("get_tables", "AccessDeniedException", "no")
    with pytest.raises(AwsFailed, match="Glue:GetTables: AccessDeniedException: no"):
        list(client.pages("get_tables", DatabaseName="d"))


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (NoCredentialsError(), NoAccess, "no credentials of AWS"),
        (
            EndpointConnectionError(endpoint_url="https://glue.eu-central-1"),
            AwsFailed,
            "Glue:GetTable got no answer .*the region eu-central-1 are right",
        ),
    ],
)
def test_what_never_reached_aws_says_what_to_look_at(
    error: Exception, kind: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = stubbed()

    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(client.boto, "get_table", fail)
    with pytest.raises(kind, match=message):
        client.call("get_table", DatabaseName="d", Name="t")


def test_throttled_calls_are_tried_again_with_backoff() -> None:
    client = connect(Aws(region="eu-central-1"))("athena")
    retries = client.boto.meta.config.retries
    assert (retries["mode"], retries["total_max_attempts"]) == ("standard", 8)
    assert "otel-analytics/" in client.boto.meta.config.user_agent_extra


def test_without_a_region_it_says_how_to_name_one() -> None:
    with pytest.raises(NoAccess, match="name it with --region, AWS_REGION, or aws configure"):
        connect(Aws())("glue")


def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(NoAccess, match="nobody"):
        connect(Aws(profile="nobody"))


@pytest.mark.parametrize("source", ["environment", "region", "profile", "setting"])
def test_region_and_profile_come_as_every_tool_takes_them(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile work]\nregion = us-west-2\n")
    settings, expected = Aws(profile="work"), "us-west-2"
    if source == "environment":
        monkeypatch.setenv("AWS_PROFILE", "work")
        settings = Aws()
    if source == "region":
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        settings, expected = Aws(), "eu-west-1"
    if source == "setting":
        settings, expected = Aws(region="ap-northeast-2", profile="work"), "ap-northeast-2"
    assert connect(settings)("glue").boto.meta.region_name == expected
