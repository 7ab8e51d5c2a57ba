-- title: No two rows of a table have one key
-- severity: error
-- table: each
-- message: several rows of one key; run the service again, and report this if it stays
-- reads: table_rows
SELECT query_type, row_key || ' in ' || CAST(COUNT(*) AS VARCHAR) || ' rows' AS finding
FROM table_rows
GROUP BY query_type, service_name, row_key
HAVING COUNT(*) > 1
