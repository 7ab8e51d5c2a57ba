"""One statement on a Trino cluster: its id at once, then its rows, its statistics, or its failure.

The client library speaks the protocol; here is who asks, how long, and what stops it.

Source: https://trino.io/docs/current/develop/client-protocol.html
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import requests
from trino.auth import Authentication, BasicAuthentication, JWTAuthentication
from trino.client import ClientSession, TrinoRequest
from trino.constants import HEADER_ENCODING
from trino.exceptions import HttpError, TrinoConnectionError, TrinoQueryError
from trino.mapper import RowMapperFactory

from otel_analytics.errors import InvalidSettings, QueryFailed
from otel_analytics.local.jobs import QueryCancelled
from otel_analytics.trino.query_errors import (
    has_code,
    no_coordinator,
    refused_request,
    sent_elsewhere,
    trino_failure,
    unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trino.client import TrinoStatus

    from otel_analytics.config import Trino
    from otel_analytics.local.jobs import Job

__all__ = ["PASSWORD_VARIABLE", "TOKEN_VARIABLE", "Result", "Statistics", "TrinoClient"]

PASSWORD_VARIABLE: Final = "OTEL_ANALYTICS_TRINO_PASSWORD"  # noqa: S105 - a variable's name
TOKEN_VARIABLE: Final = "OTEL_ANALYTICS_TRINO_JWT"  # noqa: S105
_SOURCE: Final = "otel-analytics"
_ATTEMPTS: Final = 5
# Before another try: a node may be just gone, or two metastores in each other's way.
_PAUSES_S: Final = (0.1, 0.5, 2.0)
_CONNECT_S, _READ_S = 10.0, 60.0


# What the client library raises over an answer that is not as the protocol says.
_NO_PAGE: Final = (AttributeError, KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What Trino has counted of a statement so far.

    `scanned_bytes` were read of storage; `times_s` says how long Trino worked on the statement, and
    how long that waited before.
    """

    scanned_bytes: int
    times_s: tuple[float, float]

    @classmethod
    def of(cls, stats: Mapping[str, Any]) -> Statistics:
        """Return what an answer's `stats` say."""
        queued_s = stats["queuedTimeMillis"] / 1000
        elapsed_s = stats["elapsedTimeMillis"] / 1000
        return cls(int(stats["physicalInputBytes"]), (elapsed_s - queued_s, queued_s))


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave: its columns as Trino describes them, its rows, its statistics."""

    identifier: str
    columns: tuple[Mapping[str, Any], ...]
    rows: tuple[tuple[Any, ...], ...]
    statistics: Statistics


class TrinoClient:
    """A cluster, and the user who asks it. Calls may come from several threads at once."""

    def __init__(
        self,
        settings: Trino,
        *,
        environment: Mapping[str, str],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raise InvalidSettings if a secret would go over an open connection."""
        self._settings = settings
        self._pause = pause
        self._auth = _authentication(settings, environment)
        self._session = dict(entry.split("=", 1) for entry in settings.session)

    def run(
        self,
        sql: str,
        *,
        job: Job,
        properties: Mapping[str, str] | None = None,
        on_submit: Callable[[str], None] = lambda _identifier: None,
        on_end: Callable[[Statistics], None] = lambda _statistics: None,
    ) -> Result:
        """Execute one statement to its end.

        `on_submit` is given its id, `on_end` the last statistics, however it ends.

        Raises: QueryFailed in Trino's words, which are Athena's; QueryCancelled
        """
        with _Session(self._settings) as http:
            statement = _Statement(self._request(http, properties or {}))
            try:
                job.run_on(statement)
                return statement.run(sql, on_submit)
            except TrinoQueryError as error:
                raise trino_failure(error) from error
            except HttpError as error:
                begun = statement.identifier is not None
                raise refused_request(error, self._settings.user, begun=begun) from error
            except (requests.RequestException, TrinoConnectionError) as error:
                raise unreachable(error, self._address) from error
            finally:
                if statement.statistics is not None:
                    on_end(statement.statistics)

    def run_repeatable(self, sql: str, *, job: Job, again_after: tuple[str, ...] = ()) -> Result:
        """Execute a statement that may be executed twice: again, if another try could succeed.

        Trino says so of a failure, or it has one of these codes.

        Raises: what `run` raises
        """
        for pause_s in _PAUSES_S:
            try:
                return self.run(sql, job=job)
            except QueryFailed as failure:
                if not (failure.is_retryable or has_code(failure, *again_after)):
                    raise
            self._pause(pause_s)
        return self.run(sql, job=job)

    @property
    def _address(self) -> str:
        settings = self._settings
        return f"{settings.scheme}://{settings.host}:{settings.port}"

    def _request(self, http: requests.Session, properties: Mapping[str, str]) -> TrinoRequest:
        settings = self._settings
        session = ClientSession(
            user=settings.user,
            source=_SOURCE,
            catalog=settings.catalog,
            schema=settings.schema or None,
            properties={**properties, **self._session},
            timezone="UTC",
        )
        return TrinoRequest(
            host=settings.host,
            port=settings.port,
            http_scheme=settings.scheme,
            client_session=session,
            http_session=http,
            auth=self._auth,
            request_timeout=(_CONNECT_S, _READ_S),
        )


