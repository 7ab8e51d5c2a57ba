"""What must be true of a service's tables: `.sql` files in Athena's dialect that find what is not.

A check reads relations by name (`RELATIONS` in `catalog`) and must not know where their rows come
from. Each row of its SELECT is one finding:

    finding      what is wrong, in a few words that name it
    found        how many times it counts; left out: once
    query_type   the table that it is of, where the header says `table: each`

No row, or zeros alone, and the check has passed.
"""

from otel_analytics.checks.catalog import Check, load_checks

__all__ = ["Check", "load_checks"]
