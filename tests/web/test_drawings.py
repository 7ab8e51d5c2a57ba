"""What is shown of a panel's rows: the chart, what to know of it, and what its columns mean."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import combinations
from math import dist
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
import vl_convert

from otel_analytics.metrics import load_catalog
from otel_analytics.web.page_texts import PAGE_TEXTS
from otel_analytics.web.panels import PANELS, find_panel
from otel_analytics.web.panels.drawings import DRAWINGS
from otel_analytics.web.selection import Selection
from otel_analytics.web.texts import TEXTS
from otel_analytics.web.vega import theme
from otel_analytics.web.words import Words, language_of_locale, shortened
from tests.web.tables import Tables, day, open_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ALL = Selection(("web",))
JUNE = tuple(f"06-{number:02d}" for number in range(1, 31))
COMPARED = Selection(("web",), day("06-16"), day("06-30"), compare=True)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """Every table of `web` and `app`, with rows on each day of June; tests must only read here."""
    with open_tables(tmp_path_factory.mktemp("full")) as tables:
        for name, factor in (("web", 1), ("app", 3)):
            fill(tables, name, factor)
        yield tables


def fill(tables: Tables, name: str, factor: int) -> None:
    conversion = dict.fromkeys(
        ("product_view_rate", "cart_conversion_rate", "overall_conversion_rate",
         "user_conversion_rate", "view_to_cart_rate"),
        12.5,
    )  # fmt: skip
    tables.days(
        name, "dau", "date", JUNE,
        year="2024", month="06", daily_active_users=4 * factor, daily_sessions=5 * factor,
        daily_events=6 * factor, events_per_user=1.5,
    )  # fmt: skip
    tables.days(
        name, "mau", "execution_date", ["07-01"],
        year_month="2024-06", year="2024", month="06", monthly_active_users=8, is_partial=True,
    )  # fmt: skip
    tables.create(
        name,
        "retention",
        *(
            {
                "calculation_date": day(one),
                "return_date": day(one),
                "retention_type": kind,
                "base_users": 4,
                "retained_users": factor,
                "retention_rate": 25.0 * factor,
            }
            for kind, known in (("D+1", JUNE[:29]), ("D+7", JUNE[:23]))
            for one in known
        ),
    )
    tables.days(
        name, "conversion", "calculation_date", JUNE,
        total_sessions=4, product_view_sessions=2, cart_add_sessions=1, viewed_cart_sessions=1,
        **conversion,
    )  # fmt: skip
    cohorts = ("New (0-7d)", "Recent (8-30d)", "Active (31-90d)", "Veteran (90d+)")
    for history in (False, True):
        tables.create(
            name,
            "user_cohort",
            *({"cohort_type": kind, "user_count": factor} for kind in cohorts),
            history=history,
        )
    tables.days(
        name, "session_metrics", "calculation_date", JUNE,
        total_sessions=4, median_events_per_session=2, avg_events_per_session=2.5,
        p90_events_per_session=5, max_events_per_session=9,
    )  # fmt: skip
    tables.create(
        name,
        "event_distribution",
        {"event_type": "open", "event_count": 3 * factor, "percentage_of_total": 75.0},
        {"event_type": "close", "event_count": factor, "percentage_of_total": 25.0},
    )


def points(chart: dict[str, Any] | None, name: str, *fields: str) -> list[tuple[Any, ...]]:
    assert chart is not None
    return [tuple(value[field] for field in fields) for value in chart["datasets"][name]]


SELECTIONS = {
    "one": ALL,
    "compared": COMPARED,
    "two": Selection(("web", "app")),
    "two compared": Selection(("web", "app"), COMPARED.first, COMPARED.last, compare=True),
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.id)
def test_every_chart_is_valid_and_every_mark_of_it_has_a_place(
    panel: Any, selection: Selection, full: Tables
) -> None:
    answer = full.ask(panel.id, selection)
    words = Words("en")
    DRAWINGS[panel.id](answer, selection, words).chart.to_dict(validate=True)
    chart = panel.draw(answer, selection, words).chart
    svg = vl_convert.vegalite_to_svg(chart | {"width": 600}, config=theme(dark=False))
    for word in ("NaN", "undefined", "Infinity", "[object"):
        assert word not in svg
    assert "aria-roledescription=" in svg, "a mark is drawn"


def test_a_day_without_a_row_is_drawn_as_zero_and_as_no_mean(tables: Tables) -> None:
    tables.days("web", "dau", "date", ["06-27", "06-29"], daily_active_users=2, daily_sessions=2)
    sessions = tables.draw("daily_sessions", ALL).chart
    assert points(sessions, "points", "day", "value") == [
        ("2024-06-27", 2),
        ("2024-06-28", 0),
        ("2024-06-29", 2),
        ("2024-06-30", 0),  # the last complete day before E
    ]
    means = [
        (when, value)
        for when, series, value in points(
            tables.draw("dau", ALL).chart, "points", "day", "series", "value"
        )
        if series == "Mean of 7 days"
    ]
    assert means == [("2024-06-27", None), ("2024-06-29", None)]


def test_days_of_the_range_before_its_first_row_are_zero_from_where_the_table_begins(
    tables: Tables,
) -> None:
    tables.days("web", "dau", "date", ["06-10", "06-20"], daily_active_users=2, daily_sessions=2)

    def sessions(first: str, *, compare: bool = False) -> list[tuple[Any, ...]]:
        selection = Selection(("web",), day(first), day("06-20"), compare)
        return points(tables.draw("daily_sessions", selection).chart, "points", "day", "value")

    assert sessions("06-18") == [("2024-06-18", 0), ("2024-06-19", 0), ("2024-06-20", 2)]
    assert sessions("06-08")[:2] == [("2024-06-10", 2), ("2024-06-11", 0)]
    # 15 to 17 June, drawn over the three days after them
    assert [value for _, value in sessions("06-18", compare=True)] == [0, 0, 0, 0, 0, 2]


def test_the_previous_period_is_drawn_over_this_one_and_says_its_own_days(full: Tables) -> None:
    chart = full.draw("daily_sessions", COMPARED).chart
    tones = points(chart, "points", "day", "tone")
    assert tones[0] == ("2024-06-16", "Previous period")  # 1 June, 15 days before
    assert tones[-1] == ("2024-06-30", "This period")
    assert len(tones) == 30
    reading = chart["datasets"]["readings"][0]
    assert [reading[f"text_{number}"] for number in range(4)] == [
        "Sun 16 Jun 2024", "Sat 1 Jun 2024", "5", "5",
    ]  # fmt: skip


@pytest.mark.parametrize("panel_id", ["dau", "stickiness", "retention_curve"])
def test_the_previous_period_is_in_dashes_and_what_is_not_complete_is_lighter(
    full: Tables, panel_id: str
) -> None:
    chart = full.draw(panel_id, COMPARED).chart
    assert chart is not None
    opacity, dash = (chart["layer"][0]["encoding"][one] for one in ("opacity", "strokeDash"))
    assert opacity["scale"]["domain"] == dash["scale"]["domain"]
    looks = zip(opacity["scale"]["range"], dash["scale"]["range"], strict=True)
    looks_of = dict(zip(dash["scale"]["domain"], looks, strict=True))
    # June, as it is here, is not complete
    this = "Not complete" if panel_id == "stickiness" else "This period"
    assert list(looks_of) == [this, "Previous period"]
    assert looks_of[this][1] == [1, 0]
    assert looks_of["Previous period"][1] == [5, 3]
    assert looks_of[this][0] == (0.45 if panel_id == "stickiness" else 1)
    # one legend of both, whose symbols are lines
    assert opacity["legend"] == dash["legend"]
    assert dash["legend"]["symbolType"] == "stroke"


def rates(tables: Tables, first: str, second: str, *values: tuple[str, str, float]) -> None:
    """Make two services' retention: the days of a return and the rate, of each."""
    for service in (first, second):
        tables.create(
            service,
            "retention",
            *(
                {
                    "calculation_date": day("06-01"),
                    "retention_type": kind,
                    "base_users": 100,
                    "retained_users": rate,
                }
                for name, kind, rate in values
                if name == service
            ),
        )


