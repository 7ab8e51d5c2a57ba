"""What a request asks for, read from its address: services, days, comparison, language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from otel_analytics.errors import InvalidName, Refused
from otel_analytics.names import parse_date, parse_service_name
from otel_analytics.web.selection import Selection
from otel_analytics.web.services import last_day
from otel_analytics.web.words import LANGUAGES, Language

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from starlette.datastructures import QueryParams

    from otel_analytics.web.services import Service

__all__ = ["RANGES", "Asked", "language_of", "parse_asked"]

# What `days` may be: a range that ends with the last day of the tables; `own` has `from` and `to`.
RANGES: Final = ("30", "90", "365", "all", "own")
# in the last 30 days, no base day would have a D+30
_DEFAULT_RANGE: Final = "90"


@dataclass(frozen=True, slots=True)
class Asked:
    """A selection as an address writes it."""

    selection: Selection
    range: str

    @property
    def items(self) -> tuple[tuple[str, str], ...]:
        """The parameters that ask for the same."""
        return self._items(self.range, is_compared=self.selection.compare)

    @property
    def query(self) -> str:
        """The query string that asks for the same."""
        return urlencode(self.items)

    def of_range(self, days: str) -> str:
        """Return the query string that asks for another range."""
        return urlencode(self._items(days, is_compared=self.selection.compare))

    @property
    def turned(self) -> str:
        """The query string that asks for the same with, or else without, the period before."""
        return urlencode(self._items(self.range, is_compared=not self.selection.compare))

    def _items(self, days: str, *, is_compared: bool) -> tuple[tuple[str, str], ...]:
        items = [("service", name) for name in self.selection.services]
        items.append(("days", days))
        if days == "own":
            ends = (("from", self.selection.first), ("to", self.selection.last))
            items += [(name, day.isoformat()) for name, day in ends if day]
        if is_compared:
            items.append(("compare", "1"))
        return tuple(items)


def parse_asked(parameters: QueryParams, services: Sequence[Service]) -> Asked:
    """Return what is asked for; by default, the first service and the last 90 days.

    Raises: Refused if a service's name, a day or the range is not allowed, or services are too many
    """
    try:
        named = [parse_service_name(name) for name in parameters.getlist("service")]
        names = tuple(dict.fromkeys(named)) or tuple(service.name for service in services[:1])
        days = parameters.get("days", _DEFAULT_RANGE)
        first, last = _ends(days, parameters, last_day(names, services))
    except InvalidName as error:
        # of a page that there is
        raise Refused(str(error)) from error
    compare = parameters.get("compare") == "1"
    return Asked(Selection(names, first, last, compare), days)


def _ends(
    days: str, parameters: QueryParams, last_there: date | None
) -> tuple[date | None, date | None]:
    if days not in RANGES:
        raise Refused(f"days {days[:20]!r}: write one of {', '.join(RANGES)}")
    if days == "own":
        first, last = (parameters.get(name) or None for name in ("from", "to"))
        return (
            parse_date(first, field="from") if first else None,
            parse_date(last, field="to") if last else None,
        )
    if days == "all" or last_there is None:
        return None, None
    return last_there - timedelta(days=int(days) - 1), last_there


def language_of(accepted: str) -> Language:
    """Return the language that a browser wants most of those that there are.

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-accept-language
    """
    wanted: list[tuple[float, Language]] = []
    for item in accepted.split(",")[:20]:
        tag, _, weight = item.strip().partition(";")
        found = next((one for one in LANGUAGES if tag.lower().split("-")[0] == one), None)
        if found is not None:
            wanted.append((_weight(weight), found))
    best = max(wanted, key=lambda item: item[0], default=(0.0, LANGUAGES[0]))
    return best[1] if best[0] > 0 else LANGUAGES[0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
