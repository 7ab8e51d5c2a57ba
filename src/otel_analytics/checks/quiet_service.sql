-- title: No day without an event of the service, from its first in the window of mau to E−1
-- severity: warning
-- table: none
-- message: days without an event of the service; look whether it was at rest, or its logs are missing
-- reads: service_days, accepted_gaps
-- params: execution_date
WITH days AS (
    SELECT event_date, event_date AS data_date
    FROM service_days
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
),
gaps AS (
    SELECT
        DATE_DIFF('day', event_date, next_date) - 1 AS found,
        DATE_ADD('day', 1, event_date) AS first_day,
        DATE_ADD('day', -1, next_date) AS last_day
    FROM spans
    WHERE event_date >= first_date
)
SELECT
    found,
    CAST(first_day AS VARCHAR)
    || CASE WHEN found > 1 THEN ' to ' || CAST(last_day AS VARCHAR) ELSE '' END AS finding
FROM gaps
WHERE found > 0
