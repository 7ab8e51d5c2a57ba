"""Seeded clickstream data as the lake has them: what the benchmarks and the docs' figures stand on.

Two services of different size. A session belongs to one visitor, some to none; some records lack
their session; sessions that begin late cross midnight; some records come late, in a second file
of their day. Every figure is a hash of a counter and the seed, so that a day is always the same.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BIG_SERVICE", "SMALL_SERVICE", "Clickstream"]

BIG_SERVICE = "theshop-web"
SMALL_SERVICE = "theshop-app"

EVENTS_A_SESSION = 12  # the mean; sessions have 1 to 23
WITHOUT_USER = 0.10
WITHOUT_SESSION = 0.05
OF_SMALL_SERVICE = 0.25
LATE = 0.02

# Chance is 52 bits of the hash of one number, since DuckDB mixes the hashes of several weakly.
PRELUDE = """
CREATE OR REPLACE MACRO chance(seed, i, what) AS
    (hash((seed::BIGINT << 40) + i * 64 + what) >> 12) / 4503599627370496.0;
"""
EVENTS = """
CREATE OR REPLACE TEMP TABLE day AS
WITH sessions AS (
    SELECT
        session,
        1 + CAST(floor(chance({seed}, session, 1) * 23) AS BIGINT) AS events,
        TIMESTAMP '{day}' + INTERVAL 1 MILLISECOND
            * CAST(floor(chance({seed}, session, 2) * 86400000) AS BIGINT) AS start,
        CASE WHEN chance({seed}, session, 3) < {of_small_service}
            THEN '{small}' ELSE '{big}' END AS service_name,
        CASE WHEN chance({seed}, session, 4) >= {without_user}
            -- few users come often, many once
            THEN 'user-' || CAST(
                floor(pow(chance({seed}, session, 5), 2) * {users}) AS BIGINT) END AS user_key
    FROM range({begin}, {end}) AS counter(session)
),
events AS (
    SELECT *, session * 32 + number AS i
    FROM (SELECT *, unnest(range(events)) AS number FROM sessions)
)
SELECT
    start + INTERVAL 1 MILLISECOND
        * (number * 45000 + CAST(floor(chance({seed}, i, 6) * 40000) AS BIGINT)) AS ts,
    CASE
        WHEN number = 0 THEN 'commerce.session.start'
        WHEN chance({seed}, i, 7) < 0.25 THEN 'commerce.product.view'
        WHEN chance({seed}, i, 7) < 0.31 THEN 'commerce.cart.add'
        ELSE 'page.' || CAST(floor(pow(chance({seed}, i, 8), 3) * 60) AS BIGINT)
    END AS event_name,
    service_name,
    user_key,
    CASE WHEN chance({seed}, i, 9) >= {without_session}
        THEN printf('%016x', hash(({seed}::BIGINT << 40) + session * 64)) END AS session_id,
    chance({seed}, i, 10) < {late} AS is_late,
    i
FROM events
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
    WHERE CAST(ts AS DATE) = DATE '{date}' AND is_late = {is_late}
    ORDER BY ts
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""


@dataclass(frozen=True, slots=True)
class Clickstream:
    """So many events over so many days; the last is the day before `execution_date`."""

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
        done = folder.parent / f"{folder.name}.{self.events}-{self.days}-{self.seed}"
        if done.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        with duckdb.connect() as connection:
            connection.execute(PRELUDE)
            for number in range(self.days):
                self.write_day(connection, number, folder)
        done.touch()

    def write_day(self, connection: duckdb.DuckDBPyConnection, number: int, folder: Path) -> None:
        """Write what begins on the day `number`, its last minutes into the next day's folder."""
        day = self.first_day + timedelta(days=number)
        sessions = max(1, self.events // self.days // EVENTS_A_SESSION)
        connection.execute(PRELUDE)
        connection.execute(
            EVENTS.format(
                seed=self.seed,
                day=day,
                begin=number * sessions,
                end=(number + 1) * sessions,
                users=max(1, self.events // 60),
                small=SMALL_SERVICE,
                big=BIG_SERVICE,
                of_small_service=OF_SMALL_SERVICE,
                without_user=WITHOUT_USER,
                without_session=WITHOUT_SESSION,
                late=LATE,
            )
        )
        for offset, is_late in ((0, False), (0, True), (1, False), (1, True)):
            of = day + timedelta(days=offset)
            if of >= self.execution_date:
                continue  # what crosses midnight after the last day comes with the next export
            parent = folder / f"year={of:%Y}" / f"month={of:%m}" / f"day={of:%d}"
            parent.mkdir(parents=True, exist_ok=True)
            file = parent / f"{number:05}{'-late' if is_late else ''}.parquet"
            connection.execute(
                WRITE.format(date=of, is_late=is_late, file=file, source=f"{number:063}{is_late:d}")
            )
