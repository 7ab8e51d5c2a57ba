-- Events by name, of the last seven days before E.
SELECT
    service_name,
    event_type,
    event_count,
    percentage_of_total,
    unique_users,
    unique_sessions,
    execution_date
FROM event_distribution
ORDER BY event_count DESC, event_type
