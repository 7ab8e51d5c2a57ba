"""The panels: for each, one query on a service's published tables, and the chart of its rows.

A panel's SQL is a `.sql` file in Athena's dialect over relations named after query types (and
`…_history`), with the parameters `:first_day`, `:last_day` and `:period_start`. What is drawn is
Vega-Lite without colours: these are the page's `theme`.
"""

from otel_analytics.web.panels.answer import Answer
from otel_analytics.web.panels.catalog import GROUPS, PANELS, find_panel
from otel_analytics.web.panels.panel import Drawing, Panel

__all__ = ["GROUPS", "PANELS", "Answer", "Drawing", "Panel", "find_panel"]
