"""What a cluster answers, or does not, becomes Athena's words; a secret goes over https alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Trino
from otel_analytics.errors import InvalidSettings, QueryFailed
from otel_analytics.local.jobs import Job, QueryCancelled
from otel_analytics.trino.client import PASSWORD_VARIABLE, TOKEN_VARIABLE, TrinoClient
from tests.trino.coordinators import STATS, coordinator

if TYPE_CHECKING:
    from otel_analytics.trino.client import Result, Statistics
    from tests.trino.coordinators import Coordinator

TYPE = {"rawType": "bigint", "arguments": []}


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
        assert result.statistics.scanned_bytes == 11
        assert result.statistics.times_s == (0.5, 0.02)
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
    [
        (401, "PERMISSION_DENIED: .*trino.user", False),
        (400, "error 400: .* trino.port", False),
        (404, "error 404: .* trino.port", False),
        (429, "Trino answers error 429: .* again later", True),
        (500, "Trino answers error 500: .* again later", True),
        (503, "Trino answers error 503: .* again later", True),
    ],
)
def test_a_request_that_is_refused_says_what_to_set_or_that_it_passes(
    status: int, message: str, is_retryable: bool
) -> None:
    with coordinator((status, {})) as server, pytest.raises(QueryFailed, match=message) as failed:
        run(server)
    assert failed.value.is_retryable is is_retryable


@pytest.mark.parametrize("status", [404, 410])
def test_a_query_that_a_restarted_coordinator_does_not_know_is_worth_another_try(
    status: int,
) -> None:
    with coordinator() as server:
        server.pages += [server.page(nextUri=server.next_uri()), (status, "Query not found")]
        with pytest.raises(QueryFailed, match="does not know the query any more") as failed:
            run(server)
    assert failed.value.is_retryable


@pytest.mark.parametrize(
    "answer",
    ["<html>Welcome</html>", {"status": "ok"}, [1], {"error": "no"}, {"id": "a", "infoUri": "b"}],
)
@pytest.mark.parametrize("page", ["first", "second"])
def test_an_answer_that_is_not_trinos_is_shown(answer: Any, page: str) -> None:
    with coordinator() as server:
        server.pages += [server.page(nextUri=server.next_uri())] if page == "second" else []
        server.pages.append(answer)
        with pytest.raises(QueryFailed, match=r"no answer of Trino's: .* trino\.host") as failed:
            run(server)
    assert not failed.value.is_retryable


def test_a_query_that_fails_has_read_what_it_has_read() -> None:
    error = {"errorName": "REMOTE_HOST_GONE", "errorType": "INTERNAL_ERROR", "message": "gone"}
    ends: list[Statistics] = []
    with coordinator() as server:
        last = {"physicalInputBytes": 10**12, "queuedTimeMillis": 0, "elapsedTimeMillis": 90_000}
        server.pages += [
            server.page(nextUri=server.next_uri()),
            server.page(error=error, stats=last),
        ]
        with pytest.raises(QueryFailed, match="REMOTE_HOST_GONE"):
            run(server, on_end=ends.append)
        # and where the connection breaks, what was said last
        server.pages += [server.page(nextUri=server.next_uri()), (500, {})]
        with pytest.raises(QueryFailed, match="error 500"):
            run(server, on_end=ends.append)
    assert [(one.scanned_bytes, one.times_s) for one in ends] == [
        (10**12, (90.0, 0.0)),
        (7, (0.5, 0.02)),
    ]


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
