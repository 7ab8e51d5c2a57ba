-- Events of each day by the users active on it.
SELECT service_name, "date", daily_events, daily_active_users, events_per_user, execution_date
FROM dau
WHERE "date" BETWEEN :first_day AND :last_day
ORDER BY "date"
