"""More services than one execution builds: parts, their results and their cost, together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from demo.otlp import ShopEvent

if TYPE_CHECKING:
    from tests.cli.conftest import Ingest
    from tests.cli.shell import Shell

E = "2024-06-30"
NOON = 1_719_662_400_000_000_000  # of the day before
IN_TWOS = ("--set", "concurrency.services_per_execution=2")
SHOPS = ("shop-a", "shop-b", "shop-c")


@pytest.fixture
def shops(shell: Shell, ingest: Ingest) -> Shell:
    """A working folder with the logs of three services."""
    ingest(
        *(
            ShopEvent(shop, NOON + number, "commerce.product.view", f"u{number}", f"{shop}-1")
            for shop in SHOPS
            for number in range(3)
        )
    )
    return shell


def test_the_results_of_all_parts_are_shown_together(shops: Shell) -> None:
    run = ("run", *SHOPS, "--execution-date", E, "--name", "all", *IN_TWOS)
    ended = shops.done(*run)
    shown = {line.split()[0] for line in ended.stdout.splitlines() if "_mau_summary" in line}
    assert shown == set(SHOPS)
    assert "COMPLETED: 3 of 3 services in database log_db" in ended.stdout
    executions = shops.done("executions", "--json").json["executions"]
    assert {one["name"] for one in executions} == {"all", "all-part-1-0", "all-part-2-0"}
    assert shops.query("SELECT total_events FROM shop_c_mau_summary") == [{"total_events": 3}]


def test_what_the_parts_used_counts_with_the_whole(shops: Shell) -> None:
    shops.done("run", *SHOPS, "--execution-date", E, "--name", "all", *IN_TWOS)
    cost = shops.done("cost", "--json").json
    assert cost["execution"] == "all"
    assert {table["service_name"] for table in cost["tables"]} == {"", *SHOPS}
    output = json.loads(shops.done("describe", "all", "--json").json["output"])
    summary = output["execution_summary"]
    for field in ("queries", "scanned_bytes", "billed_bytes"):
        assert cost[field] == summary[field]
    assert cost["transitions"] == summary["least_transitions"]
    estimate = ("run", *SHOPS, "--execution-date", E, "--dry-run", "--json", *IN_TWOS)
    # the refresh is done, so that another run takes fewer
    assert shops.done(*estimate).json["transitions"] < cost["transitions"]


def test_a_service_that_fails_in_a_part_is_told_with_its_reason(shops: Shell) -> None:
    run = ("run", *SHOPS, "nobody", "--execution-date", E, "--name", "all", *IN_TWOS)
    ended = shops.run(*run)
    assert ended.exit_code == 1
    assert "nobody: VerifyTables: UnknownService" in ended.stderr
    assert "PARTIALLY_COMPLETED: 3 of 4 services" in ended.stdout
    assert shops.query("SELECT count(*) AS n FROM shop_c_mau_summary") == [{"n": 1}]


def test_more_at_once_than_the_account_allows_is_refused_before_anything_runs(
    shops: Shell,
) -> None:
    said = shops.refused("run", *SHOPS, "--set", "concurrency.services=13")
    assert "13 services at once with 2 DML queries (CREATE TABLE AS) each are 26" in said
    assert shops.done("executions", "--json").json == {"executions": []}


def test_services_at_once_build_the_same_tables(shops: Shell) -> None:
    shops.done("run", *SHOPS, "--execution-date", E, "--set", "concurrency.services=3")
    for prefix in ("shop_a", "shop_b", "shop_c"):
        sql = f"SELECT monthly_active_users FROM {prefix}_mau_summary"
        assert shops.query(sql) == [{"monthly_active_users": 3}], prefix
