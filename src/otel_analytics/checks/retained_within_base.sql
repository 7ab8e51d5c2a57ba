-- title: Retained users are at most the base users
-- severity: error
-- table: retention
-- message: more users came back than there were; run the service again, and report this if it stays
-- reads: retention
SELECT
    retention_type || ' of ' || CAST(calculation_date AS VARCHAR)
    || ' has ' || CAST(retained_users AS VARCHAR) || ' of ' || CAST(base_users AS VARCHAR)
        AS finding
FROM retention
WHERE retained_users > base_users
