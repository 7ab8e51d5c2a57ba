"""Payload templates: JSON of the document in which some values are computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import runtime_error
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.queries.intrinsics import parse_intrinsic
from otel_analytics.asl.queries.jsonata import parse_expression
from otel_analytics.asl.queries.jsonpath import NoResult, Path, parse_path
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.asl.queries.scope import Scope, Template

__all__ = [
    "Literal",
    "PathField",
    "compile_jsonata",
    "compile_jsonpath",
    "compile_path_field",
    "is_expression",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it stands in the document."""

    value: Any

    def evaluate(self, _scope: Scope) -> Any:
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class PathField:
    """A field whose value is found by a path."""

    path: Path
    field: str

    def evaluate(self, scope: Scope) -> Any:
        """Return what the path finds; past the end of an array that is null, as on AWS.

        Raises: StateError (States.Runtime) if there is nothing
        """
        try:
            return self.path.find(scope)
        except NoResult as missing:
            if missing.past_end:
                return None
            searched = scope.context if self.path.root == "$" else scope.value
            raise runtime_error(
                f"The JSONPath '{self.path.text}' specified for the field '{self.field}' could not "
                f"be found in the input '{to_json(searched)}'"
            ) from None


@dataclass(frozen=True, slots=True)
class ObjectTemplate:
    """An object with computed values."""

    fields: tuple[tuple[str, Template], ...]

    def evaluate(self, scope: Scope) -> dict[str, Any]:
        """Return the object."""
        return {name: template.evaluate(scope) for name, template in self.fields}


@dataclass(frozen=True, slots=True)
class ArrayTemplate:
    """An array with computed values."""

    items: tuple[Template, ...]

    def evaluate(self, scope: Scope) -> list[Any]:
        """Return the array."""
        return [item.evaluate(scope) for item in self.items]


def is_expression(value: Any) -> bool:
    """Return whether a value of the document is a JSONata expression: `{% … %}`."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


def compile_jsonata(
    value: Any, *, field: str, where: str, allowed_states: frozenset[str]
) -> Template:
    """Return the compiled template; `field` begins its name in error messages.

    Raises: InvalidDocument with the full path of the part that does not parse
    """

    def compile_part(part: Any, field: str, where: str) -> Template:
        if is_expression(part):
            try:
                return parse_expression(
                    part[2:-2].strip(), field=field, allowed_states=allowed_states
                )
            except ValueError as error:
                raise InvalidDocument(str(error), where=where) from error
        if isinstance(part, dict):
            return _object(
                (name, compile_part(item, f"{field}/{name}", f"{where}.{name}"))
                for name, item in part.items()
            )
        return _array_or_literal(part, field, where, compile_part)

    return compile_part(value, field, where)


def compile_jsonpath(value: Any, *, where: str) -> Template:
    """Return the compiled template, in which names that end in `.$` are computed.

    Raises: InvalidDocument with the full path of the part that does not parse
    """

    def compile_part(part: Any, field: str, where: str) -> Template:
        if isinstance(part, dict):
            names = [name.removesuffix(".$") for name in part]
            if len(set(names)) < len(names):
                raise InvalidDocument("gives a name both with and without .$", where=where)
            return _object(
                (
                    name.removesuffix(".$"),
                    compile_path_field(item, field=name, where=f"{where}.{name}"),
                )
                if name.endswith(".$")
                else (name, compile_part(item, name, f"{where}.{name}"))
                for name, item in part.items()
            )
        return _array_or_literal(part, field, where, compile_part)

    return compile_part(value, "", where)


def compile_path_field(value: Any, *, field: str, where: str) -> Template:
    """Return a field that is a path or a call of an intrinsic function.

    Raises: InvalidDocument if it is neither
    """
    if not isinstance(value, str):
        raise InvalidDocument("must be a text: a JSONPath or an intrinsic function", where=where)
    try:
        if value.startswith("States."):
            return parse_intrinsic(value)
        return PathField(parse_path(value), field)
    except ValueError as error:
        raise InvalidDocument(str(error), where=where) from error


def _array_or_literal(
    part: Any, field: str, where: str, compile_part: Callable[[Any, str, str], Template]
) -> Template:
    if not isinstance(part, list):
        return Literal(part)
    items = tuple(
        compile_part(item, f"{field}[{index}]", f"{where}[{index}]")
        for index, item in enumerate(part)
    )
    if all(isinstance(item, Literal) for item in items):
        return Literal(part)
    return ArrayTemplate(items)


def _object(fields: Any) -> Template:
    compiled = tuple(fields)
    if all(isinstance(template, Literal) for _, template in compiled):
        return Literal({name: template.value for name, template in compiled})
    return ObjectTemplate(compiled)
