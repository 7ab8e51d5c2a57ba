-- title: A table is of this execution; a published one, of that of its siblings
-- severity: error
-- table: each
-- message: of another execution, so that the tables do not belong together; run the service again
-- reads: tables
-- params: execution
WITH siblings AS (
    SELECT
        query_type,
        execution,
        COUNT(*) OVER (PARTITION BY execution) AS of_execution,
        COUNT(*) OVER () AS all_tables
    FROM tables
    WHERE is_there AND query_type <> ''
)
SELECT query_type, CASE WHEN execution = '' THEN 'of none' ELSE execution END AS finding
FROM siblings
WHERE
    execution = ''
    OR (:execution <> '' AND execution <> :execution)
    OR (:execution = '' AND 2 * of_execution <= all_tables)
