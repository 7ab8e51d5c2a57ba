-- Users by how long ago they were first seen, as of E.
SELECT
    service_name,
    cohort_type,
    user_count,
    EXACT_RATE(user_count, SUM(user_count) OVER ()) AS user_share,
    execution_date
FROM user_cohort
ORDER BY cohort_type
