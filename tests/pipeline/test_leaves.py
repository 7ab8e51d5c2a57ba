"""Which addresses are leaves, of which alone data are ever deleted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_analytics.metrics import load_catalog
from otel_analytics.names import Leaf, S3Address
from otel_analytics.pipeline.leaves import find_leaf, find_root, is_staging, lies_at_root

BASE = "s3://otel-analytics/summary"

HOSTILE = [
    "",
    "/",
    "s3://",
    "s3://otel-analytics",
    "s3://otel-analytics/",
    f"{BASE}",
    f"{BASE}/",
    f"{BASE}/theshop_brand_mau/",
    f"{BASE}/theshop_brand_mau/run_1/",
    f"{BASE}/theshop_brand_mau/run_1/0",
    f"{BASE}/theshop_brand_mau/run_1/0//",
    f"{BASE}/theshop_brand_mau//0/",
    f"{BASE}/theshop_brand_mau/run_1/0/more/",
    f"{BASE}/theshop_brand_mau/run_1/../0/",
    f"{BASE}/theshop_brand_mau/../0/",
    f"{BASE}/../theshop_brand_mau/run_1/0/",
    f"{BASE}/theshop_brand_mau/run_1/x/",
    f"{BASE}/theshop_brand_mau/run_1/-1/",
    f"{BASE}/theshop_brand_mau/run_1/01/",
    f"{BASE}/theshop_brand_mau/run_1/٣/",
    f"{BASE}/theshop_brand_mau/run_1/0/\n",
    f"{BASE}/theshop_brand_mau/Run_1/0/",
    f"{BASE}/theshop_brand_dau2/run_1/0/",
    f"{BASE}/theshop_brand/run_1/0/",
    f"{BASE}/mau/run_1/0/",
    f"{BASE}/_mau/run_1/0/",
    f"{BASE}/THESHOP_mau/run_1/0/",
    f"{BASE}/the shop_mau/run_1/0/",
    f"{BASE}/{'a' * 65}_mau/run_1/0/",
    # a bucket is no base
    "s3://otel-analytics/theshop_brand_mau/run_1/0/",
    "s3://x/summary/theshop_brand_mau/run_1/0/",
    "https://otel-analytics/summary/theshop_brand_mau/run_1/0/",
    "summary/theshop_brand_mau/run_1/0/",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_that_no_execution_built_is_no_leaf(address: str) -> None:
    assert find_leaf(address) is None


@given(st.text("sabc3:/._-0m dau", max_size=60) | st.text(max_size=30))
def test_whatever_is_found_to_be_a_leaf_is_written_exactly_so(text: str) -> None:
    for address in (text, f"{BASE}/{text}", f"{BASE}/{text}_mau/run/0/", f"{BASE}/a_mau/{text}/"):
        leaf = find_leaf(address)
        if leaf is not None:
            assert leaf.location == address
            assert leaf.prefix
            assert S3Address.parse(leaf.s3_base).key
            assert ".." not in address.split("/")


_NAMES = st.text("abz09_", min_size=1, max_size=20)


@given(_NAMES, st.sampled_from(sorted(load_catalog())), _NAMES, st.integers(0, 999))
def test_what_an_execution_builds_is_found(
    prefix: str, query_type: str, execution: str, attempt: int
) -> None:
    leaf = Leaf(BASE, prefix, query_type, execution, str(attempt))
    assert find_leaf(leaf.location) == leaf
    assert is_staging(leaf.staging_table, leaf.location)
    assert is_staging(leaf.staging_table, leaf.location.rstrip("/"))
    assert not is_staging(f"{prefix}_{query_type}_summary", leaf.location)


def test_a_root_is_the_folder_of_one_table() -> None:
    assert find_root(f"{BASE}/theshop_brand_dau/") == (BASE, "theshop_brand", "dau")
    assert find_root(f"{BASE}/theshop_user_cohort/") == (BASE, "theshop", "user_cohort")
    for address in (f"{BASE}/theshop_brand_dau", f"{BASE}/theshop_brand_dau2/", f"{BASE}/", BASE):
        assert find_root(address) is None


def test_only_a_published_table_at_its_own_root_lies_at_its_root() -> None:
    assert lies_at_root("theshop_mau_summary", f"{BASE}/theshop_mau/")
    assert lies_at_root("theshop_mau_summary", f"{BASE}/theshop_mau")
    assert not lies_at_root("theshop_mau_summary", f"{BASE}/theshop_dau/")
    assert not lies_at_root("theshop_mau_summary", f"{BASE}/theshop_mau/run_1/0/")
    assert not lies_at_root("orders_summary", f"{BASE}/orders/")
