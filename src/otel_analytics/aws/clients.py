"""Clients of AWS, whose errors are ours.

Everything that is asked of AWS passes through here: retried where it was throttled, and with one
error for each thing that a person can do about it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from otel_analytics import __version__
from otel_analytics.errors import AwsFailed, NoAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.config import Aws

__all__ = ["Client", "connect"]

# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html: standard retries what
# is throttled or fails for a moment, with backoff and jitter.
_CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 8},
    connect_timeout=10,
    read_timeout=30,
    user_agent_extra=f"otel-analytics/{__version__}",
)
_NOT_LET_IN: Final = (
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature",
    "InvalidAccessKeyId", "InvalidClientTokenId", "RequestExpired", "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)  # fmt: skip
_NOT_ALLOWED: Final = (
    "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden", "403",
    "UnauthorizedOperation",
)  # fmt: skip
_TOO_MUCH: Final = (
    "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException",
    "TooManyRequestsException",
)  # fmt: skip
_NO_CREDENTIALS: Final = (
    CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, SSOError,
    TokenRetrievalError,
)  # fmt: skip
_LOG_IN: Final = (
    "log in again (aws sso login, or aws configure), or name another profile with --profile or "
    "AWS_PROFILE"
)


@dataclass(frozen=True, slots=True)
class Client:
    """One service of AWS, by boto3's client of it."""

    boto: Any

    def call(self, operation: str, /, **arguments: Any) -> Any:
        """Return what an operation answers, by boto3's name of it, as `get_table`.

        Raises: NoAccess, AwsFailed
        """
        try:
            return getattr(self.boto, operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise self._failure(operation, error) from error

    def pages(self, operation: str, /, **arguments: Any) -> Iterator[Any]:
        """Yield the pages of an operation that answers in pages.

        Raises: what `call` raises
        """
        try:
            yield from self.boto.get_paginator(operation).paginate(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise self._failure(operation, error) from error

    def _failure(self, operation: str, error: Exception) -> NoAccess | AwsFailed:
        model = self.boto.meta
        name = f"{model.service_model.service_id}:{model.method_to_api_mapping[operation]}"
        if isinstance(error, _NO_CREDENTIALS):
            return NoAccess(f"no credentials of AWS ({error}): {_LOG_IN}")
        if not isinstance(error, ClientError):
            return AwsFailed(
                f"{name} got no answer ({error}): see that the network and the region "
                f"{model.region_name} are right, then try again",
                operation=name,
            )
        code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message")
        if code in _NOT_LET_IN:
            return NoAccess(f"AWS does not accept the credentials ({code}: {said}): {_LOG_IN}")
        what = f"{name}: {code}: {said}"
        if code in _NOT_ALLOWED:
            what += f". Have whoever manages the account allow {name}, or use another profile"
        elif code in _TOO_MUCH:
            what += ". It was tried again and stayed so: wait a little, then try again"
        return AwsFailed(what, code=code, operation=name)


def _region(settings: Aws) -> str | None:
    # the AWS CLI and the other SDKs read it, boto3 its own AWS_DEFAULT_REGION alone:
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
    return settings.region or os.environ.get("AWS_REGION") or None


def connect(settings: Aws) -> Callable[[str], Client]:
    """Return a function that gives a client by its service's name in boto3.

    Raises: NoAccess if there is no such profile; and, of the function, if no region is known
    """
    try:
        session = boto3.Session(
            profile_name=settings.profile or None, region_name=_region(settings)
        )
    except (BotoCoreError, ClientError) as error:
        raise NoAccess(f"{error}: {_LOG_IN}") from error

    def client(service: str) -> Client:
        try:
            return Client(session.client(service, config=_CONFIG))
        except NoRegionError as error:
            raise NoAccess(
                "no region of AWS is known: name it with --region, AWS_REGION, or aws configure"
            ) from error
        except (BotoCoreError, ValueError) as error:
            raise NoAccess(f"no client of {service}: {error}") from error

    return client
