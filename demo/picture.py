"""The README's picture: some charts of the demonstration data, as one PNG, without a browser."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import vl_convert

from demo.clickstream import WEB
from otel_analytics.config import load_settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.web.panels import find_panel
from otel_analytics.web.selection import Selection
from otel_analytics.web.services import list_services
from otel_analytics.web.vega import theme
from otel_analytics.web.words import Words

if TYPE_CHECKING:
    from otel_analytics.local.embedded import EmbeddedAws

__all__ = ["build_picture"]

CHARTS = ("dau", "mau", "retention", "retention_curve", "funnel", "cohorts")
WIDTH, HEIGHT, GAP = 400, 300, 24
DAYS = 60


def build_picture(aws: EmbeddedAws) -> bytes:
    """Return the picture of a home that `make demo` has filled."""
    services = list_services(aws.catalog.tables(aws.settings.athena.database))
    (service,) = (one for one in services if one.name == WEB)
    assert service.execution_date is not None
    last = service.execution_date - timedelta(days=1)
    selection = Selection((WEB,), last - timedelta(days=DAYS - 1), last)
    drawings = []
    for name in CHARTS:
        panel = find_panel(name)
        answer = panel.ask(aws.query, services, selection, aws.settings)
        drawings.append(panel.draw(answer, selection, Words("en")))
    charts = [
        vl_convert.vegalite_to_svg(
            (drawing.chart or {}) | {"width": WIDTH - GAP, "title": drawing.title},
            config=theme(dark=False),
        )
        for drawing in drawings
    ]
    return bytes(vl_convert.svg_to_png(_together(charts), scale=1.5))


def _together(charts: list[str]) -> str:
    columns = 3
    rows = -(-len(charts) // columns)
    size = f'width="{columns * WIDTH + GAP}" height="{rows * HEIGHT + GAP}"'
    placed = "".join(
        re.sub(
            "<svg ",
            f'<svg x="{GAP + place % columns * WIDTH}" y="{GAP + place // columns * HEIGHT}" ',
            chart,
            count=1,
        )
        for place, chart in enumerate(charts)
    )
    paper = f'<rect {size} fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{paper}{placed}</svg>'


if __name__ == "__main__":
    settings = load_settings(file=Path("demo/otel-analytics.toml"), environment={})
    with open_embedded_aws(settings, to_read=True) as aws:
        Path(sys.argv[1]).write_bytes(build_picture(aws))
