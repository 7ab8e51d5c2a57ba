"""Warnings before a run: what the logs lack that the tables need."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from otel_analytics.config import Settings
from otel_analytics.query.coverage import coverage_warnings

if TYPE_CHECKING:
    from collections.abc import Sequence


def warnings_of(*rows: tuple[Any, ...]) -> list[str]:
    asked: list[str] = []

    def run_query(sql: str) -> Sequence[tuple[Any, ...]]:
        asked.append(sql)
        return rows

    found = coverage_warnings(
        ("shop", "depot"),
        execution_date=date(2024, 6, 30),
        settings=Settings(),
        run_query=run_query,
    )
    assert len(asked) == 1
    assert "CAST('2023-06-01' AS DATE)" in asked[0]
    return found


# events, with a user, with a session, session starts, product views, carts
FULL = (10, 10, 10, 10, 2, 1)


def test_logs_with_everything_give_no_warning() -> None:
    assert warnings_of(("shop", *FULL), ("depot", *FULL)) == []


def test_a_service_without_events_is_left_to_the_checks() -> None:
    assert warnings_of(("shop", *FULL)) == []
    assert warnings_of() == []


def test_a_service_without_users_sessions_or_named_events_is_warned_of() -> None:
    users, sessions, names = warnings_of(("depot", 10, 0, 0, 10, 0, 3), ("shop", *FULL))
    assert users.startswith("depot has 10 events and none with a user (keys.user = userKey, ")
    assert sessions.startswith("depot has 10 events and none with a session (keys.session = ")
    assert names.startswith(
        "depot has no event named by events.product_view = commerce.product.view, so"
    )
