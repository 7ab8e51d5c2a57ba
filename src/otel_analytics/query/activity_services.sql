-- The level `activity_services`: how many log records there are, day by day.
SELECT
    service_name,
    event_date,
    CAST(SUM(event_count) AS BIGINT) AS event_count,
    SUBSTR(CAST(event_date AS VARCHAR), 1, 7) AS period
FROM events
GROUP BY service_name, event_date
ORDER BY period, service_name
