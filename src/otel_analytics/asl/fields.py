"""Reading the fields of a document; a field that nobody asks for is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import evaluation_error, runtime_error
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.queries.jsonata import unexpected_type
from otel_analytics.asl.queries.jsonpath import parse_path
from otel_analytics.asl.queries.templates import (
    compile_jsonata,
    compile_jsonpath,
    compile_path_field,
    is_expression,
)
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from otel_analytics.asl.queries.jsonpath import Path
    from otel_analytics.asl.queries.scope import Scope, Template

__all__ = ["JSONATA", "JSONPATH", "STATES_INPUT", "Fields", "Number"]

JSONPATH = "JSONPath"
JSONATA = "JSONata"
STATES_INPUT = frozenset({"input", "context"})

_INSTEAD = {
    "InputPath": "Output",
    "OutputPath": "Output",
    "Parameters": "Arguments",
    "ResultSelector": "Output",
    "ResultPath": "Output",
    "Result": "Output",
    "ItemsPath": "Items",
    "Variable": "Condition",
    "Arguments": "Parameters",
    "Output": "OutputPath or ResultPath",
    "Items": "ItemsPath",
    "Condition": "Variable and an operator",
}
_WORDS = {str: "a text", bool: "true or false", dict: "an object", list: "an array"}


@dataclass(frozen=True, slots=True)
class Number:
    """A field that holds a whole number, a JSONata expression or a path to a number."""

    name: str
    value: int | None = None
    expression: Template | None = None
    path: Path | None = None
    least: int = 0

    def evaluate(self, scope: Scope) -> int:
        """Return the number.

        Raises: StateError if what was found is not a number that is allowed
        """
        if self.value is not None:
            return self.value
        if self.expression is not None:
            return self._checked_expression(self.expression, scope)
        found = None if self.path is None else self.path_value(self.path, scope)
        if isinstance(found, int) and not isinstance(found, bool) and found >= self.least:
            return found
        text = "" if self.path is None else self.path.text
        if self.name == "SecondsPath":
            raise runtime_error(
                "The SecondsPath parameter cannot be parsed as a long value: "
                f"{text} == {to_json(found)}"
            )
        raise runtime_error(
            f'The {self.name} field refers to value "{to_json(found)}" which is not a valid '
            f"integer: {text}"
        )

    @staticmethod
    def path_value(path: Path, scope: Scope) -> Any:
        """Return what the path finds.

        Raises: StateError (States.Runtime) if there is nothing
        """
        try:
            return path.find(scope)
        except LookupError as missing:
            raise runtime_error(
                f"Invalid path '{path.text}' : No results for path: {missing}"
            ) from None

    def _checked_expression(self, expression: Template, scope: Scope) -> int:
        found = expression.evaluate(scope)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise unexpected_type(expression, field=self.name, expected="number", value=found)
        if found != int(found) or found < self.least:
            raise evaluation_error(
                f"The {self.name} field must be a whole number, {self.least} or more, but was: "
                f"{to_json(found)}",
                location=self.name,
            )
        return int(found)


@dataclass(slots=True)
class Fields:
    """The fields of one object of the document, with its path and its query language.

    `prefix` is where the object stands in its state, as in `Catch[0]/`.
    """

    data: dict[str, Any]
    where: str
    kind: str
    language: str
    prefix: str = ""
    asked: set[str] = field(default_factory=lambda: {"Comment"})

    @property
    def jsonata(self) -> bool:
        """Whether the query language is JSONata."""
        return self.language == JSONATA

    def __contains__(self, name: str) -> bool:
        return name in self.data

    def path_of(self, name: str) -> str:
        """Return the full path of a field."""
        return f"{self.where}.{name}"

    def invalid(self, name: str, problem: str) -> InvalidDocument:
        """Return the error that says what is wrong with a field."""
        return InvalidDocument(problem, where=self.path_of(name))

    def optional(self, name: str, kind: type | None = None) -> Any:
        """Return a field, or None where it is absent."""
        self.asked.add(name)
        value = self.data.get(name)
        if name in self.data and kind is not None and not isinstance(value, kind):
            raise self.invalid(name, f"must be {_WORDS[kind]}, not {_shown(value)}")
        return value

    def required(self, name: str, kind: type) -> Any:
        """Return a field that must be there."""
        if name not in self.data:
            raise InvalidDocument(f"{self.kind} needs the field {name}", where=self.where)
        return self.optional(name, kind)

    def text(self, name: str) -> str:
        """Return a text that must be there and not be empty."""
        value = self.required(name, str)
        if not value:
            raise self.invalid(name, "must not be empty")
        return str(value)

    def at_most_one(self, *names: str) -> str | None:
        """Return which of the fields is given, if any."""
        given = [name for name in names if name in self.data]
        if len(given) > 1:
            raise self.invalid(given[1], f"cannot stand beside {given[0]}: give one of them")
        return given[0] if given else None

    def number(self, name: str, *, least: int = 0) -> Number | None:
        """Return a number given as itself, in JSONata, or under `<name>Path`."""
        by_path = f"{name}Path"
        given = self.at_most_one(name, by_path) if not self.jsonata else name
        if given == by_path:
            path = self.path(by_path)
            return None if path is None else Number(by_path, path=path, least=least)
        value = self.optional(name)
        if name not in self.data:
            return None
        if self.jsonata and is_expression(value):
            template = self.jsonata_template(name, states=STATES_INPUT)
            return Number(name, expression=template, least=least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.invalid(
                name, f"must be a whole number, {least} or more, not {_shown(value)}"
            )
        return Number(name, value=value)

    def path(self, name: str) -> Path | None:
        """Return a field that is a path."""
        value = self.optional(name, str)
        if value is None:
            return None
        try:
            return parse_path(value)
        except ValueError as error:
            raise self.invalid(name, str(error)) from error

    def path_or_intrinsic(self, name: str) -> Template | None:
        """Return a field that is a path or a call of an intrinsic function."""
        value = self.optional(name, str)
        if value is None:
            return None
        return compile_path_field(value, field=name, where=self.path_of(name))

    def jsonata_template(self, name: str, *, states: frozenset[str]) -> Template | None:
        """Return a field in which JSONata may stand anywhere."""
        value = self.optional(name)
        if name not in self.data:
            return None
        return compile_jsonata(
            value,
            field=self.prefix + name,
            where=self.path_of(name),
            allowed_states=states,
        )

    def jsonpath_template(self, name: str) -> Template | None:
        """Return a payload template with `.$` names."""
        value = self.optional(name)
        if name not in self.data:
            return None
        return compile_jsonpath(value, where=self.path_of(name))

    def template(self, name: str, *, states: frozenset[str] = STATES_INPUT) -> Template | None:
        """Return a template in the state's language."""
        if self.jsonata:
            return self.jsonata_template(name, states=states)
        return self.jsonpath_template(name)

    def refuse_the_rest(self) -> None:
        """Refuse every field that was not asked for."""
        for name in self.data:
            if name not in self.asked:
                instead = _INSTEAD.get(name)
                hint = f": use {instead}" if instead else ""
                raise self.invalid(
                    name, f"is not a field of {self.kind} in {self.language}{hint}, or remove it"
                )


def _shown(value: Any, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
