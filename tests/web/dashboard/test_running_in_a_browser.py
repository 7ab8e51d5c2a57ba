"""An execution that runs moves on its page; what it is called is only text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.cli.shell import Shell, ended
from tests.web.dashboard.looking import looking
from tests.web.dashboard.served import serving

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
