-- title: A table has not lost more of its rows since the last publication than checks.max_row_count_drop percent
-- severity: warning
-- table: each
-- message: far fewer rows than in the last publication; look whether logs are missing
-- reads: previous, table_rows
-- params: max_row_count_drop
WITH counts AS (
    SELECT query_type, COUNT(*) AS row_count
    FROM table_rows
    GROUP BY query_type
)
SELECT
    previous.query_type,
    CAST(COALESCE(counts.row_count, 0) AS VARCHAR)
    || ' after ' || CAST(previous.row_count AS VARCHAR) AS finding
FROM previous
LEFT JOIN counts
    ON counts.query_type = previous.query_type
WHERE 100 * COALESCE(counts.row_count, 0) < (100 - :max_row_count_drop) * previous.row_count
