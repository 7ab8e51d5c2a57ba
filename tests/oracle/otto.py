"""OTTO's real shop events, as the shared data's README says to read them.

A line's `session` is the user. Where more than 30 minutes pass, a new session begins, with an
inserted `commerce.session.start` at the time of the session's first event.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from demo.otlp import ShopEvent
from tests.oracle.seven_tables import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["SERVICE", "as_oracle_events", "read_otto"]

SERVICE = "otto"
SESSION_START = "commerce.session.start"
EVENT_NAMES = {
    "clicks": "commerce.product.view",
    "carts": "commerce.cart.add",
    "orders": "commerce.order.complete",
}
GAP_MS = 30 * 60 * 1000


def read_otto(shared_data: Path) -> list[ShopEvent]:
    """Return the events of all 20 users, one user after the other."""
    lines = (shared_data / "otto" / "train.jsonl").read_text("utf-8").splitlines()
    return [event for line in lines for event in _events_of(json.loads(line))]


def _events_of(user: dict[str, Any]) -> Iterator[ShopEvent]:
    user_key = str(user["session"])
    number, previous_ms = 0, None
    for entry in user["events"]:
        begins = previous_ms is None or entry["ts"] - previous_ms > GAP_MS
        number += begins
        session_id = f"{user_key}-{number}"
        previous_ms = entry["ts"]
        nanos = entry["ts"] * 10**6
        if begins:
            yield ShopEvent(SERVICE, nanos, SESSION_START, user_key, session_id)
        yield ShopEvent(
            SERVICE,
            nanos,
            EVENT_NAMES[entry["type"]],
            user_key,
            session_id,
            {"product.id": entry["aid"]},
        )


def as_oracle_events(events: Iterable[ShopEvent]) -> list[Event]:
    """Return the same events as the oracle's records."""
    return [
        Event(e.service_name, e.time_unix_nano, e.event_name, e.user_key, e.session_id)
        for e in events
    ]
