-- The level `activity`: what the metrics need of the raw logs, of some of their partitions.
-- Expressions that come from the source mapping stand in as parameters.
SELECT
    service_name,
    event_date,
    session_id,
    user_key,
    event_name,
    COUNT(*) AS event_count,
    period
FROM (
    SELECT
        :period AS period,
        :service_name AS service_name,
        :event_date AS event_date,
        NULLIF(:event_name, '') AS event_name,
        NULLIF(:user_key, '') AS user_key,
        NULLIF(:session_id, '') AS session_id
    FROM source
    WHERE :in_partitions
) AS records
WHERE :in_reach
GROUP BY service_name, event_date, session_id, user_key, event_name, period
ORDER BY period, service_name
