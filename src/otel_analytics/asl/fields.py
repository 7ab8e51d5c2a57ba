"""Reading the fields of a document; a field that nobody asks for is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.number import TIMEOUT, WHOLE, Number
from otel_analytics.asl.queries.jsonpath import parse_path
from otel_analytics.asl.queries.templates import (
    compile_jsonata,
    compile_jsonpath,
    compile_path_field,
    is_expression,
)
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from otel_analytics.asl.number import NumberKind
    from otel_analytics.asl.queries.jsonpath import Path
    from otel_analytics.asl.queries.scope import Template

__all__ = ["JSONATA", "JSONPATH", "STATES_INPUT", "Fields"]

JSONPATH = "JSONPath"
JSONATA = "JSONata"
STATES_INPUT = frozenset({"input", "context"})

_IN_JSONATA = {
    "InputPath": "Output",
    "OutputPath": "Output",
    "ResultSelector": "Output",
    "ResultPath": "Output",
    "Result": "Output",
    "ItemsPath": "Items",
    "Iterator": "ItemProcessor",
    "Variable": "Condition",
}
_IN_JSONPATH = {
    "Arguments": "Parameters",
    "Output": "OutputPath or ResultPath",
    "Items": "ItemsPath",
    "Condition": "Variable",
}
_PARAMETERS_IN_JSONATA = {
    "a Task state": "Arguments",
    "a Parallel state": "Arguments",
    "a Map state": "ItemSelector",
}
_ONLY_PATHS = {
    "SecondsPath", "TimestampPath", "TimeoutSecondsPath", "HeartbeatSecondsPath", "ErrorPath",
    "CausePath", "MaxConcurrencyPath", "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
}  # fmt: skip
_WORDS = {str: "a text", bool: "true or false", dict: "an object", list: "an array"}


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
            for given in self.data:
                if self._instead_of(given) == name:
                    raise self._foreign(given)
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

    def number(self, name: str, kind: NumberKind = WHOLE) -> Number | None:
        """Return a number given as itself, in JSONata, or under `<name>Path`."""
        by_path = f"{name}Path"
        given = self.at_most_one(name, by_path) if not self.jsonata else name
        if given == by_path:
            path = self.path(by_path)
            return None if path is None else Number(name, kind, path=path)
        value = self.optional(name)
        if name not in self.data:
            return None
        if self.jsonata and is_expression(value):
            template = self.jsonata_template(name, states=STATES_INPUT)
            return Number(name, kind, expression=template)
        if not kind.matches(value):
            raise self.invalid(name, f"must be {kind.text}, not {_shown(value)}")
        return Number(name, kind, value=value)

    def timeout(self, name: str) -> Number | None:
        """Return a number of seconds that, where it stands in the document, is not 0."""
        timeout = self.number(name, TIMEOUT)
        if timeout is not None and timeout.value == 0:
            raise self.invalid(name, "must be 1 or more")
        return timeout

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
                raise self._foreign(name)

    def _instead_of(self, name: str) -> str | None:
        """Return the field that does in this language what `name` does in the other one."""
        if not self.jsonata:
            return _IN_JSONPATH.get(name)
        if name == "Parameters":
            return _PARAMETERS_IN_JSONATA.get(self.kind, "Output")
        return name.removesuffix("Path") if name in _ONLY_PATHS else _IN_JSONATA.get(name)

    def _foreign(self, name: str) -> InvalidDocument:
        instead = self._instead_of(name)
        remedy = f"use {instead}, or remove it" if instead else "remove it"
        return self.invalid(name, f"is not a field of {self.kind} in {self.language}: {remedy}")


def _shown(value: Any, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
