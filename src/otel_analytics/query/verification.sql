-- What the checks found, one row for each check and table. Before it stand `findings`, the rows
-- of all checks, and `checks`: of which table each is, and what to say of a finding.
WITH expected AS (
    SELECT checks.check_name, checks.severity, checks.message, tables.query_type
    FROM checks
    INNER JOIN tables
        ON tables.query_type = checks.of_table
        OR (checks.of_table = :each AND tables.is_there AND tables.query_type <> '')
),
places AS (
    SELECT
        check_name,
        query_type,
        found,
        SUBSTR(finding, 1, 200) AS finding,
        ROW_NUMBER() OVER (PARTITION BY check_name, query_type ORDER BY finding) AS place
    FROM findings
    WHERE found > 0
),
totals AS (
    SELECT
        check_name,
        query_type,
        SUM(found) AS found,
        COUNT(finding) AS findings,
        ARRAY_JOIN(ARRAY_AGG(finding ORDER BY place) FILTER (WHERE place <= :most), '; ') AS named
    FROM places
    GROUP BY check_name, query_type
)
SELECT
    expected.check_name,
    expected.severity,
    expected.query_type,
    CAST(COALESCE(totals.found, 0) AS BIGINT) AS found,
    CASE
        WHEN totals.found IS NULL THEN ''
        WHEN totals.findings = 0 THEN expected.message
        WHEN totals.findings > :most
            THEN expected.message || ': ' || totals.named
                || ' and ' || CAST(totals.findings - :most AS VARCHAR) || ' more'
        ELSE expected.message || ': ' || totals.named
    END AS message
FROM expected
LEFT JOIN totals
    ON totals.check_name = expected.check_name
    AND totals.query_type = expected.query_type
ORDER BY expected.check_name, expected.query_type
