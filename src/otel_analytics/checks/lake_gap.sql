-- title: No day without raw data of any service, from the first in the window of mau to E−1
-- severity: error
-- table: none
-- message: days without raw data of any service; ingest their logs, or accept them (checks.accepted_gaps), or, where the logs have ended, name an earlier execution date
-- reads: lake_gaps
SELECT
    days AS found,
    CAST(first_day AS VARCHAR)
    || CASE WHEN days > 1 THEN ' to ' || CAST(last_day AS VARCHAR) ELSE '' END AS finding
FROM lake_gaps
