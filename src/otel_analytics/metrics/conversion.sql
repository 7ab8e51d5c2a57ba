-- title: Conversion
-- label: Conversion
-- row: one row per day on which any event carries a session; the last 90 days
-- keys: service_name, calculation_date
-- window: 90 days
-- period: day calculation_date
-- reads: visits
-- batch: 2
-- order: 4
-- params: execution_date
-- columns:
--   service_name VARCHAR the service
--   calculation_date DATE the day
--   total_sessions BIGINT distinct sessions with a session-start event on the day
--   product_view_sessions BIGINT distinct sessions with a product-view event on the day
--   cart_add_sessions BIGINT distinct sessions with a cart event on the day
--   viewed_cart_sessions BIGINT distinct sessions with both on the day
--   total_users BIGINT distinct users with a session-start event on the day
--   purchasing_users BIGINT distinct users with a cart event on the day
--   product_view_rate DOUBLE 100 · product_view_sessions / total_sessions
--   cart_conversion_rate DOUBLE 100 · cart_add_sessions / product_view_sessions; above 100 where carts come without a view
--   overall_conversion_rate DOUBLE 100 · cart_add_sessions / total_sessions
--   user_conversion_rate DOUBLE 100 · purchasing_users / total_users
--   view_to_cart_rate DOUBLE 100 · viewed_cart_sessions / product_view_sessions
--   execution_date DATE E, the day on which the table was made
WITH sessions AS (
    SELECT
        service_name,
        event_date,
        session_id,
        BOOL_OR(is_session_start) AS has_started,
        BOOL_OR(is_product_view) AS has_viewed,
        BOOL_OR(is_cart_add) AS has_carted
    FROM events
    WHERE session_id IS NOT NULL
    GROUP BY service_name, event_date, session_id
),
session_days AS (
    SELECT
        service_name,
        event_date,
        COUNT(*) FILTER (WHERE has_started) AS total_sessions,
        COUNT(*) FILTER (WHERE has_viewed) AS product_view_sessions,
        COUNT(*) FILTER (WHERE has_carted) AS cart_add_sessions,
        COUNT(*) FILTER (WHERE has_viewed AND has_carted) AS viewed_cart_sessions
    FROM sessions
    GROUP BY service_name, event_date
),
user_days AS (
    SELECT
        service_name,
        event_date,
        COUNT(DISTINCT user_key) FILTER (WHERE is_session_start) AS total_users,
        COUNT(DISTINCT user_key) FILTER (WHERE is_cart_add) AS purchasing_users
    FROM events
    WHERE user_key IS NOT NULL
    GROUP BY service_name, event_date
),
days AS (
    SELECT
        session_days.*,
        COALESCE(user_days.total_users, 0) AS total_users,
        COALESCE(user_days.purchasing_users, 0) AS purchasing_users
    FROM session_days
    LEFT JOIN user_days
        ON user_days.service_name = session_days.service_name
        AND user_days.event_date = session_days.event_date
)
SELECT
    service_name,
    event_date AS calculation_date,
    total_sessions,
    product_view_sessions,
    cart_add_sessions,
    viewed_cart_sessions,
    total_users,
    purchasing_users,
    EXACT_RATE(product_view_sessions, total_sessions) AS product_view_rate,
    EXACT_RATE(cart_add_sessions, product_view_sessions) AS cart_conversion_rate,
    EXACT_RATE(cart_add_sessions, total_sessions) AS overall_conversion_rate,
    EXACT_RATE(purchasing_users, total_users) AS user_conversion_rate,
    EXACT_RATE(viewed_cart_sessions, product_view_sessions) AS view_to_cart_rate,
    :execution_date AS execution_date
FROM days
