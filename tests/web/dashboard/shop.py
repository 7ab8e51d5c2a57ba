"""A shop small enough to count by hand, and one whose names are hostile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from demo.otlp import ShopEvent, export_requests, write_json_lines

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.cli.shell import Shell

__all__ = ["HOSTILE_NAMES", "E", "hostile_events", "publish", "shop_events"]

E = "2024-07-01"
LAST_DAY = datetime(2024, 6, 30, 12, tzinfo=UTC)
DAYS = 60

HOSTILE_NAMES = (
    "<script>window.hacked = 1</script>",
    "\"><img src=x onerror='window.hacked = 1'>",
    "</script><script>window.hacked = 1</script>",
    "quote ' and \" and ` and \\",
    "{{ 7 * 7 }} ${7 * 7} {% raw %}",
    "=HYPERLINK(1)",
    "right to left \u202egnp.exe",
    "zero\u200bwidth",
    "x" * 10_000,
)


def shop_events() -> list[ShopEvent]:
    """Return a day's visits of `web` and `app` for 60 days.

    On each day, `u1` to `u<n>` come, where n goes 3, 4, 5, 3, …; each views a product, and the
    first puts it into the cart. In `app`, one user comes.
    """
    events = []
    for back in range(DAYS):
        day = LAST_DAY - timedelta(days=back)
        visits = [("web", f"u{number}") for number in range(1, 4 + back % 3)] + [("app", "u1")]
        for service, user in visits:
            session = f"{service}-{back}-{user}"
            names = ["commerce.session.start", "commerce.product.view"]
            names += ["commerce.cart.add"] if user == "u1" else []
            events += [
                ShopEvent(service, _nano(day, second), name, user, session)
                for second, name in enumerate(names)
            ]
    return events


def hostile_events() -> list[ShopEvent]:
    """Return an event of each hostile name, each of users and sessions that are called so too."""
    return [
        ShopEvent("hostile", _nano(LAST_DAY, second), name, name[:1000], f"session {name[:1000]}")
        for second, name in enumerate(HOSTILE_NAMES)
    ]


def publish(shell: Shell, events: Iterable[ShopEvent], *services: str) -> None:
    """Ingest events and publish the tables of services."""
    exports: Path = shell.folder / "exports"
    write_json_lines(exports, export_requests(list(events)))
    shell.done("ingest", exports)
    shell.done("run", *services, "--execution-date", E)


def _nano(time: datetime, second: int) -> int:
    return (int(time.timestamp()) + second) * 10**9
