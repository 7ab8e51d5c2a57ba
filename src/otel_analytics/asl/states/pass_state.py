"""Pass: hands its input on, or a fixed result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.states.state import Head, targets_of
from otel_analytics.asl.turn import Finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.states.state import NestFlow
    from otel_analytics.asl.turn import Turn

__all__ = ["Pass"]


@dataclass(frozen=True, slots=True)
class Pass:
    """A Pass state; `result` counts only if `has_result`, since null is a result."""

    head: Head
    has_result: bool
    result: Any

    @classmethod
    def parse(cls, fields: Fields, head: Head, _nest: NestFlow) -> Pass:
        """Return the state."""
        has_result = "Result" in fields and not fields.jsonata
        return cls(head, has_result, fields.optional("Result") if has_result else None)

    def start(self, turn: Turn) -> Finish:
        """Finish at once."""
        flow = self.head.flow
        value = flow.arguments(turn, flow.input(turn))
        return Finish(self.result if self.has_result else value)

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield where the state leads."""
        return targets_of(self.head)
