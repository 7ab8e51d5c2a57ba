"""Rates and averages that every engine computes to the same digit."""

from __future__ import annotations

from functools import cache
from typing import Final

import sqlglot
from sqlglot import exp

from otel_analytics.query.binding import bind

__all__ = ["exact_ratio", "expand_exact_ratios"]

_FACTORS: Final = {"EXACT_RATE": 100, "EXACT_AVERAGE": 1}


def expand_exact_ratios(query: exp.Query) -> None:
    """Write out, in place, the calls EXACT_RATE(a, b) and EXACT_AVERAGE(a, b) of a query.

    Raises: ValueError if one of them has not two arguments
    """
    for call in list(query.find_all(exp.Anonymous)):
        factor = _FACTORS.get(call.name.upper())
        if factor is None:
            continue
        if len(call.expressions) != 2:
            raise ValueError(f"{call.name} takes two arguments")
        part, whole = call.expressions
        call.replace(exact_ratio(part, whole, factor=factor))


def exact_ratio(part: exp.Expr, whole: exp.Expr, *, factor: int) -> exp.Expr:
    """Return factor · part / whole, rounded half away from zero to 2 decimals, NULL for whole = 0.

    ⌊(200·factor·part + whole) / (2·whole)⌋ hundredths, whose one division of floats does not reach
    the next whole number below 2^53. For counts, which are never negative.
    """
    return bind(_template(factor).copy(), {"part": part, "whole": whole})


@cache
def _template(factor: int) -> exp.Expr:
    numerator = f"CAST({200 * factor} * :part + :whole AS DOUBLE)"
    hundredths = f"FLOOR({numerator} / (2 * NULLIF(:whole, 0)))"
    return sqlglot.parse_one(f"{hundredths} / 100", read="athena")
