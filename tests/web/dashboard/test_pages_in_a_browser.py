"""Each page in a real browser: with data, without, of a failure, with hostile names."""

from __future__ import annotations

import csv
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from otel_analytics.web.panels import PANELS
from tests.cli.shell import Shell
from tests.web.dashboard.looking import looking
from tests.web.dashboard.served import serving
from tests.web.dashboard.shop import HOSTILE_NAMES, E

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page, Route

    from tests.web.dashboard.served import Dashboard

pytestmark = pytest.mark.xdist_group("dashboard")

LOOKS = (
    {"width": 1280},
    {"width": 1280, "dark": True, "language": "ko-KR"},
    {"width": 390, "language": "ko-KR"},
    {"width": 390, "dark": True},
)


def named(look: dict[str, object]) -> str:
    parts = (f"{key}-{value}" for key, value in look.items())
    return "_".join(parts)


@pytest.mark.parametrize(
    ("name", "path", "looks"),
    [
        ("overview", "/", LOOKS),
        (
            "compared",
            "/?service=theshop-web&service=theshop-app&days=30&compare=1",
            (LOOKS[0], LOOKS[3]),
        ),
        ("events", "/events?q=commerce", LOOKS[1:3]),
        ("executions", "/executions", LOOKS[1:3]),
        ("execution", "/executions/demonstration", (LOOKS[0], LOOKS[2], LOOKS[3])),
        ("query", "/query", LOOKS[1:3]),
        ("missing", "/nosuch", LOOKS[1:3]),
    ],
)
def test_a_page_with_the_demonstrations_data(
    demonstration: Dashboard, browser: Browser, name: str, path: str, looks: tuple[Any, ...]
) -> None:
    for look in looks:
        with looking(browser, **look) as seen:
            seen.open(demonstration.address + path.lstrip("/"))
            if name == "missing":
                seen.complaints.clear()  # the browser's own word on the status 404
            expect(seen.page.locator("main")).not_to_be_empty()
            assert seen.page.locator(".failure").count() == 0
            seen.check(f"{name}_{named(look)}")


def test_every_panel_draws_a_chart(demonstration: Dashboard, browser: Browser) -> None:
    with looking(browser) as seen:
        seen.open(demonstration.address)
        panels = seen.page.locator("[data-panel]")
        assert panels.count() == len(PANELS)
        for panel in panels.all():
            expect(panel.locator(".chart canvas, .chart svg").first).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/events", "/executions"])
@pytest.mark.parametrize("look", LOOKS[1:3], ids=named)
def test_a_home_without_data_says_what_to_do(
    empty: Dashboard, browser: Browser, path: str, look: dict[str, object]
) -> None:
    with looking(browser, **look) as seen:
        seen.open(empty.address + path.lstrip("/"))
        expect(seen.page.locator("main pre")).to_contain_text("otel-analytics run SERVICE")
        seen.check(f"empty_{path.strip('/') or 'overview'}_{named(look)}")


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[3]], ids=named)
def test_a_failed_execution_is_explained(
    failed: Dashboard, browser: Browser, look: dict[str, object]
) -> None:
    with looking(browser, **look) as seen:
        seen.open(f"{failed.address}executions")
        row = seen.page.locator("tbody tr").first.locator("td")
        expect(row.nth(2)).to_have_text("web, nosuch")
        expect(row.nth(3)).to_have_text(E)
        seen.check(f"failed_list_{named(look)}")
        seen.page.locator("tbody a").first.click()
        page = seen.page
        # the state is green in the graph, so it says why it is named
        expect(page.locator(".failures .what")).to_have_text(
            "UnknownService · nosuch · VerifyTables "
            "(the state itself succeeded: what it found made the service fail)"
        )
        expect(page.locator(".failures")).to_contain_text("UnknownService")
        expect(page.locator(".failures")).to_contain_text("nosuch")
        expect(page.locator(".failures")).to_contain_text("The logs hold no event of the service")
        expect(page.locator(".graph a.failed")).to_have_attribute(
            "aria-label", re.compile("^ServicesFailed: ")
        )
        # nothing of `nosuch` was published, all of `web` was
        runs = page.locator("[aria-labelledby=states-title] tbody tr", has_text="PublishTables")
        assert [row.locator("td").nth(1).inner_text() for row in runs.all()] == ["web"]
        seen.check(f"failed_{named(look)}")


