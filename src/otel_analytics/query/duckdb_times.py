"""What means one thing to Athena and another to DuckDB: dates, times and their texts."""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from otel_analytics.query.duckdb_nodes import (
    NotExpressibleError,
    argument,
    call,
    evident_type,
    same_type,
    wrapped,
)

__all__ = [
    "at_time_zone",
    "at_time_zone_operator",
    "date_add",
    "date_diff",
    "date_format",
    "date_trunc",
    "format_datetime",
    "from_iso_time",
    "from_unixtime",
    "is_days",
    "sequence",
]


def is_days(unit: str) -> bool:
    """Return whether `unit` leaves a DATE a DATE."""
    return unit.upper().rstrip("S") in ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")


def date_add(node: exp.Expr) -> exp.Expr:
    """Bridge date_add: a DATE stays a DATE."""
    unit, moment = node.text("unit").upper(), node.this
    count = node.expression
    if isinstance(count, exp.Interval):
        count = count.this
    if not (is_days(unit) or unit in ("HOUR", "MINUTE", "SECOND", "MILLISECOND")):
        raise NotExpressibleError(
            node, f"date_add with the unit '{unit.lower()}' is not supported here"
        )
    if unit == "QUARTER":
        unit = "MONTH"
        count = exp.Mul(this=exp.paren(count.copy()), expression=exp.Literal.number(3))
    whole = exp.cast(count.copy(), "BIGINT" if not is_days(unit) else "INT")
    moved = exp.Add(this=wrapped(moment), expression=call(f"to_{unit.lower()}s", whole))
    return same_type(moved, moment) if is_days(unit) else moved


def date_diff(node: exp.Expr) -> exp.Expr:
    """Bridge date_diff."""
    # Trino counts whole units that have passed, which DuckDB calls date_sub
    unit = exp.Literal.string(node.text("unit").lower())
    return call("date_sub", unit, node.expression, node.this)


def date_trunc(node: exp.Expr) -> exp.Expr:
    """Bridge date_trunc: a DATE stays a DATE."""
    unit = exp.Literal.string(node.text("unit").lower())
    return same_type(call("date_trunc", unit, node.this), node.this)


# What may stand around AT TIME ZONE: what sees only the local time, not the zone
_LOCAL_TIME = (
    exp.Date, exp.DateTrunc, exp.TimestampTrunc, exp.TimeToStr, exp.Extract, exp.Year,
    exp.Quarter, exp.Month, exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeekIso,
    exp.DayOfYear, exp.Hour, exp.Minute, exp.Second,
)  # fmt: skip


def at_time_zone(node: exp.Expr, moment: exp.Expr, zone: exp.Expr) -> exp.Expr:
    """Bridge AT TIME ZONE to the local time, where nothing but that is seen of it."""
    parent = node.find_ancestor(exp.Func, exp.Query, exp.Predicate, exp.Binary, exp.Alias)
    to_local = isinstance(parent, exp.Cast) and parent.to.is_type("date", "timestamp", "time")
    by_format = isinstance(parent, exp.Anonymous) and parent.name.lower() == "format_datetime"
    if not (to_local or by_format or isinstance(parent, _LOCAL_TIME)):
        raise NotExpressibleError(
            node,
            "AT TIME ZONE is supported here only inside date(), CAST AS DATE or TIMESTAMP, "
            "date_trunc, date_format or extract",
        )
    utc = exp.Literal.string("UTC")
    return call("timezone", zone, call("timezone", utc, exp.cast(moment.copy(), "TIMESTAMP")))


def at_time_zone_operator(node: exp.Expr) -> exp.Expr:
    """Bridge the operator AT TIME ZONE."""
    return at_time_zone(node, node.this, node.args["zone"])


_FORMATS = re.compile(r"%(-?[dmHI]|[YmdHMSfyjaAbBpI%])")


def date_format(node: exp.Expr) -> exp.Expr:
    """Bridge date_format and date_parse, whose format sqlglot has translated."""
    given = node.args.get("format")
    text = given.name if given is not None and given.is_string else None
    if text is None or "%" in _FORMATS.sub("", text):
        raise NotExpressibleError(
            node,
            "this format is not supported here: write it as a text of "
            "%Y %y %m %c %d %e %H %k %h %I %l %i %s %S %f %p %j %a %W %b %M %T",
        )
    return node


_JODA: Final = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d",
    "d": "%-d", "DDD": "%j", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M",
    "ss": "%S", "SSS": "%g", "EEEE": "%A", "EEE": "%a", "EE": "%a", "E": "%a", "a": "%p",
}  # fmt: skip

_JODA_PARTS = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+")


def format_datetime(node: exp.Expr, moment: exp.Expr, pattern: exp.Expr) -> exp.Expr:
    """Bridge format_datetime, whose pattern is Joda-Time's."""
    if not pattern.is_string:
        raise NotExpressibleError(node, "format_datetime needs a literal pattern here")
    written = []
    for part in _JODA_PARTS.finditer(pattern.name):
        text = part.group()
        if text.startswith("'"):
            written.append(text[1:-1].replace("''", "'").replace("%", "%%") or "'")
        elif text[0].isascii() and text[0].isalpha():
            if text not in _JODA:
                raise NotExpressibleError(node, f"format_datetime: '{text}' is not supported here")
            written.append(_JODA[text])
        else:
            written.append(text.replace("%", "%%"))
    return call("strftime", moment, exp.Literal.string("".join(written)))


def from_unixtime(node: exp.Expr) -> exp.Expr:
    """Bridge from_unixtime."""
    if node.args.get("zone") or node.args.get("hours"):
        raise NotExpressibleError(
            node, "from_unixtime with a zone is not supported here: use AT TIME ZONE"
        )
    return node


def from_iso_time(node: exp.Expr) -> exp.Expr:
    """Bridge from_iso8601_timestamp, whose zone DuckDB would forget."""
    return call("athena_iso_time", node.this)


def sequence(node: exp.Expr) -> exp.Expr:
    """Bridge sequence: DATEs give DATEs."""
    start, end, step = argument(node, "start"), argument(node, "end"), node.args.get("step")
    if isinstance(step, exp.Interval):
        series = call("athena_series", exp.cast(start.copy(), "TIMESTAMP"), end, step)
        return same_type(series, exp.Array(expressions=[start.copy()]))
    if step is not None:
        return call("athena_series", start, end, step)
    if not (evident_type(start) or evident_type(end)):
        raise NotExpressibleError(
            node,
            "sequence of two arguments is supported here for integers whose type can be seen; for "
            "dates add INTERVAL '1' DAY",
        )
    return call("athena_sequence", start, end)
