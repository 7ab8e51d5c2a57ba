"""A page as a reader sees it: loaded whole, without a complaint of the browser or of axe."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

__all__ = ["Look", "axe_violations", "looking"]

# Where each look is kept as a picture, to be looked at; nowhere by default.
_PICTURES = os.environ.get("DASHBOARD_PICTURES")

# What Vega-Lite says of every chart as wide as its card whose height goes by its rows.
_OF_STEPS = 'WARN Dropping "fit-y" because spec has discrete height.'


class Look:
    """One page, and what the browser complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning") and message.text != _OF_STEPS:
            self.complaints.append(message.text)

    def open(self, address: str) -> None:
        """Go there, and wait until all of it is loaded."""
        self.page.goto(address)
        self.settle()

    def settle(self) -> None:
        """Wait until each panel has come into view and is loaded."""
        for panel in self.page.locator("[data-panel]").all():
            panel.scroll_into_view_if_needed()
            panel.locator(".body[aria-busy=false]").wait_for()
        self.page.evaluate("window.scrollTo(0, 0)")

    def check(self, name: str) -> None:
        """See that nothing is amiss, and keep a picture of it."""
        if _PICTURES:
            self.page.screenshot(path=Path(_PICTURES) / f"{name}.png", full_page=True)
        assert not self.complaints, self.complaints
        assert len(self.hosts) == 1, "the page loads from nowhere else"
        found = axe_violations(self.page)
        assert not found, "\n".join(found)
        assert self.page.evaluate("window.hacked") is None
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing sticks out of the window"


def axe_violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page: the rule, the element, and what to do."""
    return [
        f"{one['id']}: {node['html'][:120]}: {node['failureSummary'][:300]}"
        for one in Axe().run(page).response["violations"]
        for node in one["nodes"][:5]
    ]


@contextmanager
def looking(
    browser: Browser,
    *,
    width: int = 1280,
    dark: bool = False,
    language: str = "en-US",
    allows: tuple[str, ...] = (),
) -> Iterator[Look]:
    """Open a window; `allows` are permissions of the page."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        locale=language,
        permissions=list(allows),
        accept_downloads=True,
    )
    try:
        yield Look(context.new_page())
    finally:
        context.close()
