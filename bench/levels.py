"""What each level of the activity tables buys: `python -m bench.levels`.

The 14 tables' queries, seven for each of two services, in the embedded Athena, one after the other,
nothing written: from the raw logs, and from the activity tables as if there were only the first of
their levels, the first two, and so on. All must answer the same. Over the history of bench.refresh,
which must have run before; the environment may say which (SCALE, DAYS).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from bench.homes import Home
from bench.refresh import EXECUTION_DATE, FOLDER, SERVICES
from bench.report import table
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.metrics import load_catalog
from otel_analytics.query.build import (
    QueryRequest,
    bound_metric,
    build_select,
    window_of,
    with_events,
)
from otel_analytics.query.events import build_level_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from otel_analytics.config import Settings
    from otel_analytics.local.athena import Athena
    from otel_analytics.metrics import Metric, Reads

__all__: list[str] = []

ROUNDS: Final = 5
# What a metric reads, where the levels after these are not there.
READS: Final[Mapping[str, Mapping[Reads, Reads]]] = {
    "`activity` alone": {"events": "events", "visits": "events", "users": "events"},
    "and `activity_visits`": {"events": "events", "visits": "visits", "users": "visits"},
    "and `activity_users`": {"events": "events", "visits": "visits", "users": "users"},
}


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds and bytes of the 14 queries, and their sorted rows."""

    seconds: float
    read: int
    rows: tuple[Any, ...]


def main() -> None:
    """Measure each way in turn, compare the rows, print the medians."""
    events, days = os.environ.get("SCALE", "17000000"), os.environ.get("DAYS", "90")
    home = Home(FOLDER / f"{events}-{days}" / "home-0")
    home.run(SERVICES, EXECUTION_DATE)
    with open_embedded_aws(home.settings) as aws:
        ways = texts(aws.settings)
        database = aws.settings.athena.database
        rounds = [
            {name: asked(aws.athena, database, of) for name, of in ways.items()}
            for _ in range(ROUNDS)
        ]
    lines = []
    for name in ways:
        of = [one[name] for one in rounds]
        assert of[0].rows == rounds[0]["the raw logs"].rows, name
        seconds = median(one.seconds for one in of)
        lines.append((name, f"{seconds:.2f}", f"{of[0].read / 1e6:,.0f}"))
    print(table(("read from", "seconds", "MB read"), lines))


def texts(settings: Settings) -> dict[str, list[str]]:
    """Return the 14 statements of each way."""
    ways: dict[str, list[str]] = {"the raw logs": [], **{name: [] for name in READS}}
    ways["and facts"] = []
    for service in SERVICES:
        for metric in load_catalog().values():
            for source, name in (("raw", "the raw logs"), ("activity", "and facts")):
                request = QueryRequest(metric.query_type, (service,), EXECUTION_DATE, source)
                ways[name].append(build_select(request, settings).sql("athena"))
            for name, reads in READS.items():
                select = over(metric, service, reads[metric.reads], settings)
                ways[name].append(select.sql("athena"))
    return ways


def over(metric: Metric, service: str, reads: Reads, settings: Settings) -> exp.Query:
    """Return a metric over its whole window in rows of this kind."""
    first_day, last_day = window_of(metric, EXECUTION_DATE, settings)
    select = bound_metric(
        metric,
        first_day=first_day,
        last_day=last_day,
        execution_date=EXECUTION_DATE,
        settings=settings,
    )
    events = build_level_events(
        reads, service_names=(service,), days=[(first_day, last_day)], settings=settings
    )
    return with_events(select, events)


def asked(athena: Athena, database: str, statements: list[str]) -> Round:
    """Return what the statements took."""
    done = [athena.start_query_execution(text, database=database) for text in statements]
    for one in done:
        assert one.rows is not None, one.reason
    rows = tuple(sorted(one.rows.rows, key=repr) for one in done if one.rows is not None)
    return Round(sum(one.engine_s for one in done), sum(one.scanned_bytes for one in done), rows)


if __name__ == "__main__":
    main()
