-- title: The logs have an event of the service in the window of mau
-- severity: error
-- table: none
-- message: the logs have no event of the service in the window of mau; name one that they have, or an execution date after its days
-- reads: known_services
-- params: service_name
WITH known AS (
    SELECT
        service_name,
        first_day,
        last_day,
        SUM(CASE WHEN service_name = :service_name THEN window_records END) OVER () AS own_records
    FROM known_services
)
SELECT
    COALESCE(
        known.service_name || ' from ' || CAST(known.first_day AS VARCHAR)
        || ' to ' || CAST(known.last_day AS VARCHAR),
        'they have no service at all'
    ) AS finding
FROM (VALUES (1)) AS one (n)
LEFT JOIN known
    ON known.own_records IS NULL
    OR known.service_name = :service_name
WHERE COALESCE(known.own_records, 0) = 0
