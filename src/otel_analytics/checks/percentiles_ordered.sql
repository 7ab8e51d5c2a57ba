-- title: The median is at most the 90th percentile, and that at most the greatest
-- severity: error
-- table: session_metrics
-- message: days with percentiles out of order; run the service again, and report this if it stays
-- reads: session_metrics
SELECT
    CAST(calculation_date AS VARCHAR) || ' has ' || CAST(median_events_per_session AS VARCHAR)
    || ', ' || CAST(p90_events_per_session AS VARCHAR)
    || ', ' || CAST(max_events_per_session AS VARCHAR) AS finding
FROM session_metrics
WHERE median_events_per_session > p90_events_per_session
    OR p90_events_per_session > max_events_per_session
