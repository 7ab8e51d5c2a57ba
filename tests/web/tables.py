"""Published tables of a few rows, written down by hand."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from otel_analytics.config import Settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.metrics import load_catalog
from otel_analytics.names import history_table_name, table_name, table_prefix
from otel_analytics.web.panels import find_panel
from otel_analytics.web.services import Service
from otel_analytics.web.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.web.panels import Answer, Drawing
    from otel_analytics.web.selection import Selection
    from otel_analytics.web.words import Language

__all__ = ["E", "Tables", "day", "open_tables"]

E = date(2024, 7, 1)
_LONG = 100


def day(month_and_day: str) -> date:
    """Return a day of 2024: `06-30`."""
    return date.fromisoformat(f"2024-{month_and_day}")


@dataclass
class Tables:
    """The published tables of services, over an embedded Athena."""

    aws: EmbeddedAws
    names: dict[str, set[str]] = field(default_factory=dict)

    def create(
        self, service: str, query_type: str, *rows: dict[str, Any], history: bool = False
    ) -> None:
        """Make a table; columns that a row leaves out are those of the service, E and NULL."""
        columns = load_catalog()[query_type].columns
        naming = history_table_name if history else table_name
        name = naming(table_prefix(service), query_type)
        known = {"service_name": service, "execution_date": E}
        casts = ", ".join(
            f'CAST(c{number} AS {one.type}) AS "{one.name}"' for number, one in enumerate(columns)
        )
        values = ", ".join(
            f"({', '.join(_literal((known | row).get(one.name), one.type) for one in columns)})"
            for row in rows or ({},)
        )
        names = ", ".join(f"c{number}" for number in range(len(columns)))
        nothing = "" if rows else " WHERE false"
        self.aws.query(
            f"CREATE TABLE \"{name}\" WITH (external_location = 's3://otel-analytics/t/{name}/') "
            f"AS SELECT {casts} FROM (VALUES {values}) AS t({names}){nothing}"
        )
        self.names.setdefault(service, set()).add(name)

    @property
    def services(self) -> tuple[Service, ...]:
        return tuple(Service(name, E, frozenset(there)) for name, there in self.names.items())

    def ask(self, panel_id: str, selection: Selection) -> Answer:
        panel = find_panel(panel_id)
        return panel.ask(self.aws.query, self.services, selection, self.aws.settings)

    def rows(self, panel_id: str, selection: Selection, *columns: str) -> list[tuple[Any, ...]]:
        """Return some columns of a panel's rows."""
        records = self.ask(panel_id, selection).records()
        return [tuple(record[name] for name in columns) for record in records]

    def draw(self, panel_id: str, selection: Selection, language: Language = "en") -> Drawing:
        answer = self.ask(panel_id, selection)
        return find_panel(panel_id).draw(answer, selection, Words(language))

    def days(
        self, service: str, query_type: str, column: str, days: Iterable[str], **values: Any
    ) -> None:
        """Make a table with the same values on each of some days of 2024."""
        self.create(service, query_type, *({column: day(one), **values} for one in days))


@contextmanager
def open_tables(home: Path) -> Iterator[Tables]:
    """Open a home in which there are no tables yet."""
    with open_embedded_aws(Settings(home=str(home), memory_limit="500MB")) as aws:
        yield Tables(aws)


def _literal(value: Any, kind: str) -> str:
    if value is None:
        return f"CAST(NULL AS {kind})"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, date):
        return _quoted(str(value))
    return str(value)


def _text(value: str) -> str:
    """Write a text, with what is one character again and again as such: Athena's SQL is short."""
    head = value.rstrip(value[-1:])
    tail = len(value) - len(head)
    if tail < _LONG:
        return _quoted(value)
    return f"{_quoted(head)} || RPAD('', {tail}, {_quoted(value[-1])})"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
