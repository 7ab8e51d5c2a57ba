"""What the processes of the fault tests do: fill a lake, run the state machine, read the tables.

Imported before anything is forked, so that each process begins at once; opens nothing itself.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

from demo.otlp import ShopEvent, export_requests, write_json_lines
from otel_analytics import asl
from otel_analytics.config import load_settings
from otel_analytics.lake.ingest import ingest
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.local.injection import Faults, parse_fault
from otel_analytics.local.publications import Publications
from otel_analytics.metrics import load_catalog
from otel_analytics.names import table_name
from otel_analytics.pipeline import build_definition
from otel_analytics.pipeline.cleaning import CatalogReferences
from otel_analytics.pipeline.refresh import PREVIOUS
from otel_analytics.query.levels import ACTIVITY, SERVICES, VISITS, load_levels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.pipeline.cleaning import Leftover

SERVICE: Final = "shop"
FIRST_DAY: Final = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAYS: Final = 10
LATE_DAY: Final = 5
VISIT: Final = ("commerce.session.start", "commerce.product.view", "commerce.cart.add")
# of a day and a service: of its two users, and of a third one who comes late
EVENTS_OF_A_DAY: Final = (2 * len(VISIT), 3 * len(VISIT))
PAUSE_S: Final = 0.05  # of a reader, whose reads would else take the time of what it watches
PROCESSES: Final = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def settings_of(home: Path) -> Any:
    return load_settings(environment={}, flags={"home": str(home)})


def fill(home: Path, services: Sequence[str], folder: Path) -> None:
    """Ingest ten days of events of each service: two users, two sessions, a view and a cart."""
    of_each = [_visit(service, day, f"u{n}") for service in services for day in range(DAYS)
               for n in range(2)]  # fmt: skip
    _ingest(home, [event for visit in of_each for event in visit], folder / "events")


def come_late(home: Path, folder: Path) -> None:
    """Ingest a third user of a day that has been built, for the service."""
    _ingest(home, _visit(SERVICE, LATE_DAY, "late"), folder / "late-events")


def _visit(service: str, day: int, user: str) -> list[ShopEvent]:
    return [
        ShopEvent(service, nanoseconds(day, minute), name, user, f"s-{user}-{day}")
        for minute, name in enumerate(VISIT)
    ]


def _ingest(home: Path, events: Sequence[ShopEvent], file: Path) -> None:
    write_json_lines(file, export_requests(events))
    with open_embedded_aws(settings_of(home)) as aws:
        ingest([file], lake=aws.lake_folder(), keys=aws.settings.keys, processes=1)
        aws.register_logall()


def nanoseconds(day: int, minute: int) -> int:
    at = FIRST_DAY + timedelta(days=day, minutes=minute)
    return int(at.timestamp()) * 1_000_000_000


def execution_date(day: int) -> str:
    """Return the date of so many days after the first."""
    return (FIRST_DAY + timedelta(days=day)).date().isoformat()


def run(
    home: Path,
    services: Sequence[str],
    day: int,
    faults: Sequence[str] = (),
    *,
    kill_after_s: float | None = None,
) -> str:
    """Run the state machine in a process of its own; return how the execution ended, or KILLED."""
    answers = PROCESSES.SimpleQueue()
    process = PROCESSES.Process(
        target=_run, args=(home, tuple(services), execution_date(day), tuple(faults), answers)
    )
    process.start()
    process.join(kill_after_s)
    process.kill()
    process.join()
    if process.exitcode == -9:
        return "KILLED"
    assert process.exitcode == 0
    status: str = answers.get()
    return status


def _run(
    home: Path,
    services: tuple[str, ...],
    date: str,
    specs: tuple[str, ...],
    answers: Any,
) -> None:
    faults = Faults([parse_fault(spec) for spec in specs])
    with open_embedded_aws(settings_of(home)) as aws:
        step_functions = replace(
            aws.step_functions(now=lambda: datetime.now(UTC)),
            around=faults.around,
            clock=asl.SkippingClock(),
        )
        execution = step_functions.start_execution(
            build_definition(aws.settings),
            {"service_names": list(services), "execution_date": date},
            on_event=faults.follow,
        )
    if execution["status"] == "FAILED":
        print(execution.get("error"), execution.get("cause"))  # noqa: T201 - pytest shows it where a test fails
    answers.put(execution["status"])


class Reader:
    """A process that asks for all tables of the services again and again, and what it found."""

    def __init__(self, home: Path, services: Sequence[str]) -> None:
        self._stop = PROCESSES.Event()
        self._seen = PROCESSES.Event()
        self._answers = PROCESSES.SimpleQueue()
        self._process = PROCESSES.Process(
            target=_read, args=(home, tuple(services), self._stop, self._seen, self._answers)
        )

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Have it read while the block runs; fail if it ever found what must not be."""
        self._process.start()
        try:
            assert self._seen.wait(60)
            yield
        finally:
            self._stop.set()
            self._process.join()
        assert self._process.exitcode == 0
        reads, wrong = self._answers.get()
        assert reads >= 2
        assert wrong == []


