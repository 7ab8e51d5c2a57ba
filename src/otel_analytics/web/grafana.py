"""The same panels as a dashboard of Grafana's, over its Athena data source.

Source: https://grafana.com/docs/plugins/grafana-athena-datasource/latest/query-editor/
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import (
    athena,
    barchart,
    bargauge,
    common,
    dashboard,
    statushistory,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.athena import FormatOptions
from grafana_foundation_sdk.models.common import (
    ScaleDistribution,
    StackingMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, FieldColorModeId

from otel_analytics.names import table_prefix
from otel_analytics.query.reading import Macro, Output, build_reading, columns_of
from otel_analytics.web.panels import GROUPS, PANELS
from otel_analytics.web.panels.drawings import DRAWINGS
from otel_analytics.web.panels.lines import Lines
from otel_analytics.web.words import Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_analytics.config import Settings
    from otel_analytics.web.panels import Panel
    from otel_analytics.web.words import Language

__all__ = ["PREFIX", "build_dashboard"]

# What Grafana writes the table prefix of the chosen service for.
PREFIX: Final = "${service}"
_DATA_SOURCE: Final = "grafana-athena-datasource"
_FROM, _TO = Macro("$__timeFrom()"), Macro("$__timeTo()")
_UNITS: Final = {"percent": "percent", "count": "short", "number": "short"}
_Builder = timeseries.Panel | barchart.Panel | bargauge.Panel | statushistory.Panel | table.Panel


@dataclass(frozen=True, slots=True)
class _View:
    """How Grafana shows a panel that is not lines: its builder, and the columns that it reads."""

    builder: type[_Builder]
    columns: tuple[str, ...]
    time: str | None = None


_VIEWS: Final = {
    "mau": _View(barchart.Panel, ("year_month", "monthly_active_users")),
    "retention": _View(
        statushistory.Panel, ("retention_type", "retention_rate"), "calculation_date"
    ),
    "retention_curve": _View(barchart.Panel, ("retention_type", "retention_rate")),
    "funnel": _View(
        bargauge.Panel, ("total_sessions", "product_view_sessions", "cart_add_sessions")
    ),
    "cohorts": _View(barchart.Panel, ("cohort_type", "user_count")),
    "events": _View(
        table.Panel,
        ("event_type", "event_count", "percentage_of_total", "unique_users", "unique_sessions"),
    ),
}


def build_dashboard(services: Sequence[str], settings: Settings, *, language: Language) -> str:
    """Return the dashboard as JSON, for Grafana's import or provisioning.

    Its variables are the data source and the service; its range of time is that of the panels.
    """
    words = Words(language)
    chosen = ", ".join(f"{name} : {table_prefix(name)}" for name in services)
    built = (
        dashboard.Dashboard("otel-analytics")
        .uid("otel-analytics")
        .tags(["otel-analytics"])
        .timezone("utc")
        .time("now-90d", "now")
        .with_variable(dashboard.DatasourceVariable("datasource").type(_DATA_SOURCE))
        .with_variable(
            dashboard.CustomVariable("service")
            .label(words.column("dau", "service_name").label)
            .values(chosen)
        )
    )
    ids = count(1)
    for group in GROUPS:
        built = built.with_row(dashboard.Row(words(f"{group}.group")).id(next(ids)))
        for panel in PANELS:
            if panel.group == group:
                built = built.with_panel(_panel(panel, settings, words).id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build())


def _panel(panel: Panel, settings: Settings, words: Words) -> _Builder:
    drawing = DRAWINGS[panel.id]
    lines = drawing if isinstance(drawing, Lines) else None
    if lines:
        names = (lines.names,) if lines.names else ()
        view = _View(timeseries.Panel, (*names, *lines.columns), lines.day)
    else:
        view = _VIEWS[panel.id]
    meanings = [words.column(panel.query_type, name) for name in view.columns]
    numbers = [one for one in meanings if one.kind in _UNITS]
    has_partial = "is_partial" in columns_of(panel.sql)
    partial = {one.name: f"{one.label} ({words('partial')})" for one in numbers if has_partial}
    sql = build_reading(
        panel.sql,
        tables=panel.tables(PREFIX),
        values={"first_day": _FROM, "last_day": _TO, "period_start": _FROM},
        database=settings.athena.database,
        output=Output({one.name: one.label for one in meanings}, view.time, partial),
    )
    query = (
        athena.Dataquery()
        .ref_id("A")
        .connection_args(athena.ConnectionArgs())
        .format(FormatOptions.TIME_SERIES if view.time else FormatOptions.TABLE)
        .raw_sql(sql)
    )
    builder = (
        view.builder()
        .title(words(f"{panel.id}.title"))
        .description(words(f"{panel.id}.help"))
        .datasource(DataSourceRef(type_val=_DATA_SOURCE, uid="${datasource}"))
        .span(12)
        .height(8)
        .with_target(query)
    )
    if not isinstance(builder, table.Panel):  # its columns differ in kind
        builder = builder.unit(_UNITS[numbers[0].kind]).min(0)
    return _shaped(builder, is_log=lines is not None and lines.is_log)


def _shaped(builder: _Builder, *, is_log: bool) -> _Builder:
    """Return the builder with what makes its kind of panel readable."""
    if isinstance(builder, timeseries.Panel) and is_log:
        log = common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10)
        return builder.scale_distribution(log)
    if isinstance(builder, barchart.Panel):
        # of a month, there is the bar of what is complete or the one of what is not
        return builder.show_value(VisibilityMode.ALWAYS).stacking(StackingMode.NORMAL)
    if isinstance(builder, bargauge.Panel):
        return builder.orientation(VizOrientation.HORIZONTAL)
    if isinstance(builder, statushistory.Panel):
        blues = dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_BLUES)
        return builder.color_scheme(blues).show_value(VisibilityMode.NEVER)
    if isinstance(builder, table.Panel):
        return builder.filterable(True)
    return builder
