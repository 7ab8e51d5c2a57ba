-- The rates between the steps on each day.
SELECT
    service_name,
    calculation_date,
    product_view_rate,
    cart_conversion_rate,
    view_to_cart_rate,
    overall_conversion_rate,
    user_conversion_rate,
    execution_date
FROM conversion
WHERE calculation_date BETWEEN :first_day AND :last_day
ORDER BY calculation_date
