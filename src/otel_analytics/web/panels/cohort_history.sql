-- The same as of each E whose publication is kept; its last complete day is E−1.
SELECT service_name, execution_date, cohort_type, user_count
FROM user_cohort_history
WHERE execution_date BETWEEN :first_day + INTERVAL '1' DAY AND :last_day + INTERVAL '1' DAY
ORDER BY
    execution_date,
    CASE cohort_type
        WHEN 'New (0-7d)' THEN 1
        WHEN 'Recent (8-30d)' THEN 2
        WHEN 'Active (31-90d)' THEN 3
        ELSE 4
    END
