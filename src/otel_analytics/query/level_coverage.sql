-- What the activity tables hold of some services. Before it stand `dau`, `session_metrics` and
-- `conversion`, the rows of these tables.
SELECT
    known.service_name,
    known.events,
    COALESCE(users.with_user, 0) AS with_user,
    COALESCE(sessions.with_session, 0) AS with_session,
    named.session_starts,
    named.product_views,
    named.cart_adds
FROM (
    SELECT service_name, SUM(event_count) AS events
    FROM services
    WHERE :in_months AND :in_days AND :of_services
    GROUP BY service_name
) AS known
LEFT JOIN (
    SELECT service_name, SUM(daily_events) AS with_user
    FROM dau
    GROUP BY service_name
) AS users
    ON users.service_name = known.service_name
LEFT JOIN (
    SELECT service_name, SUM(total_sessions) AS with_session
    FROM session_metrics
    GROUP BY service_name
) AS sessions
    ON sessions.service_name = known.service_name
LEFT JOIN (
    SELECT
        service_name,
        SUM(total_sessions + total_users) AS session_starts,
        SUM(product_view_sessions) AS product_views,
        SUM(cart_add_sessions + purchasing_users) AS cart_adds
    FROM conversion
    GROUP BY service_name
) AS named
    ON named.service_name = known.service_name
