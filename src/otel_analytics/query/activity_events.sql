-- The relation `events` that every metric reads, over the level `activity`.
SELECT
    service_name,
    event_date,
    event_name,
    user_key,
    session_id,
    event_count,
    :is_active AS is_active,
    :is_session_start AS is_session_start,
    :is_product_view AS is_product_view,
    :is_cart_add AS is_cart_add
FROM activity
WHERE :in_partitions AND :in_days AND :of_services
