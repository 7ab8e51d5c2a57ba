-- title: Every row is of this service and execution date
-- severity: error
-- table: each
-- message: rows of another service or execution date; run the service again
-- reads: table_rows
-- params: execution_date, service_name
SELECT
    query_type,
    COUNT(*) AS found,
    COALESCE(service_name, 'no service')
    || ' as of ' || COALESCE(CAST(execution_date AS VARCHAR), 'no date') AS finding
FROM table_rows
WHERE service_name IS DISTINCT FROM :service_name
    OR execution_date IS DISTINCT FROM :execution_date
GROUP BY query_type, service_name, execution_date
