-- title: The percentages of event names sum to 100, within 0.005 for each
-- severity: error
-- table: event_distribution
-- message: the percentages do not sum to 100; run the service again, and report this if it stays
-- reads: event_distribution
WITH hundredths AS (
    SELECT
        COUNT(*) AS names,
        SUM(CAST(ROUND(COALESCE(percentage_of_total, 0) * 100) AS BIGINT)) AS total
    FROM event_distribution
)
SELECT
    'they sum to ' || CAST(CAST(total AS DOUBLE) / 100 AS VARCHAR) AS finding
FROM hundredths
WHERE names > 0 AND 2 * ABS(total - 10000) > names
