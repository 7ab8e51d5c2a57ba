"""The pages over the published tables: overview, the panels in it, events, downloads."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from otel_analytics.errors import InvalidName, OtelAnalyticsError, Refused
from otel_analytics.metrics.catalog import find_metric
from otel_analytics.pipeline.explanations import explain
from otel_analytics.query.build import window_of
from otel_analytics.web.asked import RANGES, parse_asked
from otel_analytics.web.csv_file import csv_file
from otel_analytics.web.panels import GROUPS, PANELS, find_panel
from otel_analytics.web.rendering import words_of
from otel_analytics.web.services import last_day
from otel_analytics.web.vega import theme

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from starlette.requests import Request

    from otel_analytics.web.asked import Asked
    from otel_analytics.web.panels import Answer, Panel
    from otel_analytics.web.reader import Reader
    from otel_analytics.web.rendering import Renderer
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.services import Service

__all__ = ["Pages", "failure_of", "status_of"]

# Rows that are shown beside a chart; a download has them all.
_SHOWN_ROWS: Final = 200
_SHOWN_EVENTS: Final = 500
_EVENTS_PANEL: Final = "events"
_MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "sql": "application/sql; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages, over what is read."""

    reader: Reader
    renderer: Renderer
    # drawn one by one, the first chart is out while the others still take their turn
    _drawing: threading.Lock = field(default_factory=threading.Lock)

    def overview(self, request: Request) -> Response:
        """Return the page of all panels, each still to be loaded."""
        services = self.reader.services()
        if not services:
            return self.renderer.page(request, "empty.html")
        asked = parse_asked(request.query_params, services)
        words = words_of(request)
        groups = [
            (words(f"{group}.group"), group, [one for one in PANELS if one.group == group])
            for group in GROUPS
        ]
        return self.renderer.page(
            request,
            "overview.html",
            groups=groups,
            themes={"light": theme(dark=False), "dark": theme(dark=True)},
            **self._selecting(asked, services),
        )

    def panel(self, request: Request) -> Response:
        """Return what a panel shows, as JSON: `html`, and `chart` if there is something to draw."""
        panel = find_panel(request.path_params["panel"])
        try:
            asked, answer = self._ask(panel, request)
        except OtelAnalyticsError as error:
            html = self.renderer.text(request, "failure.html", failure=failure_of(error))
            return JSONResponse({"html": html, "chart": None}, status_of(error))
        with self._drawing:
            drawing = panel.draw(answer, asked.selection, words_of(request))
        html = self.renderer.text(
            request,
            "panel.html",
            panel=panel,
            drawing=drawing,
            answer=answer,
            shown=answer.rows[:_SHOWN_ROWS],
            query=asked.query,
        )
        return JSONResponse({"html": html, "chart": drawing.chart})

    def download(self, request: Request) -> Response:
        """Return a panel's rows as a file, or the queries that gave them."""
        panel = find_panel(request.path_params["panel"])
        ending = request.path_params["ending"]
        if ending not in _MEDIA_TYPES:
            raise InvalidName(f"there is no download {ending[:20]!r}: use csv, parquet or sql")
        _, answer = self._ask(panel, request)
        headers = {"Content-Disposition": f'attachment; filename="{panel.id}.{ending}"'}
        return Response(_file(answer, ending), headers=headers, media_type=_MEDIA_TYPES[ending])

    def events(self, request: Request) -> Response:
        """Return the page on which event names are searched."""
        services = self.reader.services()
        if not services:
            return self.renderer.page(request, "empty.html")
        panel = find_panel(_EVENTS_PANEL)
        asked, answer = self._ask(panel, request)
        searched = request.query_params.get("q", "").strip()[:200]
        rows = answer.records()
        found = [row for row in rows if searched.casefold() in str(row["event_type"]).casefold()]
        return self.renderer.page(
            request,
            "events.html",
            panel=panel,
            searched=searched,
            found=found[:_SHOWN_EVENTS],
            found_count=len(found),
            count=len(rows),
            empty="" if rows else panel.draw(answer, asked.selection, words_of(request)).empty,
            largest=max((row["event_count"] for row in found), default=0),
            **self._selecting(asked, services),
        )

    def _ask(self, panel: Panel, request: Request) -> tuple[Asked, Answer]:
        services = self.reader.services()
        asked = parse_asked(request.query_params, services)
        answer = panel.ask(self.reader.query, services, asked.selection, self.reader.settings)
        return asked, answer

    def _selecting(self, asked: Asked, services: Sequence[Service]) -> dict[str, Any]:
        """Return what the forms of services and days show."""
        dates = [one.execution_date for one in services if one.execution_date]
        return {
            "asked": asked,
            "services": services,
            "ranges": RANGES,
            "as_of": max(dates, default=None),
            "nothing_before": self._nothing_before(asked.selection, services),
        }

    def _nothing_before(self, selection: Selection, services: Sequence[Service]) -> date | None:
        """Return when the tables begin, if they hold nothing before the selected range."""
        last = last_day(selection.services, services)
        if last is None:
            return None
        metrics = {find_metric(panel.query_type) for panel in PANELS if panel.by == "day"}
        execution_date = last + timedelta(days=1)
        begins = min(
            window_of(metric, execution_date, self.reader.settings)[0] for metric in metrics
        )
        return None if selection.first and selection.first > begins else begins


def failure_of(error: OtelAnalyticsError) -> dict[str, Any]:
    """Return what a page says of an error: its message, and its explanation if there is one."""
    message = str(error)
    return {"message": message, "explanation": explain(None, message)}


def status_of(error: OtelAnalyticsError) -> int:
    """Return the status of an error: nothing is there, the request is wrong, or we failed."""
    if isinstance(error, InvalidName):
        return 404
    return 400 if isinstance(error, Refused) else 502


def _file(answer: Answer, ending: str) -> bytes:
    if ending == "sql":
        return "".join(f"{statement};\n" for statement in answer.statements).encode()
    if ending == "csv":
        return csv_file(answer.names, answer.rows)
    # pyarrow would be a good part of the time until the first page
    from otel_analytics.lake.parquet import parquet_file  # noqa: PLC0415

    return parquet_file([(one.name, one.type) for one in answer.columns], answer.rows)
