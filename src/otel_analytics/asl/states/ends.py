"""Succeed and Fail: the states that end a flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import StateError, runtime_error
from otel_analytics.asl.fields import STATES_INPUT
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.queries.jsonata import Expression, unexpected_type
from otel_analytics.asl.queries.templates import Literal
from otel_analytics.asl.turn import Finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.queries.scope import Template
    from otel_analytics.asl.states.state import Head, NestFlow
    from otel_analytics.asl.turn import Outcome, Turn

__all__ = ["Fail", "Succeed"]


@dataclass(frozen=True, slots=True)
class Succeed:
    """A Succeed state."""

    head: Head

    @classmethod
    def parse(cls, _fields: Fields, head: Head, _nest: NestFlow) -> Succeed:
        """Return the state."""
        return cls(head)

    def start(self, turn: Turn) -> Finish:
        """Finish at once."""
        return Finish(self.head.flow.input(turn))

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield nothing: the flow ends here."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Fail:
    """A Fail state; each of the two texts is computed if it is not a plain one."""

    head: Head
    error: Template | None
    cause: Template | None

    @classmethod
    def parse(cls, fields: Fields, head: Head, _nest: NestFlow) -> Fail:
        """Return the state."""
        return cls(head, _text_field(fields, "Error"), _text_field(fields, "Cause"))

    def start(self, turn: Turn) -> Outcome:
        """Fail with the state's error and cause."""
        raise StateError(
            self._text(self.error, "Error", turn), self._text(self.cause, "Cause", turn)
        )

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield nothing: the flow ends here."""
        return iter(())

    @staticmethod
    def _text(template: Template | None, name: str, turn: Turn) -> str | None:
        value: Any = None if template is None else template.evaluate(turn.scope(turn.input))
        if value is None or isinstance(value, str):
            return value
        if isinstance(template, Expression):
            raise unexpected_type(template, field=name, expected="string", value=value)
        raise runtime_error(f"The {name} field must be a string, but was: {to_json(value)}")


def _text_field(fields: Fields, name: str) -> Template | None:
    given = name if fields.jsonata else fields.at_most_one(name, f"{name}Path")
    if given is not None and given.endswith("Path"):
        return fields.path_or_intrinsic(given)
    value = fields.optional(name, str)
    if fields.jsonata:
        return fields.jsonata_template(name, states=STATES_INPUT)
    return None if value is None else Literal(value)
