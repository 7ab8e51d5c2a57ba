"""Task: hands its arguments to whoever does its resource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.queries.templates import is_expression
from otel_analytics.asl.states.state import Head, targets_of
from otel_analytics.asl.turn import StartTask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.number import Number
    from otel_analytics.asl.states.state import NestFlow
    from otel_analytics.asl.turn import Turn

__all__ = ["Task"]

_RESOURCE = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[^:]*:[^:]*:.+")


@dataclass(frozen=True, slots=True)
class Task:
    """A Task state; `arguments` stands as in the document."""

    head: Head
    resource: str
    arguments: Any
    timeout: Number | None
    heartbeat: Number | None

    @classmethod
    def parse(cls, fields: Fields, head: Head, _nest: NestFlow) -> Task:
        """Return the state.

        Raises: InvalidDocument
        """
        resource = fields.text("Resource")
        if not _RESOURCE.fullmatch(resource):
            raise fields.invalid("Resource", f"'{resource}' is not an ARN: write arn:aws:…")
        # Whose rights the task has means nothing outside AWS, but it may stand there.
        fields.template("Credentials")
        timeout = fields.timeout("TimeoutSeconds")
        heartbeat = fields.timeout("HeartbeatSeconds")
        if timeout and heartbeat and timeout.value and (heartbeat.value or 0) >= timeout.value:
            raise fields.invalid("HeartbeatSeconds", "must be smaller than TimeoutSeconds")
        return cls(head, resource, fields.data.get(_arguments(head)), timeout, heartbeat)

    def argument(self, name: str) -> tuple[str, Any]:
        """Return where one of its arguments stands, and its value unless that is computed."""
        field = _arguments(self.head)
        value = self.arguments.get(name) if isinstance(self.arguments, dict) else None
        return f"{self.head.where}.{field}.{name}", None if is_expression(value) else value

    def start(self, turn: Turn) -> StartTask:
        """Ask for the task."""
        flow = self.head.flow
        value = flow.input(turn)
        scope = turn.scope(value)
        return StartTask(
            self.resource,
            flow.arguments(turn, value),
            None if self.timeout is None else self.timeout.whole(scope),
            None if self.heartbeat is None else self.heartbeat.whole(scope),
            turn.context["Task"]["Token"] if self.waits_for_token else None,
        )

    @property
    def waits_for_token(self) -> bool:
        """Whether its result comes by a callback, not from the call itself."""
        return self.resource.endswith(".waitForTaskToken")

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield where the state leads."""
        return targets_of(self.head)


def _arguments(head: Head) -> str:
    return "Arguments" if head.language == "JSONata" else "Parameters"
