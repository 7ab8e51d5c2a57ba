"""What means one thing to Athena and another to DuckDB, construct by construct.

A bridge takes a node of a parsed query, its operands bridged already, and returns what to write
instead. Where types decide, it writes a call of a macro of `duckdb_macros.sql`: DuckDB knows the
types, the text does not. Must not know tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from otel_analytics.query.duckdb_nodes import (
    NotExpressibleError,
    argument,
    call,
    evident_type,
    same_type,
    wrapped,
)
from otel_analytics.query.duckdb_times import (
    at_time_zone,
    at_time_zone_operator,
    date_add,
    date_diff,
    date_format,
    date_trunc,
    format_datetime,
    from_iso_time,
    from_unixtime,
    is_days,
    sequence,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BRIDGES", "FUNCTIONS"]

# As in https://trino.io/docs/current/functions/list.html, by the fewest and the most arguments
# that mean the same in DuckDB (None: any number); others are refused.
_FUNCTIONS: Final[dict[tuple[int, int | None], str]] = {
    (0, 0): (
        "row_number rank dense_rank percent_rank cume_dist pi rand random now current_date "
        "current_timestamp localtimestamp"
    ),
    (0, 1): "count",
    (1, 1): (
        "sum avg min max count_if approx_distinct array_agg arbitrary any_value bool_or bool_and "
        "stddev stddev_samp stddev_pop variance var_samp var_pop ntile first_value last_value try "
        "cast try_cast abs ceil ceiling floor sqrt ln log10 log2 exp sign lower upper length "
        "reverse position chr date to_unixtime from_iso8601_timestamp from_iso8601_date "
        "last_day_of_month year quarter month week week_of_year day day_of_month day_of_week dow "
        "day_of_year doy hour minute second extract cardinality map_keys map_values"
    ),
    (1, 2): "round truncate trim ltrim rtrim",
    (1, 3): "lag lead substr substring from_unixtime",
    (2, 2): (
        "approx_percentile max_by min_by nth_value nullif power pow log mod strpos starts_with "
        "split regexp_like date_trunc date_format date_parse format_datetime at_timezone contains "
        "element_at transform filter json_extract_scalar map"
    ),
    (2, 3): "if replace regexp_extract regexp_replace array_join sequence",
    (3, 3): "lpad rpad split_part date_add date_diff",
    (0, None): "array",
    (1, None): "grouping greatest least unnest row",
    (2, None): "coalesce concat concat_ws",
}
FUNCTIONS: Final = {name: counts for counts, names in _FUNCTIONS.items() for name in names.split()}


def _divide(node: exp.Expr) -> exp.Expr:
    left, right = evident_type(node.this), evident_type(node.expression)
    if "double" in (left, right):
        return node
    if left == right == "integer":
        return exp.IntDiv(this=wrapped(node.this), expression=wrapped(node.expression))
    return call("athena_divide", node.this, node.expression)


def _add_or_subtract(node: exp.Expr) -> exp.Expr:
    operands = (node.this, node.expression)
    for interval, moment in (operands, operands[::-1]):
        if isinstance(interval, exp.Interval) and not isinstance(moment, exp.Interval):
            return same_type(node.copy(), moment) if is_days(interval.text("unit")) else node
    if isinstance(node, exp.Sub) and not any(evident_type(operand) for operand in operands):
        return call("athena_subtract", *operands)
    return node


def _average(node: exp.Expr) -> exp.Expr:
    inner = node.this
    if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1:
        (inner,) = inner.expressions
    if evident_type(inner) not in ("double", "integer"):
        inner.replace(holder := exp.Anonymous(this="athena_average_of"))
        holder.set("expressions", [inner])
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
    return call(name, node.this, node.expression)


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
    if to.is_type(*exp.DataType.TEXT_TYPES):
        return _cast_to_text(node, to)
    if to.is_type(*exp.DataType.INTEGER_TYPES) and evident_type(inner) != "integer":
        node.set("this", call(f"athena_whole{suffix}", inner))
    elif to.is_type(exp.DType.DATE) and not _is_day_text(inner):
        node.set("this", call(f"athena_day{suffix}", inner))
    elif to.is_type(exp.DType.TIMESTAMP):
        # DuckDB has a type of its own for each precision
        node.set("to", exp.DataType(this=exp.DType.TIMESTAMP))
    return node


def _cast_to_text(node: exp.Expr, to: exp.DataType) -> exp.Expr:
    if to.expressions:
        raise NotExpressibleError(
            node, "CAST to a VARCHAR or CHAR of given length is not supported here: use substr"
        )
    if isinstance(node, exp.TryCast):
        raise NotExpressibleError(node, "TRY_CAST to VARCHAR is not supported here: use CAST")
    if node.this.is_string or evident_type(node.this) == "integer":
        return node
    is_column = isinstance(node.this, exp.Column) and not _has_groups(node)
    return call("athena_text" if is_column else "athena_text_of", node.this)


def _has_groups(node: exp.Expr) -> bool:
    """Return whether a name may be that of an aggregate, or an expression that of a group."""
    select = node.find_ancestor(exp.Select)
    return select is None or any(select.args.get(name) for name in ("group", "having", "order"))


def _to_date(node: exp.Expr) -> exp.Expr:
    return exp.cast(call("athena_day", node.this), "DATE")


def _named(node: exp.Expr) -> exp.Expr:
    """Bridge the calls that sqlglot knows by name only."""
    match node.name.lower(), node.expressions:
        case "format_datetime", [moment, pattern]:
            return format_datetime(node, moment, pattern)
        case "at_timezone", [moment, zone]:
            return at_time_zone(node, moment, zone)
    return node


def _subscript(node: exp.Expr) -> exp.Expr:
    if node.args.get("safe"):
        return node  # element_at gives NULL in both
    if len(node.expressions) != 1:
        raise NotExpressibleError(node, "a subscript must be one value")
    (key,) = node.expressions
    if key.is_string:
        return call("athena_map_get", node.this, key)
    if key.is_int:  # sqlglot counts literal subscripts from 0
        key = exp.Literal.number(int(key.to_py()) + 1)
    return call("athena_array_get", node.this, key)


def _unnest(node: exp.Expr) -> exp.Expr:
    """Write UNNEST of a map or of several arrays as a lateral query."""
    alias = node.args.get("alias") or exp.TableAlias()
    names = list(alias.columns)
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
        columns = [call("map_keys", sources[0]), call("map_values", sources[0])]
    elif len(sources) == len(names):
        columns = list(sources)
    else:
        raise NotExpressibleError(
            node,
            "this UNNEST is not supported here: name one column for each array, two for a map",
        )
    items = [
        exp.alias_(call("unnest", column), name.name, quoted=True)
        for column, name in zip(columns, names, strict=True)
    ]
    return exp.Subquery(this=exp.select(*items), alias=exp.TableAlias(this=alias.this))


def _json_scalar(node: exp.Expr) -> exp.Expr:
    return call("athena_json_scalar", node.this, node.expression)


def _regexp_extract(node: exp.Expr) -> exp.Expr:
    group = node.args.get("group") or exp.Literal.number(0)
    return call("athena_regexp_extract", node.this, node.expression, group)


def _regexp_replace(node: exp.Expr) -> exp.Expr:
    replacement = node.args.get("replacement")
    if replacement is not None and not replacement.is_string:
        raise NotExpressibleError(node, "regexp_replace needs a literal replacement here")
    if replacement is not None:
        text = re.sub(r"\$([0-9])", r"\\\1", replacement.name.replace("\\", "\\\\"))
        node.set("replacement", exp.Literal.string(text))
    return node


def _substring(node: exp.Expr) -> exp.Expr:
    start, length = argument(node, "start"), node.args.get("length")
    given = [start] if length is None else [start, length]
    if all(number.is_int and int(number.to_py()) > 0 for number in given):
        return node
    part = call("substr", node.this, *given)
    return call("athena_part", node.this, start, length or exp.Literal.number(1), part)


# https://trino.io/docs/current/functions/datetime.html#extract
_EXTRACTED: Final = {
    **{unit: unit for unit in ("year", "quarter", "month", "week", "day", "hour", "minute")},
    "second": "second", "day_of_month": "day", "day_of_week": "isodow", "dow": "isodow",
    "day_of_year": "doy", "doy": "doy", "year_of_week": "isoyear", "yow": "isoyear",
}  # fmt: skip


def _extract(node: exp.Expr) -> exp.Expr:
    field = node.name.lower()
    if field not in _EXTRACTED:
        raise NotExpressibleError(node, f"extract({field} FROM …) is not supported here")
    return call("date_part", exp.Literal.string(_EXTRACTED[field]), node.expression)


def _cardinality(node: exp.Expr) -> exp.Expr:
    # DuckDB's is unsigned, and that of arrays and maps alike
    return exp.cast(call("cardinality", node.this), "BIGINT")


def _fetch(node: exp.Expr) -> exp.Expr:
    options = node.args.get("limit_options")
    if options is not None and options.args.get("with_ties"):
        raise NotExpressibleError(node, "FETCH FIRST … WITH TIES is not supported here")
    return node


def _contains(node: exp.Expr) -> exp.Expr:
    return call("athena_contains", node.this, node.expression)


def _split_part(node: exp.Expr) -> exp.Expr:
    arguments = [argument(node, name) for name in ("this", "delimiter", "part_index")]
    return call("athena_split_part", *arguments)


BRIDGES: Final[dict[type[exp.Expr], Callable[[Any], exp.Expr]]] = {
    exp.Div: _divide,
    exp.Add: _add_or_subtract,
    exp.Sub: _add_or_subtract,
    exp.DateAdd: date_add,
    exp.DateDiff: date_diff,
    exp.DateTrunc: date_trunc,
    exp.TimestampTrunc: date_trunc,
    exp.Avg: _average,
    exp.CountIf: _count_if,
    exp.ArgMax: _max_by,
    exp.ArgMin: _max_by,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Date: _to_date,
    exp.AtTimeZone: at_time_zone_operator,
    exp.TimeToStr: date_format,
    exp.StrToTime: date_format,
    exp.Anonymous: _named,
    exp.Bracket: _subscript,
    exp.GenerateSeries: sequence,
    exp.Unnest: _unnest,
    exp.JSONExtractScalar: _json_scalar,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.Substring: _substring,
    exp.Extract: _extract,
    exp.ArraySize: _cardinality,
    exp.ArrayContains: _contains,
    exp.Fetch: _fetch,
    exp.SplitPart: _split_part,
    exp.UnixToTime: from_unixtime,
    exp.FromISO8601Date: _to_date,
    exp.FromISO8601Timestamp: from_iso_time,
}
