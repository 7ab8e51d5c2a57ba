-- The same over all base days of a period, so that a day weighs as much as it has users.
SELECT
    service_name,
    retention_type,
    is_previous,
    SUM(base_users) AS base_users,
    SUM(retained_users) AS retained_users,
    EXACT_RATE(SUM(retained_users), SUM(base_users)) AS retention_rate,
    COUNT(*) AS base_days,
    MIN(calculation_date) AS first_base_day,
    MAX(calculation_date) AS last_base_day,
    MAX(execution_date) AS execution_date
FROM (
    SELECT *, calculation_date < :period_start AS is_previous
    FROM retention
    WHERE calculation_date BETWEEN :first_day AND :last_day
) AS days
GROUP BY service_name, retention_type, is_previous
ORDER BY is_previous, CAST(SUBSTR(retention_type, 3) AS INTEGER)
