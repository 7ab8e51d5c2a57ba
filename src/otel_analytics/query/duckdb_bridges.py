"""What means one thing to Athena and another to DuckDB, construct by construct.

A bridge takes a node of a parsed query, its operands bridged already, and returns what to write
instead. Where types decide, it writes a call of a macro of `duckdb_macros.sql`: DuckDB knows the
types, the text does not. Must not know tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BRIDGES", "FUNCTIONS", "NotExpressibleError"]

# The names as in https://trino.io/docs/current/functions/list.html; others are refused.
# fmt: off
FUNCTIONS: Final = frozenset((
    "count", "sum", "avg", "min", "max", "count_if", "approx_distinct", "approx_percentile",
    "array_agg", "max_by", "min_by", "arbitrary", "any_value", "bool_or", "bool_and", "stddev",
    "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop", "grouping", "row_number",
    "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value",
    "last_value", "nth_value", "coalesce", "nullif", "if", "greatest", "least", "try", "cast",
    "try_cast", "abs", "ceil", "ceiling", "floor", "round", "truncate", "power", "pow", "sqrt",
    "ln", "log10", "log2", "log", "exp", "sign", "mod", "pi", "rand", "random", "lower", "upper",
    "trim", "ltrim", "rtrim", "length", "reverse", "replace", "lpad", "rpad", "strpos",
    "position", "starts_with", "split", "split_part", "substr", "substring", "concat",
    "concat_ws", "chr", "regexp_like", "regexp_extract", "regexp_replace", "date", "date_add",
    "date_diff", "date_trunc", "date_format", "date_parse", "format_datetime", "from_unixtime",
    "to_unixtime", "from_iso8601_timestamp", "from_iso8601_date", "current_date",
    "current_timestamp", "now", "localtimestamp", "at_timezone", "last_day_of_month", "year",
    "quarter", "month", "week", "week_of_year", "day", "day_of_month", "day_of_week", "dow",
    "day_of_year", "doy", "hour", "minute", "second", "extract", "cardinality", "contains",
    "element_at", "transform", "filter", "array_join", "sequence", "map_keys", "map_values",
    "map", "unnest", "row", "array", "json_extract_scalar",
))
# fmt: on


class NotExpressibleError(Exception):
    """A node of a query cannot be written in DuckDB's dialect with the same meaning."""

    def __init__(self, node: exp.Expr, what: str) -> None:
        super().__init__(what)
        self.node = node
        self.what = what


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _same_type(expression: exp.Expr, template: exp.Expr) -> exp.Expr:
    """Return `expression` cast to the type of `template`: DuckDB makes TIMESTAMPs of DATEs."""
    return _call("cast_to_type", expression, template.copy())


_NUMBERS = (exp.Mod, exp.Mul, exp.Div, exp.Neg, exp.Round, exp.Count, exp.Sum, exp.Abs)


def _evident(node: exp.Expr) -> str:
    """Return 'integer', 'double' or 'number' where the text alone tells the type, else ''."""
    match node:
        case exp.Literal(is_string=False):
            text = str(node.this).lower()
            return "double" if "e" in text else "number" if "." in text else "integer"
        case exp.Paren() | exp.Filter() | exp.Window():
            return _evident(node.this)
        case exp.Count() | exp.CountIf():
            return "integer"
        case exp.Cast() if node.to.is_type(exp.DType.DOUBLE):
            return "double"
        case exp.Cast() if node.to.is_type(*exp.DataType.INTEGER_TYPES):
            return "integer"
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Mod():
            left, right = _evident(node.this), _evident(node.expression)
            if "double" in (left, right):
                return "double"
            return "integer" if left == right == "integer" else "number" if left and right else ""
    return "number" if isinstance(node, _NUMBERS) else ""


def _divide(node: exp.Expr) -> exp.Expr:
    left, right = _evident(node.this), _evident(node.expression)
    if "double" in (left, right):
        return node
    if left == right == "integer":
        return exp.IntDiv(this=_wrapped(node.this), expression=_wrapped(node.expression))
    return _call("athena_divide", node.this, node.expression)


