-- title: Monthly active users
-- label: MAU
-- row: one row per calendar month with an event that carries a user; the month of E−1 and the twelve before
-- keys: service_name, year_month
-- window: 13 months
-- period: month year_month
-- reads: visits
-- batch: 1
-- order: 1
-- params: execution_date, window_start, window_end
-- columns:
--   service_name VARCHAR the service
--   year_month VARCHAR the month, YYYY-MM
--   year VARCHAR the month's year, four digits
--   month VARCHAR the month's number, two digits
--   monthly_active_users BIGINT distinct users with an active event in the month
--   total_sessions BIGINT distinct sessions with an active event that carries a user
--   total_events BIGINT events that carry a user, active or not
--   is_partial BOOLEAN whether the month is not wholly inside the window: it is not over, or min_data_date cuts it
--   execution_date DATE E, the day on which the table was made
WITH months AS (
    SELECT
        service_name,
        CAST(DATE_TRUNC('month', event_date) AS DATE) AS first_day,
        COUNT(DISTINCT user_key) FILTER (WHERE is_active) AS monthly_active_users,
        COUNT(DISTINCT session_id) FILTER (WHERE is_active) AS total_sessions,
        CAST(SUM(event_count) AS BIGINT) AS total_events
    FROM events
    WHERE user_key IS NOT NULL
    GROUP BY service_name, CAST(DATE_TRUNC('month', event_date) AS DATE)
)
SELECT
    service_name,
    SUBSTR(CAST(first_day AS VARCHAR), 1, 7) AS year_month,
    SUBSTR(CAST(first_day AS VARCHAR), 1, 4) AS year,
    SUBSTR(CAST(first_day AS VARCHAR), 6, 2) AS month,
    monthly_active_users,
    total_sessions,
    total_events,
    LAST_DAY_OF_MONTH(first_day) > :window_end OR first_day < :window_start AS is_partial,
    :execution_date AS execution_date
FROM months
