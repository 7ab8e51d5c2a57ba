-- title: Event distribution
-- label: EventDistribution
-- row: one row per event name of the last 7 days, at most events.max_names of them; the rest together as `(other)`
-- keys: service_name, event_type
-- window: 7 days
-- reads: events
-- batch: 4
-- order: 7
-- params: execution_date, max_names
-- columns:
--   service_name VARCHAR the service
--   event_type VARCHAR the event's name, or `(other)`
--   event_count BIGINT events of that name
--   unique_users BIGINT distinct users of these events
--   unique_sessions BIGINT distinct sessions of these events
--   percentage_of_total DOUBLE 100 · event_count / all named events of the window
--   calculation_date DATE E
--   execution_date DATE E, the day on which the table was made
WITH names AS (
    SELECT service_name, event_name, SUM(event_count) AS event_count
    FROM events
    WHERE event_name IS NOT NULL
    GROUP BY service_name, event_name
),
places AS (
    SELECT
        service_name,
        event_name,
        CASE
            WHEN event_name = '(other)' THEN :max_names + 1
            ELSE LEAST(
                ROW_NUMBER() OVER (
                    PARTITION BY service_name ORDER BY event_count DESC, event_name
                ),
                :max_names + 1
            )
        END AS place
    FROM names
),
-- One number for each row to come, since distinct values are counted faster by it than by texts.
types AS (
    SELECT
        service_name,
        event_name,
        place,
        DENSE_RANK() OVER (ORDER BY service_name, place) AS type_number
    FROM places
),
labels AS (
    SELECT
        service_name,
        type_number,
        CASE WHEN place <= :max_names THEN MIN(event_name) ELSE '(other)' END AS event_type
    FROM types
    GROUP BY service_name, place, type_number
),
counts AS (
    SELECT
        types.type_number,
        CAST(SUM(events.event_count) AS BIGINT) AS event_count,
        COUNT(DISTINCT events.user_key) AS unique_users,
        COUNT(DISTINCT events.session_id) AS unique_sessions
    FROM events
    INNER JOIN types
        ON types.service_name = events.service_name
        AND types.event_name = events.event_name
    GROUP BY types.type_number
),
totals AS (
    SELECT
        labels.service_name,
        labels.event_type,
        counts.event_count,
        counts.unique_users,
        counts.unique_sessions,
        CAST(SUM(counts.event_count) OVER (PARTITION BY labels.service_name) AS BIGINT)
            AS all_events
    FROM counts
    INNER JOIN labels
        ON labels.type_number = counts.type_number
)
SELECT
    service_name,
    event_type,
    event_count,
    unique_users,
    unique_sessions,
    EXACT_RATE(event_count, all_events) AS percentage_of_total,
    :execution_date AS calculation_date,
    :execution_date AS execution_date
FROM totals
