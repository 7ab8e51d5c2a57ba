"""One statement on a Trino cluster: its id at once, then its rows, its statistics, or its failure.

The client library speaks the protocol; here is who asks, how long, and what stops it.

Source: https://trino.io/docs/current/develop/client-protocol.html
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import requests
from trino.auth import Authentication, BasicAuthentication, JWTAuthentication
from trino.client import ClientSession, TrinoRequest
from trino.constants import HEADER_ENCODING
from trino.exceptions import HttpError, TrinoConnectionError, TrinoQueryError
from trino.mapper import RowMapperFactory

from otel_analytics.errors import InvalidSettings, QueryFailed
from otel_analytics.local.query_errors import QueryCancelled
from otel_analytics.trino.query_errors import (
    has_code,
    refused_request,
    trino_failure,
    unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trino.client import TrinoStatus

    from otel_analytics.config import Trino
    from otel_analytics.local.engine import Job

__all__ = ["PASSWORD_VARIABLE", "TOKEN_VARIABLE", "Result", "TrinoClient"]

PASSWORD_VARIABLE: Final = "OTEL_ANALYTICS_TRINO_PASSWORD"  # noqa: S105 - a variable's name
TOKEN_VARIABLE: Final = "OTEL_ANALYTICS_TRINO_JWT"  # noqa: S105
_SOURCE: Final = "otel-analytics"
_ATTEMPTS: Final = 5
# Before another try: a node may be just gone, or two metastores in each other's way.
_PAUSES_S: Final = (0.1, 0.5, 2.0)
_CONNECT_S, _READ_S = 10.0, 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave: its columns as Trino describes them, its rows, its statistics."""

    identifier: str
    columns: tuple[Mapping[str, Any], ...]
    rows: tuple[tuple[Any, ...], ...]
    stats: Mapping[str, Any]

    @property
    def scanned_bytes(self) -> int:
        """The bytes that were read of storage."""
        return int(self.stats["physicalInputBytes"])

    @property
    def times_s(self) -> tuple[float, float]:
        """How long Trino worked on the statement, and how long the statement waited before."""
        queued_s = self.stats["queuedTimeMillis"] / 1000
        return self.stats["elapsedTimeMillis"] / 1000 - queued_s, queued_s


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
    ) -> Result:
        """Execute one statement to its end.

        Raises: QueryFailed in Trino's words, which are Athena's; QueryCancelled
        """
        with requests.Session() as http:
            http.verify = self._settings.ca_file or self._settings.verify
            statement = _Statement(self._request(http, properties or {}))
            try:
                job.run_on(statement)
                return statement.run(sql, on_submit)
            except TrinoQueryError as error:
                raise trino_failure(error) from error
            except HttpError as error:
                raise refused_request(error, self._settings.user) from error
            except (requests.RequestException, TrinoConnectionError) as error:
                raise unreachable(error, self._address) from error

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


class _Statement:
    """One statement under way."""

    def __init__(self, request: TrinoRequest) -> None:
        self._request = request
        self._stopped = threading.Event()

    def interrupt(self) -> None:
        """Have the statement cancelled at the next answer, which comes within a second."""
        self._stopped.set()

    def run(self, sql: str, on_submit: Callable[[str], None]) -> Result:
        # sent once: what did not answer may have begun all the same
        self._request.max_attempts = 1
        status = self._request.process(self._request.post(sql, {HEADER_ENCODING: None}))
        self._request.max_attempts = _ATTEMPTS
        try:
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
                return Result(status.id, tuple(columns), tuple(rows), status.stats)
            if self._stopped.is_set():
                raise QueryCancelled("Query cancelled by user")
            status = self._request.process(self._request.get(status.next_uri))

    def _cancel(self) -> None:
        """Have Trino stop the statement; should it not hear, it does so once nobody asks for it."""
        if self._request.next_uri is not None:
            try:
                self._request.delete(self._request.next_uri)
            except requests.RequestException:
                return
