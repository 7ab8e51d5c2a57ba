"""A parsed state machine: plain, immutable, and independent of any execution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.states.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_analytics.asl.states.state import State

__all__ = ["Flow", "StateMachine"]


@dataclass(frozen=True, slots=True)
class Flow:
    """A States map with its StartAt: the machine's own, a branch's or a Map processor's."""

    where: str
    start_at: str
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A valid document; flow 0 is the outermost one. Units: seconds."""

    document: Mapping[str, Any]
    flows: tuple[Flow, ...]
    timeout_s: int | None

    def tasks(self) -> Iterator[Task]:
        """Yield every Task state."""
        for flow in self.flows:
            for state in flow.states.values():
                if isinstance(state, Task):
                    yield state
