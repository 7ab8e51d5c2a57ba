"""JSONata expressions, with the variables and functions that Step Functions adds or takes away.

What the jsonata library raises is turned into ours here; `jsonata_functions` holds what is added.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import ast
import math
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from otel_analytics.asl.failures import evaluation_error
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.queries.jsonata_functions import ADDED_FUNCTIONS, FunctionError
from otel_analytics.asl.queries.references import top_level_reference

if TYPE_CHECKING:
    from otel_analytics.asl.failures import StateError
    from otel_analytics.asl.queries.scope import Scope, Template

__all__ = [
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
    MemoryError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
    re.error,
)
# What JSONata says where the library trips over an argument.
_TRIP_TEXTS = (
    (r"could not convert string to float: (.*)", "D3030: Unable to cast value to a number: "),
    (
        r"Invalid isoformat string: (.*)",
        "D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp. "
        "Given ",
    ),
)

# What an array must hold, by the letter in a function's signature.
_ELEMENT_TYPES = {
    "a": "arrays",
    "b": "booleans",
    "f": "functions",
    "n": "numbers",
    "o": "objects",
    "s": "strings",
}


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
            reason = f"threw an error during evaluation. {error.error}: {_message(error)}"
        except FunctionError as error:
            reason = f"threw an error during evaluation. {error}"
        except _TRIPS as error:
            reason = f"threw an error during evaluation. {_trip(error)}"
        raise evaluation_error(f"{self.subject} {reason}", location=self.field)

    @property
    def subject(self) -> str:
        """How an error message begins."""
        return f"The JSONata expression '{self.text}' specified for the field '{self.field}'"


def parse_expression(text: str, *, field: str, allowed_states: frozenset[str]) -> Expression:
    """Return the compiled expression.

    Raises: ExpressionSyntaxError if it does not parse, calls `$eval`, reads a part of
        `$states` that is not in `allowed_states`, or reads something without a variable
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
    reference = top_level_reference(compiled.ast)
    if reference is not None:
        raise ExpressionSyntaxError(
            f"'{text}' reads '{reference}', but there is nothing at the top level to read it "
            "from: begin with $states or a variable"
        )
    compiled.set_output_convert_nulls(False)
    compiled.set_validate_input(False)
    return compiled


def _message(error: JException) -> str:
    """Return an error's text as JSONata gives it: the library writes some of it in another way."""
    template = JException.error_codes.get(error.error)
    if template is None or "{{{" in template:
        return str(error)
    values = iter((error.current, error.expected, error.extra))

    def quoted(_match: re.Match[str]) -> str:
        value = next(values, None)
        if error.error == "T0412":
            value = _ELEMENT_TYPES.get(str(value), value)
        return to_json(_plain(value))

    # In its texts every "function" has become an "Object".
    return re.sub(r"\{\{\w+\}\}", quoted, template.replace("Object", "function"))


def _trip(error: Exception) -> str:
    """Return what JSONata says of a mistake that the library does not handle itself."""
    for pattern, text in _TRIP_TEXTS:
        match = re.fullmatch(pattern, str(error), re.DOTALL)
        if match:
            return text + to_json(ast.literal_eval(match[1]))
    return f"{type(error).__name__}: {error}"


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
    bindings.update({added.name: Jsonata.JLambda(added.bind(scope)) for added in ADDED_FUNCTIONS})
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
