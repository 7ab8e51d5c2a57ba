-- Sessions of each day; a day without a row had none.
SELECT service_name, "date", daily_sessions, execution_date
FROM dau
WHERE "date" BETWEEN :first_day AND :last_day
ORDER BY "date"
