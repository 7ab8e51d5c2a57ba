"""JSONata expressions, with the variables and functions that Step Functions adds or takes away.

The one home of the jsonata library: what it raises is turned into ours here.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any

from jsonata.functions import Functions as JsonataFunctions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from otel_analytics.asl.failures import evaluation_error
from otel_analytics.asl.json_text import parse_json, to_json
from otel_analytics.asl.queries.functions import (
    IntrinsicError,
    hash_text,
    make_range,
    new_uuid,
    partition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.asl.failures import StateError
    from otel_analytics.asl.queries.scope import Scope, Template

__all__ = [
    "ADDED_FUNCTIONS",
    "Expression",
    "ExpressionSyntaxError",
    "parse_expression",
    "unexpected_type",
]

MAX_NUMBER = int(sys.float_info.max)
MAX_EVALUATION_MS = 5_000
# Only a function can make an expression run for ever.
_FUNCTION = re.compile(r"\bfunction\b|λ")
_STATES = re.compile(r"\$states\.(\w+)")
_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|/\*.*?\*/""", re.DOTALL)
_EVAL = re.compile(r"\$eval\s*\(")

# The library trips over some wrong programs instead of refusing them.
_TRIPS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
    re.error,
)


class ExpressionSyntaxError(ValueError):
    """A text is not a JSONata expression that Step Functions accepts."""


class _Unsupported(Exception):  # noqa: N818 - never leaves this module
    """A result holds something that is not JSON, such as a function."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; `field` is where it stands in its state, as in `Output/total`."""

    text: str
    field: str
    compiled: Any

    def evaluate(self, scope: Scope) -> Any:
        """Return the expression's value as plain JSON data.

        Raises: StateError (States.QueryEvaluationError), also if the value is undefined
        """
        try:
            if _FUNCTION.search(self.text):
                self.compiled.environment.set_runtime_bounds(MAX_EVALUATION_MS, None)
            value = self.compiled.evaluate(None, _bindings(scope))
            if value is not None:
                return _plain(value)
            reason = "returned nothing (undefined)."
        except _Unsupported:
            reason = "returned an unsupported result type."
        except JException as error:
            reason = f"threw an error during evaluation. {error.error}: {error}"
        except IntrinsicError as error:
            reason = f"threw an error during evaluation. {error}"
        except _TRIPS as error:
            reason = f"threw an error during evaluation. {type(error).__name__}: {error}"
        raise evaluation_error(f"{self.subject} {reason}", location=self.field)

    @property
    def subject(self) -> str:
        """How an error message begins."""
        return f"The JSONata expression '{self.text}' specified for the field '{self.field}'"


def parse_expression(text: str, *, field: str, allowed_states: frozenset[str]) -> Expression:
    """Return the compiled expression.

    Raises: ExpressionSyntaxError if it does not parse, calls `$eval`, or reads a part of
        `$states` that is not in `allowed_states`
    """
    code = _LITERAL.sub("''", text)
    for name in _STATES.findall(code):
        if name not in allowed_states:
            raise ExpressionSyntaxError(
                f"$states.{name} does not exist here; there is: "
                + ", ".join(f"$states.{known}" for known in sorted(allowed_states))
            )
    if _EVAL.search(code):
        raise ExpressionSyntaxError("$eval is not available in Step Functions: write it out")
    return Expression(text, field, _compile(text))


@lru_cache(maxsize=4096)
def _compile(text: str) -> Jsonata:
    try:
        compiled = Jsonata(text)
    except JException as error:
        raise ExpressionSyntaxError(f"'{text}' is not JSONata: {error}") from error
    except _TRIPS as error:
        raise ExpressionSyntaxError(f"'{text}' is not JSONata") from error
    compiled.set_output_convert_nulls(False)
    compiled.set_validate_input(False)
    return compiled


def unexpected_type(template: Template, *, field: str, expected: str, value: Any) -> StateError:
    """Return the failure of a field whose value has the wrong type."""
    subject = f"The field '{field}'"
    if isinstance(template, Expression):
        subject, field = template.subject, template.field
    return evaluation_error(
        f"{subject} returned an unexpected result type. Expected '{expected}', but was "
        f"'{_type_name(value)}' for value: {to_json(value)}",
        location=field,
    )


def _type_name(value: Any) -> str:
    """Return what JSONata calls a value's type."""
    if value is None:
        return "null"
    names = {bool: "boolean", str: "string", dict: "object", list: "array"}
    return names.get(type(value), "number")


def _bindings(scope: Scope) -> dict[str, Any]:
    bindings = {name: _bound(value) for name, value in scope.variables.items()}
    bindings.update(
        {name: Jsonata.JLambda(build(scope)) for name, build in ADDED_FUNCTIONS.items()}
    )
    bindings["states"] = scope.states
    bindings["eval"] = None
    return bindings


def _bound(value: Any) -> Any:
    # A bare None would read as undefined.
    return Utils.NULL_VALUE if value is None else value


def _plain(value: Any) -> Any:
    if value is Utils.NULL_VALUE or value is None:
        return None
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_NUMBER:
            raise _Unsupported
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _Unsupported
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        # Ranges of the library count wrongly when iterated, not when indexed.
        return [_plain(value[index]) for index in range(len(value))]
    raise _Unsupported


def _now(scope: Scope) -> Callable[..., Any]:
    def now(picture: str | None = None, timezone: str | None = None) -> Any:
        return JsonataFunctions.datetime_from_millis(int(scope.now() * 1000), picture, timezone)

    return now


def _random(scope: Scope) -> Callable[..., Any]:
    return lambda seed=None: (scope.chance if seed is None else Random(seed)).random()  # noqa: S311


def _parse(_scope: Scope) -> Callable[..., Any]:
    def parse(text: str) -> Any:
        try:
            return _bound(parse_json(text))
        except ValueError as error:
            raise IntrinsicError(f"$parse: the string is not JSON: {error}") from error

    return parse


def _range(_scope: Scope) -> Callable[..., Any]:
    # A sequence, so that one number alone is that number, as AWS gives it.
    return lambda *bounds: Utils.create_sequence_from_iter(make_range(*bounds))


ADDED_FUNCTIONS: Mapping[str, Callable[[Scope], Callable[..., Any]]] = {
    "partition": lambda _scope: partition,
    "range": _range,
    "hash": lambda _scope: hash_text,
    "random": _random,
    "uuid": lambda scope: lambda: new_uuid(scope.chance),
    "parse": _parse,
    "now": _now,
    "millis": lambda scope: lambda: int(scope.now() * 1000),
}
