"""Vega in a page: its JavaScript, which an installed package carries, and the page's colours."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import vl_convert

__all__ = ["theme", "vega_bundle"]

_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"

_FONT: Final = (
    "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans KR', 'Noto Sans CJK KR', sans-serif"
)
# Paper, ink, quiet ink, grid, the outline of what is not known yet.
_LIGHT: Final = ("#ffffff", "#1f2328", "#59636e", "#e4e8ec", "#868f99")
_DARK: Final = ("#161b22", "#e6edf3", "#9da7b3", "#2b323b", "#6e7681")
_SERIES_ON_LIGHT: Final = ["#1668b8", "#e0651a", "#11a067", "#5b1a72", "#865222", "#3c3f4c"]
_SERIES_ON_DARK: Final = ["#5aa9f0", "#f58a3c", "#bdeed2", "#b04cf5", "#f7dc3c", "#7f8c9c"]
# From 0 %, which is seen beside a day that is not there.
_HEAT_ON_LIGHT: Final = ["#c6dcf0", "#8dbbe0", "#4a90c9", "#1668b8", "#0b3f78"]
_HEAT_ON_DARK: Final = ["#1d3f5f", "#1f6195", "#3a89c9", "#72b6ec", "#c4e2fb"]


@cache
def vega_bundle() -> str:
    """Return JavaScript that sets `window.vegaEmbed`.

    Pages call `vegaEmbed(element, drawing.chart, {config: theme, ast: true, …})`: expressions are
    then interpreted, so that no page needs CSP's 'unsafe-eval'.
    """
    return str(vl_convert.javascript_bundle(_SNIPPET))


def theme(*, dark: bool) -> dict[str, Any]:
    """Return Vega's config with the colours of a light or a dark page.

    The colours of lines and bars can be told apart by readers without one kind of cones, and each
    stands out from the page by 3 to 1 or more.
    """
    paper, ink, quiet, grid, pending = _DARK if dark else _LIGHT
    series = _SERIES_ON_DARK if dark else _SERIES_ON_LIGHT
    return {
        "background": paper,
        "font": _FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": quiet,
            "titleColor": quiet,
            "titleFontWeight": "normal",
            "labelFontSize": 11,
            "titleFontSize": 11,
            "gridColor": grid,
            "domainColor": grid,
            "tickColor": grid,
            "labelPadding": 6,
        },
        "axisY": {"domain": False, "ticks": False},
        "axisYQuantitative": {"titleAlign": "left", "titleAngle": 0, "titleX": 0, "titleY": -10},
        "legend": {
            "labelColor": ink,
            "titleColor": quiet,
            "titleFontWeight": "normal",
            "labelFontSize": 12,
            "symbolType": "circle",
            "offset": 24,
        },
        "title": {"color": ink, "subtitleColor": quiet, "anchor": "start", "fontSize": 15},
        "text": {"color": ink, "fontSize": 11},
        "bar": {"color": series[0], "cornerRadiusEnd": 2},
        "line": {"color": series[0], "strokeWidth": 2},
        "point": {"color": series[0]},
        "style": {
            "band": {"color": quiet},
            "pending": {"fillOpacity": 0, "stroke": pending, "strokeWidth": 1},
        },
        "range": {"category": series, "heatmap": _HEAT_ON_DARK if dark else _HEAT_ON_LIGHT},
    }