def _wrapped(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=node) if isinstance(node, exp.Binary) else node


def _add_or_subtract(node: exp.Expr) -> exp.Expr:
    operands = (node.this, node.expression)
    for interval, moment in (operands, operands[::-1]):
        if isinstance(interval, exp.Interval) and not isinstance(moment, exp.Interval):
            return _same_type(node.copy(), moment) if _is_days(interval.text("unit")) else node
    if isinstance(node, exp.Sub) and not any(_evident(operand) for operand in operands):
        return _call("athena_subtract", *operands)
    return node


def _is_days(unit: str) -> bool:
    """Return whether `unit` leaves a DATE a DATE."""
    return unit.upper().rstrip("S") in ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")


def _date_add(node: exp.Expr) -> exp.Expr:
    unit, moment = node.text("unit").upper(), node.this
    count = node.expression
    if isinstance(count, exp.Interval):
        count = count.this
    if not (_is_days(unit) or unit in ("HOUR", "MINUTE", "SECOND", "MILLISECOND")):
        raise NotExpressibleError(
            node, f"date_add with the unit '{unit.lower()}' is not supported here"
        )
    if unit == "QUARTER":
        unit, count = (
            "MONTH",
            exp.Mul(this=exp.paren(count.copy()), expression=exp.Literal.number(3)),
        )
    whole = exp.cast(count.copy(), "BIGINT" if not _is_days(unit) else "INT")
    moved = exp.Add(this=_wrapped(moment), expression=_call(f"to_{unit.lower()}s", whole))
    return _same_type(moved, moment) if _is_days(unit) else moved


def _date_diff(node: exp.Expr) -> exp.Expr:
    # Trino counts whole units that have passed, which DuckDB calls date_sub
    unit = exp.Literal.string(node.text("unit").lower())
    return _call("date_sub", unit, node.expression, node.this)


def _date_trunc(node: exp.Expr) -> exp.Expr:
    unit = exp.Literal.string(node.text("unit").lower())
    return _same_type(_call("date_trunc", unit, node.this), node.this)


def _average(node: exp.Expr) -> exp.Expr:
    if not isinstance(node.this, exp.Distinct) and _evident(node.this) not in ("double", "integer"):
        node.set("this", _call("athena_average_of", node.this))
    return node


def _count_if(node: exp.Expr) -> exp.Expr:
    # COUNT is a BIGINT where COUNT_IF is a HUGEINT
    return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this.copy(), true=exp.Literal.number(1))]))


def _max_by(node: exp.Expr) -> exp.Expr:
    if node.args.get("count"):
        raise NotExpressibleError(
            node, "max_by and min_by with three arguments are not supported here"
        )
    # DuckDB's arg_max passes over rows whose value is NULL; Trino's max_by gives the NULL
    name = "arg_max_null" if isinstance(node, exp.ArgMax) else "arg_min_null"
    return _call(name, node.this, node.expression)


_LITERAL_DATE = re.compile(r"\s*[0-9]+-[0-9]{1,2}-[0-9]{1,2}\s*")


def _is_day_text(node: exp.Expr) -> bool:
    """Return whether a text can be seen to be a day: a literal, or parts joined by two dashes."""
    if isinstance(node, exp.DPipe):
        return sum(part.is_string and part.name == "-" for part in node.flatten()) == 2
    return node.is_string and bool(_LITERAL_DATE.fullmatch(node.name))


def _cast(node: exp.Expr) -> exp.Expr:
    to: exp.DataType = node.args["to"]
    suffix = "_or_null" if isinstance(node, exp.TryCast) else ""
    inner = node.this
    if isinstance(inner, exp.Null):
        return node
    if to.is_type(*exp.DataType.INTEGER_TYPES):
        if _evident(inner) != "integer":
            node.set("this", _call(f"athena_whole{suffix}", inner))
    elif to.is_type(exp.DType.DATE):
        if not _is_day_text(inner):
            node.set("this", _call(f"athena_day{suffix}", inner))
    elif to.is_type(exp.DType.TIMESTAMP):
        node.set("to", exp.DataType(this=exp.DType.TIMESTAMP))
    elif to.is_type(*exp.DataType.TEXT_TYPES):
        if to.expressions:
            raise NotExpressibleError(node, "CAST to a VARCHAR or CHAR of given length is not supported "
                           "here: use substr")  # fmt: skip
        if not (inner.is_string or suffix):
            return _call("athena_text", inner)
        if suffix:
            raise NotExpressibleError(node, "TRY_CAST to VARCHAR is not supported here: use CAST")
    return node


