-- Users by how long ago they were first seen, as of E.
SELECT
    service_name,
    cohort_type,
    user_count,
    EXACT_RATE(user_count, SUM(user_count) OVER ()) AS user_share,
    execution_date
FROM user_cohort
ORDER BY
    CASE cohort_type
        WHEN 'New (0-7d)' THEN 1
        WHEN 'Recent (8-30d)' THEN 2
        WHEN 'Active (31-90d)' THEN 3
        ELSE 4
    END