def test_a_rate_is_written_over_its_point_where_it_lies_on_no_other(tables: Tables) -> None:
    rates(
        tables, "web", "app",
        ("web", "D+1", 50), ("app", "D+1", 49), ("web", "D+7", 10), ("app", "D+7", 30),
        ("web", "D+30", 5), ("app", "D+30", 5),
    )  # fmt: skip
    chart = tables.draw("retention_curve", Selection(("web", "app"))).chart
    # of the 50 % that the chart is high, 12 % are 6
    assert points(chart, "points", "service", "type", "has_room") == [
        ("web", "D+1", True), ("app", "D+1", False), ("app", "D+7", True), ("web", "D+7", True),
        ("web", "D+30", True), ("app", "D+30", False),
    ]  # fmt: skip
    svg = vl_convert.vegalite_to_svg(chart | {"width": 600}, config=theme(dark=False))
    assert re.findall(r">(\d+\.\d\d%)<", svg) == [
        "50.00%", "30.00%", "10.00%", "5.00%",
    ]  # fmt: skip


def y_axis(chart: dict[str, Any] | None) -> dict[str, Any]:
    assert chart is not None
    encoded: dict[str, Any] = chart["layer"][0]["encoding"]["y"]
    return encoded


@pytest.mark.parametrize(
    ("least", "most", "ticks"),
    [(1, 3, None), (3, 59, None), (3, 60, [2, 5, 10, 20, 50, 100]), (1, 20, [1, 2, 5, 10, 20])],
)
def test_a_logarithmic_axis_is_of_what_differs_much_and_says_so(
    tables: Tables, least: int, most: int, ticks: list[int] | None
) -> None:
    tables.days(
        "web", "session_metrics", "calculation_date", ["06-29", "06-30"],
        median_events_per_session=least, avg_events_per_session=least,
        p90_events_per_session=least, max_events_per_session=most,
    )  # fmt: skip
    axis = y_axis(tables.draw("session_events", ALL).chart)
    if ticks is None:
        assert (axis["title"], axis["scale"]) == ("Events per session", {"zero": True})
    else:
        assert axis["title"] == "Events per session (log scale)"
        assert axis["axis"]["values"] == ticks
        assert axis["scale"]["domain"] == [ticks[0], ticks[-1]]


