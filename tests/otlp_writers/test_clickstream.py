"""The demonstration's data set becomes events of two services."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from demo.clickstream import read_events
from demo.export_logs import export_logs

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    "user_id,session_id,event,timestamp,platform,acquisition_channel,user_cohort,user_lifecycle"
)
ROWS = """\
u1,s1,product_view,2024-02-01 00:00:01,desktop,email,2024-01,new
u1,s1,home,2024-01-31 23:59:59,desktop,email,2024-01,new
u2,s2,add_to_cart,2024-02-02 10:00:00,tablet,direct,2024-01,new
"""


def write_data_set(folder: Path) -> Path:
    path = folder / "ecom.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{ROWS}".encode()))
    return path


def test_events_are_in_the_order_of_time_and_a_session_begins_with_its_start(
    tmp_path: Path,
) -> None:
    events = read_events(write_data_set(tmp_path))
    # 2024-01-31T23:59:59Z is 1706745599
    assert [
        (e.service_name, e.time_unix_nano // 10**9, e.event_name, e.user_key, e.session_id)
        for e in events
    ] == [
        ("theshop-web", 1706745599, "commerce.session.start", "u1", "s1"),
        ("theshop-web", 1706745599, "commerce.home.view", "u1", "s1"),
        ("theshop-web", 1706745601, "commerce.product.view", "u1", "s1"),
        ("theshop-app", 1706868000, "commerce.session.start", "u2", "s2"),
        ("theshop-app", 1706868000, "commerce.cart.add", "u2", "s2"),
    ]


def test_each_service_has_a_file_a_month(tmp_path: Path) -> None:
    counts = export_logs(write_data_set(tmp_path), tmp_path / "otlp")
    assert counts == {"theshop-web": 3, "theshop-app": 2}
    files = sorted(str(p.relative_to(tmp_path / "otlp")) for p in tmp_path.glob("otlp/*/*"))
    assert files == [
        "theshop-app/2024-02.binpb.zst",
        "theshop-web/2024-01.jsonl.gz",
        "theshop-web/2024-02.jsonl.gz",
    ]
