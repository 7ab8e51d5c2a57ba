"""What an expression can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

__all__ = ["Scope", "Template"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The data that one evaluation reads.

    `value` is JSONPath's `$`, `context` its `$$`; `states` is JSONata's `$states`; both read
    `variables`. `now` (seconds since 1970) and `chance` serve the functions that need them.
    """

    value: Any
    input: Any
    make_context: Callable[[], Mapping[str, Any]]
    variables: Mapping[str, Any]
    results: Mapping[str, Any]
    now: Callable[[], float]
    chance: random.Random

    @property
    def context(self) -> Mapping[str, Any]:
        """The context object."""
        return self.make_context()

    @property
    def states(self) -> Mapping[str, Any]:
        """The state's raw input, the context object, and the result or error there is."""
        return {"input": self.input, "context": self.context, **self.results}


class Template(Protocol):
    """A compiled field of the document, in either language."""

    def evaluate(self, scope: Scope) -> Any:
        """Return the field's value."""
