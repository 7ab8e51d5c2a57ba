-- title: No day without an event of the service, from its first in the window of mau to E−1
-- severity: warning
-- table: none
-- message: days without an event of the service; look whether it was at rest, or its logs are missing
-- reads: service_gaps
SELECT
    days AS found,
    CAST(first_day AS VARCHAR)
    || CASE WHEN days > 1 THEN ' to ' || CAST(last_day AS VARCHAR) ELSE '' END AS finding
FROM service_gaps
