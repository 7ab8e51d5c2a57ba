-- What the levels hold of some services. Before it stands `facts`, the rows of conversion.
SELECT
    known.service_name,
    known.events,
    known.with_user,
    known.with_session,
    COALESCE(named.session_starts, 0) AS session_starts,
    COALESCE(named.product_views, 0) AS product_views,
    COALESCE(named.cart_adds, 0) AS cart_adds
FROM (
    SELECT
        service_name,
        SUM(event_count) AS events,
        SUM(event_count) AS with_user,
        SUM(event_count) AS with_session
    FROM services
    WHERE :in_months AND :in_days AND :of_services
    GROUP BY service_name
) AS known
LEFT JOIN (
    SELECT
        service_name,
        SUM(total_sessions + total_users) AS session_starts,
        SUM(product_view_sessions) AS product_views,
        SUM(cart_add_sessions + purchasing_users) AS cart_adds
    FROM facts
    GROUP BY service_name
) AS named
    ON named.service_name = known.service_name
