-- title: A day's active users are at most those of its month
-- severity: error
-- table: dau
-- message: days with more active users than their month; the logs may have grown between the two tables, so run the service again
-- reads: dau, mau
SELECT
    CAST(dau."date" AS VARCHAR) || ' has ' || CAST(dau.daily_active_users AS VARCHAR)
    || ', its month ' || COALESCE(CAST(mau.monthly_active_users AS VARCHAR), 'no row') AS finding
FROM dau
LEFT JOIN mau
    ON mau.service_name = dau.service_name
    AND mau.year = dau.year
    AND mau.month = dau.month
WHERE mau.monthly_active_users IS NULL
    OR dau.daily_active_users > mau.monthly_active_users
