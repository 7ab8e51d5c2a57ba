"""Forms as a browser sends them: a query, and the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.cli.shell import Shell
from tests.web.dashboard.looking import looking
from tests.web.dashboard.served import serving

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("dashboard")

TOKEN = "0123456789abcdef-a-token"  # noqa: S105 - of these tests


def test_a_query_is_asked_and_one_that_fails_keeps_its_text(
    shop_shell: Shell, browser: Browser
) -> None:
    with serving(shop_shell, "--allow-query") as dashboard, looking(browser, width=390) as seen:
        seen.open(dashboard.address)
        seen.page.get_by_role("link", name="Query").click()
        sql = "SELECT service_name, COUNT(*) AS days FROM web_dau_summary GROUP BY 1"
        seen.page.get_by_label("SQL in Athena's dialect").fill(sql)
        seen.page.get_by_role("button", name="Run").click()
        expect(seen.page.locator("tbody td")).to_have_text(["web", "60"])
        seen.check("query")
        seen.page.locator("textarea").fill("SELECT nosuch FROM web_dau_summary")
        seen.page.get_by_role("button", name="Run").click()
        expect(seen.page.locator(".failure")).to_contain_text("COLUMN_NOT_FOUND: line 1:8")
        expect(seen.page.locator("textarea")).to_have_value("SELECT nosuch FROM web_dau_summary")
        seen.complaints.clear()  # the browser's own word on the status 400
        seen.check("query_failed")


@pytest.mark.parametrize("by", ["form", "link"])
def test_the_token_opens_the_dashboard(tmp_path: Path, browser: Browser, by: str) -> None:
    shell = Shell(tmp_path).with_environment(OTEL_ANALYTICS_DASHBOARD_TOKEN=TOKEN)
    with serving(shell) as dashboard, looking(browser, dark=True) as seen:
        seen.page.goto(f"{dashboard.address}executions")
        expect(seen.page.get_by_role("heading")).to_have_text("A token is needed")
        seen.complaints.clear()  # the browser's own word on the status 401
        seen.check("token")
        if by == "form":
            seen.page.get_by_label("Token").fill(TOKEN)
            seen.page.get_by_role("button").click()
            seen.page.wait_for_url(dashboard.address)
        else:
            seen.page.goto(f"{dashboard.address}executions?token={TOKEN}")
            seen.page.wait_for_url(f"{dashboard.address}executions")
        expect(seen.page.locator("main pre")).to_contain_text("otel-analytics run SERVICE")
        seen.page.goto(f"{dashboard.address}executions")
        expect(seen.page.get_by_role("heading", level=1)).to_have_text("Executions")
        seen.check("entered")