@pytest.mark.parametrize("selection", [ALL, COMPARED])
def test_zeros_alone_lie_at_the_bottom(tables: Tables, selection: Selection) -> None:
    zeros = dict.fromkeys(
        ("product_view_rate", "cart_conversion_rate", "overall_conversion_rate",
         "user_conversion_rate", "view_to_cart_rate"),
        0.0,
    )  # fmt: skip
    tables.days("web", "conversion", "calculation_date", JUNE, **zeros)
    chart = tables.draw("conversion", selection).chart
    assert chart is not None
    svg = vl_convert.vegalite_to_svg(chart | {"width": 600}, config=theme(dark=False))
    lines = re.findall(r'aria-roledescription="line mark container".*?</g>', svg)
    ends = {y for path in lines for y in re.findall(r"[ML][\d.]+,([\d.]+)", path)}
    assert ends == {"220"}, "the chart is 220 pixels high"


def test_a_comparison_shows_one_column_of_which_there_is_a_choice(full: Tables) -> None:
    alone = full.draw("conversion", ALL).chart
    compared = full.draw("conversion", COMPARED).chart
    assert "shown" not in [one["name"] for one in alone["params"]]
    (choice,) = (one for one in compared["params"] if one["name"] == "shown")
    assert choice["value"] == "Overall conversion rate"
    assert len(choice["bind"]["options"]) == 5


def test_a_base_day_whose_return_day_is_not_over_is_a_cell_that_says_so(full: Tables) -> None:
    chart = full.draw("retention", ALL).chart
    cells = {(row, when): text for row, when, text in points(chart, "cells", "row", "day", "text")}
    assert cells["D+7", "2024-06-23"] == "25.00%"
    assert cells["D+7", "2024-06-24"] == "not over yet"
    # of a base day in June, no D+30 is over before E, which is 1 July
    assert {text for (row, _), text in cells.items() if row == "D+30"} == {"not over yet"}
    assert ("D+1", "2024-06-30") not in cells


def hostile(tables: Tables, *names: str) -> dict[str, Any]:
    tables.create(
        "web",
        "event_distribution",
        *(
            {"event_type": name, "event_count": 100 - place, "percentage_of_total": 1.0}
            for place, name in enumerate(names)
        ),
    )
    chart = tables.draw("events", ALL).chart
    assert chart is not None
    return chart


