-- The sessions of a period that came to each step, as the sum of its days.
SELECT
    service_name,
    is_previous,
    SUM(total_sessions) AS total_sessions,
    SUM(product_view_sessions) AS product_view_sessions,
    SUM(cart_add_sessions) AS cart_add_sessions,
    SUM(viewed_cart_sessions) AS viewed_cart_sessions,
    EXACT_RATE(SUM(product_view_sessions), SUM(total_sessions)) AS product_view_rate,
    EXACT_RATE(SUM(cart_add_sessions), SUM(product_view_sessions)) AS cart_conversion_rate,
    EXACT_RATE(SUM(cart_add_sessions), SUM(total_sessions)) AS overall_conversion_rate,
    COUNT(*) AS days,
    MIN(calculation_date) AS first_day,
    MAX(calculation_date) AS last_day,
    MAX(execution_date) AS execution_date
FROM (
    SELECT *, calculation_date < :period_start AS is_previous
    FROM conversion
    WHERE calculation_date BETWEEN :first_day AND :last_day
) AS days
GROUP BY service_name, is_previous
ORDER BY is_previous
