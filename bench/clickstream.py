"""Seeded clickstream data as the lake has them: what the benchmarks and the docs' figures stand on.

Two services of different size. A session belongs to one visitor, who is known or not; some records
lack their session, some a name; sessions that begin late cross midnight. Some records come a day
late, some 30: a day's folder has a file for each day on which records of it came, named after that
day. Every figure is a hash of a counter and the seed, so that a day is always the same.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb

__all__ = ["BIG_SERVICE", "SMALL_SERVICE", "Clickstream"]

BIG_SERVICE = "theshop-web"
SMALL_SERVICE = "theshop-app"

EVENTS_A_SESSION = 12  # the mean; sessions have 1 to 23
STEP_S = 45  # from one event of a session to the next
# However long the history is, the audience is one: few of it come often, many once.
USERS_PER_DAILY_EVENT = 1.5
WITHOUT_USER = 0.10
WITHOUT_SESSION = 0.05
WITHOUT_NAME = 0.005
OF_SMALL_SERVICE = 0.25
LATE = {1: 0.01, 30: 0.01}  # the share of the records that come so many days late

# Chance is 52 bits of the hash of one number, since DuckDB mixes the hashes of several weakly.
PRELUDE = """
CREATE OR REPLACE MACRO chance(seed, i, what) AS
    (hash((seed::BIGINT << 40) + i * 64 + what) >> 12) / 4503599627370496.0;
"""
# The day's own sessions, and what those of the day before left beyond midnight.
EVENTS = """
CREATE OR REPLACE TEMP TABLE day AS
WITH sessions AS (
    SELECT
        session,
        1 + CAST(floor(chance({seed}, session, 1) * 23) AS BIGINT) AS events,
        TIMESTAMP '{first_day}' + INTERVAL 1 DAY * (session // {sessions})
            + INTERVAL 1 MILLISECOND
            * CAST(floor(chance({seed}, session, 2) * 86400000) AS BIGINT) AS start,
        CASE WHEN chance({seed}, session, 3) < {of_small_service}
            THEN '{small}' ELSE '{big}' END AS service_name,
        CASE WHEN chance({seed}, session, 4) >= {without_user}
            -- few users come often, many once
            THEN 'user-' || CAST(
                floor(pow(chance({seed}, session, 5), 2) * {users}) AS BIGINT) END AS user_key
    FROM range({begin}, {end}) AS counter(session)
),
numbered AS (
    SELECT *, session * 32 + number AS i
    FROM (
        SELECT *, unnest(range(events)) AS number
        FROM sessions
        WHERE start + INTERVAL 1 SECOND * {step_s} * (events + 1) >= TIMESTAMP '{day}'
    )
),
events AS (
    SELECT
        start + INTERVAL 1 MILLISECOND * (
            number * {step_s} * 1000
            + CAST(floor(chance({seed}, i, 6) * ({step_s} - 5) * 1000) AS BIGINT)) AS ts,
        CASE
            WHEN chance({seed}, i, 11) < {without_name} THEN NULL
            WHEN number = 0 THEN 'commerce.session.start'
            WHEN chance({seed}, i, 7) < 0.25 THEN 'commerce.product.view'
            WHEN chance({seed}, i, 7) < 0.31 THEN 'commerce.cart.add'
            ELSE 'page.' || CAST(floor(pow(chance({seed}, i, 8), 3) * 60) AS BIGINT)
        END AS event_name,
        service_name,
        user_key,
        CASE WHEN chance({seed}, i, 9) >= {without_session}
            THEN printf('%016x', hash(({seed}::BIGINT << 40) + session * 64)) END AS session_id,
        {days_late} AS days_late,
        i
    FROM numbered
)
FROM events WHERE CAST(ts AS DATE) = DATE '{day}'
"""
WRITE = """
COPY (
    SELECT
        CAST(ts AS TIMESTAMP_MS) AS timestamp,
        epoch_ns(ts) AS time_unix_nano,
        event_name,
        NULL::VARCHAR AS body,
        CAST(9 AS INTEGER) AS severity_number,
        'INFO' AS severity_text,
        printf('%016x%016x', hash(i), hash(i + 1)) AS trace_id,
        printf('%016x', hash(i + 2)) AS span_id,
        service_name,
        user_key,
        session_id,
        '{source}' AS source_id,
        MAP {{
            'session.id': session_id,
            'user.id': user_key,
            'device': 'device-' || (i % 3),
            'page.path': '/products/' || (i % 997),
            'resource.service.version': '1.2.3'
        }} AS attributes
    FROM day
    WHERE days_late = {days_late}
    ORDER BY ts
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""


@dataclass(frozen=True, slots=True)
class Clickstream:
    """About so many events over so many days; the last is the day before `execution_date`."""

    events: int
    days: int
    execution_date: date
    seed: int = 2025

    @property
    def first_day(self) -> date:
        """The first day."""
        return self.execution_date - timedelta(days=self.days)

    def write(self, folder: Path) -> None:
        """Write the events into `logall`'s folders, unless they are there."""
        made_by = sha256(Path(__file__).read_bytes() + repr(self).encode()).hexdigest()[:16]
        done = folder.parent / f"{folder.name}.{made_by}"
        if done.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        with duckdb.connect() as connection:
            for number in range(self.days):
                self.write_day(connection, number, folder)
        done.touch()

    def write_day(self, connection: duckdb.DuckDBPyConnection, number: int, folder: Path) -> None:
        """Write the events of the day `number`, those that have come by the last day."""
        sessions = max(1, self.events // self.days // EVENTS_A_SESSION)
        connection.execute(PRELUDE)
        connection.execute(
            EVENTS.format(
                seed=self.seed,
                first_day=self.first_day,
                day=self.first_day + timedelta(days=number),
                sessions=sessions,
                begin=max(0, number - 1) * sessions,
                end=(number + 1) * sessions,
                step_s=STEP_S,
                users=max(1, int(USERS_PER_DAILY_EVENT * self.events / self.days)),
                small=SMALL_SERVICE,
                big=BIG_SERVICE,
                of_small_service=OF_SMALL_SERVICE,
                without_user=WITHOUT_USER,
                without_session=WITHOUT_SESSION,
                without_name=WITHOUT_NAME,
                days_late=self._days_late(),
            )
        )
        for days_late in (0, *LATE):
            if number + days_late >= self.days:
                continue  # has not come yet
            file = self.file(folder, number, days_late)
            file.parent.mkdir(parents=True, exist_ok=True)
            source = f"{number:060}{days_late:04}"
            connection.execute(WRITE.format(days_late=days_late, file=file, source=source))

    def file(self, folder: Path, number: int, days_late: int = 0) -> Path:
        """Return where the events of a day are that came so many days late."""
        day = self.first_day + timedelta(days=number)
        parent = folder / f"year={day:%Y}" / f"month={day:%m}" / f"day={day:%d}"
        return parent / f"{number + days_late:05}.parquet"

    def _days_late(self) -> str:
        branches, below = [], 0.0
        for days, share in LATE.items():
            below += share
            branches.append(f"WHEN chance({self.seed}, i, 10) < {below} THEN {days}")
        return f"CASE {' '.join(branches)} ELSE 0 END"
