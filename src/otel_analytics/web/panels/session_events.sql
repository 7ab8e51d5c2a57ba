-- Events per session of each day.
SELECT
    service_name,
    calculation_date,
    total_sessions,
    median_events_per_session,
    avg_events_per_session,
    p90_events_per_session,
    max_events_per_session,
    execution_date
FROM session_metrics
WHERE calculation_date BETWEEN :first_day AND :last_day
ORDER BY calculation_date