def test_a_succeeded_execution_shows_each_state_by_service(
    shop: Dashboard, browser: Browser
) -> None:
    with looking(browser) as seen:
        seen.open(f"{shop.address}executions")
        seen.page.locator("tbody a").first.click()
        graph = seen.page.locator(".graph")
        labels = [one.get_attribute("aria-label") or "" for one in graph.locator("a").all()]
        assert len(labels) > 30
        assert all(": succeeded" in label for label in labels)
        create = graph.locator("a[aria-label^='CreateDAUTable:']")
        expect(create).to_contain_text("2×")
        seen.page.get_by_role("link", name="app", exact=True).click()
        expect(create).not_to_contain_text("×")
        seen.page.get_by_role("link", name=re.compile("Show all states")).click()
        expect(graph.locator("a[aria-label='DAUFailed: not reached']")).to_be_visible()
        seen.check("succeeded")


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[3]], ids=named)
def test_hostile_names_are_only_text(
    hostile: Dashboard, browser: Browser, look: dict[str, object]
) -> None:
    with looking(browser, **look) as seen:
        seen.open(hostile.address)
        seen.check(f"hostile_overview_{named(look)}")
        for summary in seen.page.locator(".panel.events summary").all():
            summary.click()
        seen.open(f"{hostile.address}events")
        body = seen.page.locator("tbody")
        for name in HOSTILE_NAMES[:6]:
            expect(body).to_contain_text(name)
        # what would turn the text around, or not be seen, is written out
        expect(body).to_contain_text("right to left \\u202egnp.exe")
        expect(body).to_contain_text("zero\\u200bwidth")
        seen.check(f"hostile_events_{named(look)}")


@pytest.mark.parametrize(
    "path",
    [
        "/?service=<script>window.hacked=1</script>",
        "/?from=<script>&days=own",
        "/events?q=<script>window.hacked=1</script>",
        "/events?q=%22%3E%3Cimg%20src=x%20onerror=window.hacked=1%3E",
        "/executions/<script>window.hacked=1</script>",
        "/executions?after=<script>",
        "/panels/<script>window.hacked=1</script>.csv",
    ],
)
def test_a_hostile_address_is_only_text(shop: Dashboard, browser: Browser, path: str) -> None:
    with looking(browser) as seen:
        seen.open(shop.address + path.lstrip("/"))
        seen.complaints.clear()  # the browser's own word on the status
        seen.check("hostile_address")


def test_one_clicks_through_services_ranges_and_comparison(
    shop: Dashboard, browser: Browser
) -> None:
    with looking(browser) as seen:
        page = seen.page
        seen.open(shop.address)
        expect(page.locator(".menu summary").first).to_contain_text("app")
        page.locator(".menu summary").first.click()
        page.get_by_role("checkbox", name="web").check()
        page.locator(".menu[open]").get_by_role("button").click()
        expect(page.locator(".menu summary").first).to_contain_text("2 services")
        page.get_by_text("30 days", exact=True).click()
        page.wait_for_url(re.compile("days=30"))
        page.get_by_role("link", name="Compare with the previous period").click()
        page.wait_for_url(re.compile("compare=1"))
        seen.settle()
        page.locator("summary", has_text="Own range").click()
        page.get_by_role("textbox", name="From").fill("2024-06-01")
        page.get_by_role("textbox", name="To").fill("2024-06-10")
        page.locator(".menu[open]").get_by_role("button").click()
        page.wait_for_url(re.compile("days=own.*from=2024-06-01|from=2024-06-01.*days=own"))
        expect(page.locator(".menu[data-chosen] summary")).to_have_text("2024-06-01 – 2024-06-10")
        seen.settle()
        rows = page.locator(".panel.dau tbody tr")
        # ten days and the ten before them, of two services
        expect(rows).to_have_count(40)
        page.get_by_role("link", name="Events", exact=True).first.click()
        assert "service=web" in page.url
        seen.check("clicked_through")


