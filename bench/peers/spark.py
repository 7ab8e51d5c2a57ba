"""The seven questions in Spark SQL: `python -m bench.peers.spark …`.

One process with a thread for each core, four shuffle partitions instead of 200 and a known schema.
Sessions and users are first made distinct by grouping, which spares Spark the copies of every row
that several distinct counts in one SELECT would cost.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from bench.peers.ask import MAX_NAMES, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from bench.peers.ask import Question

__all__: list[str] = []

SCHEMA = (
    "service_name STRING, event_name STRING, user_key STRING, session_id STRING, "
    "year STRING, month STRING, day STRING"
)
EVENTS = """
    SELECT to_date(concat_ws('-', year, month, day)) AS event_date,
        event_name, user_key, session_id
    FROM logall
    WHERE concat_ws('-', year, month, day) BETWEEN '{first_day}' AND '{last_day}'
        AND service_name = '{service}'
"""
CONFIG = {
    "spark.driver.memory": "4g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


def rate(part: str, whole: str, factor: int = 100) -> str:
    """Return factor · part / whole, rounded half away from zero to 2 decimals, NULL for 0."""
    return f"(({200 * factor} * {part} + {whole}) DIV (2 * NULLIF({whole}, 0))) / 100D"


# Users and sessions of a period, each in the way of the first grouping.
OF_PERIODS = """
    SELECT period, COUNT(DISTINCT user_key) AS users,
        COUNT(DISTINCT NULLIF(session_id, '')) AS sessions, SUM(events) AS events
    FROM (
        SELECT {period} AS period, user_key, session_id, COUNT(*) AS events
        FROM ({{events}})
        WHERE user_key != ''
        GROUP BY 1, 2, 3
    )
    GROUP BY period
