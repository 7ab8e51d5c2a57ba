-- title: Event distribution
-- label: EventDistribution
-- row: one row per event name of the last 7 days, at most events.max_names of them; the rest together as `(other)`
-- keys: service_name, event_type
-- window: 7 days
-- reads: events
-- batch: 4
-- order: 7
-- params: execution_date, max_names
-- columns:
--   service_name VARCHAR the service
--   event_type VARCHAR the event's name, or `(other)`
--   event_count BIGINT events of that name
--   unique_users BIGINT distinct users of these events
--   unique_sessions BIGINT distinct sessions of these events
--   percentage_of_total DOUBLE 100 · event_count / all named events of the window
--   calculation_date DATE E
--   execution_date DATE E, the day on which the table was made
WITH names AS (
    SELECT service_name, event_name, SUM(event_count) AS event_count
    FROM events
    WHERE event_name IS NOT NULL
    GROUP BY service_name, event_name
),
ranked AS (
    SELECT
        service_name,
        event_name,
        ROW_NUMBER() OVER (
            PARTITION BY service_name ORDER BY event_count DESC, event_name
        ) AS place
    FROM names
),
types AS (
    SELECT
        service_name,
        event_name,
        CASE WHEN place <= :max_names THEN event_name ELSE '(other)' END AS event_type
    FROM ranked
),
counts AS (
    SELECT
        types.service_name,
        types.event_type,
        CAST(SUM(events.event_count) AS BIGINT) AS event_count,
        COUNT(DISTINCT events.user_key) AS unique_users,
        COUNT(DISTINCT events.session_id) AS unique_sessions
    FROM events
    INNER JOIN types
        ON types.service_name = events.service_name
        AND types.event_name = events.event_name
    GROUP BY types.service_name, types.event_type
),
totals AS (
    SELECT
        service_name,
        event_type,
        event_count,
        unique_users,
        unique_sessions,
        CAST(SUM(event_count) OVER (PARTITION BY service_name) AS BIGINT) AS all_events
    FROM counts
)
SELECT
    service_name,
    event_type,
    event_count,
    unique_users,
    unique_sessions,
    EXACT_RATE(event_count, all_events) AS percentage_of_total,
    :execution_date AS calculation_date,
    :execution_date AS execution_date
FROM totals