def _read(home: Path, services: tuple[str, ...], stop: Any, seen: Any, answers: Any) -> None:
    reads, wrong = 0, []
    with open_embedded_aws(settings_of(home)) as aws:
        while not stop.wait(PAUSE_S):
            for service in services:
                try:
                    wrong += wrong_with(aws, service)
                except Exception as error:  # noqa: BLE001 - a reader must never meet one
                    wrong.append(repr(error))
            reads += 1
            seen.set()
            if wrong:
                break
        for service in services:
            wrong += wrong_with(aws, service)
    answers.put((reads, wrong))


def wrong_with(aws: EmbeddedAws, service: str) -> list[str]:
    """Return what a reader of all seven tables finds wrong, in one statement and in the catalog.

    And whether a day of an activity table is neither its old self nor its new one.
    """
    names = [table_name(service, query_type) for query_type in load_catalog()]
    parts = [
        f"SELECT '{name}', COUNT(*), MIN(execution_date), MAX(execution_date) FROM {name}"
        for name in names
    ]
    rows = aws.rows(" UNION ALL ".join(parts))
    days = {day for _, _, *both in rows for day in both}
    wrong = [f"{name} is empty" for name, count, *_ in rows if not count]
    if len(days) != 1:
        wrong.append(f"{service}: tables of {days}")
    database = aws.settings.athena.database
    tables = {t.name: t for t in aws.catalog.tables(database, f"{service}_*_summary")}
    executions = {tables[name].parameters["otel_analytics.execution"] for name in names}
    if len(executions) != 1:
        wrong.append(f"{service}: tables of the executions {executions}")
    return wrong + [f"{level} has {n} events of {day}" for level, day, n in half_days(aws, service)]


def half_days(aws: EmbeddedAws, service: str) -> list[tuple[Any, ...]]:
    """Return the days of which a level holds another number of events than there ever were."""
    parts = [
        f"SELECT '{level}', event_date, SUM(event_count) FROM {level} "
        f"WHERE service_name = '{service}' GROUP BY event_date "
        f"HAVING SUM(event_count) NOT IN {EVENTS_OF_A_DAY}"
        for level in (ACTIVITY, VISITS, SERVICES)
    ]
    return aws.rows(" UNION ALL ".join(parts))


def tables_of(home: Path, service: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the published tables, in a fixed order."""
    with open_embedded_aws(settings_of(home)) as aws:
        names = [table_name(service, query_type) for query_type in load_catalog()]
        return {name: sorted(aws.rows(f"SELECT * FROM {name}"), key=repr) for name in names}


def levels_of(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the activity tables, in a fixed order."""
    with open_embedded_aws(settings_of(home)) as aws:
        return {
            level: sorted(aws.rows(f"SELECT * FROM {level}"), key=repr) for level in load_levels()
        }


def leaves(home: Path) -> set[str]:
    """Return the locations at which there are objects of tables, published or of activity."""
    bucket = home / "s3" / "otel-analytics"
    return {
        f"s3://otel-analytics/{os.path.relpath(folder, bucket)}/"
        for base in (bucket / "summary", bucket / "lake" / "activity")
        for folder, _, files in os.walk(base)
        if files
    }


def clean(home: Path) -> tuple[Leftover, ...]:
    """Delete what `clean` finds; return what it finds then."""
    with open_embedded_aws(settings_of(home)) as aws:
        cleaner = aws.cleaner
        cleaner.delete()
        return cleaner.find()


def referred(home: Path) -> set[str]:
    """Return the locations of tables and partitions, and of the versions that are still kept.

    Those of staging tables are not among them: nobody reads what was not published or registered.
    """
    with open_embedded_aws(settings_of(home)) as aws:
        database = aws.settings.athena.database
        kept = {one.location for one in Publications(aws.home, database).superseded()}
        kept.update(aws.catalog.partition_parameter(PREVIOUS))
        return kept | CatalogReferences.of(aws.catalog.locations()).exact


def unfinished(home: Path) -> list[str]:
    """Return what stands in `tmp` that processes which are gone have not finished."""
    with open_embedded_aws(settings_of(home)) as aws:
        return [path.name for path in (home / "tmp").iterdir() if path not in
                (aws.home.tmp, aws.home.schemas)]  # fmt: skip


def published_date(home: Path, service: str) -> str:
    """Return the execution date of a service's published tables."""
    with open_embedded_aws(settings_of(home)) as aws:
        ((day,),) = aws.rows(f"SELECT MAX(execution_date) FROM {table_name(service, 'dau')}")
    return str(day)
