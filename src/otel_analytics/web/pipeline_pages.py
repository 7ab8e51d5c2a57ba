"""The pages of the pipeline: its executions, and one of them as it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.web.executions import read_execution

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from otel_analytics.web.following import Asked, Follower
    from otel_analytics.web.reader import Reader
    from otel_analytics.web.rendering import Renderer

__all__ = ["PipelinePages"]

_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class PipelinePages:
    """The pages, over what is read. `now` gives the time."""

    reader: Reader
    renderer: Renderer
    now: Callable[[], datetime]
    follower: Follower

    @property
    def _every_ms(self) -> int:
        """How often a page asks what has changed: an account's quotas are everyone's.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
        """
        return 3000 if self.reader.settings.engine == "aws" else 1000

    def executions(self, request: Request) -> Response:
        """Return the page that lists executions, newest first."""
        parameters = request.query_params
        text = parameters.get("after", "0")
        first = int(text) if text.isdecimal() and len(text) < 8 else 0
        found = self.reader.engine.executions.list_executions(max_results=first + _PAGE + 1)
        now = self.now()
        shown = [
            _listed(one, self.follower.asked(one["executionArn"]), now)
            for one in found[first : first + _PAGE]
        ]
        return self.renderer.page(
            request,
            "executions_list.html" if "live" in parameters else "executions.html",
            executions=shown,
            first=first,
            every_ms=5 * self._every_ms,
            is_running=any(one["status"] == "RUNNING" for one in shown),
            newer=max(0, first - _PAGE) if first else None,
            older=first + _PAGE if len(found) > first + _PAGE else None,
        )

    def execution(self, request: Request) -> Response:
        """Return the page of one execution; `live`, only what changes while it runs."""
        parameters = request.query_params
        page = read_execution(
            self.follower.read(request.path_params["name"]),
            prices=self.reader.settings.prices,
            now=self.now(),
            service=parameters.get("service"),
            shows_all=parameters.get("states") == "all",
        )
        template = "live.html" if "live" in parameters else "execution.html"
        return self.renderer.page(
            request,
            template,
            page=page,
            prices=self.reader.settings.prices,
            service=parameters.get("service"),
            shows_all=parameters.get("states") == "all",
            lists_all=parameters.get("runs") == "all",
            every_ms=self._every_ms,
        )


def _listed(execution: dict[str, Any], asked: Asked, now: datetime) -> dict[str, Any]:
    """Return a line of the list."""
    started = datetime.fromisoformat(execution["startDate"])
    stopped = datetime.fromisoformat(execution["stopDate"]) if "stopDate" in execution else None
    goes_on = execution["status"] == "RUNNING"
    return {
        "name": execution["name"],
        "services": ", ".join(asked.services) or "–",
        "execution_date": asked.execution_date or "–",
        "machine": execution["stateMachineArn"].rpartition(":")[2],
        "status": execution["status"],
        "started": started,
        "seconds": ((stopped or now) - started).total_seconds() if stopped or goes_on else None,
    }
