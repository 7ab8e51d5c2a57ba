"""The report: one file that loads nothing and runs nothing but its own, and pictures."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.errors import Refused
from otel_analytics.web import report
from otel_analytics.web.panels import PANELS
from otel_analytics.web.report import build_picture, build_report, draw_panels, titled
from otel_analytics.web.selection import Selection
from otel_analytics.web.services import Service, list_services, name_services, select_services
from tests.web.tables import E, Tables, day

if TYPE_CHECKING:
    from otel_analytics.web.words import Language

WEB = Selection(("web",))
HOSTILE = "</script><script>window.hacked = 1</script>'\"&\u2028"


class Page(HTMLParser):
    """A page taken apart: its attributes, and what stands in scripts, styles and between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.inside: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        kind = dict(attrs).get("type") or ""
        self.inside.append(f"{tag} {kind}".strip())
        self.texts.setdefault(self.inside[-1], []).append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's signature
        self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.inside[-1]][-1] += data

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def build(tables: Tables, selection: Selection = WEB, **options: Any) -> str:
    options = {"language": "en", **options}
    settings = tables.aws.settings
    shown = draw_panels(tables.aws.query, tables.services, selection, settings, **options)
    return build_report(shown, selection, **options)


@pytest.fixture
def shop(tables: Tables) -> Tables:
    """A service with two tables; the other panels have nothing to show."""
    tables.days("web", "dau", "date", ["06-29", "06-30"], daily_active_users=2, daily_sessions=3)
    tables.create(
        "web",
        "event_distribution",
        {"event_type": HOSTILE, "event_count": 2, "percentage_of_total": 100.0},
    )
    return tables


def test_a_report_loads_nothing(shop: Tables) -> None:
    page = Page(build(shop))
    loading = {"src", "href", "srcset", "action", "data", "poster", "background", "formaction"}
    assert [one for one in page.attributes if one[1] in loading] == []
    assert "link" not in {tag for tag, _, _ in page.attributes}
    assert [one for one in page.attributes if one[1].startswith("on")] == []
    (style,) = page.texts["style"]
    assert "url(" not in style
    assert "@import" not in style


def test_only_the_reports_own_scripts_run(shop: Tables) -> None:
    page = Page(build(shop))
    (policy,) = (v for tag, name, v in page.attributes if tag == "meta" and name == "content"
                 and "default-src" in v)  # fmt: skip

    def hashes(texts: list[str]) -> list[str]:
        digests = [sha256(text.encode()).digest() for text in texts]
        return [f"'sha256-{b64encode(digest).decode()}'" for digest in digests]

    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == hashes(page.texts["script"])
    assert rules["style-src"].split() == hashes(page.texts["style"])
    assert len(page.texts["script"]) == 2


def test_hostile_event_names_stay_texts(shop: Tables) -> None:
    html = build(shop)
    page = Page(html)
    assert len(page.texts["script"]) == 2, "a name has not made a third"
    charts = json.loads(page.texts["script application/json"][1])
    (bar,) = charts["events"]["datasets"]["bars"]
    assert bar["name"] == HOSTILE.replace("\u2028", "\\u2028")
    assert "window.hacked" not in re.sub("<[^>]*>", "", html.split("<main>")[0])
    cells = " ".join(page.texts["td"] + page.texts.get("bdi", []))
    assert HOSTILE.replace("\u2028", "\\u2028") in cells


def test_what_has_nothing_to_draw_says_so(shop: Tables) -> None:
    page = build(shop)
    assert page.count('class="empty"') == len(PANELS) - 4  # three over dau, one of the events
    assert "There is no table web_mau_summary. " in page


def test_the_report_is_in_the_readers_language(shop: Tables) -> None:
    page = build(shop, language="ko")
    assert '<html lang="ko">' in page
    assert "일간 활성 사용자" in page


def test_a_second_report_of_the_same_tables_is_the_same(shop: Tables) -> None:
    assert build(shop) == build(shop)


def test_a_thousand_long_names_fit_into_a_report(tables: Tables) -> None:
    tables.create(
        "web",
        "event_distribution",
        *({"event_type": f"{number} {'<' * 10_000}", "event_count": 1} for number in range(1000)),
    )
    assert len(build(tables).encode()) < report.MAX_BYTES


def test_a_report_that_no_mail_takes_is_refused(
    shop: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MAX_BYTES", 900_000)
    with pytest.raises(Refused, match=r"more than 900,000: name fewer services \(--service\)"):
        build(shop)


def test_a_picture_is_a_png(shop: Tables) -> None:
    settings = shop.aws.settings
    shown = draw_panels(shop.aws.query, shop.services, WEB, settings, language="en")
    png = build_picture(shown[0], WEB)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(("language", "characters"), [("en", 66), ("ko", 36)])
def test_a_picture_says_what_is_to_be_known_of_its_numbers(
    tables: Tables, language: Language, characters: int
) -> None:
    month = {"year_month": "2024-06", "monthly_active_users": 8, "is_partial": True}
    tables.create("web", "mau", month)
    drawing = tables.draw("mau", WEB, language)
    assert len(drawing.notes) == 2  # all months are shown, and this one is not complete
    title = titled(drawing, drawing.as_of, *drawing.notes, width=400)["title"]
    assert title["text"] == drawing.title
    assert "".join(title["subtitle"]).replace(" ", "") == "".join(
        (drawing.as_of, *drawing.notes)
    ).replace(" ", "")
    assert max(map(len, title["subtitle"])) <= characters, "400 pixels of 6 or 11 a character"


def test_services_are_those_of_the_catalog(shop: Tables) -> None:
    catalog = shop.aws.catalog.tables("log_db")
    assert list_services(catalog) == (), "no execution has published these tables"


def test_a_selection_is_of_all_services_and_ends_with_the_last_complete_day() -> None:
    there = [Service("app", E - timedelta(days=7), frozenset()), Service("web", E, frozenset())]
    assert select_services((), there, days=None, compare=False) == Selection(("app", "web"))
    selection = select_services(("web", "web"), there, days=30, compare=True)
    assert selection == Selection(("web",), day("06-01"), day("06-30"), compare=True)


def test_what_cannot_be_selected_is_refused() -> None:
    there = [Service(f"s{number}", E, frozenset()) for number in range(7)]
    with pytest.raises(Refused, match="no tables are published yet: otel-analytics run"):
        name_services((), [])
    with pytest.raises(Refused, match="'x' has no published tables; those that have: s0, s1"):
        name_services(("x",), there)
    with pytest.raises(Refused, match="7 services cannot be told apart in one chart: name 6"):
        select_services((), there, days=None, compare=False)
    with pytest.raises(Refused, match="--days 28 --compare"):
        select_services(("s0",), there, days=None, compare=True)
