"""The dashboard as an ASGI application: which address leads to which page, and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from otel_analytics.errors import Failed, Refused
from otel_analytics.web.following import Follower
from otel_analytics.web.gate import Gate
from otel_analytics.web.pages import Pages, failure_of, status_of
from otel_analytics.web.pipeline_pages import PipelinePages
from otel_analytics.web.query_page import QueryPage
from otel_analytics.web.rendering import Renderer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from otel_analytics.web.assets import Assets
    from otel_analytics.web.reader import Reader

__all__ = ["build_app"]

# The address of a file changes with its content.
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def build_app(
    reader: Reader,
    assets: Assets,
    *,
    now: Callable[[], datetime],
    token: str | None = None,
    allows_query: bool = False,
) -> ASGIApp:
    """Return the dashboard over what is read."""
    renderer = Renderer(assets, reader.settings.zone, allows_query)
    pages, pipeline = (
        Pages(reader, renderer),
        PipelinePages(reader, renderer, now, Follower(reader.engine.executions, reader.clock)),
    )

    def static(request: Request) -> Response:
        found = assets.find(request.path_params["version"], request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return Response(found[0], media_type=found[1], headers=_FOREVER)

    def icon(request: Request) -> Response:  # noqa: ARG001 - a page without a head asks for it
        return RedirectResponse(assets.address("icon.svg"))

    routes = [
        Route("/", pages.overview),
        Route("/events", pages.events),
        Route("/panels/{panel}.{ending}", pages.download),
        Route("/panels/{panel}", pages.panel),
        Route("/executions", pipeline.executions),
        Route("/executions/{name}", pipeline.execution),
        Route("/static/{version}/{name}", static),
        Route("/favicon.ico", icon),
    ]
    if allows_query:
        query = QueryPage(reader, renderer)
        routes.append(Route("/query", query.form, methods=["GET"]))
        routes.append(Route("/query", query.ask, methods=["POST"]))

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, (Refused, Failed))  # noqa: S101 - as it is registered below
        return renderer.failed(request, status_of(error), failure_of(error))

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered below
        return renderer.page(request, "missing.html", error.status_code)

    def broken(request: Request, error: Exception) -> Response:  # noqa: ARG001 - it is logged
        return renderer.page(request, "broken.html", 500)

    handlers = {Refused: refused, Failed: refused, HTTPException: of_http, Exception: broken}
    app = Starlette(routes=routes, exception_handlers=handlers)
    return Gate(app, token, renderer.refused)
