"""What the bridges to DuckDB are made of: calls, casts, and what a text tells of its type."""

from __future__ import annotations

from sqlglot import exp

__all__ = ["NotExpressibleError", "argument", "call", "evident_type", "same_type", "wrapped"]


class NotExpressibleError(Exception):
    """A node of a query cannot be written in DuckDB's dialect with the same meaning."""

    def __init__(self, node: exp.Expr, what: str) -> None:
        super().__init__(what)
        self.node = node
        self.what = what


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Return a call of a function of DuckDB's, or of a macro."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def argument(node: exp.Expr, name: str) -> exp.Expr:
    """Return an argument of a call.

    Raises: NotExpressibleError if the call lacks it
    """
    found = node.args.get(name)
    if not isinstance(found, exp.Expr):
        raise NotExpressibleError(node, f"the call lacks an argument ({name})")
    return found


def same_type(expression: exp.Expr, template: exp.Expr) -> exp.Expr:
    """Return `expression` cast to the type of `template`: DuckDB makes TIMESTAMPs of DATEs."""
    return call("cast_to_type", expression, template.copy())


_NUMBERS = (exp.Mod, exp.Mul, exp.Div, exp.Neg, exp.Round, exp.Count, exp.Sum, exp.Abs)


def evident_type(node: exp.Expr) -> str:
    """Return 'integer', 'double' or 'number' where the text alone tells the type, else ''."""
    found = "number" if isinstance(node, _NUMBERS) else ""
    match node:
        case exp.Literal(is_string=False):
            text = str(node.this).lower()
            found = "double" if "e" in text else "number" if "." in text else "integer"
        case exp.Paren() | exp.Filter() | exp.Window():
            found = evident_type(node.this)
        case exp.Count() | exp.CountIf():
            found = "integer"
        case exp.Cast() if node.to.is_type(exp.DType.DOUBLE):
            found = "double"
        case exp.Cast() if node.to.is_type(*exp.DataType.INTEGER_TYPES):
            found = "integer"
        case exp.Floor() | exp.Ceil() if evident_type(node.this) == "double":
            found = "double"
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div() | exp.Mod():
            found = _combined(evident_type(node.this), evident_type(node.expression))
    return found


def _combined(left: str, right: str) -> str:
    if "double" in (left, right):
        return "double"
    if left == right == "integer":
        return "integer"
    return "number" if left and right else ""


def wrapped(node: exp.Expr) -> exp.Expr:
    """Return an operand that may stand beside any operator."""
    return exp.Paren(this=node) if isinstance(node, exp.Binary) else node
