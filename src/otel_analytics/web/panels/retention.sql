-- Of the users active on each base day, how many were active 1, 7 and 30 days later.
SELECT
    service_name,
    calculation_date,
    retention_type,
    base_users,
    retained_users,
    retention_rate,
    return_date,
    execution_date
FROM retention
WHERE calculation_date BETWEEN :first_day AND :last_day
ORDER BY calculation_date, CAST(SUBSTR(retention_type, 3) AS INTEGER)
