-- title: Every table is there
-- severity: error
-- table: none
-- message: not in the catalog, so that what reads it could not be checked; build it by a run of the service, or ingest logs
-- reads: tables
SELECT table_name AS finding
FROM tables
WHERE NOT is_there
