-- title: How many rows a table has
-- severity: info
-- table: each
-- message: rows
-- reads: table_rows
SELECT query_type, COUNT(*) AS found, CAST(NULL AS VARCHAR) AS finding
FROM table_rows
GROUP BY query_type
