"""What a cluster answers, or does not, becomes Athena's words; a secret goes over https alone."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Trino
from otel_analytics.errors import InvalidSettings, QueryFailed
from otel_analytics.local.engine import Job
from otel_analytics.local.query_errors import QueryCancelled
from otel_analytics.trino.client import PASSWORD_VARIABLE, TOKEN_VARIABLE, Result, TrinoClient

if TYPE_CHECKING:
    from collections.abc import Iterator

STATS = {"physicalInputBytes": 7, "queuedTimeMillis": 20, "elapsedTimeMillis": 520}
TYPE = {"rawType": "bigint", "arguments": []}


class Coordinator:
    """A server that answers as a coordinator does: with the pages that it is given."""

    def __init__(self, pages: list[Any]) -> None:
        self.pages = pages
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self._answer()

            def do_GET(self) -> None:
                self._answer()

            def do_DELETE(self) -> None:
                outer.asked.append(("DELETE", self.path, {}))
                self.send_response(204)
                self.end_headers()

            def _answer(self) -> None:
                outer.asked.append((self.command, self.path, dict(self.headers)))
                page = outer.pages.pop(0)
                status, body = page if isinstance(page, tuple) else (200, page)
                body = json.dumps(body() if callable(body) else body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server.server_port)

    def page(self, **more: Any) -> dict[str, Any]:
        return {"id": "20260101_000000_00001_abcde", "infoUri": "x", "stats": STATS, **more}

    def next_uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/next"


@contextmanager
def coordinator(*pages: Any) -> Iterator[Coordinator]:
    opened = Coordinator(list(pages))
    thread = threading.Thread(target=opened.server.serve_forever, args=(0.01,))
    thread.start()
    yield opened
    opened.server.shutdown()
    thread.join()
    opened.server.server_close()


def run(server: Coordinator, job: Job | None = None, **options: Any) -> Result:
    settings = Trino(host="127.0.0.1", port=server.port, session=("query_max_run_time=5m",))
    client = TrinoClient(settings, environment={})
    return client.run("SELECT 1", job=job or Job(), **options)


def test_rows_come_page_by_page_with_the_last_statistics() -> None:
    told: list[str] = []
    with coordinator() as server:
        columns = [{"name": "a", "type": "bigint", "typeSignature": TYPE}]
        later = {**STATS, "physicalInputBytes": 11}
        server.pages += [
            server.page(nextUri=server.next_uri()),
            server.page(nextUri=server.next_uri(), columns=columns, data=[[1], [2]]),
            server.page(columns=columns, data=[[3]], stats=later),
        ]
        result = run(
            server,
            on_submit=told.append,
            properties={"query_max_run_time": "9m", "hive.codec": "ZSTD"},
        )
        assert result.rows == ((1,), (2,), (3,))
        assert (result.scanned_bytes, result.times_s) == (11, (0.5, 0.02))
        assert told == [result.identifier] == ["20260101_000000_00001_abcde"]
        sent = server.asked[0][2]
        # what the settings say of the session stands over what a statement needs
        assert sent["X-Trino-Session"] == "query_max_run_time=5m,hive.codec=ZSTD"
        assert (sent["X-Trino-User"], sent["X-Trino-Catalog"]) == ("otel-analytics", "hive")
        assert "X-Trino-Query-Data-Encoding" not in sent


@pytest.mark.parametrize(
    ("kind", "is_retryable"),
    [
        ("USER_ERROR", False),
        ("INTERNAL_ERROR", True),
        ("INSUFFICIENT_RESOURCES", True),
        ("EXTERNAL", True),
    ],
)
def test_a_query_is_worth_another_try_unless_the_user_is_at_fault(
    kind: str, is_retryable: bool
) -> None:
    error = {"errorName": "SOME_CODE", "errorType": kind, "message": "line 1:1: it went wrong"}
    with coordinator() as server:
        server.pages.append(server.page(error=error))
        with pytest.raises(QueryFailed, match=r"^SOME_CODE: line 1:1: it went wrong$") as failed:
            run(server)
    assert failed.value.is_retryable is is_retryable


def test_a_query_that_is_cancelled_is_cancelled_in_trino() -> None:
    job = Job()
    with coordinator() as server:

        def cancelled() -> dict[str, Any]:
            job.cancel()
            return server.page(nextUri=server.next_uri())

        server.pages += [server.page(nextUri=server.next_uri()), *([cancelled] * 200)]
        with pytest.raises(QueryCancelled):
            run(server, job)
        assert server.asked[-1][:2] == ("DELETE", "/next")


def test_what_someone_cancels_in_trino_is_cancelled() -> None:
    error = {"errorName": "USER_CANCELED", "errorType": "USER_ERROR", "message": "by hand"}
    with coordinator() as server:
        server.pages.append(server.page(error=error))
        with pytest.raises(QueryCancelled, match="by hand"):
            run(server)


def test_a_cluster_that_does_not_answer_is_named_and_worth_another_try() -> None:
    with coordinator() as server:
        port = server.port
    client = TrinoClient(Trino(host="127.0.0.1", port=port), environment={})
    with pytest.raises(QueryFailed, match=f"Trino at http://127.0.0.1:{port} does not") as failed:
        client.run("SELECT 1", job=Job())
    assert failed.value.is_retryable


@pytest.mark.parametrize(
    ("status", "message", "is_retryable"),
    [(401, "PERMISSION_DENIED: .*trino.user", False), (404, "Trino answers error 404", True)],
)
def test_a_request_that_is_refused_says_what_to_set(
    status: int, message: str, is_retryable: bool
) -> None:
    with coordinator((status, {})) as server, pytest.raises(QueryFailed, match=message) as failed:
        run(server)
    assert failed.value.is_retryable is is_retryable


def test_a_statement_is_never_sent_twice() -> None:
    with coordinator((503, {}), (503, {})) as server:
        with pytest.raises(QueryFailed):
            run(server)
        assert [method for method, *_ in server.asked] == ["POST"]


@pytest.mark.parametrize("variable", [PASSWORD_VARIABLE, TOKEN_VARIABLE])
def test_a_secret_over_http_is_refused_and_not_said(variable: str) -> None:
    with pytest.raises(InvalidSettings, match=f"{variable} goes over https alone") as refused:
        TrinoClient(Trino(), environment={variable: "hush"})
    assert "hush" not in str(refused.value)


def test_a_password_and_a_token_at_once_are_refused() -> None:
    both = {PASSWORD_VARIABLE: "a", TOKEN_VARIABLE: "b"}
    with pytest.raises(InvalidSettings, match="not both"):
        TrinoClient(Trino(scheme="https"), environment=both)


def test_what_may_be_repeated_is_while_another_try_could_succeed() -> None:
    lost = {"errorName": "REMOTE_HOST_GONE", "errorType": "INTERNAL_ERROR", "message": "gone"}
    there = {"errorName": "ALREADY_EXISTS", "errorType": "USER_ERROR", "message": "there"}
    pauses: list[float] = []
    with coordinator() as server:
        client = TrinoClient(
            Trino(host="127.0.0.1", port=server.port), environment={}, pause=pauses.append
        )
        server.pages += [server.page(error=lost), server.page(error=there), server.page()]
        client.run_repeatable("CREATE …", job=Job(), again_after=("ALREADY_EXISTS",))
        assert len(pauses) == 2
        server.pages += [server.page(error=there)]
        with pytest.raises(QueryFailed, match="ALREADY_EXISTS"):
            client.run_repeatable("CREATE …", job=Job())
        server.pages += [server.page(error=lost)] * 9
        with pytest.raises(QueryFailed, match="REMOTE_HOST_GONE"):
            client.run_repeatable("CREATE …", job=Job())
        assert len(server.pages) == 9 - 4