"""

QUERIES = {
    "mau": f"""
        SELECT
            date_format(period, 'yyyy-MM'), date_format(period, 'yyyy'), date_format(period, 'MM'),
            users, sessions, events,
            last_day(period) > DATE '{{last_day}}' OR period < DATE '{{first_day}}'
        FROM ({OF_PERIODS.format(period="CAST(trunc(event_date, 'month') AS DATE)")})
    """,
    "dau": f"""
        SELECT
            period, date_format(period, 'yyyy'), date_format(period, 'MM'),
            date_format(period, 'dd'), users, sessions, events, {rate("events", "users", 1)}
        FROM ({OF_PERIODS.format(period="event_date")})
    """,
    "retention": f"""
        WITH users AS (
            SELECT user_key, collect_set(event_date) AS days
            FROM ({{events}})
            WHERE user_key != ''
            GROUP BY user_key
        ),
        counts AS (
            SELECT n, base, COUNT(*) AS base_users,
                COUNT_IF(array_contains(days, date_add(base, n))) AS retained_users
            FROM (SELECT days, explode(days) AS base FROM users)
            CROSS JOIN (SELECT explode(array(1, 7, 30)) AS n)
            WHERE date_add(base, n) <= DATE '{{last_day}}'
            GROUP BY n, base
        )
        SELECT concat('D+', n), base_users, retained_users,
            {rate("retained_users", "base_users")}, base, date_add(base, n)
        FROM counts
    """,
    "conversion": f"""
        WITH seen AS (
            SELECT event_date, session_id, user_key,
                BOOL_OR(COALESCE(event_name = 'commerce.product.view', false)) AS viewed,
                BOOL_OR(COALESCE(event_name = 'commerce.cart.add', false)) AS carted
            FROM ({{events}})
            GROUP BY 1, 2, 3
        ),
        of_sessions AS (
            SELECT event_date, COUNT(*) AS sessions, COUNT_IF(viewed) AS views,
                COUNT_IF(carted) AS carts, COUNT_IF(viewed AND carted) AS both
            FROM (
                SELECT event_date, session_id, BOOL_OR(viewed) AS viewed, BOOL_OR(carted) AS carted
                FROM seen
                WHERE session_id != ''
                GROUP BY 1, 2
            )
            GROUP BY event_date
        ),
        of_users AS (
            SELECT event_date, COUNT(*) AS users, COUNT_IF(carted) AS buyers
            FROM (
                SELECT event_date, user_key, BOOL_OR(carted) AS carted
                FROM seen
                WHERE user_key != ''
                GROUP BY 1, 2
            )
            GROUP BY event_date
        ),
        counts AS (
            SELECT s.*, COALESCE(users, 0) AS users, COALESCE(buyers, 0) AS buyers
            FROM of_sessions AS s
            LEFT JOIN of_users AS u ON u.event_date = s.event_date
        )
        SELECT
            event_date, sessions, views, carts, both, users, buyers,
            {rate("views", "sessions")}, {rate("carts", "views")}, {rate("carts", "sessions")},
            {rate("buyers", "users")}, {rate("both", "views")}
        FROM counts
    """,
    "user_cohort": """
        WITH ages AS (
            SELECT datediff(DATE '{execution_date}', MIN(event_date)) AS age
            FROM ({events})
            WHERE user_key != ''
            GROUP BY user_key
        ),
        counts AS (
            SELECT COUNT_IF(age <= 7) AS c1, COUNT_IF(age BETWEEN 8 AND 30) AS c2,
                COUNT_IF(age BETWEEN 31 AND 90) AS c3, COUNT_IF(age > 90) AS c4
            FROM ages
            HAVING COUNT(*) > 0
        )
        SELECT
            stack(4, 'New (0-7d)', c1, 'Recent (8-30d)', c2, 'Active (31-90d)', c3,
                'Veteran (90d+)', c4),
            DATE '{execution_date}'
        FROM counts
    """,
    "session_metrics": f"""
        WITH sizes AS (
            SELECT event_date, size, COUNT(*) AS sessions, SUM(names) AS names
            FROM (
                SELECT event_date, session_id, SUM(events) AS size,
                    COUNT_IF(event_name != '') AS names
                FROM (
                    SELECT event_date, session_id, event_name, COUNT(*) AS events
                    FROM ({{events}})
                    WHERE session_id != ''
                    GROUP BY 1, 2, 3
                )
                GROUP BY 1, 2
            )
            GROUP BY 1, 2
        ),
        ranked AS (
            SELECT *,
                SUM(sessions) OVER (PARTITION BY event_date ORDER BY size) AS reached,
                SUM(sessions) OVER (PARTITION BY event_date) AS all_sessions
            FROM sizes
        ),
        days AS (
            SELECT event_date, SUM(sessions) AS sessions, SUM(size * sessions) AS events,
                SUM(names) AS names, MAX(size) AS largest,
                MIN(size) FILTER (WHERE 2 * reached >= all_sessions) AS median,
                MIN(size) FILTER (WHERE 10 * reached >= 9 * all_sessions) AS p90
            FROM ranked
            GROUP BY event_date
        )
        SELECT event_date, sessions, {rate("events", "sessions", 1)},
            {rate("names", "sessions", 1)}, largest, median, p90
        FROM days
    """,
    "event_distribution": f"""
        WITH found AS (
            SELECT event_name, user_key, session_id, COUNT(*) AS events
            FROM ({{events}})
            WHERE event_name != ''
            GROUP BY 1, 2, 3
        ),
        places AS (
            SELECT event_name,
                ROW_NUMBER() OVER (ORDER BY SUM(events) DESC, event_name) AS place
            FROM found
            GROUP BY event_name
        ),
        counts AS (
            SELECT IF(place <= {MAX_NAMES}, f.event_name, '(other)') AS event_type,
                SUM(events) AS events,
                COUNT(DISTINCT NULLIF(user_key, '')) AS users,
                COUNT(DISTINCT NULLIF(session_id, '')) AS sessions
            FROM found AS f
            JOIN places AS p ON p.event_name = f.event_name
            GROUP BY 1
        ),
        totals AS (SELECT *, SUM(events) OVER () AS all_events FROM counts)
        SELECT event_type, events, users, sessions, {rate("events", "all_events")},
            DATE '{{execution_date}}'
        FROM totals
    """,
}


def opened(lake: Path) -> Callable[[Question], pa.Table]:
    """Return what answers from a lake."""
    builder = SparkSession.builder.master(f"local[{os.cpu_count()}]").config(map=CONFIG)
    spark = builder.getOrCreate()
    spark.read.schema(SCHEMA).parquet(str(lake)).createOrReplaceTempView("logall")

    def answer(question: Question) -> pa.Table:
        days = {
            "first_day": question.first_day,
            "last_day": question.last_day,
            "execution_date": question.execution_date,
        }
        events = EVENTS.format(service=question.service, **days)
        table = spark.sql(QUERIES[question.name].format(events=events, **days)).toArrow()
        return table.rename_columns([f"c{number}" for number in range(table.num_columns)])

    return answer


if __name__ == "__main__":
    main(opened)
