"""Metrics as data: what each `.sql` file's header declares, beside its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Final, Literal, cast, get_args

from otel_analytics.errors import InvalidName, MetricError

__all__ = [
    "PARAMETERS",
    "Column",
    "Metric",
    "Period",
    "Reads",
    "Window",
    "find_metric",
    "load_catalog",
    "parse_metric",
]

PARAMETERS: Final = {
    "execution_date": "E, the day on which the tables are made",
    "window_start": "the window's first day",
    "window_end": "the window's last day, E−1",
    "max_names": "event names kept apart",
}
_FIELDS: Final = ("title", "label", "row", "keys", "window", "batch", "order", "params")
_OPTIONAL_FIELDS: Final = ("reads", "period", "looks back")
Reads = Literal["events", "visits", "users"]
COLUMN_TYPES: Final = ("BIGINT", "BOOLEAN", "DATE", "DOUBLE", "VARCHAR")

_FIELD = re.compile(r"-- (?P<name>[a-z ]+): +(?P<value>.+)")
_COLUMN = re.compile(r"--   (?P<name>[a-z0-9_]+) +(?P<type>[A-Z]+) +(?P<help>.+)")
_WINDOW = re.compile(r"(?P<length>[0-9]+) (?P<unit>days|months)")
_PERIOD = re.compile(r"(?P<grain>day|month) (?P<column>[a-z0-9_]+)")
_LOOKS_BACK = re.compile(r"(?P<column>[a-z0-9_]+) (?P<days>[0-9]+(, [0-9]+)*)")


@dataclass(frozen=True, slots=True)
class Window:
    """The complete days that a metric reads; the last is E−1.

    Units:  `days` count back from E; `months` are calendar months, that of E−1 included
    """

    length: int
    unit: Literal["days", "months"]

    def first_day(self, execution_date: date) -> date:
        """Return the window's first day."""
        if self.unit == "days":
            return execution_date - timedelta(days=self.length)
        last = execution_date - timedelta(days=1)
        months = last.year * 12 + last.month - self.length
        return date(months // 12, months % 12 + 1, 1)

    def __str__(self) -> str:
        return f"{self.length} {self.unit}"


@dataclass(frozen=True, slots=True)
class Period:
    """What makes a metric's rows facts of a day or a month: once it is over, they stay as they are.

    `column` says of which one a row is. A row that also looks back, by one of `days_back`, has the
    earliest day that it is of in `base_column`.
    """

    grain: Literal["day", "month"]
    column: str
    base_column: str | None = None
    days_back: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a metric's table, with its type in Athena's SQL."""

    name: str
    type: str
    help: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its header, and its SQL over the relation `events`.

    `reads` are the coarsest rows of `events` over which it is exact (see the package). `period` is
    None if its rows are of the window as a whole.
    """

    query_type: str
    title: str
    label: str
    row: str
    keys: tuple[str, ...]
    window: Window
    reads: Reads
    period: Period | None
    batch: int
    order: int
    parameters: tuple[str, ...]
    columns: tuple[Column, ...]
    sql: str
    sql_line: int


@cache
def load_catalog() -> dict[str, Metric]:
    """Return the metrics by query type, in the order in which the state machine builds them.

    Raises: MetricError naming file and line
    """
    files = (f for f in resources.files(__package__).iterdir() if f.name.endswith(".sql"))
    metrics = [parse_metric(f.name, f.read_text("utf-8")) for f in files]
    metrics.sort(key=lambda metric: metric.order)
    return {metric.query_type: metric for metric in metrics}


def find_metric(query_type: object) -> Metric:
    """Return the metric of a query type.

    Raises: InvalidName listing the known ones
    """
    catalog = load_catalog()
    if not isinstance(query_type, str) or query_type not in catalog:
        raise InvalidName(
            f"query_type {str(query_type)[:80]!r} is unknown; the query types are: "
            f"{', '.join(catalog)}"
        )
    return catalog[query_type]


def parse_metric(file_name: str, text: str) -> Metric:
    """Return the metric that a `.sql` file holds.

    Raises: MetricError naming file and line
    """
    lines = text.splitlines()
    fields, columns, end = _read_header(file_name, lines)
    missing = set(_FIELDS) - fields.keys()
    if missing:
        raise MetricError(f"the header lacks {', '.join(sorted(missing))}", where=file_name)
    window = _WINDOW.fullmatch(fields["window"])
    if not window:
        raise MetricError("window: write e.g. '90 days' or '13 months'", where=file_name)
    parameters = tuple(part.strip() for part in fields["params"].split(","))
    unknown = set(parameters) - PARAMETERS.keys()
    if unknown:
        raise MetricError(
            f"params: {', '.join(sorted(unknown))} unknown; known: {', '.join(PARAMETERS)}",
            where=file_name,
        )
    reads = fields.get("reads", "events")
    if reads not in get_args(Reads):
        raise MetricError(f"reads: write one of {', '.join(get_args(Reads))}", where=file_name)
    keys = tuple(part.strip() for part in fields["keys"].split(","))
    period = _parse_period(file_name, fields)
    if period and reads == "users":
        raise MetricError("reads: rows of a period need visits or events", where=file_name)
    said = {"keys": keys, "period": (period.column,) if period else ()}
    said["looks back"] = (period.base_column,) if period and period.base_column else ()
    for field, names in said.items():
        if absent := set(names) - {column.name for column in columns}:
            raise MetricError(f"{field}: {', '.join(sorted(absent))} is no column", where=file_name)
    return Metric(
        query_type=file_name.removesuffix(".sql"),
        title=fields["title"],
        label=fields["label"],
        row=fields["row"],
        keys=keys,
        window=Window(int(window["length"]), "days" if window["unit"] == "days" else "months"),
        reads=cast("Reads", reads),
        period=period,
        batch=int(fields["batch"]),
        order=int(fields["order"]),
        parameters=parameters,
        columns=columns,
        sql="\n".join(lines[end:]),
        sql_line=end + 1,
    )


def _parse_period(file_name: str, fields: dict[str, str]) -> Period | None:
    if "period" not in fields:
        if "looks back" in fields:
            raise MetricError("looks back: needs a period, of days", where=file_name)
        return None
    period = _PERIOD.fullmatch(fields["period"])
    if not period:
        raise MetricError("period: write e.g. 'day date' or 'month year_month'", where=file_name)
    grain: Literal["day", "month"] = "day" if period["grain"] == "day" else "month"
    if "looks back" not in fields:
        return Period(grain, period["column"])
    back = _LOOKS_BACK.fullmatch(fields["looks back"])
    if not back or grain != "day":
        raise MetricError(
            "looks back: write e.g. 'calculation_date 1, 7, 30', of a period of days",
            where=file_name,
        )
    days = tuple(int(days) for days in back["days"].split(","))
    return Period(grain, period["column"], back["column"], days)


def _read_header(
    file_name: str, lines: list[str]
) -> tuple[dict[str, str], tuple[Column, ...], int]:
    fields: dict[str, str] = {}
    columns: list[Column] = []
    for number, line in enumerate(lines, start=1):
        where = f"{file_name}:{number}"
        if not line.startswith("--"):
            break
        if line == "-- columns:":
            continue
        if match := _COLUMN.fullmatch(line):
            if match["type"] not in COLUMN_TYPES:
                raise MetricError(f"type {match['type']} is none of {COLUMN_TYPES}", where=where)
            columns.append(Column(match["name"], match["type"], match["help"]))
        elif (match := _FIELD.fullmatch(line)) and match["name"] in (*_FIELDS, *_OPTIONAL_FIELDS):
            fields[match["name"]] = match["value"]
        else:
            raise MetricError("is neither a field nor a column of the header", where=where)
    names = [column.name for column in columns]
    if names[:1] != ["service_name"] or names[-1:] != ["execution_date"]:
        raise MetricError("columns must run from service_name to execution_date", where=file_name)
    return fields, tuple(columns), number - 1
