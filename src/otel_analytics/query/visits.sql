-- The level `activity_visits`: the sessions and users of a day, without what they did.
SELECT
    service_name,
    event_date,
    session_id,
    user_key,
    is_active,
    CAST(SUM(event_count) AS BIGINT) AS event_count,
    CAST(event_date AS VARCHAR) AS period
FROM events
GROUP BY service_name, event_date, session_id, user_key, is_active
ORDER BY period, service_name