def _authentication(settings: Trino, environment: Mapping[str, str]) -> Authentication | None:
    password, token = environment.get(PASSWORD_VARIABLE), environment.get(TOKEN_VARIABLE)
    if not password and not token:
        return None
    if settings.scheme != "https":
        name = PASSWORD_VARIABLE if password else TOKEN_VARIABLE
        raise InvalidSettings(f"{name} goes over https alone: set trino.scheme to https")
    if token:
        if password:
            raise InvalidSettings(f"set {PASSWORD_VARIABLE} or {TOKEN_VARIABLE}, not both")
        return JWTAuthentication(token)
    return BasicAuthentication(settings.user, str(password))


class _Session(requests.Session):
    """Requests of a coordinator: a secret goes to no other host, and over https alone."""

    def __init__(self, settings: Trino) -> None:
        super().__init__()
        self._host = urlsplit(f"//{settings.host}").hostname
        self.verify = settings.ca_file or settings.verify

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """Return the answer to a request.

        Raises: QueryFailed if the coordinator gave an address where the secret must not go; what
            `requests` raises
        """
        if self.auth is not None:
            at = urlsplit(url)
            if (at.scheme, at.hostname) != ("https", self._host):
                raise sent_elsewhere(f"{at.scheme}://{at.netloc}")
        # said with each request, since REQUESTS_CA_BUNDLE goes over what a session says:
        # https://github.com/psf/requests/issues/3829
        return super().request(method, url, verify=self.verify, **options)


class _Statement:
    """One statement under way: its id, and its statistics so far."""

    def __init__(self, request: TrinoRequest) -> None:
        self.identifier: str | None = None
        self.statistics: Statistics | None = None
        self._request = request
        self._stopped = threading.Event()

    def interrupt(self) -> None:
        """Have the statement cancelled at the next answer, which comes within a second."""
        self._stopped.set()

    def run(self, sql: str, on_submit: Callable[[str], None]) -> Result:
        # sent once: what did not answer may have begun all the same
        self._request.max_attempts = 1
        status = self._page(self._request.post(sql, {HEADER_ENCODING: None}))
        self._request.max_attempts = _ATTEMPTS
        try:
            self.identifier = status.id
            on_submit(status.id)
            return self._result(status)
        except TrinoQueryError:
            raise
        except BaseException:
            self._cancel()
            raise

    def _result(self, status: TrinoStatus) -> Result:
        rows: list[tuple[Any, ...]] = []
        columns: list[Any] = []
        mapper = None
        while True:
            if mapper is None and status.columns:
                columns = status.columns
                mapper = RowMapperFactory().create(columns, legacy_primitive_types=False)
            if mapper is not None:
                rows += map(tuple, mapper.map(cast("list[Any]", status.rows)))
            if status.next_uri is None:
                return Result(status.id, tuple(columns), tuple(rows), Statistics.of(status.stats))
            if self._stopped.is_set():
                raise QueryCancelled("Query cancelled by user")
            status = self._page(self._request.get(status.next_uri))

    def _page(self, response: requests.Response) -> TrinoStatus:
        """Return what an answer says, and keep its statistics.

        Raises: QueryFailed if it is not a coordinator's; what the client library raises
        """
        try:
            status = self._request.process(response)
            self.statistics = Statistics.of(status.stats)
        except TrinoQueryError:
            with suppress(*_NO_PAGE):
                self.statistics = Statistics.of(response.json()["stats"])
            raise
        except _NO_PAGE as error:
            raise no_coordinator(response.text) from error
        return status

    def _cancel(self) -> None:
        """Have Trino stop the statement; should it not hear, it does so once nobody asks for it."""
        if self._request.next_uri is not None:
            with suppress(requests.RequestException, QueryFailed):
                self._request.delete(self._request.next_uri)
