"""Choice: takes the first rule that holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.dataflow import parse_rule_flow
from otel_analytics.asl.failures import runtime_error
from otel_analytics.asl.fields import STATES_INPUT, Fields
from otel_analytics.asl.queries.jsonata import unexpected_type
from otel_analytics.asl.queries.templates import is_expression
from otel_analytics.asl.states.comparisons import parse_comparison
from otel_analytics.asl.states.state import Head, targets_of
from otel_analytics.asl.turn import Choose
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.asl.queries.scope import Scope
    from otel_analytics.asl.states.state import NestFlow
    from otel_analytics.asl.turn import DataFlow, Turn

__all__ = ["Choice"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of Choices."""

    holds: Callable[[Scope], bool]
    next: str
    flow: DataFlow


@dataclass(frozen=True, slots=True)
class Choice:
    """A Choice state."""

    head: Head
    rules: tuple[Rule, ...]
    default: str | None

    @classmethod
    def parse(cls, fields: Fields, head: Head, _nest: NestFlow) -> Choice:
        """Return the state.

        Raises: InvalidDocument
        """
        choices = fields.required("Choices", list)
        if not choices:
            raise fields.invalid("Choices", "must hold one or more rules")
        rules = []
        for index, data in enumerate(choices):
            where = f"{fields.path_of('Choices')}[{index}]"
            if not isinstance(data, dict):
                raise InvalidDocument("must be an object", where=where)
            rule = Fields(
                data, where, "a choice rule", fields.language, prefix=f"Choices[{index}]/"
            )
            rules.append(_parse_rule(rule, head))
        return cls(head, tuple(rules), fields.optional("Default", str))

    def start(self, turn: Turn) -> Choose:
        """Choose.

        Raises: StateError if no rule holds and there is no Default
        """
        value = self.head.flow.input(turn)
        scope = turn.scope(value)
        for rule in self.rules:
            if rule.holds(scope):
                return Choose(value, rule.next, rule.flow)
        if self.default is None:
            # What AWS says, rather than the language's own States.NoChoiceMatched.
            raise runtime_error(
                "Failed to transition out of the state. The state does not point to a next state."
            )
        return Choose(value, self.default, self.head.flow)

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield where the rules and Default lead."""
        yield from targets_of(self.head)
        for index, rule in enumerate(self.rules):
            yield rule.next, f"{self.head.where}.Choices[{index}].Next"
        if self.default is not None:
            yield self.default, f"{self.head.where}.Default"


def _parse_rule(fields: Fields, head: Head) -> Rule:
    holds = _parse_condition(fields) if fields.jsonata else parse_comparison(fields)
    rule = Rule(holds, fields.text("Next"), parse_rule_flow(fields, head.flow))
    fields.refuse_the_rest()
    return rule


def _parse_condition(fields: Fields) -> Callable[[Scope], bool]:
    value: Any = fields.required("Condition", object)
    if isinstance(value, bool):
        return lambda _scope: value
    if not is_expression(value):
        raise fields.invalid("Condition", "must be a JSONata expression: {% … %}")
    template = fields.jsonata_template("Condition", states=STATES_INPUT)
    assert template is not None  # noqa: S101 - the field is there

    def holds(scope: Scope) -> bool:
        found = template.evaluate(scope)
        if not isinstance(found, bool):
            raise unexpected_type(template, field="Condition", expected="boolean", value=found)
        return found

    return holds
