"""The metric catalog: seven `.sql` files in Athena's dialect, each with a header that declares it.

Every metric reads one relation, `events`, and must not know where its rows come from:

    service_name, event_date, user_key, session_id, event_name    NULL where a record has none
    event_count                                                   log records that a row stands for
    is_active, is_session_start, is_product_view, is_cart_add     never NULL

Only events of the metric's window and of the services asked for are in it. `EXACT_RATE(a, b)` is
100·a/b and `EXACT_AVERAGE(a, b)` is a/b, both rounded half away from zero to 2 decimals in whole
numbers, and NULL where b = 0; the query builder writes them out.
"""

from otel_analytics.metrics.catalog import Column, Metric, Period, Window, load_catalog

__all__ = ["Column", "Metric", "Period", "Window", "load_catalog"]
