"""The comparisons of JSONPath choice rules: every operator, And, Or and Not.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import runtime_error
from otel_analytics.asl.fields import Fields
from otel_analytics.asl.queries.jsonpath import NoResult
from otel_analytics.asl.states.wait import parse_timestamp
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.asl.queries.jsonpath import Path
    from otel_analytics.asl.queries.scope import Scope

    Condition = Callable[[Scope], bool]

__all__ = ["OPERATORS", "parse_comparison"]

_ABSENT = object()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# Kind of operand: what reads it, giving None where it is not of that kind.
_READERS: dict[str, Callable[[Any], Any]] = {
    "String": lambda value: value if isinstance(value, str) else None,
    "Numeric": lambda value: value if _is_number(value) else None,
    "Boolean": lambda value: value if isinstance(value, bool) else None,
    "Timestamp": parse_timestamp,
}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_TYPE_TESTS: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsPresent": lambda value: value is not _ABSENT,
    "IsNumeric": _is_number,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: parse_timestamp(value) is not None,
}
_COMPARISONS = {
    kind + order: (read, compare)
    for kind, read in _READERS.items()
    for order, compare in _ORDERS.items()
    if kind != "Boolean" or order == "Equals"
}
_KINDS = {
    "String": "a text",
    "Numeric": "a number",
    "Boolean": "true or false",
    "Timestamp": "a time",
}


def parse_comparison(fields: Fields) -> Condition:
    """Return the condition of a rule.

    Raises: InvalidDocument
    """
    if "And" in fields:
        every = _parts(fields, "And")
        return lambda scope: all(part(scope) for part in every)
    if "Or" in fields:
        some = _parts(fields, "Or")
        return lambda scope: any(part(scope) for part in some)
    if "Not" in fields:
        negated = _nested(fields, fields.required("Not", dict), "Not")
        return lambda scope: not negated(scope)
    return _parse_operator(fields)


def _parts(fields: Fields, name: str) -> list[Condition]:
    parts = fields.required(name, list)
    if not parts:
        raise fields.invalid(name, "must hold one or more comparisons")
    return [_nested(fields, part, f"{name}[{index}]") for index, part in enumerate(parts)]


def _nested(fields: Fields, data: Any, name: str) -> Condition:
    if not isinstance(data, dict):
        raise fields.invalid(name, "must be an object")
    inner = Fields(data, fields.path_of(name), "a comparison", fields.language)
    condition = parse_comparison(inner)
    inner.refuse_the_rest()
    return condition


def _parse_operator(fields: Fields) -> Condition:
    fields.text("Variable")
    variable = fields.path("Variable")
    names = [name for name in fields.data if name in OPERATORS]
    if variable is None or len(names) != 1:
        raise InvalidDocument(
            f"needs one operator, such as StringEquals or IsPresent; it has {len(names)}",
            where=fields.where,
        )
    name = names[0]
    if name in _TYPE_TESTS:
        return _type_test(variable, name, fields.required(name, bool))
    if name == "StringMatches":
        pattern = _glob(fields.required(name, str))
        return lambda scope: _matches(pattern, _value(variable, scope))
    read, compare = _COMPARISONS[name.removesuffix("Path")]
    if name.endswith("Path"):
        operand = fields.path(name)
        if operand is None:
            raise fields.invalid(name, "must be a path")
        return lambda scope: _compare(
            read, compare, _value(variable, scope), _value(operand, scope)
        )
    constant = fields.optional(name)
    if read(constant) is None:
        kind = next(word for kind, word in _KINDS.items() if name.startswith(kind))
        raise fields.invalid(name, f"must be {kind}")
    return lambda scope: _compare(read, compare, _value(variable, scope), constant)


OPERATORS = {
    *_TYPE_TESTS,
    "StringMatches",
    *_COMPARISONS,
    *(f"{name}Path" for name in _COMPARISONS),
}


def _type_test(variable: Path, name: str, wanted: bool) -> Condition:
    test = _TYPE_TESTS[name]

    def holds(scope: Scope) -> bool:
        try:
            value = variable.find(scope)
        except NoResult:
            if name != "IsPresent":
                raise _invalid_variable(variable) from None
            value = _ABSENT
        return test(value) is wanted

    return holds


def _value(path: Path, scope: Scope) -> Any:
    try:
        return path.find(scope)
    except NoResult:
        raise _invalid_variable(path) from None


def _invalid_variable(path: Path) -> Exception:
    return runtime_error(
        f"Invalid path '{path.text}': The choice state's condition path references an invalid "
        "value."
    )


def _compare(
    read: Callable[[Any], Any], compare: Callable[[Any, Any], bool], left: Any, right: Any
) -> bool:
    left, right = read(left), read(right)
    return left is not None and right is not None and compare(left, right)


def _glob(pattern: str) -> list[str]:
    """Return the texts between the stars of a pattern; a backslash makes a star plain."""
    parts = [""]
    for escaped, star, plain in re.findall(r"\\(.)|(\*)|(.)", pattern, flags=re.DOTALL):
        if star:
            parts.append("")
        else:
            parts[-1] += escaped or plain
    return parts


def _matches(parts: list[str], value: Any) -> bool:
    """Return whether a text is the parts with anything between them.

    Each part is taken where it comes first, so that no pattern takes long.
    """
    first, *others = parts
    if not isinstance(value, str) or not others:
        return bool(value == first)
    *middle, last = others
    if not value.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = value.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(value) - at >= len(last) and value.endswith(last)
