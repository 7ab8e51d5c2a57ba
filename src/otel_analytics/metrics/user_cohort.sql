-- title: User cohorts
-- label: UserCohort
-- row: four rows, one per age band of the users active in the last 365 days; none where no user was active
-- keys: service_name, cohort_type
-- window: 365 days
-- reads: users
-- batch: 3
-- order: 5
-- params: execution_date
-- columns:
--   service_name VARCHAR the service
--   cohort_type VARCHAR the band, by the first active day in the window: New (0-7d), Recent (8-30d), Active (31-90d), Veteran (90d+)
--   user_count BIGINT distinct users of the band, 0 where none
--   calculation_date DATE E
--   execution_date DATE E, the day on which the table was made
WITH first_days AS (
    SELECT service_name, user_key, MIN(event_date) AS first_day
    FROM events
    WHERE is_active AND user_key IS NOT NULL
    GROUP BY service_name, user_key
),
ages AS (
    SELECT
        service_name,
        DATE_DIFF('day', first_day, :execution_date) AS age_days,
        COUNT(*) AS users
    FROM first_days
    GROUP BY service_name, DATE_DIFF('day', first_day, :execution_date)
),
cohorts (cohort_type, youngest_days, oldest_days) AS (
    VALUES
        ('New (0-7d)', 0, 7),
        ('Recent (8-30d)', 8, 30),
        ('Active (31-90d)', 31, 90),
        ('Veteran (90d+)', 91, 365)
)
SELECT
    ages.service_name,
    cohorts.cohort_type,
    CAST(
        COALESCE(
            SUM(ages.users) FILTER (
                WHERE ages.age_days BETWEEN cohorts.youngest_days AND cohorts.oldest_days
            ),
            0
        ) AS BIGINT
    ) AS user_count,
    :execution_date AS calculation_date,
    :execution_date AS execution_date
FROM ages
CROSS JOIN cohorts
GROUP BY ages.service_name, cohorts.cohort_type
