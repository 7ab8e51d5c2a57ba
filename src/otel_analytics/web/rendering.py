"""Pages out of templates, in the reader's language, with everything in them escaped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from otel_analytics.names import harmless
from otel_analytics.web.asked import language_of
from otel_analytics.web.page_texts import PAGE_TEXTS
from otel_analytics.web.words import Words, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from starlette.requests import Request
    from starlette.responses import Response

    from otel_analytics.web.assets import Assets

__all__ = ["Renderer", "environment", "words_of"]

_NAME_CHARACTERS: Final = 120


def words_of(request: Request) -> Words:
    """Return the texts in the language of the reader's browser."""
    return Words(language_of(request.headers.get("accept-language", "")), PAGE_TEXTS)


@dataclass(frozen=True, slots=True)
class Renderer:
    """What every page has: texts, files, the reporting time zone, and which pages there are."""

    assets: Assets
    zone: ZoneInfo
    allows_query: bool

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page, or the part of one that the template makes."""
        return HTMLResponse(self.text(request, template, **values), status)

    def text(self, request: Request, template: str, **values: Any) -> str:
        """Return what a template makes."""
        words = words_of(request)
        return (
            environment()
            .get_template(template)
            .render(
                values,
                t=words,
                asset=self.assets.address,
                local=lambda time: _local(time, self.zone),
                path=request.scope["path"],
                allows_query=self.allows_query,
            )
        )

    def refused(self, request: Request, status: int, why: str) -> Response:
        """Return the page that says why a request is not answered: token, host or site."""
        return self.page(request, "refused.html", status, why=why)

    def failed(self, request: Request, status: int, failure: Mapping[str, Any]) -> Response:
        """Return the page of something that could not be shown."""
        return self.page(request, "failed.html", status, failure=failure)


@cache
def environment() -> Environment:
    """Return the templates, which escape what is put into them."""
    made = Environment(
        loader=PackageLoader("otel_analytics.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        count=lambda number: f"{number:,}",
        cell=_cell,
        megabytes=lambda size: f"{size / 1_000_000:,.2f} MB",
        name=lambda text: shortened(str(text), _NAME_CHARACTERS),
        coded=_coded,
        harmless=lambda text: harmless(str(text), "\n"),
        seconds=_seconds,
        usd=lambda amount: f"${amount:,.6f}",
    )
    return made


def _cell(value: Any) -> str:
    """Return a value of a table as text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return shortened(str(value), _NAME_CHARACTERS)


def _coded(text: str) -> Markup:
    """Return a text with what stands in it between backticks as code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )


def _seconds(seconds: float) -> str:
    """Return a duration as people read it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _local(time: datetime, zone: ZoneInfo) -> str:
    """Return a time in the reporting time zone."""
    return time.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
