"""An execution that runs moves on its page; what it is called is only text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from demo.otlp import export_requests, write_json_lines
from tests.cli.shell import Shell, ended
from tests.web.dashboard.looking import looking
from tests.web.dashboard.served import serving
from tests.web.dashboard.shop import E, shop_events

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("dashboard")

HOSTILE = "<script>window.hacked = 1</script>"


def test_a_running_execution_moves_without_a_click(tmp_path: Path, browser: Browser) -> None:
    shell = Shell(tmp_path)
    shell.done("tables")
    document = tmp_path / "waits.json"
    states = {
        "First": {"Type": "Pass", "Next": "Waiting"},
        "Waiting": {"Type": "Wait", "Seconds": 6, "Next": "Last"},
        "Last": {"Type": "Succeed"},
    }
    document.write_text(json.dumps({"StartAt": "First", "States": states}))
    process = shell.start("asl", "run", document)
    with serving(shell) as dashboard, looking(browser) as seen:
        page = seen.page
        while not page.locator("tbody a").count():
            seen.open(f"{dashboard.address}executions")
        page.locator("tbody a").first.click()
        waiting, last = (page.locator(f".graph a[aria-label^='{n}:']") for n in ("Waiting", "Last"))
        expect(waiting).to_have_class("state running")
        expect(last).to_have_class("state idle")
        expect(page.locator(".head .status")).to_have_text("Running")
        seen.check("running")
        waiting.focus()
        expect(last).to_have_class("state succeeded", timeout=20_000)
        expect(waiting).to_have_class("state succeeded")
        expect(waiting).to_be_focused()
        expect(page.locator(".head .status")).to_have_text("Succeeded")
        seen.check("has_run")
    assert ended(process).exit_code == 0


def test_a_run_of_the_pipeline_is_followed_from_its_beginning_to_its_end(
    tmp_path: Path, browser: Browser
) -> None:
    shell = Shell(tmp_path)
    write_json_lines(tmp_path / "exports", export_requests(shop_events()))
    shell.done("ingest", tmp_path / "exports")
    # one table is tried again, so that the run takes long enough to be looked at
    slow = "CreateDAUTable:Athena.TooManyRequestsException:2"
    run = ("run", "web", "app", "--execution-date", E, "--name", "followed", "--inject", slow)
    with serving(shell) as dashboard, looking(browser) as seen:
        process = shell.start(*run)
        page = seen.page
        while page.goto(f"{dashboard.address}executions/followed").status != 200:  # type: ignore[union-attr]
            seen.complaints.clear()
        last = page.locator(".graph a[aria-label^='SummarizeResults:']")
        expect(page.locator(".head .status")).to_have_text("Running")
        expect(last).to_have_class("state idle")
        expect(page.locator(".graph .state.running").first).to_be_visible(timeout=20_000)
        expect(last).to_have_class("state succeeded", timeout=60_000)
        expect(page.locator(".head .status")).to_have_text("Succeeded", timeout=20_000)
        expect(page.locator(".result")).to_have_count(2)
        seen.complaints.clear()  # the browser's own word on the status 404, before it began
        seen.check("followed")
    assert ended(process).exit_code == 0


def test_a_page_that_is_not_updated_any_more_says_since_when_and_why(
    tmp_path: Path, browser: Browser
) -> None:
    shell = Shell(tmp_path)
    shell.done("tables")
    document = tmp_path / "waits.json"
    waits = {"Type": "Wait", "Seconds": 600, "End": True}
    document.write_text(json.dumps({"StartAt": "Waiting", "States": {"Waiting": waits}}))
    process = shell.start("asl", "run", document, "--name", "waits")
    try:
        with serving(shell) as dashboard, looking(browser) as seen:
            page = seen.page
            while page.goto(f"{dashboard.address}executions/waits").status != 200:  # type: ignore[union-attr]
                pass
            stale, live = page.locator("#stale"), "**/executions/waits?live=1"
            expect(stale).to_be_hidden()
            page.route(live, lambda route: route.fulfill(status=401, content_type="text/html"))
            expect(stale).to_have_text(
                re.compile(r"^Not updated since \d+:\d\d:\d\d [AP]M\. The token is needed again")
            )
            page.unroute(live)
            expect(stale).to_be_hidden()
            page.route(live, lambda route: route.abort())
            expect(stale).to_contain_text("The dashboard does not answer.")
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_the_list_of_executions_is_updated_and_keeps_the_focus(
    tmp_path: Path, browser: Browser
) -> None:
    shell = Shell(tmp_path)
    shell.done("tables")
    document = tmp_path / "waits.json"
    waits = {"Type": "Wait", "Seconds": 8, "End": True}
    document.write_text(json.dumps({"StartAt": "Waiting", "States": {"Waiting": waits}}))
    with serving(shell) as dashboard, looking(browser) as seen:
        page = seen.page
        page.goto(f"{dashboard.address}executions")
        expect(page.locator("main pre")).to_contain_text("otel-analytics run")
        process = shell.start("asl", "run", document, "--name", "waits")
        link = page.get_by_role("link", name="waits")
        expect(link).to_be_visible(timeout=20_000)  # without a click
        link.focus()
        expect(page.locator("tbody .status")).to_have_text("Succeeded", timeout=30_000)
        expect(link).to_be_focused()
    assert ended(process).exit_code == 0


def test_hostile_states_errors_and_inputs_are_only_text(tmp_path: Path, browser: Browser) -> None:
    shell = Shell(tmp_path)
    document = tmp_path / "hostile.json"
    states = {
        HOSTILE: {"Type": "Pass", "Next": "quote ' and \" and \\"},
        "quote ' and \" and \\": {"Type": "Pass", "Next": "turned \u202e around"},
        "turned \u202e around": {"Type": "Fail", "Error": HOSTILE, "Cause": f"{HOSTILE}" * 200},
    }
    document.write_text(json.dumps({"StartAt": HOSTILE, "States": states}))
    given = json.dumps({"value": HOSTILE})
    assert shell.run("asl", "run", document, "--input", "-", stdin=given).exit_code == 1
    with serving(shell) as dashboard, looking(browser) as seen:
        seen.open(f"{dashboard.address}executions")
        seen.page.locator("tbody a").first.click()
        expect(seen.page.locator(".failures")).to_contain_text(HOSTILE)
        expect(seen.page.locator(".graph a").first).to_contain_text(HOSTILE)
        expect(seen.page.locator(".graph")).to_contain_text("turned \\u202e around")
        seen.page.locator(".graph a").first.click()
        expect(seen.page.locator("tr:target")).to_contain_text(HOSTILE)
        seen.check("hostile_states")
