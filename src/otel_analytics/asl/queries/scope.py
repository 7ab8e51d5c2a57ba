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
    context: Mapping[str, Any]
    variables: Mapping[str, Any]
    states: Mapping[str, Any]
    now: Callable[[], float]
    chance: random.Random


class Template(Protocol):
    """A compiled field of the document, in either language."""

    def evaluate(self, scope: Scope) -> Any:
        """Return the field's value."""