def test_a_chart_can_be_downloaded_with_the_sql_that_made_it(
    shop: Dashboard, browser: Browser, tmp_path: Path
) -> None:
    with looking(browser) as seen:
        seen.open(f"{shop.address}?service=web&days=own&from=2024-06-28&to=2024-06-30")
        panel = seen.page.locator(".panel.dau")
        with seen.page.expect_download() as download:
            panel.get_by_role("link", name="CSV").click()
        download.value.save_as(tmp_path / "dau.csv")
        with seen.page.expect_download() as download:
            panel.get_by_role("link", name="Parquet").click()
        download.value.save_as(tmp_path / "dau.parquet")
        with (tmp_path / "dau.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        # 30 June is 0 days back, with 3 users; before it come days of 4 and of 5
        users = [(row["date"], row["daily_active_users"]) for row in rows]
        assert users == [("2024-06-28", "5"), ("2024-06-29", "4"), ("2024-06-30", "3")]
        table = pq.read_table(tmp_path / "dau.parquet")
        assert table.column("daily_active_users").to_pylist() == [5, 4, 3]
        panel.locator("summary", has_text="SQL").click()
        sql = panel.locator("pre").inner_text()
        with seen.page.expect_download() as download:
            panel.get_by_role("link", name="Download SQL").click()
        download.value.save_as(tmp_path / "dau.sql")
        assert (tmp_path / "dau.sql").read_text() == f"{sql};\n"
        asked = shop.shell.query(sql)
        assert [row["daily_active_users"] for row in asked] == [5, 4, 3]


def test_help_comes_with_the_keyboard_and_with_the_mouse(shop: Dashboard, browser: Browser) -> None:
    with looking(browser) as seen:
        seen.open(shop.address)
        tip = seen.page.locator("#dau-help")
        expect(tip).to_be_hidden()
        seen.page.locator(".panel.dau .info").hover()
        expect(tip).to_be_visible()
        seen.page.mouse.move(0, 0)
        expect(tip).to_be_hidden()
        seen.page.locator(".panel.dau .info").focus()
        seen.page.keyboard.press("Shift+Tab")
        seen.page.keyboard.press("Tab")
        expect(tip).to_be_visible()


def tab_to(page: Page, place: Locator) -> None:
    """Press Tab until the focus is there."""
    for _ in range(80):
        if place.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {place}")


def test_the_keyboard_alone_leads_to_every_service_range_and_download(
    shop: Dashboard, browser: Browser
) -> None:
    with looking(browser) as seen:
        page = seen.page
        seen.open(shop.address)
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        tab_to(page, page.locator(".menu summary").first)
        page.keyboard.press("Enter")
        expect(page.locator(".menu[open]")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".menu[open]")).to_have_count(0)
        expect(page.locator(".menu summary").first).to_be_focused()
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("checkbox", name="web"))
        page.keyboard.press("Space")
        tab_to(page, page.locator(".menu[open]").get_by_role("button"))
        page.keyboard.press("Enter")
        expect(page.locator(".menu summary").first).to_contain_text("2 services")
        # to come to a range does not choose it
        for name in ("30 days", "90 days", "365 days", "All"):
            tab_to(page, page.get_by_role("link", name=name, exact=True))
        assert "days=90" in page.url
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("days=all"))
        expect(page.locator(".segments [aria-current]")).to_have_text("All")
        seen.settle()
        csv_link = page.locator(".panel.dau").get_by_role("link", name="Download CSV")
        tab_to(page, csv_link)
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == "dau.csv"


def test_the_keyboard_alone_leads_from_a_state_of_the_graph_to_its_runs(
    shop: Dashboard, browser: Browser
) -> None:
    with looking(browser) as seen:
        page = seen.page
        seen.open(f"{shop.address}executions")
        tab_to(page, page.locator("tbody a").first)
        page.keyboard.press("Enter")
        state = page.locator(".graph a[aria-label^='CreateDAUTable:']")
        expect(state).to_be_visible()
        tab_to(page, state)
        page.keyboard.press("Enter")
        expect(page.locator("tr:target")).to_contain_text("CreateDAUTable")
        tab_to(page, page.locator("[aria-describedby=states-help]"))
        expect(page.locator("#states-help")).to_contain_text("Attempts: calls of the state's task")
        page.keyboard.press("Escape")
        expect(page.locator("#states-help")).to_be_hidden()


