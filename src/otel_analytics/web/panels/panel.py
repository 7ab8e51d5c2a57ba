"""What a panel is: the query of its rows, and what is shown of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_analytics.metrics.catalog import find_metric
from otel_analytics.names import history_table_name, table_name, table_prefix
from otel_analytics.query.build import window_of
from otel_analytics.query.reading import build_reading, columns_of
from otel_analytics.web.panels.answer import Answer
from otel_analytics.web.panels.notes import as_of, notes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_analytics.config import Settings
    from otel_analytics.query.statements import Column, Rows
    from otel_analytics.web.columns import Meaning
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.services import Service
    from otel_analytics.web.words import Words

__all__ = ["Drawing", "Panel"]

# Earlier and later than any day of a table.
_FIRST_DAY: Final = date(1971, 1, 1)
_LAST_DAY: Final = date(9998, 12, 31)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A panel as it is shown, in one language; every text is plain text, to be escaped.

    `chart` is a Vega-Lite document as wide as its container, without colours (these are the page's
    `theme`); None where there is nothing to draw, and then `empty` says why. `as_of` says of which
    days the numbers are, `notes` what is missing or partial. `columns` are those of the rows.
    """

    title: str
    help: str
    as_of: str
    notes: tuple[str, ...]
    empty: str | None
    chart: dict[str, Any] | None
    columns: tuple[Meaning, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: the query on a service's published tables, and how its rows are drawn.

    `reads` are the relations of its `.sql` file: query types, or `<query type>_history`. `by` is
    what its rows are of: a `day` or an `execution`, to which the range of days applies, `months`,
    or `none`, where the table is one window as a whole. Its chart is that of `drawings`.
    """

    id: str
    group: str
    reads: tuple[str, ...]
    by: Literal["day", "execution", "months", "none"]

    @property
    def query_type(self) -> str:
        """The query type of the table that the panel reads first."""
        return self.reads[0].removesuffix("_history")

    @property
    def sql(self) -> str:
        """The text of the panel's `.sql` file."""
        return _read(self.id)

    def numbers(self, words: Words) -> tuple[Meaning, ...]:
        """Return what each number of the panel is called and means."""
        meanings = (words.column(self.query_type, name) for name in columns_of(self.sql))
        return tuple(one for one in meanings if one.kind in ("count", "percent", "number"))

    def tables(self, prefix: str) -> dict[str, str]:
        """Return the table of each relation, of the service with this table prefix."""
        return {
            relation: history_table_name(prefix, relation.removesuffix("_history"))
            if relation.endswith("_history")
            else table_name(prefix, relation)
            for relation in self.reads
        }

    def select(self, service_name: str, selection: Selection, settings: Settings) -> str:
        """Return the query of one service's rows, in Athena's dialect."""
        return build_reading(
            self.sql,
            tables=self.tables(table_prefix(service_name)),
            values={
                "first_day": selection.first_read or _FIRST_DAY,
                "last_day": selection.last or _LAST_DAY,
                "period_start": selection.first or _FIRST_DAY,
            },
            database=settings.athena.database,
        )

    def ask(
        self,
        run_query: Callable[[str], Rows],
        services: Iterable[Service],
        selection: Selection,
        settings: Settings,
    ) -> Answer:
        """Return the rows of the selected services, one query each.

        Raises: what `run_query` raises
        """
        there = {service.name: service.tables for service in services}
        statements = []
        missing: dict[str, tuple[str, ...]] = {}
        columns: tuple[Column, ...] = ()
        rows: list[tuple[Any, ...]] = []
        for name in selection.services:
            own = there.get(name, frozenset())
            absent = [one for one in self.tables(table_prefix(name)).values() if one not in own]
            if absent:
                missing[name] = tuple(absent) if own else ()
                continue
            statements.append(self.select(name, selection, settings))
            found = run_query(statements[-1])
            columns = found.columns
            rows += found.rows
        names = [column.name for column in columns]
        begins = None
        if rows:
            newest = max(row[names.index("execution_date")] for row in rows)
            begins, _ = window_of(find_metric(self.query_type), newest, settings)
        return Answer(self.query_type, columns, tuple(rows), tuple(statements), missing, begins)

    def draw(self, answer: Answer, selection: Selection, words: Words) -> Drawing:
        """Return what is shown of the rows."""
        notes = tuple(notes_of(self, answer, selection, words))
        is_empty = not answer.rows
        return Drawing(
            title=words(f"{self.id}.title"),
            help=words(f"{self.id}.help"),
            as_of="" if is_empty else as_of(answer, words),
            notes=() if is_empty else notes,
            empty=" ".join(notes) or words("no_services") if is_empty else None,
            chart=None if is_empty else self._document(answer, selection, words),
            columns=tuple(words.column(self.query_type, name) for name in answer.names),
        )

    def _document(self, answer: Answer, selection: Selection, words: Words) -> dict[str, Any]:
        # half of the time until the first page, which has no chart yet
        from otel_analytics.web.panels.drawings import DRAWINGS  # noqa: PLC0415

        sketch = DRAWINGS[self.id](answer, selection, words)
        document = sketch.chart.to_dict(validate=False)
        del document["config"]  # Altair's colours and sizes
        return document | {
            "datasets": sketch.data,
            "width": "container",
            "description": f"{words(f'{self.id}.title')}. {words(f'{self.id}.help')}",
        }


@cache
def _read(panel: str) -> str:
    return resources.files(__package__).joinpath(f"{panel}.sql").read_text("utf-8")
