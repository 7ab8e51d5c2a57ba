"""What sqlglot makes of SQL for Athena: constructs that Athena lacks are rewritten."""

from __future__ import annotations

import sqlglot

__all__ = ["rewritten_for_athena"]


def rewritten_for_athena(sql: str, *, pretty: bool) -> str:
    """Return the statement as sqlglot writes it; one that has only what Athena has is the same."""
    return sqlglot.parse_one(sql, read="athena").sql(
        dialect="athena", pretty=pretty, comments=False
    )
