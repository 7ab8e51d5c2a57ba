-- title: Daily active users
-- label: DAU
-- row: one row per day with an event that carries a user; the last 90 days
-- keys: service_name, date
-- window: 90 days
-- period: day date
-- reads: visits
-- batch: 1
-- order: 2
-- params: execution_date
-- columns:
--   service_name VARCHAR the service
--   date DATE the day
--   year VARCHAR the day's year, four digits
--   month VARCHAR the day's month, two digits
--   day VARCHAR the day of the month, two digits
--   daily_active_users BIGINT distinct users with an active event on the day
--   daily_sessions BIGINT distinct sessions with an active event that carries a user
--   daily_events BIGINT events that carry a user, active or not
--   events_per_user DOUBLE daily_events / daily_active_users; NULL where no user was active
--   execution_date DATE E, the day on which the table was made
WITH days AS (
    SELECT
        service_name,
        event_date,
        COUNT(DISTINCT user_key) FILTER (WHERE is_active) AS daily_active_users,
        COUNT(DISTINCT session_id) FILTER (WHERE is_active) AS daily_sessions,
        CAST(SUM(event_count) AS BIGINT) AS daily_events
    FROM events
    WHERE user_key IS NOT NULL
    GROUP BY service_name, event_date
)
SELECT
    service_name,
    event_date AS "date",
    SUBSTR(CAST(event_date AS VARCHAR), 1, 4) AS year,
    SUBSTR(CAST(event_date AS VARCHAR), 6, 2) AS month,
    SUBSTR(CAST(event_date AS VARCHAR), 9, 2) AS day,
    daily_active_users,
    daily_sessions,
    daily_events,
    EXACT_AVERAGE(daily_events, daily_active_users) AS events_per_user,
    :execution_date AS execution_date
FROM days
