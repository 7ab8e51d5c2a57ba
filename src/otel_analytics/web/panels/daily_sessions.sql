-- Sessions of each day; a day without a row had none.
SELECT service_name, "date", daily_sessions, table_begins, execution_date
FROM (
    SELECT service_name, "date", daily_sessions, MIN("date") OVER () AS table_begins, execution_date
    FROM dau
) AS days
WHERE "date" BETWEEN :first_day AND :last_day
ORDER BY "date"
