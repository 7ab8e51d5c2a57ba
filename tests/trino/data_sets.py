"""Random data sets for homes on a cluster, no two alike.

What Trino takes time for is the query, so several data sets lie in one home, as services of their
own. Their definition is one home's: its moment is one after the other of those that the oracle's
tests draw from, so that every time zone is met.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time
from itertools import cycle
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, seed, settings

from otel_analytics.config import Checks
from tests.metrics.duckdb_tables import SEED_SOURCE, settings_of
from tests.oracle.seven_tables import Event
from tests.oracle.strategies import (
    EVENT_NAMES,
    MOMENTS,
    SERVICES,
    SESSIONS,
    USERS,
    definitions,
    event_lists,
)
from tests.trino.homes import write_events

if TYPE_CHECKING:
    from hypothesis import strategies as st

    from otel_analytics.config import Settings
    from tests.oracle.seven_tables import Definition
    from tests.refresh.lakes import Lake

__all__ = ["HOMES", "HomeOfData", "data_of"]

HOMES = len(MOMENTS)
IN_A_HOME = 6
# The first ones that Hypothesis draws are the simplest.
DRAWN = 5 * IN_A_HOME


@dataclass(frozen=True)
class HomeOfData:
    """Data sets of one definition; `by_arrival` their files lie in partitions by their arrival."""

    definition: Definition
    data_sets: tuple[tuple[Event, ...], ...]
    by_arrival: bool

    def settings(self, base: Settings) -> Settings:
        """Return the settings of a home with those that say how its metrics are defined."""
        said = settings_of(self.definition)
        # there are few events, and thus many days without: a check would keep all from publication
        days = (self.definition.days_before(days).isoformat() for days in range(500))
        changed = replace(
            base,
            timezone=said.timezone,
            min_data_date=said.min_data_date,
            events=said.events,
            checks=Checks(accepted_gaps=tuple(days)),
        )
        return replace(changed, source=SEED_SOURCE) if self.by_arrival else changed

    @property
    def events(self) -> list[Event]:
        """The events of all data sets, the services of each under names of its own."""
        return [
            replace(event, service_name=f"{event.service_name}.{number}")
            if event.service_name
            else event
            for number, events in enumerate(self.data_sets)
            for event in events
        ]

    def write(self, lake: Lake) -> None:
        """Write the events; by arrival, every other one into the partition of the day after."""
        events = self.events
        if not self.by_arrival:
            write_events(lake, events)
            return
        write_events(lake, events[::2], "soon")
        write_events(lake, events[1::2], "late", days_later=1)

    @property
    def services(self) -> list[str]:
        """The services that there are."""
        return sorted({event.service_name for event in self.events if event.service_name})

    @property
    def service(self) -> str:
        """The one that has an event on the last day, whatever was drawn."""
        return f"{SERVICES[0]}.0"


def data_of(number: int) -> HomeOfData:
    """Return the data sets of one of the homes."""
    zone, execution_date = MOMENTS[number]
    drawn = _drawn(definitions(), number)[-1]
    cut = drawn.min_data_date and execution_date - (drawn.execution_date - drawn.min_data_date)
    definition = replace(drawn, timezone=zone, execution_date=execution_date, min_data_date=cut)
    first, *others = _drawn(event_lists(definition), number)[-IN_A_HOME:]
    noon = int(datetime.combine(definition.last_day, time(12), ZoneInfo(zone)).timestamp())
    names = zip(EVENT_NAMES, cycle(USERS), cycle(SESSIONS), strict=False)
    visit = (Event(SERVICES[0], noon * 10**9, *of_one) for of_one in names)
    return HomeOfData(definition, ((*first, *visit), *others), by_arrival=number % 3 == 2)


def _drawn(of: st.SearchStrategy[Any], number: int) -> list[Any]:
    """Return what a strategy gives, one after the other, each once."""
    found: list[Any] = []

    @seed(number)
    @settings(
        max_examples=DRAWN,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(of)
    def draw(one: Any) -> None:
        if one not in found:
            found.append(one)

    draw()
    return found
