-- The level `activity_users`: the users of a month, each with the first day on which active.
SELECT
    service_name,
    user_key,
    MIN(event_date) AS event_date,
    SUBSTR(CAST(event_date AS VARCHAR), 1, 7) AS period
FROM events
WHERE is_active AND user_key IS NOT NULL
GROUP BY service_name, user_key, SUBSTR(CAST(event_date AS VARCHAR), 1, 7)
ORDER BY period, service_name, user_key
