"""A state's view of the execution while it starts, and what it can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from otel_analytics.asl.queries.scope import Scope

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

__all__ = ["Choose", "DataFlow", "Finish", "Fork", "Outcome", "StartTask", "Turn", "WaitUntil"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a state reads: its raw input, the context object, the variables, the time.

    The context object is made when it is read, which most states never do.
    """

    input: Any
    make_context: Callable[[], Mapping[str, Any]]
    variables: Mapping[str, Any]
    now: Callable[[], float]
    chance: random.Random

    @property
    def context(self) -> Mapping[str, Any]:
        """The context object."""
        return self.make_context()

    def scope(self, value: Any, **results: Any) -> Scope:
        """Return what an expression sees; `results` join `$states` (result, errorOutput)."""
        return Scope(
            value,
            self.input,
            self.make_context,
            self.variables,
            results,
            self.now,
            self.chance,
        )

    def with_item(self, index: int, item: Any) -> Turn:
        """Return the same turn, seen by one iteration of a Map."""
        context = {**self.context, "Map": {"Item": {"Index": index, "Value": item}}}
        return Turn(self.input, lambda: context, self.variables, self.now, self.chance)


class DataFlow(Protocol):
    """What both query languages do with a state's data."""

    def input(self, turn: Turn) -> Any:
        """Return the effective input: the raw input after InputPath."""

    def arguments(self, turn: Turn, value: Any) -> Any:
        """Return what the state works on, from the effective input."""

    def leave(self, turn: Turn, result: Any) -> tuple[Any, dict[str, Any]]:
        """Return the state's output, and the variables that it assigns."""

    def leave_failed(self, turn: Turn, error: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the output and the variables of a catcher."""


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
    token: str | None


@dataclass(frozen=True, slots=True)
class Fork:
    """Run one child flow for each item, at most `limit` at a time; `tolerated` may fail."""

    items: list[Any]
    limit: int
    tolerated: int | None = None


Outcome = Finish | Choose | WaitUntil | StartTask | Fork
