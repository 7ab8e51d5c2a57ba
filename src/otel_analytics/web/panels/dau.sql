-- Users active on each day, and their mean over seven days where the table has all seven; a day
-- without a row had none.
SELECT service_name, "date", daily_active_users, mean_of_7_days, table_begins, execution_date
FROM (
    SELECT
        service_name,
        "date",
        daily_active_users,
        CASE
            WHEN "date" >= MIN("date") OVER () + INTERVAL '6' DAY
            THEN CAST(
                SUM(daily_active_users) OVER (
                    ORDER BY "date" RANGE BETWEEN INTERVAL '6' DAY PRECEDING AND CURRENT ROW
                ) AS DOUBLE
            ) / 7
        END AS mean_of_7_days,
        MIN("date") OVER () AS table_begins,
        execution_date
    FROM dau
) AS days
WHERE "date" BETWEEN :first_day AND :last_day
ORDER BY "date"
