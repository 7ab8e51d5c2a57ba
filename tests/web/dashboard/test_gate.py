"""Who is answered, and what a browser may do with an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest

from tests.cli.shell import Shell
from tests.web.dashboard.served import Dashboard, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("dashboard")

TOKEN = "0123456789abcdef-a-token"  # noqa: S105 - of these tests


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a token, on loopback, as the tests have no other address."""
    shell = Shell(tmp_path_factory.mktemp("guarded"))
    with serving(shell.with_environment(OTEL_ANALYTICS_DASHBOARD_TOKEN=TOKEN)) as dashboard:
        yield dashboard


def cookie_name(dashboard: Dashboard) -> str:
    return f"otel_analytics_session_{urlsplit(dashboard.address).port}"


def test_an_address_of_other_machines_needs_a_token(tmp_path: Path) -> None:
    message = Shell(tmp_path).refused("dashboard", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - refused
    assert message.startswith("--host 0.0.0.0: other machines may reach this address")
    assert "OTEL_ANALYTICS_DASHBOARD_TOKEN" in message


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    message = Shell(tmp_path).refused("dashboard", "--token", "secret", "--port", "0")
    assert message.startswith("--token: take 16 characters or more")


def test_a_port_in_use_is_refused_with_what_to_do(empty: Dashboard, tmp_path: Path) -> None:
    port = urlsplit(empty.address).port
    message = Shell(tmp_path).refused("dashboard", "--port", port)
    assert message.startswith(f"cannot listen on 127.0.0.1, port {port}")
    assert "--port" in message


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "[::2]:80", "::1", "127.0.0.1/x", "[::1", ""]
)
def test_a_name_that_is_made_to_mean_this_machine_is_not_answered(
    shop: Dashboard, host: str
) -> None:
    answer = shop.get("/", Host=host)
    assert answer.status == 421
    assert "web" not in answer.text.split("<main")[1]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8321", "127.0.0.1:1", "[::1]:8321", "127.0.0.2:8321", "[::1]"]
)
def test_names_of_this_machine_are_answered_whatever_the_port(shop: Dashboard, host: str) -> None:
    assert shop.get("/", Host=host).status == 200


def test_every_answer_forbids_what_no_page_needs(shop: Dashboard) -> None:
    for path in ("/", "/panels/dau", "/panels/dau.csv", "/executions", "/nosuch", "/static/x/y"):
        headers = shop.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_another_site_may_link_here_and_nothing_else(shop: Dashboard) -> None:
    def from_site(mode: str) -> int:
        return shop.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode=mode).status

    assert from_site("navigate") == 200
    assert from_site("no-cors") == from_site("cors") == 403


def test_without_the_token_nothing_is_told(guarded: Dashboard) -> None:
    for path in ("/", "/events", "/executions", "/panels/dau", "/panels/dau.csv", "/?token=wrong"):
        answer = guarded.get(path)
        assert answer.status == 401
        assert "Set-Cookie" not in answer.headers
    assert guarded.get("/", Authorization="Bearer wrong").status == 401
    for value in ("wrong", TOKEN):
        assert guarded.get("/", Cookie=f"{cookie_name(guarded)}={value}").status == 401


def test_the_token_opens_the_dashboard_once_and_a_cookie_from_then_on(guarded: Dashboard) -> None:
    entered = guarded.get(f"/executions?after=0&token={TOKEN}")
    assert entered.status == 200
    assert TOKEN not in entered.text
    assert 'url=/executions?after=0"' in entered.text
    cookie, *attributes = entered.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=strict"} <= set(attributes)
    assert TOKEN not in cookie
    assert cookie.startswith(f"{cookie_name(guarded)}=")
    assert guarded.get("/executions", Cookie=cookie).status == 200


def test_the_form_takes_the_token_too(guarded: Dashboard) -> None:
    answer = guarded.post("/", f"token={TOKEN}".encode())
    assert answer.status == 200
    assert "Set-Cookie" in answer.headers
    assert guarded.post("/", b"token=wrong").status == 401
    assert guarded.post("/", b"token=" + b"x" * 100_000).status == 401


@pytest.mark.parametrize("host", ["x/static/", "x/static/?", "x/static/#", "127.0.0.1/static/"])
def test_a_host_with_a_path_in_it_leads_past_no_token(guarded: Dashboard, host: str) -> None:
    for path in ("/", "/executions", "/panels/dau.csv"):
        answer = guarded.get(path, Host=host)
        assert answer.status == 401
        assert f'url={path}"' in guarded.get(f"{path}?token={TOKEN}", Host=host).text


def test_dashboards_on_other_ports_keep_cookies_of_their_own(guarded: Dashboard) -> None:
    def cookie(dashboard: Dashboard) -> str:
        header = dashboard.get(f"/?token={TOKEN}").headers["Set-Cookie"]
        return str(header).partition(";")[0]

    with serving(guarded.shell) as other:
        both = f"{cookie(guarded)}; {cookie(other)}"
        assert guarded.get("/", Cookie=both).status == other.get("/", Cookie=both).status == 200


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/"])
def test_the_token_leads_to_no_other_host(guarded: Dashboard, path: str) -> None:
    entered = guarded.get(f"{path}?token={TOKEN}")
    assert f'url=/{quote(path.lstrip("/"))}"' in entered.text


def test_a_program_shows_the_token_in_a_header(guarded: Dashboard) -> None:
    assert guarded.get("/executions", Authorization=f"Bearer {TOKEN}").status == 200


def test_with_a_token_any_name_is_answered(guarded: Dashboard) -> None:
    answer = guarded.get("/", Host="bi.example", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 200


def test_the_log_does_not_hold_the_token(tmp_path: Path) -> None:
    shell = Shell(tmp_path).with_environment(OTEL_ANALYTICS_DASHBOARD_TOKEN=TOKEN)
    process = shell.start("dashboard", "--port", "0")
    assert process.stderr is not None
    line = process.stderr.readline()
    Dashboard(line.split()[1], shell).get(f"/?token={TOKEN}")
    process.terminate()
    stdout, stderr = process.communicate(timeout=30)
    assert TOKEN not in line + stdout + stderr
