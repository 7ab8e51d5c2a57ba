"""`report` and `grafana` from the command line, and the report in a browser without a network."""

from __future__ import annotations

import json
import re
from itertools import product
from shutil import copytree
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.web.panels import PANELS
from tests.cli.shell import Shell
from tests.web.dashboard.looking import axe_violations
from tests.web.dashboard.served import serving
from tests.web.dashboard.shop import HOSTILE_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.web.dashboard.served import Dashboard

pytestmark = pytest.mark.xdist_group("dashboard")


def test_a_report_and_its_pictures_are_written(shop_shell: Shell, tmp_path: Path) -> None:
    report, pictures = tmp_path / "report.html", tmp_path / "new" / "pictures"
    done = shop_shell.done("report", "-o", report, "--png", pictures, "--service", "web")
    assert done.stdout == ""
    assert re.search(r"report\.html: 13 charts of web, [\d.]+ MB", done.stderr)
    assert 500_000 < report.stat().st_size < 5_000_000
    assert sorted(path.name for path in pictures.iterdir()) == sorted(
        f"{panel.id}.png" for panel in PANELS
    )
    assert [path.name for path in tmp_path.iterdir()] != [], "and nothing unfinished"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "report.html"]


def test_a_report_that_cannot_be_made_leaves_the_one_before(
    shop_shell: Shell, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    report.write_text("before")
    message = shop_shell.refused("report", "-o", report, "--service", "nosuch")
    assert message == ("--service 'nosuch' has no published tables; those that have: app, web")
    assert report.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_without_tables_it_says_what_to_do(tmp_path: Path) -> None:
    for command in ("report", "grafana"):
        message = Shell(tmp_path).refused(command)
        assert message == "no tables are published yet: otel-analytics run SERVICE… builds them"


def test_tables_that_are_missing_are_named_and_the_other_charts_drawn(
    shop_shell: Shell, tmp_path: Path
) -> None:
    shell = Shell(tmp_path)
    copytree(shop_shell.home, shell.home)
    with open_embedded_aws(Settings(home=str(shell.home))) as aws:
        aws.query("DROP TABLE web_dau_summary")
        aws.query("DROP TABLE web_event_distribution_summary")
    done = shell.done("report", "--service", "web")
    # four are over dau: users, stickiness, sessions, events per user; one is of the events
    assert "report.html: 8 of 13 charts of web, " in done.stderr
    for name in ("web_dau_summary", "web_event_distribution_summary"):
        warning = f"warning: there is no table {name}: the next otel-analytics run builds it\n"
        assert done.stderr.count(warning) == 1
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("There is no table web_dau_summary. The next otel-analytics run") == 4
    with serving(shell) as dashboard:
        events = dashboard.get("/events?service=web")
    assert events.status == 200
    assert "There is no table web_event_distribution_summary. " in events.text


def test_a_folder_that_is_not_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    message = Shell(tmp_path).refused("report", "-o", tmp_path / "nosuch" / "report.html")
    assert message == f"{tmp_path}/nosuch: there is no such folder: make it, or name another"


def test_the_report_is_korean_in_a_korean_environment(shop_shell: Shell, tmp_path: Path) -> None:
    korean = shop_shell.with_environment(LANG="ko_KR.UTF-8")
    korean.done("report", "-o", tmp_path / "ko.html")
    korean.done("report", "-o", tmp_path / "en.html", "--lang", "en")
    assert '<html lang="ko">' in (tmp_path / "ko.html").read_text("utf-8")
    assert '<html lang="en">' in (tmp_path / "en.html").read_text("utf-8")


def test_grafanas_dashboard_is_one_json_document(shop_shell: Shell) -> None:
    done = shop_shell.done("grafana", "--service", "web", "--lang", "en")
    variables = json.loads(done.stdout)["templating"]["list"]
    assert [one["query"] for one in variables] == ["grafana-athena-datasource", "web : web"]


def opened(browser: Browser, report: Path, complaints: list[str], **options: Any) -> Page:
    """Open a report from its file, with the network cut, far west of where its days are."""
    context = browser.new_context(offline=True, timezone_id="America/Los_Angeles", **options)
    page = context.new_page()
    page.on("console", lambda one: complaints.append(one.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-drawn]")
    return page


# Of Vega-Lite, where a chart has as many rows as a search leaves.
_HARMLESS = 'WARN Dropping "fit-y" because spec has discrete height.'


@pytest.mark.parametrize(
    "options", [{"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 800}}]
)
def test_a_report_opens_from_its_file_with_the_network_cut(
    shop_shell: Shell, browser: Browser, tmp_path: Path, options: dict[str, Any]
) -> None:
    report = tmp_path / "report.html"
    shop_shell.done("report", "-o", report, "--days", 20, "--compare")
    complaints: list[str] = []
    page = opened(browser, report, complaints, **options)
    assert page.locator(".chart canvas").count() == len(PANELS)
    assert set(complaints) <= {report.as_uri(), _HARMLESS}
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert axe_violations(page) == []
    page.context.close()


def test_days_are_written_as_they_are_wherever_the_reader_is(
    shop_shell: Shell, browser: Browser, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    shop_shell.done("report", "-o", report, "--days", 8, "--service", "web", "--lang", "en")
    page = opened(browser, report, [])
    # Drawn once more, as SVG, since a canvas has no texts to read.
    texts = page.evaluate(
        """async () => {
            const place = document.querySelector("#panel-daily_sessions .chart");
            const options = { ast: true, renderer: "svg", actions: false };
            await vegaEmbed(place, charts.daily_sessions, options);
            return [...place.querySelectorAll("text")].map((one) => one.textContent);
        }"""
    )
    assert {f"{number} Jun" for number in range(23, 31)} <= set(texts)
    page.context.close()


def pointed_at(page: Page, panel_id: str) -> set[str]:
    """Return what a chart says at places all over it."""
    canvas = page.locator(f"#panel-{panel_id} canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    said: set[str] = set()
    for across, down in product(range(2, 9), range(1, 10)):
        page.mouse.move(box["x"] + box["width"] * across / 10, box["y"] + box["height"] * down / 10)
        said |= set(page.locator("#vg-tooltip-element.visible").all_inner_texts())
        if len(said) > 1:
            break
    return said


@pytest.mark.parametrize(
    "options", [[], ["--lang", "ko", "--days", "20", "--compare"]], ids=["all", "compared"]
)
def test_every_chart_says_its_numbers_where_it_is_pointed_at(
    shop_shell: Shell, browser: Browser, tmp_path: Path, options: list[str]
) -> None:
    report = tmp_path / "report.html"
    shop_shell.done("report", "-o", report, "--service", "web", *options)
    page = opened(browser, report, [])
    for panel in PANELS:
        said = pointed_at(page, panel.id)
        assert said, panel.id
        assert not re.search("undefined|NaN|null|Invalid", " ".join(said)), panel.id
    # Each session views a product.
    assert any("100.00%" in text for text in pointed_at(page, "funnel"))
    page.context.close()


def test_hostile_names_do_nothing_in_a_report(
    hostile: Dashboard, browser: Browser, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    hostile.shell.done("report", "-o", report)
    assert report.stat().st_size < 5_000_000
    complaints: list[str] = []
    page = opened(browser, report, complaints)
    assert page.evaluate("window.hacked") is None
    assert set(complaints) <= {report.as_uri(), _HARMLESS}
    page.locator("#panel-events summary").first.click()
    assert HOSTILE_NAMES[0] in page.locator("#panel-events table").inner_text()
    canvas = page.locator("#panel-events canvas")
    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        box = canvas.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 260, box["y"] + box["height"] * part)
    assert page.evaluate("window.hacked") is None
    page.context.close()
