"""The oracle on real events gives the answers that were counted by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests.oracle.otto import SERVICE, as_oracle_events, read_otto
from tests.oracle.seven_tables import Definition, seven_tables

if TYPE_CHECKING:
    from pathlib import Path

    from demo.otlp import ShopEvent


@pytest.fixture(scope="module")
def otto(shared_data: Path) -> list[ShopEvent]:
    return read_otto(shared_data)


def test_it_has_862_events_of_20_users_in_144_sessions(otto: list[ShopEvent]) -> None:
    assert Counter(event.event_name for event in otto) == {
        "commerce.session.start": 144,
        "commerce.product.view": 800,
        "commerce.cart.add": 52,
        "commerce.order.complete": 10,
    }
    assert len({event.user_key for event in otto}) == 20
    assert len({event.session_id for event in otto}) == 144


def test_7_users_added_to_a_cart_and_3_ordered(otto: list[ShopEvent]) -> None:
    def users_with(name: str) -> int:
        return len({event.user_key for event in otto if event.event_name == name})

    assert users_with("commerce.cart.add") == 7
    assert users_with("commerce.order.complete") == 3


def test_monthly_users_are_10_in_july_and_19_in_august(otto: list[ShopEvent]) -> None:
    # Ten users begin on 31 July at 22:00 UTC; one of them, 8, does not come back in August.
    # The other ten have their events on 28 August at 21:59.
    definition = Definition(execution_date=date(2022, 8, 29))
    rows = seven_tables(as_oracle_events(otto), SERVICE, definition)["mau"]
    assert [(row["year_month"], row["monthly_active_users"]) for row in rows] == [
        ("2022-07", 10),
        ("2022-08", 19),
    ]
