"""What Trino and its client raise, in Athena's words: their error codes are the same.

Source: https://github.com/trinodb/trino/blob/476/core/trino-spi/src/main/java/io/trino/spi/StandardErrorCode.java
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from otel_analytics.errors import QueryFailed
from otel_analytics.local.jobs import QueryCancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trino.exceptions import HttpError, TrinoQueryError

__all__ = [
    "has_code",
    "no_coordinator",
    "refused_request",
    "sent_elsewhere",
    "suppress_code",
    "trino_failure",
    "unreachable",
]

# Where the query is at fault another try cannot help; of all else (INTERNAL_ERROR,
# INSUFFICIENT_RESOURCES, EXTERNAL: a worker that is gone among them) it can.
_USER_ERROR: Final = "USER_ERROR"
_CANCELLED: Final = ("USER_CANCELED", "ADMINISTRATIVELY_KILLED")


def trino_failure(error: TrinoQueryError) -> QueryFailed | QueryCancelled:
    """Return what Athena would say where Trino says `error`."""
    if error.error_name in _CANCELLED:
        return QueryCancelled(f"Query cancelled in Trino: {error.message}")
    return QueryFailed(
        f"{error.error_name or 'GENERIC_INTERNAL_ERROR'}: {error.message}",
        is_retryable=error.error_type != _USER_ERROR,
    )


def has_code(failure: QueryFailed, *codes: str) -> bool:
    """Return whether a failure is of one of these codes."""
    return failure.message.partition(":")[0] in codes


@contextmanager
def suppress_code(*codes: str) -> Iterator[None]:
    """Return a context that a failure of one of these codes ends, and no more."""
    try:
        yield
    except QueryFailed as failure:
        if not has_code(failure, *codes):
            raise


def unreachable(error: Exception, address: str) -> QueryFailed:
    """Return the failure of a cluster that does not answer."""
    return QueryFailed(
        f"GENERIC_INTERNAL_ERROR: Trino at {address} does not answer ({type(error).__name__}): see "
        "that it runs, and that trino.host, trino.port, trino.scheme and trino.ca_file are right",
        is_retryable=True,
    )


def refused_request(error: HttpError, user: str, *, begun: bool) -> QueryFailed:
    """Return the failure of a request that was answered with an HTTP error.

    `begun` says that the coordinator had given the query an id before.
    """
    text = str(error)
    status = int(text.removeprefix("error ")[:3])
    if status in (401, 403):
        return QueryFailed(
            f"PERMISSION_DENIED: Trino refuses the user {user} (error {status}): set trino.user, "
            "and OTEL_ANALYTICS_TRINO_PASSWORD or OTEL_ANALYTICS_TRINO_JWT",
            is_retryable=False,
        )
    if begun and status in (404, 410):
        return QueryFailed(
            f"GENERIC_INTERNAL_ERROR: Trino does not know the query any more (error {status}), as "
            "after a restart of the coordinator: run it again",
            is_retryable=True,
        )
    if status == 429 or status >= 500:
        return QueryFailed(
            f"GENERIC_INTERNAL_ERROR: Trino answers {text[:200]}: run it again later",
            is_retryable=True,
        )
    return no_coordinator(text)


def no_coordinator(answer: str) -> QueryFailed:
    """Return the failure of a request that was answered with something else than a result."""
    return QueryFailed(
        f"GENERIC_INTERNAL_ERROR: this is no answer of Trino's: {answer[:200]}: see that "
        "trino.host, trino.port and trino.scheme are those of a coordinator",
        is_retryable=False,
    )


def sent_elsewhere(origin: str) -> QueryFailed:
    """Return the failure of a coordinator that has a secret sent where it must not go.

    Source: https://trino.io/docs/current/security/tls.html#https-load-balancer
    """
    return QueryFailed(
        f"PERMISSION_DENIED: Trino sends on to {origin}, where the password or token does not go: "
        "if there is a proxy, have it pass on X-Forwarded-Proto and X-Forwarded-Host, and set "
        "http-server.process-forwarded=true on the coordinator; or set trino.host to the host that "
        "the coordinator goes by",
        is_retryable=False,
    )
