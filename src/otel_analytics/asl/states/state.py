"""What every state has, and what a state type must offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.asl.retry import Catcher, Retrier
    from otel_analytics.asl.turn import DataFlow, Outcome, Turn

    NestFlow = Callable[[Any, str], int]

__all__ = ["Head", "State", "targets_of"]


@dataclass(frozen=True, slots=True)
class Head:
    """The fields that all state types share; `next` is None where the flow ends."""

    name: str
    type: str
    where: str
    language: str
    flow: DataFlow
    next: str | None = None
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()


class State(Protocol):
    """One state of a flow."""

    @property
    def head(self) -> Head:
        """What every state has."""

    def start(self, turn: Turn) -> Outcome:
        """Return what the state asks for.

        Raises: StateError
        """

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield the states that this one leads to, each with the path of the field that says so."""


def targets_of(head: Head) -> Iterator[tuple[str, str]]:
    """Yield where Next and Catch lead."""
    if head.next is not None:
        yield head.next, f"{head.where}.Next"
    for index, catcher in enumerate(head.catchers):
        yield catcher.next, f"{head.where}.Catch[{index}].Next"
