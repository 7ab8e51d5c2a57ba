"""The page on which a reader asks a query of their own; only there if the server allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool

from otel_analytics.errors import OtelAnalyticsError, Refused
from otel_analytics.query.limited import with_at_most
from otel_analytics.web.pages import failure_of, status_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from otel_analytics.web.reader import Reader
    from otel_analytics.web.rendering import Renderer

__all__ = ["QueryPage"]

_SHOWN_ROWS: Final = 1000
_MAX_FORM_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class QueryPage:
    """The page, over what is read."""

    reader: Reader
    renderer: Renderer

    def form(self, request: Request) -> Response:
        """Return the page before a query."""
        return self._page(request, sql="")

    async def ask(self, request: Request) -> Response:
        """Return the page with a query's rows, or with why there are none."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MAX_FORM_BYTES:
                raise Refused("the statement is too long: write less than 1 MB")
        fields = parse_qs(body.decode(errors="replace"))
        return await run_in_threadpool(self._answer, request, fields.get("sql", [""])[0])

    def _answer(self, request: Request, sql: str) -> Response:
        try:
            limited = with_at_most(
                sql, _SHOWN_ROWS + 1, database=self.reader.settings.athena.database
            )
            rows = self.reader.query_anew(limited)
        except OtelAnalyticsError as error:
            return self._page(request, status_of(error), sql=sql, failure=failure_of(error))
        return self._page(request, sql=sql, result=rows)

    def _page(self, request: Request, status: int = 200, **values: object) -> Response:
        shown = {"failure": None, "result": None, **values}
        limits = {"max_rows": _SHOWN_ROWS, "timeout_s": self.reader.timeout_s}
        return self.renderer.page(request, "query.html", status, **limits, **shown)
