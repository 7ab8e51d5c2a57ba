"""A password or a token goes to the coordinator alone, over TLS that the settings trust."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Trino
from otel_analytics.errors import QueryFailed
from otel_analytics.local.jobs import Job
from otel_analytics.trino.client import PASSWORD_VARIABLE, TOKEN_VARIABLE, TrinoClient
from tests.trino.certificates import Authority, new_authority
from tests.trino.coordinators import coordinator

if TYPE_CHECKING:
    from tests.trino.coordinators import Coordinator

SECRETS = [
    ({PASSWORD_VARIABLE: "pass:word"}, f"Basic {b64encode(b'ann:pass:word').decode()}"),
    ({TOKEN_VARIABLE: "a.b.c"}, "Bearer a.b.c"),
]


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("certificates") / "trusted")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("certificates") / "other")


def run(server: Coordinator, environment: dict[str, str], **settings: Any) -> None:
    trino = Trino(
        **{"host": "127.0.0.1", "port": server.port, "scheme": "https", "user": "ann", **settings}
    )
    TrinoClient(trino, environment=environment).run("SELECT 1", job=Job())


@pytest.mark.parametrize(("environment", "header"), SECRETS)
def test_a_secret_is_said_with_each_request(
    environment: dict[str, str], header: str, trusted: Authority
) -> None:
    with coordinator(tls=trusted.context()) as server:
        server.pages += [server.page(nextUri=server.next_uri()), server.page()]
        run(server, environment, ca_file=str(trusted.ca_file))
        assert [said["Authorization"] for _, _, said in server.asked] == [header, header]


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_what_the_settings_trust_goes_over_what_the_environment_trusts(
    variable: str, trusted: Authority, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(other.ca_file))
    with coordinator(tls=trusted.context()) as server:
        server.pages += [server.page()]
        run(server, {}, ca_file=str(trusted.ca_file))
        monkeypatch.setenv(variable, str(trusted.ca_file))
        with pytest.raises(QueryFailed, match=r"does not answer \(SSLError\): .*trino\.ca_file"):
            run(server, {}, ca_file=str(other.ca_file))
        # where the settings say nothing, the environment may
        server.pages += [server.page()]
        run(server, {})


def test_an_unknown_certificate_is_refused_before_a_secret_is_said(
    trusted: Authority, other: Authority
) -> None:
    with coordinator(tls=trusted.context()) as server:
        for ca_file in ("", str(other.ca_file)):
            with pytest.raises(QueryFailed, match="SSLError"):
                run(server, {TOKEN_VARIABLE: "hush"}, ca_file=ca_file)
        assert server.asked == []


def test_a_certificate_need_not_be_known_if_the_settings_say_so(
    trusted: Authority, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_file))
    with coordinator(tls=trusted.context()) as server:
        server.pages += [server.page()]
        with pytest.warns(match="Unverified HTTPS request"):
            run(server, {}, verify=False)


@pytest.mark.parametrize("environment", [environment for environment, _ in SECRETS])
@pytest.mark.parametrize("after", ["its first page", "its second"])
def test_a_secret_is_not_sent_where_an_answer_points(
    environment: dict[str, str], after: str, trusted: Authority
) -> None:
    with coordinator() as thief, coordinator(tls=trusted.context()) as server:
        pages = [server.page(nextUri=server.next_uri())] if after == "its second" else []
        server.pages += [*pages, server.page(nextUri=thief.next_uri())]
        message = f"Trino sends on to http://127.0.0.1:{thief.port}, where the password or token"
        with pytest.raises(QueryFailed, match=message) as failed:
            run(server, environment, ca_file=str(trusted.ca_file))
        # neither to read on, nor to cancel
        assert thief.asked == []
    assert not failed.value.is_retryable


def test_a_secret_is_not_sent_to_another_host(trusted: Authority) -> None:
    with coordinator(tls=trusted.context()) as server:
        elsewhere = f"https://localhost:{server.port}/next"
        server.pages += [server.page(nextUri=elsewhere), server.page()]
        with pytest.raises(QueryFailed, match=f"sends on to https://localhost:{server.port}, "):
            run(server, {TOKEN_VARIABLE: "hush"}, ca_file=str(trusted.ca_file))
        assert len(server.asked) == 1


def test_without_a_secret_a_coordinator_may_go_by_another_name() -> None:
    with coordinator() as server:
        server.pages += [
            server.page(nextUri=f"http://localhost:{server.port}/next"),
            server.page(),
        ]
        run(server, {}, scheme="http")
        assert len(server.asked) == 2
