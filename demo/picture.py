"""The README's picture: some charts of the demonstration data as one PNG, without a browser."""

from __future__ import annotations

import re
import struct
import sys
import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import vl_convert

from demo.__main__ import EXECUTION_DATE
from demo.clickstream import WEB
from otel_analytics.config import load_settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.web.panels import find_panel
from otel_analytics.web.report import titled
from otel_analytics.web.selection import Selection
from otel_analytics.web.services import list_services
from otel_analytics.web.vega import theme
from otel_analytics.web.words import Words

if TYPE_CHECKING:
    from otel_analytics.local.embedded import EmbeddedAws

__all__ = ["build_picture"]

CHARTS = ("dau", "mau", "retention", "funnel")
WIDTH, HEIGHT, GAP = 460, 310, 24
SCALE = 1.5
DAYS = 60


def build_picture(aws: EmbeddedAws) -> bytes:
    """Return the picture of a home that `make demo` has filled."""
    services = list_services(aws.catalog.tables(aws.settings.athena.database))
    last = date.fromisoformat(EXECUTION_DATE) - timedelta(days=1)
    selection = Selection((WEB,), last - timedelta(days=DAYS - 1), last)
    drawings = []
    for name in CHARTS:
        panel = find_panel(name)
        answer = panel.ask(aws.query, services, selection, aws.settings)
        drawings.append(panel.draw(answer, selection, Words("en")))
    charts = [
        vl_convert.vegalite_to_svg(
            titled(drawing, *drawing.notes, width=WIDTH - GAP)
            | {
                "height": HEIGHT - 125,
                "autosize": {"type": "fit-x", "contains": "padding"},
            },
            config=theme(dark=False),
        )
        for drawing in drawings
    ]
    # as a PNG, since an SVG is set in fonts of whoever looks at it
    return _smaller(vl_convert.svg_to_png(_together(charts), scale=SCALE))


def _together(charts: list[str]) -> str:
    columns = 2
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


def _smaller(png: bytes) -> bytes:
    """Return a PNG, its pixels packed as tightly as zlib can: a third of what vl-convert writes.

    Source: https://www.w3.org/TR/png-3/#5Chunk-layout
    """
    chunks, start = [], 8
    while start < len(png):
        length, name = struct.unpack(">I4s", png[start : start + 8])
        chunks.append((name, png[start + 8 : start + 8 + length]))
        start += 12 + length
    pixels = b"".join(content for name, content in chunks if name == b"IDAT")
    packed = (b"IDAT", zlib.compress(zlib.decompress(pixels), 9))
    kept = [chunk for chunk in chunks if chunk[0] == b"IHDR"]
    return png[:8] + b"".join(
        struct.pack(">I4s", len(content), name)
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in (*kept, packed, (b"IEND", b""))
    )


if __name__ == "__main__":
    settings = load_settings(file=Path("demo/otel-analytics.toml"), environment={})
    with open_embedded_aws(settings, to_read=True) as aws:
        Path(sys.argv[1]).write_bytes(build_picture(aws))
