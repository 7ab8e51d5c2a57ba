"""Parallel: runs its branches at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.states.state import Head, targets_of
from otel_analytics.asl.turn import Fork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.states.state import NestFlow
    from otel_analytics.asl.turn import Turn

__all__ = ["Parallel"]


@dataclass(frozen=True, slots=True)
class Parallel:
    """A Parallel state; `branches` are flows of the machine."""

    head: Head
    branches: tuple[int, ...]

    @property
    def iterates(self) -> bool:
        """Branches have no events of their own."""
        return False

    @classmethod
    def parse(cls, fields: Fields, head: Head, nest: NestFlow) -> Parallel:
        """Return the state.

        Raises: InvalidDocument
        """
        branches = fields.required("Branches", list)
        if not branches:
            raise fields.invalid("Branches", "must hold one or more branches")
        where = fields.path_of("Branches")
        return cls(head, tuple(nest(branch, f"{where}[{i}]") for i, branch in enumerate(branches)))

    def start(self, turn: Turn) -> Fork:
        """Run all branches, each on the same input."""
        flow = self.head.flow
        value = flow.arguments(turn, flow.input(turn))
        return Fork([value] * len(self.branches), len(self.branches))

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield where the state leads."""
        return targets_of(self.head)

    def child_flow(self, index: int) -> int:
        """Return the branch's flow."""
        return self.branches[index]

    def child_input(self, _turn: Turn, _index: int, item: Any) -> Any:
        """Return the branch's input."""
        return item
