"""Vega in a page: its JavaScript, which an installed package carries, and the page's colours."""

from __future__ import annotations

from functools import cache
from typing import Any

import vl_convert

__all__ = ["theme", "vega_bundle"]

_SNIPPET = "window.vegaEmbed = vegaEmbed;"


@cache
def vega_bundle() -> str:
    """Return JavaScript that sets `window.vegaEmbed`.

    Pages call `vegaEmbed(element, drawing.chart, {config: theme, ast: true, …})`: expressions are
    then interpreted, so that no page needs CSP's 'unsafe-eval'.
    """
    return str(vl_convert.javascript_bundle(_SNIPPET))


def theme(*, dark: bool) -> dict[str, Any]:
    """Return Vega's config with the colours of a light or a dark page."""
    ink = "#e6e6e6" if dark else "#1f2328"
    return {"background": "transparent", "axis": {"labelColor": ink, "titleColor": ink}}
