"""What to know of a panel's numbers: as of when they are, what is missing, what is partial."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from otel_analytics.web.panels.answer import Answer
    from otel_analytics.web.panels.panel import Panel
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.words import Words

__all__ = ["RETENTION_TYPES", "as_of", "notes_of"]

# Those of the metric, in the order of their days.
RETENTION_TYPES: Final = ("D+1", "D+7", "D+30")
_DAY = timedelta(days=1)
# Which setting names the events of a step.
_STEPS: Final = {
    "events.session_start": "total_sessions",
    "events.product_view": "product_view_sessions",
    "events.cart_add": "cart_add_sessions",
}


def as_of(answer: Answer, words: Words) -> str:
    """Return as of which execution date the rows are; of each service, should they differ."""
    dates = _execution_dates(answer)
    if len(set(dates.values())) == 1:
        (day,) = set(dates.values())
        return words("as_of", day=words.day(day), last=words.day(day - _DAY))
    return " ".join(
        words("as_of_service", service=name, day=words.day(day), last=words.day(day - _DAY))
        for name, day in dates.items()
    )


def notes_of(panel: Panel, answer: Answer, selection: Selection, words: Words) -> Iterator[str]:
    """Yield a sentence for each thing that a reader of the numbers should know."""
    dates = _execution_dates(answer)
    yield from _of_missing(answer, words)
    silent = set(selection.services) - answer.missing.keys() - dates.keys()
    if silent:
        is_of_range = panel.by in ("day", "execution") and (selection.first or selection.last)
        yield words(
            "no_rows" if is_of_range else "no_rows_at_all",
            services=", ".join(sorted(silent)),
            why=words(f"rows_of.{answer.query_type}"),
        )
    if not dates:
        return
    if panel.by == "day":
        yield from _of_range(answer, max(dates.values()), selection, words)
    elif panel.by == "months":
        yield words("all_months")
    elif panel.by == "none":
        yield words("no_range")
    if panel.id == "funnel":
        yield from _of_steps(answer, words)
    if "is_partial" in answer.names:
        yield from _of_months(panel, answer, words)
    if "retention_type" in answer.names:
        yield from _of_return_days(panel, max(dates.values()), selection, words)


def _of_missing(answer: Answer, words: Words) -> Iterator[str]:
    unknown = [service for service, tables in answer.missing.items() if not tables]
    if unknown:
        yield words("no_tables", services=", ".join(unknown))
    if answer.missing_tables:
        yield words("no_table", tables=", ".join(answer.missing_tables))


def _execution_dates(answer: Answer) -> dict[str, date]:
    """Return the newest execution date among the rows of each service."""
    dates: dict[str, date] = {}
    for row in answer.records():
        name, day = row["service_name"], row["execution_date"]
        dates[name] = max(day, dates.get(name, day))
    return dates


def _of_range(
    answer: Answer, execution_date: date, selection: Selection, words: Words
) -> Iterator[str]:
    begins = answer.begins
    assert begins is not None  # noqa: S101 - there are rows
    ends = execution_date - _DAY
    if selection.first and selection.first < begins:
        yield words("table_begins", day=words.day(begins))
    if selection.last and selection.last > ends:
        yield words("table_ends", day=words.day(ends))
    if not selection.compare:
        return
    if selection.first is None or selection.first_read is None or selection.first <= begins:
        yield words("no_previous", day=words.day(begins))
    elif selection.shift is None:
        yield words("no_previous_of_open")
    else:
        first, last = max(selection.first_read, begins), selection.first - _DAY
        yield words("previous_drawn", days=words.period(first, last))
        if selection.first_read < begins:
            yield words("previous_cut", day=words.day(begins))


def _of_steps(answer: Answer, words: Words) -> Iterator[str]:
    """Yield a sentence for each service in whose rows no session came to a step at all."""
    for service in _execution_dates(answer):
        rows = [row for row in answer.records() if row["service_name"] == service]
        absent = [name for name, column in _STEPS.items() if not any(row[column] for row in rows)]
        if absent:
            yield words("no_event", service=service, settings=", ".join(absent))


def _of_months(panel: Panel, answer: Answer, words: Words) -> Iterator[str]:
    months = {_month(row) for row in answer.records() if row["is_partial"]}
    if months:
        key = "partial_months_stickiness" if panel.id == "stickiness" else "partial_months"
        yield words(key, months=", ".join(sorted(months)))


def _month(row: dict[str, Any]) -> str:
    return str(row["year_month"]) if "year_month" in row else f"{row['date']:%Y-%m}"


def _of_return_days(
    panel: Panel, execution_date: date, selection: Selection, words: Words
) -> Iterator[str]:
    last = selection.last or execution_date - _DAY
    open_types = []
    for name in RETENTION_TYPES:
        newest = execution_date - _DAY - timedelta(days=int(name.removeprefix("D+")))
        if newest < last:
            open_types.append(words("type_after", type=name, day=words.day(newest)))
    if open_types:
        key = "not_over_yet_outlined" if panel.id == "retention" else "not_over_yet"
        yield words(key, types=", ".join(open_types))
