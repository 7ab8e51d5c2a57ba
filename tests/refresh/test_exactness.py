"""Whatever becomes of the raw files, the activity tables give the rows that the raw logs give."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    precondition,
    rule,
)

from otel_analytics.config import Activity, Events, Settings
from otel_analytics.query.levels import load_levels
from tests.metrics.duckdb_tables import SEED_SOURCE
from tests.oracle.seven_tables import Event
from tests.refresh.lakes import Lake, open_lake

SERVICES = ("shop", "app")
FIRST_E = date(2025, 3, 12)  # after a change of New York's clocks, with February wholly behind
# Days before E at which windows, pairs, months and cohorts begin or end.
DAYS_BEFORE = (1, 1, 2, 3, 8, 9, 11, 12, 31, 32, 39, 40, 90, 91, 120, 365, 366, 400)
NAMES = (None, "", "ping", "commerce.product.view", "commerce.cart.add")

instants = st.builds(
    lambda days, seconds: (
        (int(datetime(2025, 3, 12, tzinfo=UTC).timestamp()) - days * 86_400 + seconds) * 10**9
    ),
    st.sampled_from(DAYS_BEFORE),
    st.sampled_from((0, 1, 3_600, 14_399, 43_200, 54_000, 86_399)),
)
records = st.builds(
    Event,
    service_name=st.sampled_from((*SERVICES, *SERVICES, None)),
    time_unix_nano=instants,
    event_name=st.sampled_from(NAMES),
    user_key=st.sampled_from(("u1", "u2", "u3", None, "")),
    session_id=st.sampled_from(("s1", "s2", None)),
)
exports = st.lists(records, min_size=1, max_size=12)
choices = st.fixed_dictionaries(
    {},
    optional={
        "timezone": st.sampled_from(("UTC", "Asia/Seoul", "America/New_York")),
        "events": st.sampled_from(
            (Events(), Events(active=("ping",)), Events(session_start=("ping",), max_names=1))
        ),
        "min_data_date": st.sampled_from((None, date(2025, 1, 15), date(2025, 3, 1))),
        "activity": st.sampled_from((Activity(), Activity(days_per_query=2))),
    },
)


class Refreshes(RuleBasedStateMachine):
    """Files come late, change and go, settings and dates change; now and then, a refresh.

    Others die on their way.
    """

    files = Bundle("files")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.number = 0
        self.execution_date = FIRST_E
        self.is_fresh = True

    def teardown(self) -> None:
        self.stack.close()

    @initialize(by_arrival=st.booleans())
    def begin(self, by_arrival: bool) -> None:
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        start = Settings(source=SEED_SOURCE) if by_arrival else Settings()
        self.lake = self.stack.enter_context(open_lake(self.folder / "home", start))

    @rule(target=files, events=exports, shift=st.sampled_from((0, 0, -1, 1)))
    def files_arrive(self, events: list[Event], shift: int) -> Any:
        self.number += 1
        self.is_fresh = False
        return self._write(events, f"f{self.number}", shift)

    def _write(self, events: list[Event], name: str, shift: int) -> tuple[Path, ...]:
        """Write the records into their partitions: their days of UTC, or, by arrival, near them."""
        days: dict[date, list[Event]] = {}
        for event in events:
            day = datetime.fromtimestamp(event.time_unix_nano // 10**9, UTC).date()
            if self.lake.settings.source.partition_slack_days:
                day += timedelta(days=shift)
            days.setdefault(day, []).append(event)
        return tuple(self.lake.write(day, name, of_day) for day, of_day in days.items())

    @rule(written=consumes(files))
    def files_go(self, written: tuple[Path, ...]) -> None:
        self.is_fresh = False
        for file in written:
            self.lake.remove(file)

    @rule(written=files, other=exports)
    def a_file_is_written_anew(self, written: tuple[Path, ...], other: list[Event]) -> None:
        if not written[0].exists():
            return
        self.is_fresh = False
        of_day = [replace(one, time_unix_nano=self._time_in(written[0])) for one in other]
        parts = written[0].parent.parts[-3:]
        year, month, day = (int(part.partition("=")[2]) for part in parts)
        self.lake.write(date(year, month, day), written[0].stem, of_day)

    def _time_in(self, file: Path) -> int:
        year, month, day = (int(part.partition("=")[2]) for part in file.parent.parts[-3:])
        return int(datetime(year, month, day, 12, tzinfo=UTC).timestamp()) * 10**9

    @rule(changes=choices)
    def settings_change(self, changes: dict[str, Any]) -> None:
        self.is_fresh = False
        self.lake = self.lake.with_settings(replace(self.lake.settings, **changes))

    @rule(days=st.sampled_from((1, -1, 20, -40)))
    def the_date_changes(self, days: int) -> None:
        self.is_fresh = False
        self.execution_date = FIRST_E + timedelta(days=days)

    @precondition(lambda self: not self.is_fresh)
    @rule(taken=st.integers(0, 6))
    def a_refresh_dies(self, taken: int) -> None:
        """After some of its steps, and after the query of one more, which it does not register."""
        self.number += 1
        plan = self.lake.plan(self.execution_date)
        steps = [step for stage in plan["stages"] for step in stage["steps"]]
        named = {"execution": f"run_{self.number}"}
        for number, step in enumerate(steps[: taken + 1]):
            inputs = self.lake.build(step, **named, number=f"1_0_{number}")
            if number < taken:
                self.lake.register(step, inputs, **named, number=f"1_0_{number}")

    @precondition(lambda self: not self.is_fresh)
    @rule()
    def a_refresh_makes_all_equal(self) -> None:
        self.number += 1
        self.is_fresh = True
        self.lake.refresh(self.execution_date, f"run_{self.number}")
        assert self.lake.plan(self.execution_date)["stages"] == []
        raw = self.lake.tables("raw", SERVICES, self.execution_date)
        assert self.lake.tables("activity", SERVICES, self.execution_date) == raw
        self._is_as_from_nothing()

    def _is_as_from_nothing(self) -> None:
        """Compare every level with the same built in an empty home, over the same files."""
        with open_lake(self.folder / f"new-{self.number}", self.lake.settings) as new:
            root = new.folder(date(2025, 1, 1)).parents[2]
            root.parent.mkdir(parents=True, exist_ok=True)
            source = self.lake.folder(date(2025, 1, 1)).parents[2]
            if source.exists():
                root.symlink_to(source)
            new.refresh(self.execution_date)
            for level in load_levels():
                built = _rows_by_period(new, level)
                kept = _rows_by_period(self.lake, level)
                # periods that this date does not need may be kept from another one
                assert built == {p: rows for p, rows in kept.items() if p in built}, level
            root.unlink(missing_ok=True)


def _rows_by_period(lake: Lake, level: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for *row, period in lake.rows(f"SELECT * FROM {level}"):
        found.setdefault(period, []).append(repr(row))
    return {period: sorted(rows) for period, rows in found.items()}


TestRefreshes = Refreshes.TestCase
TestRefreshes.settings = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
