-- Users active on each day, of 100 active in its calendar month.
SELECT
    dau.service_name,
    dau."date",
    dau.daily_active_users,
    mau.monthly_active_users,
    EXACT_RATE(dau.daily_active_users, mau.monthly_active_users) AS stickiness,
    mau.is_partial,
    dau.execution_date
FROM dau
INNER JOIN mau ON mau."year" = dau."year" AND mau."month" = dau."month"
WHERE dau."date" BETWEEN :first_day AND :last_day
ORDER BY dau."date"