def test_long_event_names_are_short_in_the_chart_told_apart_and_long_where_pointed_at(
    tables: Tables,
) -> None:
    chart = hostile(tables, "x" * 10_000, "x" * 9_999 + "y", "x" * 10_000 + "z")
    bars = points(chart, "bars", "row", "name")
    start = "x" * 40 + "… (10,000)"
    assert [row for row, _ in bars] == [start, f"{start} [2]", "x" * 40 + "… (10,001)"]
    assert [len(name) for _, name in bars] == [300 + len("… (10,000)")] * 3
    assert len(json.dumps(chart)) < 10_000


def test_what_would_turn_a_name_around_is_written_out(tables: Tables) -> None:
    chart = hostile(tables, "safe\u202egnp.exe", "zero\u200bwidth", "שלום", "<script>'\"")
    rows = [row for (row,) in points(chart, "bars", "row")]
    assert rows == ["safe\\u202egnp.exe", "zero\\u200bwidth", "שלום", "<script>'\""]


def test_events_are_searched_by_their_whole_name_and_the_first_25_are_drawn(
    tables: Tables,
) -> None:
    names = [f"{'x' * 50} {number:02d}" for number in range(30)]
    chart = hostile(tables, *names) | {"width": 600}

    def drawn(search: str) -> int:
        (param,) = (one for one in chart["params"] if one["name"] == "search")
        param["value"] = search
        return vl_convert.vegalite_to_svg(chart).count('aria-roledescription="bar"')

    assert drawn("") == 25
    assert drawn(" 2") == 10  # 20 to 29, behind what the label shows
    assert drawn("X 07") == 1
    assert drawn("nothing") == 0


def test_what_is_not_there_is_said_instead_of_a_chart(tables: Tables) -> None:
    drawing = tables.draw("dau", ALL)
    assert drawing.chart is None
    assert drawing.empty == "There are no tables of web yet. otel-analytics run builds them."
    tables.create("web", "dau")
    empty = tables.draw("dau", ALL, "ko")
    assert (empty.chart, empty.empty) == (
        None,
        "web의 행이 없습니다. 테이블에는 사용자가 있는 이벤트가 일어난 날마다 행이 있습니다.",
    )
    assert (empty.as_of, empty.notes) == ("", ())


def test_of_a_service_that_has_others_the_tables_are_named_that_are_missing(
    tables: Tables,
) -> None:
    tables.create("web", "mau")
    tables.create("app", "retention")
    no_table = "There is no table {}. The next otel-analytics run of its service builds it."
    assert tables.draw("stickiness", ALL).empty == no_table.format("web_dau_summary")
    two = Selection(("web", "app"))
    assert tables.draw("stickiness", two).empty == no_table.format(
        "web_dau_summary, app_dau_summary, app_mau_summary"
    )


def test_a_range_is_not_blamed_for_a_table_that_has_no_row(tables: Tables) -> None:
    for query_type in ("dau", "mau"):
        tables.create("web", query_type)
    in_june = Selection(("web",), day("06-01"), day("06-30"))
    users = "the table has one for each {} which an event carries a user."
    by_day = users.format("day on")
    assert tables.draw("dau", in_june).empty == f"No row of web in this range: {by_day}"
    assert tables.draw("dau", ALL).empty == f"No row of web: {by_day}"
    assert tables.draw("mau", in_june).empty == f"No row of web: {users.format('month in')}"
    assert all(f"rows_of.{panel.query_type}" in TEXTS for panel in PANELS)


def test_a_funnel_says_which_settings_name_no_event_of_its_sessions(tables: Tables) -> None:
    for name, starts, views, carts in (("web", 5, 0, 0), ("app", 5, 3, 1)):
        tables.days(
            name, "conversion", "calculation_date", ["06-29", "06-30"],
            total_sessions=starts, product_view_sessions=views, cart_add_sessions=carts,
            viewed_cart_sessions=0,
        )  # fmt: skip
    assert tables.draw("funnel", Selection(("web", "app"))).notes == (
        "web: no session has an event that these settings name: events.product_view, "
        "events.cart_add. otel-analytics inspect lists the event names there are.",
    )


