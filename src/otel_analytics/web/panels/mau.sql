-- Users active in each month of the table.
SELECT service_name, year_month, monthly_active_users, is_partial, execution_date
FROM mau
ORDER BY year_month
