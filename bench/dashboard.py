"""From the start of `otel-analytics dashboard` to its first page: `python -m bench.dashboard`.

Each round starts the program anew and has a browser that runs already open the overview:

- page: until the browser has the page, whose panels are still to be loaded
- first charts: until each panel that is in the window of 1280 by 900 is drawn
- all data: until all panels' rows have come, asked for one after the other

The first round of each home has Vega's bundle still to make; it is shown apart. The limit is that
of the first charts: 1 s with the data of `make demo`, 2 s with the 17 million events of
`python -m bench.refresh`; a home that is not here is not measured. HOMES names other homes,
separated by colons, whose limit is 2 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from otel_analytics.web.panels import PANELS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["main"]

ROUNDS = 7
HOMES = {"build/demo/home": 1.0, "build/bench/17000000-90/home": 2.0}
LIMIT_S = 2.0
PROGRAM = Path(sys.executable).with_name("otel-analytics")
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
IN_WINDOW = """() => [...document.querySelectorAll("[data-panel]")].every((panel) =>
    panel.getBoundingClientRect().top > innerHeight
    || panel.querySelector(".body").getAttribute("aria-busy") === "false")"""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds since the program was started; `all_data` since the page was there."""

    page: float
    first_charts: float
    all_data: float


def main() -> None:
    """Measure each home, and print the medians."""
    if not Path(CHROMIUM).exists():
        print(f"there is no {CHROMIUM}: apt-get install chromium")
        return
    named = os.environ.get("HOMES")
    homes = {one: HOMES.get(one, LIMIT_S) for one in named.split(":")} if named else HOMES
    print(f"{'home':<40}{'':>8}{'page':>8}{'first charts':>14}{'all data':>10}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for home, limit_s in ((Path(name), limit_s) for name, limit_s in homes.items()):
            if not (home / "catalog.sqlite").exists():
                print(f"{home}: is not here")
                continue
            with tempfile.TemporaryDirectory() as cache:
                first, *others = [run(browser, home, cache) for _ in range(1 + ROUNDS)]
            show(home, "first", [first])
            show(home, f"of {ROUNDS}", others)
            charts = median(one.first_charts for one in others)
            print(f"  limit {limit_s:g} s: {'holds' if charts < limit_s else 'DOES NOT HOLD'}")
        browser.close()


def show(home: Path, which: str, times: list[Times]) -> None:
    """Print a line."""
    page, charts, data = (
        median(getattr(one, name) for one in times) for name in ("page", "first_charts", "all_data")
    )
    print(f"{home!s:<40}{which:>8}{page:>7.2f}s{charts:>13.2f}s{data:>9.2f}s", flush=True)


def run(browser: Browser, home: Path, cache: str) -> Times:
    """Return the times of one start."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    process = subprocess.Popen(
        [PROGRAM, "--home", home, "dashboard", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": cache},
    )
    try:
        assert process.stderr is not None
        address = process.stderr.readline().split()[1]
        page.goto(address, wait_until="commit")
        page.wait_for_selector("[data-panel]", state="attached")
        loaded = time.perf_counter()
        page.wait_for_function(IN_WINDOW)
        drawn = time.perf_counter()
        for panel in PANELS:
            with urllib.request.urlopen(f"{address}panels/{panel.id}") as answer:  # noqa: S310
                answer.read()
        return Times(loaded - began, drawn - began, time.perf_counter() - drawn)
    finally:
        context.close()
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    main()
