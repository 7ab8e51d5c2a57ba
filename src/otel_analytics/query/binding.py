"""Values into parsed SQL: a parameter's node is replaced by a typed literal, never by text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

__all__ = ["bind", "date_literal", "parameters_of", "timestamp_literal"]


def date_literal(value: date) -> exp.Expr:
    """Return `CAST('YYYY-MM-DD' AS DATE)`."""
    return exp.cast(exp.Literal.string(value.isoformat()), exp.DType.DATE)


def timestamp_literal(value: datetime) -> exp.Expr:
    """Return a naive UTC time as `CAST('YYYY-MM-DD HH:MM:SS' AS TIMESTAMP)`."""
    return exp.cast(exp.Literal.string(value.isoformat(" ")), exp.DType.TIMESTAMP)


def parameters_of(expression: exp.Expr) -> set[str]:
    """Return the names of the parameters, written `:name`, in a parsed statement."""
    return {node.name for node in expression.find_all(exp.Placeholder)}


def bind(expression: exp.Expr, values: Mapping[str, exp.Expr | Sequence[exp.Expr]]) -> exp.Expr:
    """Return the expression, changed in place, with each parameter replaced by its value.

    A sequence fills the list in which its parameter stands, as in `IN (:names)`.
    Raises: KeyError if a parameter has no value
    """
    for node in list(expression.find_all(exp.Placeholder)):
        value = values[node.name]
        if isinstance(value, exp.Expr):
            node.replace(value.copy())
        else:
            node.replace([item.copy() for item in value])
    return expression
