"""The report: all panels as one file that needs no network, and as pictures."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import msgspec
import vl_convert
from markupsafe import Markup

from otel_analytics.errors import Refused
from otel_analytics.web.page_texts import PAGE_TEXTS
from otel_analytics.web.panels import GROUPS, PANELS
from otel_analytics.web.rendering import environment
from otel_analytics.web.vega import theme, vega_bundle
from otel_analytics.web.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from otel_analytics.config import Settings
    from otel_analytics.query.statements import Rows
    from otel_analytics.web.panels import Answer, Drawing, Panel
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.services import Service
    from otel_analytics.web.words import Language

__all__ = ["MAX_BYTES", "Shown", "build_picture", "build_report", "draw_panels", "titled"]

# What mail servers take, and more than any table of hundreds of rows needs.
MAX_BYTES: Final = 5_000_000
_MOST_ROWS: Final = 200
_PICTURE_WIDTH: Final = 800
_PICTURE_SCALE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel, its rows, and what is shown of them."""

    panel: Panel
    answer: Answer
    drawing: Drawing


def draw_panels(
    run_query: Callable[[str], Rows],
    services: Sequence[Service],
    selection: Selection,
    settings: Settings,
    *,
    language: Language,
) -> list[Shown]:
    """Return every panel with what it shows.

    Raises: what `run_query` raises
    """
    words = Words(language, PAGE_TEXTS)
    shown = []
    for panel in PANELS:
        answer = panel.ask(run_query, services, selection, settings)
        shown.append(Shown(panel, answer, panel.draw(answer, selection, words)))
    return shown


def build_report(shown: Iterable[Shown], selection: Selection, *, language: Language) -> str:
    """Return the page of all panels: it loads nothing, and no script runs but its own.

    Raises: Refused if it would be larger than `MAX_BYTES`
    """
    words = Words(language, PAGE_TEXTS)
    shown = list(shown)
    style, script, vega = _static("style.css"), _static("report.js"), vega_bundle()
    page = (
        environment()
        .get_template("report.html")
        .render(
            t=words,
            title=", ".join(selection.services),
            range=_range(selection, words),
            groups=[
                (words(f"{group}.group"), group, [one for one in shown if one.panel.group == group])
                for group in GROUPS
            ],
            most_rows=_MOST_ROWS,
            policy=_policy(scripts=(vega, script), styles=(style,)),
            themes=_json({"light": theme(dark=False), "dark": theme(dark=True)}),
            charts=_json({one.panel.id: one.drawing.chart for one in shown if one.drawing.chart}),
            style=_verbatim(style, "style"),
            vega=_verbatim(vega, "script"),
            script=_verbatim(script, "script"),
        )
    )
    size = len(page.encode())
    if size > MAX_BYTES:
        raise Refused(
            f"the report would have {size:,} bytes, more than {MAX_BYTES:,}: name fewer services "
            "(--service) or fewer days (--days)"
        )
    return page


def build_picture(one: Shown, selection: Selection) -> bytes:
    """Return the chart of a panel as a PNG."""
    about = f"{', '.join(selection.services)} – {one.drawing.as_of}"
    chart = titled(one.drawing, about, *one.drawing.notes, width=_PICTURE_WIDTH) | {"padding": 16}
    return bytes(vl_convert.vegalite_to_png(chart, config=theme(dark=False), scale=_PICTURE_SCALE))


def titled(drawing: Drawing, *about: str, width: int) -> dict[str, Any]:
    """Return a chart of so many pixels under its title and what is to be known of it."""
    # texts are not cut, and Hangul is nearly twice as wide
    pixels = 11 if any(character >= "\u1100" for text in about for character in text) else 6
    lines = [line for text in about for line in wrap(text, width // pixels)]
    title = {"text": drawing.title, "subtitle": lines, "offset": 12}
    return (drawing.chart or {}) | {"width": width, "title": title}


def _range(selection: Selection, words: Words) -> str:
    first, last = selection.first, selection.last
    text = words("report.all_days")
    if first and last:
        text = f"{words.period(first, last)}."
    return f"{text} {words('report.compared')}" if selection.shift else text


def _static(name: str) -> str:
    return resources.files(__package__).joinpath("static", name).read_text("utf-8")


def _policy(*, scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Return the Content-Security-Policy under which these alone run, and nothing is loaded."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> Markup:
    """Return JSON that nothing in it can end the element of."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - no character of HTML's is left


def _verbatim(text: str, element: str) -> Markup:
    """Return code of ours or of Vega's as it is, since its hash must fit."""
    assert f"</{element}" not in text.lower()  # noqa: S101 - a slip of this package
    return Markup(text)  # noqa: S704 - seen above
