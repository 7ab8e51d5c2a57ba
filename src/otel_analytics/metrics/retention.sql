-- title: Retention
-- label: Retention
-- row: one row per base day with an active user and type (D+1, D+7, D+30) whose return day is over; the last 90 days
-- keys: service_name, retention_type, calculation_date
-- window: 90 days
-- period: day return_date
-- looks back: calculation_date 1, 7, 30
-- reads: visits
-- batch: 2
-- order: 3
-- params: execution_date, window_end
-- columns:
--   service_name VARCHAR the service
--   retention_type VARCHAR D+1, D+7 or D+30: how many days after the base day
--   base_users BIGINT distinct users active on the base day
--   retained_users BIGINT of these, users active on the return day too
--   retention_rate DOUBLE 100 · retained_users / base_users
--   calculation_date DATE the base day
--   return_date DATE the return day, calculation_date + 1, 7 or 30
--   execution_date DATE E, the day on which the table was made
WITH active AS (
    SELECT DISTINCT service_name, event_date, user_key
    FROM events
    WHERE is_active AND user_key IS NOT NULL
),
types (retention_type, days) AS (
    VALUES ('D+1', 1), ('D+7', 7), ('D+30', 30)
),
base AS (
    SELECT
        active.service_name,
        active.user_key,
        active.event_date AS calculation_date,
        types.retention_type,
        CAST(DATE_ADD('day', types.days, active.event_date) AS DATE) AS return_date
    FROM active
    CROSS JOIN types
),
counts AS (
    SELECT
        base.service_name,
        base.retention_type,
        base.calculation_date,
        base.return_date,
        COUNT(*) AS base_users,
        COUNT(returned.user_key) AS retained_users
    FROM base
    LEFT JOIN active AS returned
        ON returned.service_name = base.service_name
        AND returned.event_date = base.return_date
        AND returned.user_key = base.user_key
    WHERE base.return_date <= :window_end
    GROUP BY base.service_name, base.retention_type, base.calculation_date, base.return_date
)
SELECT
    service_name,
    retention_type,
    base_users,
    retained_users,
    EXACT_RATE(retained_users, base_users) AS retention_rate,
    calculation_date,
    return_date,
    :execution_date AS execution_date
FROM counts
