-- The relation `events`, without what the events are called, over the level `activity_visits`.
SELECT
    service_name,
    event_date,
    user_key,
    session_id,
    event_count,
    is_active,
    is_session_start,
    is_product_view,
    is_cart_add
FROM visits
WHERE :in_days AND :of_services
