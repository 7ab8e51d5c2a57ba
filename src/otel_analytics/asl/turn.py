"""A state's view of the execution while it starts, and what it can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.queries.scope import Scope

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from otel_analytics.asl.dataflow import DataFlow

__all__ = ["Choose", "Finish", "Fork", "Outcome", "StartTask", "Turn", "WaitUntil"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a state reads: its raw input, the context object, the variables, the time."""

    input: Any
    context: Mapping[str, Any]
    variables: Mapping[str, Any]
    now: Callable[[], float]
    chance: random.Random

    def scope(self, value: Any, **states: Any) -> Scope:
        """Return what an expression sees; `states` joins `$states` (result, errorOutput)."""
        return Scope(
            value,
            self.context,
            self.variables,
            {"input": self.input, "context": self.context, **states},
            self.now,
            self.chance,
        )

    def with_item(self, index: int, item: Any) -> Turn:
        """Return the same turn, seen by one iteration of a Map."""
        context = {**self.context, "Map": {"Item": {"Index": index, "Value": item}}}
        return Turn(self.input, context, self.variables, self.now, self.chance)


@dataclass(frozen=True, slots=True)
class Finish:
    """The state is done; `result` goes through its data flow."""

    result: Any


@dataclass(frozen=True, slots=True)
class Choose:
    """A Choice is made: where to go, and the data flow of the rule that matched."""

    result: Any
    next: str
    flow: DataFlow


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Sleep until a time (seconds since 1970), then finish with `result`."""

    at: float
    result: Any


@dataclass(frozen=True, slots=True)
class StartTask:
    """Hand `arguments` to whoever does `resource`."""

    resource: str
    arguments: Any
    timeout_s: int | None
    heartbeat_s: int | None


@dataclass(frozen=True, slots=True)
class Fork:
    """Run one child flow for each item, at most `limit` at a time."""

    items: list[Any]
    limit: int


Outcome = Finish | Choose | WaitUntil | StartTask | Fork
