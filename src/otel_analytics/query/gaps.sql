-- The days on which `data_days` has nothing, from its first to E−1, but accepted ones; one row for
-- each run of days.
WITH days AS (
    SELECT DISTINCT event_date, event_date AS data_date
    FROM data_days
    UNION ALL
    SELECT event_date, CAST(NULL AS DATE) AS data_date
    FROM accepted_gaps
    WHERE event_date < :execution_date
),
spans AS (
    SELECT
        event_date,
        COALESCE(LEAD(event_date) OVER (ORDER BY event_date), :execution_date) AS next_date,
        MIN(data_date) OVER () AS first_date
    FROM days
)
SELECT
    DATE_ADD('day', 1, event_date) AS first_day,
    DATE_ADD('day', -1, next_date) AS last_day,
    DATE_DIFF('day', event_date, next_date) - 1 AS days
FROM spans
WHERE event_date >= first_date
    AND DATE_DIFF('day', event_date, next_date) > 1
