-- The relation `events` that every metric reads, over the raw log records. Expressions that come
-- from the source mapping and the settings stand in as parameters and are put in as parsed SQL.
SELECT
    service_name,
    event_date,
    event_name,
    user_key,
    session_id,
    1 AS event_count,
    :is_active AS is_active,
    :is_session_start AS is_session_start,
    :is_product_view AS is_product_view,
    :is_cart_add AS is_cart_add
FROM (
    SELECT
        :service_name AS service_name,
        :event_date AS event_date,
        NULLIF(:event_name, '') AS event_name,
        NULLIF(:user_key, '') AS user_key,
        NULLIF(:session_id, '') AS session_id
    FROM source
    WHERE :in_partitions AND :service_name IN (:service_names)
) AS records
WHERE event_date BETWEEN :window_start AND :window_end
