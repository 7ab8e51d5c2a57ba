"""The synthetic clickstream, read as events of two services."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from demo.otlp import ShopEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["APP", "WEB", "read_events"]

WEB, APP = "theshop-web", "theshop-app"

# A session keeps to one platform, so it keeps to one service; a user may be known to both.
SERVICES = {"desktop": WEB, "mobile": APP, "tablet": APP}

SESSION_START = "commerce.session.start"

EVENT_NAMES = {
    "account_page": "commerce.account.view",
    "add_to_cart": "commerce.cart.add",
    "cart": "commerce.cart.view",
    "catalog": "commerce.catalog.view",
    "checkout_bug": "commerce.checkout.bug",
    "compare": "commerce.product.compare",
    "error_page": "commerce.error.view",
    "filter_results": "commerce.search.filter",
    "home": "commerce.home.view",
    "payment_details": "commerce.payment.details",
    "payment_error": "commerce.payment.error",
    "product_view": "commerce.product.view",
    "promo_page": "commerce.promo.view",
    "purchase": "commerce.order.complete",
    "review_page": "commerce.review.view",
    "search": "commerce.search.submit",
    "shipping_details": "commerce.shipping.details",
    "support_chat": "commerce.support.chat",
    "wishlist_add": "commerce.wishlist.add",
}


def read_events(data_set: Path) -> list[ShopEvent]:
    """Return the events in the order of their times, times read as UTC.

    Each session begins with an inserted `commerce.session.start` at its first event's time.
    """
    with gzip.open(data_set, "rt", encoding="utf-8", newline="") as text:
        events = [_event(row) for row in csv.DictReader(text)]
    events.sort(key=lambda event: event.time_unix_nano)
    return list(_with_session_starts(events))


def _event(row: dict[str, str]) -> ShopEvent:
    instant = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
    return ShopEvent(
        service_name=SERVICES[row["platform"]],
        time_unix_nano=int(instant.timestamp()) * 10**9,
        event_name=EVENT_NAMES[row["event"]],
        user_key=row["user_id"],
        session_id=row["session_id"],
        attributes={
            "device.type": row["platform"],
            "acquisition.channel": row["acquisition_channel"],
        },
    )


def _with_session_starts(events: list[ShopEvent]) -> Iterator[ShopEvent]:
    begun: set[str | None] = set()
    for event in events:
        if event.session_id not in begun:
            begun.add(event.session_id)
            yield replace(event, event_name=SESSION_START)
        yield event
