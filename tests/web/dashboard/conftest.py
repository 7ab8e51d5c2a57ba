"""Dashboards over several homes, and a browser: Debian's Chromium, which is not downloaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from demo.__main__ import EXECUTION_DATE
from demo.clickstream import APP, WEB
from tests.cli.shell import Shell
from tests.web.dashboard.served import Dashboard, serving
from tests.web.dashboard.shop import E, hostile_events, publish, shop_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
_ROOT = Path(__file__).resolve().parents[3]
_DEMONSTRATION = _ROOT / "build" / "demo"
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser; skips where there is none, unless CHROMIUM_REQUIRED says that there must be."""
    if not CHROMIUM.exists() and not os.environ.get("CHROMIUM_REQUIRED"):
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shop_shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The small shop, published; tests must only read here."""
    shell = Shell(tmp_path_factory.mktemp("shop"))
    publish(shell, shop_events(), "web", "app")
    return shell


@pytest.fixture(scope="session")
def shop(shop_shell: Shell) -> Iterator[Dashboard]:
    """The dashboard of the small shop."""
    with serving(shop_shell) as dashboard:
        yield dashboard


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard of the demonstration's data; skips without it, unless DEMO_REQUIRED is set."""
    if not (_DEMONSTRATION / "otlp").is_dir() and not os.environ.get("DEMO_REQUIRED"):
        pytest.skip("the demonstration's exports are not here: make demo writes them")
    shell = Shell(tmp_path_factory.mktemp("demonstration"))
    settings = ("--config", _ROOT / "demo" / "otel-analytics.toml", "--home", shell.home)
    shell.done(*settings, "ingest", _DEMONSTRATION / "otlp")
    run = ("run", WEB, APP, "--execution-date", EXECUTION_DATE, "--name", "demonstration")
    shell.done(*settings, *run)
    with serving(shell, *settings, "--allow-query") as dashboard:
        yield dashboard


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard of a service whose events have hostile names."""
    shell = Shell(tmp_path_factory.mktemp("hostile"))
    publish(shell, hostile_events(), "hostile")
    with serving(shell) as dashboard:
        yield dashboard


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard of a home in which nothing is."""
    with serving(Shell(tmp_path_factory.mktemp("empty"))) as dashboard:
        yield dashboard


@pytest.fixture(scope="session")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard of an execution that failed for one of two services."""
    shell = Shell(tmp_path_factory.mktemp("failed"))
    publish(shell, shop_events()[:200], "web")
    assert shell.run("run", "web", "nosuch", "--execution-date", E).exit_code == 1
    with serving(shell) as dashboard:
        yield dashboard
