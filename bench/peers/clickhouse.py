"""The seven questions in ClickHouse (chdb): `python -m bench.peers.clickhouse …`.

Days come from the folders' names, so that no time stamp is read and no file outside of a window.
A user's days are gathered in an array instead of joining the table with itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chdb.session import Session

from bench.peers.ask import MAX_NAMES, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from bench.peers.ask import Question

__all__: list[str] = []

EVENTS = """
    SELECT makeDate(year, month, day) AS event_date, {columns}
    FROM file('{lake}/year=*/month=*/day=*/*.parquet', Parquet)
    WHERE event_date BETWEEN '{first_day}' AND '{last_day}' AND service_name = '{service}'
"""


def rate(part: str, whole: str, factor: int = 100) -> str:
    """Return factor · part / whole, rounded half away from zero to 2 decimals, NULL for 0."""
    hundredths = f"intDiv({200 * factor} * {part} + {whole}, 2 * {whole})"
    return f"if({whole} = 0, NULL, {hundredths} / 100)"


QUERIES = {
    "mau": (
        "user_key, session_id",
        """
        SELECT
            formatDateTime(month, '%Y-%m') AS year_month,
            formatDateTime(month, '%Y') AS year,
            formatDateTime(month, '%m') AS month_of_year,
            users, sessions, events,
            toLastDayOfMonth(month) > '{last_day}' OR month < '{first_day}' AS is_partial
        FROM (
            SELECT
                toStartOfMonth(event_date) AS month,
                uniqExact(user_key) AS users,
                uniqExactIf(session_id, session_id != '') AS sessions,
                count() AS events
            FROM ({events})
            WHERE user_key != ''
            GROUP BY month
        )
        """,
    ),
    "dau": (
        "user_key, session_id",
        f"""
        SELECT
            event_date,
            formatDateTime(event_date, '%Y') AS year,
            formatDateTime(event_date, '%m') AS month,
            formatDateTime(event_date, '%d') AS day,
            users, sessions, events,
            {rate("events", "users", 1)} AS events_per_user
        FROM (
            SELECT
                event_date,
                uniqExact(user_key) AS users,
                uniqExactIf(session_id, session_id != '') AS sessions,
                count() AS events
            FROM ({{events}})
            WHERE user_key != ''
            GROUP BY event_date
        )
        """,
    ),
    "retention": (
        "user_key",
        f"""
        SELECT
            concat('D+', toString(n)) AS retention_type,
            count() AS base_users,
            countIf(has(days, base + n)) AS retained_users,
            {rate("retained_users", "base_users")} AS retention_rate,
            base AS calculation_date,
            base + n AS return_date
        FROM (
            SELECT user_key, groupUniqArray(event_date) AS days
            FROM ({{events}})
            WHERE user_key != ''
            GROUP BY user_key
        )
        ARRAY JOIN days AS base
        ARRAY JOIN [1, 7, 30] AS n
        WHERE base + n <= '{{last_day}}'
        GROUP BY base, n
        """,
    ),
    "conversion": (
        "event_name, user_key, session_id",
        f"""
        SELECT
            event_date, sessions, viewed, carted, both, users, buyers,
            {rate("viewed", "sessions")} AS product_view_rate,
            {rate("carted", "viewed")} AS cart_conversion_rate,
            {rate("carted", "sessions")} AS overall_conversion_rate,
            {rate("buyers", "users")} AS user_conversion_rate,
            {rate("both", "viewed")} AS view_to_cart_rate
        FROM (
            SELECT
                event_date,
                count() AS sessions,
                countIf(has_viewed) AS viewed,
                countIf(has_carted) AS carted,
                countIf(has_viewed AND has_carted) AS both
            FROM (
                SELECT
                    event_date,
                    session_id,
                    max(ifNull(event_name = 'commerce.product.view', 0)) AS has_viewed,
                    max(ifNull(event_name = 'commerce.cart.add', 0)) AS has_carted
                FROM ({{events}})
                WHERE session_id != ''
                GROUP BY event_date, session_id
            )
            GROUP BY event_date
        ) AS of_sessions
        LEFT JOIN (
            SELECT
                event_date,
                uniqExact(user_key) AS users,
                uniqExactIf(user_key, event_name = 'commerce.cart.add') AS buyers
            FROM ({{events}})
            WHERE user_key != ''
            GROUP BY event_date
        ) AS of_users USING (event_date)
        """,
    ),
    "user_cohort": (
        "user_key",
        """
        SELECT cohort_type, user_count, toDate('{execution_date}') AS calculation_date
        FROM (
            SELECT [countIf(age <= 7), countIf(age BETWEEN 8 AND 30),
                    countIf(age BETWEEN 31 AND 90), countIf(age > 90)] AS counts
            FROM (
                SELECT toDate('{execution_date}') - min(event_date) AS age
                FROM ({events})
                WHERE user_key != ''
                GROUP BY user_key
            )
            HAVING count() > 0
        )
        ARRAY JOIN
            ['New (0-7d)', 'Recent (8-30d)', 'Active (31-90d)', 'Veteran (90d+)'] AS cohort_type,
            counts AS user_count
        """,
    ),
    "session_metrics": (
        "event_name, session_id",
        f"""
        SELECT
            event_date,
            sessions,
            {rate("events", "sessions", 1)} AS avg_events_per_session,
            {rate("types", "sessions", 1)} AS avg_event_types_per_session,
            sizes[-1] AS max_events_per_session,
            sizes[intDiv(sessions + 1, 2)] AS median_events_per_session,
            sizes[intDiv(9 * sessions + 9, 10)] AS p90_events_per_session
        FROM (
            SELECT
                event_date,
                count() AS sessions,
                sum(size) AS events,
                sum(names) AS types,
                arraySort(groupArray(size)) AS sizes
            FROM (
                SELECT
                    event_date,
                    session_id,
                    count() AS size,
                    uniqExactIf(event_name, event_name != '') AS names
                FROM ({{events}})
                WHERE session_id != ''
                GROUP BY event_date, session_id
            )
            GROUP BY event_date
        )
        """,
    ),
    "event_distribution": (
        "event_name, user_key, session_id",
        f"""
        SELECT
            event_type, events, users, sessions,
            {rate("events", "all_events")} AS percentage_of_total,
            toDate('{{execution_date}}') AS calculation_date
        FROM (
            SELECT
                if(place <= {MAX_NAMES}, event_name, '(other)') AS event_type,
                sum(name_events) AS events,
                uniqExactMerge(name_users) AS users,
                uniqExactMerge(name_sessions) AS sessions,
                sum(events) OVER () AS all_events
            FROM (
                SELECT
                    event_name,
                    count() AS name_events,
                    uniqExactStateIf(user_key, user_key != '') AS name_users,
                    uniqExactStateIf(session_id, session_id != '') AS name_sessions,
                    row_number() OVER (ORDER BY count() DESC, event_name) AS place
                FROM ({{events}})
                WHERE event_name != ''
                GROUP BY event_name
            )
            GROUP BY event_type
        )
        """,
    ),
}


def opened(lake: Path) -> Callable[[Question], pa.Table]:
    """Return what answers from a lake."""
    session = Session()
    # reads as fast as the default, a memory map, and lets the bytes be counted
    session.query("SET storage_file_read_method = 'pread'")

    def answer(question: Question) -> pa.Table:
        columns, query = QUERIES[question.name]
        days = {
            "first_day": question.first_day,
            "last_day": question.last_day,
            "execution_date": question.execution_date,
        }
        events = EVENTS.format(columns=columns, lake=lake, service=question.service, **days)
        return session.query(query.format(events=events, **days), "ArrowTable")

    return answer


if __name__ == "__main__":
    main(opened)
