"""The metric catalog: seven `.sql` files in Athena's dialect, each with a header that declares it.

Every metric reads one relation, `events`, and must not know where its rows come from:

    service_name, event_date, user_key, session_id, event_name    NULL where a record has none
    event_count                                                   log records that a row stands for
    is_active, is_session_start, is_product_view, is_cart_add     never NULL

Only events of the metric's window and of the services asked for are in it. A row of the raw logs is
one record; a row of the activity tables stands for several, the coarsest that the metric `reads`:

    events    those of one service, day, session, user and name
    visits    those of one service, day, session, user and is_active; the other flags say whether
              one of them is such an event; without event_name
    users     those of one user in a month or a day, of which event_date is the first day; active
              ones alone; without event_name, session_id, event_count and the other flags

`EXACT_RATE(a, b)` is 100·a/b and `EXACT_AVERAGE(a, b)` is a/b, both rounded half away from zero to
2 decimals in whole numbers, and NULL where b = 0; the query builder writes them out.
"""

from otel_analytics.metrics.catalog import Column, Metric, Period, Reads, Window, load_catalog

__all__ = ["Column", "Metric", "Period", "Reads", "Window", "load_catalog"]
