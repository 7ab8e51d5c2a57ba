-- title: Session metrics
-- label: SessionMetrics
-- row: one row per day with a session; the last 90 days
-- keys: service_name, calculation_date
-- window: 90 days
-- period: day calculation_date
-- reads: events
-- batch: 3
-- order: 6
-- params: execution_date
-- columns:
--   service_name VARCHAR the service
--   calculation_date DATE the day
--   total_sessions BIGINT distinct sessions with an event on the day
--   avg_events_per_session DOUBLE events of the day's sessions / total_sessions
--   avg_event_types_per_session DOUBLE distinct event names of each session, added up / total_sessions
--   max_events_per_session BIGINT the most events of one session
--   median_events_per_session BIGINT nearest-rank percentile, p = 0.5
--   p90_events_per_session BIGINT nearest-rank percentile, p = 0.9
--   execution_date DATE E, the day on which the table was made
WITH session_names AS (
    SELECT service_name, event_date, session_id, event_name, SUM(event_count) AS events
    FROM events
    WHERE session_id IS NOT NULL
    GROUP BY service_name, event_date, session_id, event_name
),
sessions AS (
    SELECT
        service_name,
        event_date,
        session_id,
        CAST(SUM(events) AS BIGINT) AS events,
        COUNT(event_name) AS event_types
    FROM session_names
    GROUP BY service_name, event_date, session_id
),
histogram AS (
    SELECT
        service_name,
        event_date,
        events,
        COUNT(*) AS sessions,
        SUM(event_types) AS event_types
    FROM sessions
    GROUP BY service_name, event_date, events
),
ranked AS (
    SELECT
        service_name,
        event_date,
        events,
        sessions,
        event_types,
        SUM(sessions) OVER (
            PARTITION BY service_name, event_date
            ORDER BY events
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS sessions_up_to,
        SUM(sessions) OVER (PARTITION BY service_name, event_date) AS all_sessions
    FROM histogram
),
days AS (
    SELECT
        service_name,
        event_date,
        CAST(SUM(sessions) AS BIGINT) AS total_sessions,
        CAST(SUM(events * sessions) AS BIGINT) AS events,
        CAST(SUM(event_types) AS BIGINT) AS event_types,
        MAX(events) AS max_events_per_session,
        MIN(events) FILTER (WHERE 2 * sessions_up_to >= all_sessions) AS median_events_per_session,
        MIN(events) FILTER (WHERE 10 * sessions_up_to >= 9 * all_sessions) AS p90_events_per_session
    FROM ranked
    GROUP BY service_name, event_date
)
SELECT
    service_name,
    event_date AS calculation_date,
    total_sessions,
    EXACT_AVERAGE(events, total_sessions) AS avg_events_per_session,
    EXACT_AVERAGE(event_types, total_sessions) AS avg_event_types_per_session,
    max_events_per_session,
    median_events_per_session,
    p90_events_per_session,
    :execution_date AS execution_date
FROM days
