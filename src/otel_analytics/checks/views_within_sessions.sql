-- title: Sessions with a product view are at most all sessions
-- severity: error; warning where events.session_start is set
-- table: conversion
-- message: days with more viewing than started sessions; where events.session_start is set, a session may have started on the day before, or without such an event
-- reads: conversion
SELECT
    CAST(calculation_date AS VARCHAR) || ' has ' || CAST(product_view_sessions AS VARCHAR)
    || ' of ' || CAST(total_sessions AS VARCHAR) AS finding
FROM conversion
WHERE product_view_sessions > total_sessions
