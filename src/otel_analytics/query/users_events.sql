-- The relation `events` as far as it tells when users were active first: of whole months over the
-- level `activity_users`, of other days over the level `activity_visits`.
SELECT service_name, event_date, user_key, is_active
FROM (
    SELECT service_name, event_date, user_key, TRUE AS is_active
    FROM users
    WHERE :in_months AND :of_services
    UNION ALL
    SELECT service_name, event_date, user_key, is_active
    FROM visits
    WHERE :in_days AND :of_services AND is_active AND user_key IS NOT NULL
) AS first_days