def test_a_service_without_rows_is_named_beside_the_others(tables: Tables) -> None:
    tables.days("web", "dau", "date", ["06-30"], daily_active_users=1)
    tables.create("new", "dau")
    drawing = tables.draw("dau", Selection(("web", "new", "nosuch")))
    assert drawing.chart is not None
    assert "There are no tables of nosuch yet. otel-analytics run builds them." in drawing.notes
    assert any(note.startswith("No row of new: ") for note in drawing.notes)


def test_the_numbers_say_as_of_when_they_are(tables: Tables) -> None:
    tables.days("web", "dau", "date", ["06-30"], daily_active_users=1)
    assert tables.draw("dau", ALL).as_of == (
        "As of Mon 1 Jul 2024: complete days up to Sun 30 Jun 2024."
    )
    tables.create("late", "dau", {"date": day("06-01"), "execution_date": day("06-02")})
    assert tables.draw("dau", Selection(("web", "late"))).as_of == (
        "web: as of Mon 1 Jul 2024, complete days up to Sun 30 Jun 2024. "
        "late: as of Sun 2 Jun 2024, complete days up to Sat 1 Jun 2024."
    )


def notes(tables: Tables, panel_id: str, *ends: str, compare: bool = False) -> tuple[str, ...]:
    return tables.draw(panel_id, Selection(("web",), day(ends[0]), day(ends[1]), compare)).notes


def test_a_range_beyond_the_table_is_marked(full: Tables) -> None:
    # E is 1 July; 90 days before it is 2 April.
    assert notes(full, "dau", "04-02", "06-30") == ()
    assert notes(full, "dau", "04-01", "07-01") == (
        "The table begins on Tue 2 Apr 2024; earlier days of the range are not in it.",
        "The table ends on Sun 30 Jun 2024; later days of the range are not in it.",
    )


def test_a_table_that_is_cut_begins_where_it_is_cut(tables: Tables) -> None:
    tables.days("web", "dau", "date", ["06-20"], daily_active_users=2)
    selection = Selection(("web",), day("06-01"), day("06-30"))
    cut = replace(tables.aws.settings, min_data_date=day("06-15"))
    panel = find_panel("dau")
    answer = panel.ask(tables.aws.query, tables.services, selection, cut)
    assert panel.draw(answer, selection, Words("en")).notes == (
        "The table begins on Sat 15 Jun 2024; earlier days of the range are not in it.",
    )


def test_a_previous_period_that_is_not_whole_is_marked(full: Tables) -> None:
    drawn = "Previous period, drawn lighter, lines in dashes: "
    assert notes(full, "dau", "06-16", "06-30", compare=True) == (
        drawn + "Sat 1 Jun 2024 – Sat 15 Jun 2024.",
    )
    assert notes(full, "dau", "05-01", "06-30", compare=True) == (
        drawn + "Tue 2 Apr 2024 – Tue 30 Apr 2024.",
        "The previous period is not whole: the table begins on Tue 2 Apr 2024.",
    )
    assert notes(full, "dau", "04-02", "06-30", compare=True) == (
        "The previous period lies before the table begins, on Tue 2 Apr 2024.",
    )


def test_partial_months_and_return_days_to_come_are_marked(full: Tables) -> None:
    assert full.draw("mau", ALL).notes[1:] == ("2024-06: not complete, drawn lighter.",)
    assert full.draw("stickiness", ALL).notes == (
        "2024-06: the month is not complete, so its MAU is low and the rate high; drawn lighter.",
    )
    assert full.draw("retention_curve", ALL).notes == (
        "Not over yet: D+1 of base days after Sat 29 Jun 2024, "
        "D+7 of base days after Sun 23 Jun 2024, D+30 of base days after Fri 31 May 2024.",
    )
    assert (
        full.draw("retention", ALL).notes[0].startswith("Not over yet, drawn as outlines: D+1 of")
    )
    assert notes(full, "retention_curve", "06-01", "06-23") == (
        "Not over yet: D+30 of base days after Fri 31 May 2024.",
    )


def test_every_column_says_what_it_means_in_the_catalogs_words(full: Tables) -> None:
    for panel in PANELS:
        known = {one.name: one.help for one in load_catalog()[panel.query_type].columns}
        english, korean = (full.draw(panel.id, ALL, language).columns for language in ("en", "ko"))
        for ours, theirs in zip(english, korean, strict=True):
            assert ours.help == known.get(ours.name, ours.help)
            assert ours.label
            assert ours.help
            assert theirs.label
            assert theirs.help
            assert theirs.label != theirs.name
            assert re.search("[가-힣]", theirs.help), theirs