def _to_date(node: exp.Expr) -> exp.Expr:
    return exp.cast(_call("athena_day", node.this), "DATE")


# What may stand around AT TIME ZONE: what sees only the local time, not the zone
_LOCAL_TIME = (
    exp.Date, exp.DateTrunc, exp.TimestampTrunc, exp.TimeToStr, exp.Extract, exp.Year, exp.Quarter, exp.Month,
    exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeekIso, exp.DayOfYear, exp.Hour, exp.Minute,
    exp.Second,
)  # fmt: skip


def _at_time_zone(node: exp.Expr, moment: exp.Expr, zone: exp.Expr) -> exp.Expr:
    parent = node.find_ancestor(exp.Func, exp.Query, exp.Predicate, exp.Binary, exp.Alias)
    to_local = isinstance(parent, exp.Cast) and parent.to.is_type("date", "timestamp", "time")
    by_format = isinstance(parent, exp.Anonymous) and parent.name.lower() == "format_datetime"
    if not (to_local or by_format or isinstance(parent, _LOCAL_TIME)):
        raise NotExpressibleError(node, "AT TIME ZONE is supported here only inside date(), CAST AS DATE "
                       "or TIMESTAMP, date_trunc, date_format or extract")  # fmt: skip
    utc = exp.Literal.string("UTC")
    return _call("timezone", zone, _call("timezone", utc, exp.cast(moment.copy(), "TIMESTAMP")))


def _at_time_zone_operator(node: exp.Expr) -> exp.Expr:
    return _at_time_zone(node, node.this, node.args["zone"])


_FORMATS = re.compile(r"%(-?[dmHI]|[YmdHMSfyjaAbBpI%])")


def _date_format(node: exp.Expr) -> exp.Expr:
    given = node.args.get("format")
    text = given.name if given is not None and given.is_string else None
    if text is None or "%" in _FORMATS.sub("", text):
        raise NotExpressibleError(node, "this format is not supported here: write it as a text of "
                       "%Y %y %m %c %d %e %H %k %h %I %l %i %s %S %f %p %j %a %W %b %M %T")  # fmt: skip
    return node


_JODA: Final = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d",
    "d": "%-d", "DDD": "%j", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M",
    "ss": "%S", "SSS": "%g", "EEEE": "%A", "EEE": "%a", "EE": "%a", "E": "%a", "a": "%p",
}  # fmt: skip

_JODA_PARTS = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+")


def _format_datetime(node: exp.Anonymous) -> exp.Expr:
    moment, pattern = node.expressions
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
    return _call("strftime", moment, exp.Literal.string("".join(written)))


def _named(node: exp.Expr) -> exp.Expr:
    """Bridge the calls that sqlglot knows by name only."""
    match node.name.lower(), node.expressions:
        case "format_datetime", [_, _]:
            assert isinstance(node, exp.Anonymous)  # noqa: S101 - narrows for mypy
            return _format_datetime(node)
        case "at_timezone", [moment, zone]:
            return _at_time_zone(node, moment, zone)
    return node


def _subscript(node: exp.Expr) -> exp.Expr:
    if node.args.get("safe"):
        return node  # element_at gives NULL in both
    (key,) = node.expressions
    if key.is_string:
        return _call("athena_map_get", node.this, key)
    if key.is_int:  # sqlglot counts literal subscripts from 0
        key = exp.Literal.number(int(key.to_py()) + 1)
    return _call("athena_array_get", node.this, key)


