-- title: Cohorts sum to the distinct active users of their window, computed from the events
-- severity: error
-- table: user_cohort
-- message: the cohorts and the logs do not agree; the logs may have grown since, so run the service again
-- reads: user_cohort, active_users
SELECT
    CAST(cohorts.users AS VARCHAR) || ' users in the table, '
    || CAST(logs.users AS VARCHAR) || ' in the logs' AS finding
FROM (SELECT COALESCE(SUM(user_count), 0) AS users FROM user_cohort) AS cohorts
CROSS JOIN (
    SELECT COUNT(DISTINCT user_key) AS users
    FROM active_users
) AS logs
WHERE cohorts.users <> logs.users