def test_every_number_says_what_it_means_in_the_catalogs_words() -> None:
    conversion = next(panel for panel in PANELS if panel.id == "conversion")
    said = {one.label: one.help for one in conversion.numbers(Words("en"))}
    assert said["Product view rate"] == "100 · product_view_sessions / total_sessions"
    assert len(said) == 5
    assert all(panel.numbers(Words(language)) for panel in PANELS for language in ("en", "ko"))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_text_has_two_languages_that_say_the_same_values() -> None:
    for key, (english, korean) in (TEXTS | dict(PAGE_TEXTS)).items():
        assert english.strip(), key
        assert korean.strip(), key
        assert fields(english) == fields(korean), key


def test_numbers_and_days_are_written_as_people_read_them() -> None:
    words = Words("en")
    assert words.value(1234567, "count") == "1,234,567"
    assert words.value(1234.5, "percent") == "1,234.50%"
    assert words.value(0.125, "number") == "0.12"
    assert words.value(None, "count") == "–"
    assert words.value(True, "flag") == "yes"
    assert words.day(day("06-30")) == "Sun 30 Jun 2024"
    assert Words("ko").day(day("06-30")) == "2024년 6월 30일 (일)"
    assert shortened("abc\n", 3) == "abc… (4)"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ko", "LC_ALL": ""}, "ko"),
    ],
)
def test_the_language_is_the_locales(environment: dict[str, str], language: str) -> None:
    assert language_of_locale(environment) == language


def linear(colour: str) -> list[float]:
    """Return the linear channels of `#rrggbb` in sRGB."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def luminance(colour: str) -> float:
    """Return the relative luminance, as WCAG 2.2 defines it."""
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrasts(colours: Iterable[str], paper: str) -> list[float]:
    on, under = [luminance(one) for one in colours], luminance(paper)
    return [(max(one, under) + 0.05) / (min(one, under) + 0.05) for one in on]


@pytest.mark.parametrize("dark", [False, True])
def test_marks_and_texts_stand_out_from_the_page(dark: bool) -> None:
    colours = theme(dark=dark)
    paper = colours["background"]
    assert min(contrasts(colours["range"]["category"], paper)) >= 3
    texts = [colours["axis"]["labelColor"], colours["legend"]["labelColor"]]
    assert min(contrasts(texts, paper)) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_no_return_looks_like_neither_a_day_to_come_nor_one_that_is_not_there(dark: bool) -> None:
    colours = theme(dark=dark)
    paper, ramp = colours["background"], colours["range"]["heatmap"]
    pending = colours["style"]["pending"]
    assert pending["fillOpacity"] == 0
    assert min(contrasts([pending["stroke"]], paper)) >= 3
    for sight in SIGHTS.values():
        # about 2 can just be told apart side by side (CIE 1976)
        assert dist(seen(ramp[0], sight), seen(paper, sight)) > 10
    lightness = [seen(colour, SIGHTS["all cones"])[0] for colour in ramp]
    assert lightness == sorted(lightness, reverse=not dark), "more is always further from the page"


# What red, green and blue become, wholly without one kind of cone: Machado, Oliveira and Fernandes,
# A Physiologically-based Model for Simulation of Color Vision Deficiency (2009), table 1.
SIGHTS = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def seen(colour: str, sight: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """Return a colour as CIELAB (D65), as it is seen."""
    rgb = [
        min(1.0, max(0.0, sum(w * c for w, c in zip(row, linear(colour), strict=True))))
        for row in sight
    ]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(w * c for w, c in zip(row, rgb, strict=True)) for row in to_xyz]
    parts = [value / white for value, white in zip(xyz, (0.9505, 1, 1.089), strict=True)]
    x, y, z = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in parts)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)
@pytest.mark.parametrize("dark", [False, True])
def test_lines_are_told_apart_whatever_colours_one_sees(dark: bool, sight: Any) -> None:
    colours = [seen(colour, sight) for colour in theme(dark=dark)["range"]["category"]]
    # About 2 can just be told apart side by side (CIE 1976); lines are thin, and far apart.
    assert min(dist(one, other) for one, other in combinations(colours, 2)) > 20