def test_what_numbers_of_an_execution_mean_comes_with_a_tap(
    shop: Dashboard, browser: Browser
) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{shop.address}executions")
    page.locator("tbody a").first.tap()
    for part in ("facts", "services", "cost", "states"):
        page.locator(f"[aria-describedby={part}-help]").tap()
        expect(page.locator(f"#{part}-help")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.locator("h1").tap()
        expect(page.locator(f"#{part}-help")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("width", [1280, 1241, 1240, 1000])
def test_no_table_of_an_execution_is_wider_than_its_place(
    shop: Dashboard, browser: Browser, width: int
) -> None:
    with looking(browser, width=width) as look:
        page = look.page
        look.open(f"{shop.address}executions")
        page.locator("tbody a").first.click()
        tables = page.locator("main .scroll:has(table)")
        expect(tables).to_have_count(4)  # of two services, of costs, of states
        page.evaluate("document.querySelectorAll('.result').forEach(one => { one.open = true })")
        widths = tables.evaluate_all(
            "all => all.map(one => [one.ariaLabel, one.scrollWidth, one.clientWidth])"
        )
        assert [name for name, needed, there in widths if not there or needed > there] == []


def test_an_execution_shows_bytes_cost_and_checks(shop: Dashboard, browser: Browser) -> None:
    execution = shop.shell.done("executions", "--json").json["executions"][-1]["name"]
    known = shop.shell.done("cost", execution, "--json").json
    described = json.loads(shop.shell.done("describe", execution, "--json").json["output"])
    (web, _) = described["results"]
    with looking(browser) as seen:
        page = seen.page
        seen.open(f"{shop.address}executions/{execution}")
        cost = page.locator("[aria-labelledby=cost-title]")
        rows = {}
        for row in cost.locator("tbody tr:has(td), tfoot tr").all():
            name, *numbers = row.locator("td, th").all_inner_texts()
            rows.setdefault(name, numbers)
        assert rows["Together"] == [
            str(known["queries"]),
            f"{known['scanned_bytes'] / 1e6:,.2f} MB",
            f"{known['billed_bytes'] / 1e6:,.2f} MB",
            f"${known['estimated_cost_usd']:,.6f}",
        ]
        assert known["scanned_bytes"] > 0
        expect(cost).to_contain_text(f"Transitions: {known['transitions']:,}")
        result = page.locator("#result-1")
        result.locator("summary").click()
        expect(result).to_contain_text("web")
        tables = {one["table"]: one["row_count"] for one in web["tables"]}
        assert tables["web_dau_summary"] == 60
        row = result.locator("tr", has_text="web_dau_summary")
        expect(row.locator("td").nth(1)).to_have_text("60")
        names = result.locator(".findings strong").all_inner_texts()
        assert names == [one["check_name"] for one in web["checks"]["warnings"]]
        seen.check("bytes_cost_and_checks")


def test_a_panel_that_is_loading_says_so(shop: Dashboard, browser: Browser) -> None:
    with looking(browser) as seen:
        page = seen.page
        waiting: list[Route] = []
        page.route("**/panels/dau?*", lambda route: waiting.append(route))  # noqa: PLW0108 - no builtin is taken
        page.goto(shop.address)
        panel = page.locator(".panel.dau")
        expect(page.locator(".panel.mau canvas")).to_be_visible()
        expect(panel.locator(".body")).to_have_attribute("aria-busy", "true")
        expect(panel.locator(".skeleton")).to_be_visible()
        expect(panel).to_contain_text("Loading…")
        seen.check("loading")
        waiting[0].continue_()
        expect(panel.locator("canvas")).to_be_visible()
        expect(panel.locator(".body")).to_have_attribute("aria-busy", "false")
        expect(panel.locator(".skeleton")).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "The token is needed again: load this page anew, and enter it."),
        (500, "The dashboard answered with an error; the terminal where it runs says more."),
    ],
)
def test_an_answer_that_is_no_panel_is_said_and_can_be_tried_again(
    shop: Dashboard, browser: Browser, status: int, said: str
) -> None:
    with looking(browser) as seen:
        page = seen.page
        page.route(
            "**/panels/dau?*",
            lambda route: route.fulfill(status=status, content_type="text/html", body="<p>no</p>"),
        )
        page.goto(shop.address)
        failure = page.locator(".panel.dau .failure")
        expect(failure).to_contain_text(said)
        page.unroute("**/panels/dau?*")
        failure.get_by_role("button", name="Try again").click()
        expect(page.locator(".panel.dau canvas")).to_be_visible()


def test_a_table_that_cannot_be_read_is_said_where_its_chart_would_be(
    shop_shell: Shell, browser: Browser, tmp_path: Path
) -> None:
    shutil.copytree(shop_shell.home, tmp_path / shop_shell.home.name)
    shell = Shell(tmp_path)
    for file in shell.home.glob("s3/otel-analytics/summary/web_dau/**/*.parquet"):
        file.write_bytes(b"no Parquet")
    with serving(shell) as dashboard, looking(browser) as seen:
        seen.open(f"{dashboard.address}?service=web")
        failure = seen.page.locator(".panel.dau .failure")
        expect(failure).to_contain_text("HIVE_BAD_DATA")
        expect(failure).to_contain_text("A file of the table cannot be read.")
        expect(failure.get_by_role("button", name="Try again")).to_be_visible()
        expect(seen.page.locator(".panel.mau .chart canvas")).to_be_visible()
        seen.complaints.clear()  # the browser's own word on the status 502
        seen.check("damaged")


def test_what_the_dashboard_cannot_answer_is_said_and_can_be_tried_again(
    shop_shell: Shell, browser: Browser
) -> None:
    with looking(browser) as seen, serving(shop_shell) as dashboard:
        seen.open(dashboard.address)
        seen.page.route("**/panels/dau?*", lambda route: route.abort())
        seen.page.reload()
        failure = seen.page.locator(".panel.dau .failure")
        expect(failure).to_contain_text("The dashboard does not answer")
        seen.page.unroute("**/panels/dau?*")
        failure.get_by_role("button", name="Try again").click()
        expect(seen.page.locator(".panel.dau canvas")).to_be_visible()


def test_without_javascript_the_data_can_still_be_had(shop: Dashboard, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shop.address)
    expect(page.locator("main .note")).to_contain_text("need JavaScript")
    expect(page.locator(".panel.dau").get_by_role("link", name="CSV")).to_be_visible()
    context.close()
