-- What the checks found, one row for each check and table; what was found comes first, errors
-- before warnings. Before it stand `findings`, the rows of all checks, and `checks`: of which table
-- each is, and what to say of a finding. A finding that cannot be counted, or is of no table, is an
-- error. The result must fit into one page: a message is cut, and beyond a number of rows empty.
WITH readings AS (
    SELECT
        findings.check_name,
        COALESCE(tables.query_type, '') AS query_type,
        COALESCE(
            tables.query_type IS NOT NULL
            AND findings.found BETWEEN 0 AND 1000000000000000
            AND findings.found = FLOOR(findings.found),
            FALSE
        ) AS is_readable,
        findings.found,
        SUBSTR(findings.finding, 1, 200) AS finding
    FROM findings
    INNER JOIN checks
        ON checks.check_name = findings.check_name
    LEFT JOIN tables
        ON tables.query_type = findings.query_type
        AND (checks.of_table = tables.query_type
            OR (checks.of_table = :each AND tables.query_type <> ''))
),
places AS (
    SELECT
        check_name,
        query_type,
        is_readable,
        CASE WHEN is_readable THEN found ELSE 1 END AS found,
        finding,
        ROW_NUMBER() OVER (PARTITION BY check_name, query_type ORDER BY finding) AS place
    FROM readings
    WHERE NOT is_readable OR found > 0
),
totals AS (
    SELECT
        check_name,
        query_type,
        SUM(found) AS found,
        COUNT(CASE WHEN NOT is_readable THEN 1 END) AS unreadable,
        COUNT(finding) AS findings,
        ARRAY_JOIN(ARRAY_AGG(finding ORDER BY place) FILTER (WHERE place <= :most), '; ') AS named
    FROM places
    GROUP BY check_name, query_type
),
expected AS (
    SELECT checks.check_name, tables.query_type
    FROM checks
    INNER JOIN tables
        ON tables.query_type = checks.of_table
        OR (checks.of_table = :each AND tables.is_there AND tables.query_type <> '')
    UNION
    SELECT check_name, query_type
    FROM totals
),
judged AS (
    SELECT
        expected.check_name,
        CASE WHEN totals.unreadable > 0 THEN 'error' ELSE checks.severity END AS severity,
        expected.query_type,
        CAST(COALESCE(totals.found, 0) AS BIGINT) AS found,
        CASE
            WHEN totals.found IS NULL THEN ''
            ELSE
                CASE WHEN totals.unreadable > 0 THEN :unreadable ELSE '' END
                || checks.message
                || CASE WHEN totals.findings > 0 THEN ': ' || totals.named ELSE '' END
                || CASE
                    WHEN totals.findings > :most
                        THEN ' and ' || CAST(totals.findings - :most AS VARCHAR) || ' more'
                    ELSE ''
                END
        END AS message
    FROM expected
    INNER JOIN checks
        ON checks.check_name = expected.check_name
    LEFT JOIN totals
        ON totals.check_name = expected.check_name
        AND totals.query_type = expected.query_type
),
ranked AS (
    SELECT
        check_name,
        severity,
        query_type,
        found,
        message,
        ROW_NUMBER() OVER (
            ORDER BY
                CASE
                    WHEN found = 0 THEN 3
                    WHEN severity = 'error' THEN 1
                    WHEN severity = 'warning' THEN 2
                    ELSE 3
                END,
                check_name,
                query_type
        ) AS place
    FROM judged
)
SELECT
    check_name,
    severity,
    query_type,
    found,
    CASE
        WHEN place > :messages THEN ''
        WHEN LENGTH(message) > :characters THEN SUBSTR(message, 1, :characters - 1) || '…'
        ELSE message
    END AS message
FROM ranked
ORDER BY place