def _sequence(node: exp.Expr) -> exp.Expr:
    start, end, step = (node.args.get(name) for name in ("start", "end", "step"))
    if isinstance(step, exp.Interval):
        series = _call("generate_series", exp.cast(start.copy(), "TIMESTAMP"), end, step)
        return _same_type(series, exp.Array(expressions=[start.copy()]))
    if step is None and not (_evident(start) or _evident(end)):
        raise NotExpressibleError(node, "sequence of two arguments is supported here for integers whose "
                       "type can be seen; for dates add INTERVAL '1' DAY")  # fmt: skip
    return node


def _unnest(node: exp.Expr) -> exp.Expr:
    """Write UNNEST of a map or of several arrays as a lateral query."""
    alias = node.args.get("alias")
    names = list(alias.columns) if alias is not None else []
    sources = node.expressions
    if len(sources) == 1 and len(names) <= 1:
        return node
    if node.args.get("offset"):
        if len(sources) == 1 and len(names) == 1:
            return node
        raise NotExpressibleError(
            node, "UNNEST WITH ORDINALITY is supported here for one array only"
        )
    if len(sources) == 1 and len(names) == 2:
        columns = [_call("map_keys", sources[0]), _call("map_values", sources[0])]
    elif len(sources) == len(names):
        columns = list(sources)
    else:
        raise NotExpressibleError(node, "this UNNEST is not supported here: name one column for each "
                       "array, two for a map")  # fmt: skip
    items = [
        exp.alias_(_call("unnest", column), name.name, quoted=True)
        for column, name in zip(columns, names, strict=True)
    ]
    return exp.Subquery(this=exp.select(*items), alias=exp.TableAlias(this=alias.this.copy()))


def _json_scalar(node: exp.Expr) -> exp.Expr:
    return _call("athena_json_scalar", node.this, node.expression)


def _regexp_extract(node: exp.Expr) -> exp.Expr:
    group = node.args.get("group") or exp.Literal.number(0)
    return _call("athena_regexp_extract", node.this, node.expression, group)


def _regexp_replace(node: exp.Expr) -> exp.Expr:
    replacement = node.args.get("replacement")
    if replacement is not None and not replacement.is_string:
        raise NotExpressibleError(node, "regexp_replace needs a literal replacement here")
    if replacement is not None:
        text = re.sub(r"\$([0-9])", r"\\\1", replacement.name.replace("\\", "\\\\"))
        node.set("replacement", exp.Literal.string(text))
    return node


def _substring(node: exp.Expr) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    if start is not None and start.is_int and int(start.to_py()) > 0:
        return node
    rest = _call("substr", node.this, start, *([length] if length is not None else []))
    return _call("athena_part", node.this, start, rest)


def _split_part(node: exp.Expr) -> exp.Expr:
    arguments = [node.args[name] for name in ("this", "delimiter", "part_index")]
    return _call("athena_split_part", *arguments)


def _from_unixtime(node: exp.Expr) -> exp.Expr:
    if node.args.get("zone") or node.args.get("hours"):
        raise NotExpressibleError(
            node, "from_unixtime with a zone is not supported here: use AT TIME ZONE"
        )
    return node


def _from_iso_time(node: exp.Expr) -> exp.Expr:
    return _call("athena_iso_time", node.this)


BRIDGES: Final[dict[type[exp.Expr], Callable[[Any], exp.Expr]]] = {
    exp.Div: _divide,
    exp.Add: _add_or_subtract,
    exp.Sub: _add_or_subtract,
    exp.DateAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.DateTrunc: _date_trunc,
    exp.TimestampTrunc: _date_trunc,
    exp.Avg: _average,
    exp.CountIf: _count_if,
    exp.ArgMax: _max_by,
    exp.ArgMin: _max_by,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Date: _to_date,
    exp.AtTimeZone: _at_time_zone_operator,
    exp.TimeToStr: _date_format,
    exp.StrToTime: _date_format,
    exp.Anonymous: _named,
    exp.Bracket: _subscript,
    exp.GenerateSeries: _sequence,
    exp.Unnest: _unnest,
    exp.JSONExtractScalar: _json_scalar,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.Substring: _substring,
    exp.SplitPart: _split_part,
    exp.UnixToTime: _from_unixtime,
    exp.FromISO8601Timestamp: _from_iso_time,
}
