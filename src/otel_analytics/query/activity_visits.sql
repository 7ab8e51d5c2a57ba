-- The level `activity_visits`: the sessions and users of a day; what they did, as flags alone.
SELECT
    service_name,
    event_date,
    session_id,
    user_key,
    is_active,
    BOOL_OR(is_session_start) AS is_session_start,
    BOOL_OR(is_product_view) AS is_product_view,
    BOOL_OR(is_cart_add) AS is_cart_add,
    CAST(SUM(event_count) AS BIGINT) AS event_count,
    CAST(event_date AS VARCHAR) AS period
FROM events
GROUP BY service_name, event_date, session_id, user_key, is_active
ORDER BY period, service_name
