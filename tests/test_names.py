"""Names and addresses: what is allowed, what is refused, and what follows from a name."""

from datetime import date

import pytest

from otel_analytics.errors import InvalidName
from otel_analytics.names import (
    Leaf,
    S3Address,
    execution_token,
    parse_date,
    parse_service_name,
    parse_service_names,
    table_location,
    table_name,
    table_prefix,
)

HOSTILE = [
    "",
    "-shop",
    "shop'; DROP TABLE logall; --",
    "shop/*",
    "shop\n",
    "shöp",
    "shop\u202e",
    "x" * 65,
    "x" * 10_240,
    None,
    7,
    ["shop"],
]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("theshop-brand", "theshop_brand"),
        ("theshop-brand-kr", "theshop_brand_kr"),
        ("theshop-brand-jp", "theshop_brand_jp"),
        ("Shop.API_v2", "shop_api_v2"),
        ("7eleven", "7eleven"),
        ("x" * 64, "x" * 64),
    ],
)
def test_every_part_of_a_service_name_is_in_its_table_prefix(name: str, prefix: str) -> None:
    assert table_prefix(parse_service_name(name)) == prefix


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
def test_a_name_outside_the_allowed_characters_is_refused(name: object) -> None:
    with pytest.raises(InvalidName, match="is not allowed: use 1 to 64"):
        parse_service_name(name)


def test_a_refusal_of_a_long_name_shows_only_its_beginning() -> None:
    with pytest.raises(InvalidName) as caught:
        parse_service_name("x" * 10_240)
    assert len(str(caught.value)) < 300
    assert "10242 characters" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "one or more"),
        ("shop", "one or more"),
        (["shop", "shop"], "'shop' twice"),
        (["a-b", "A.b"], "'a-b' and 'A.b' would both own the tables a_b"),
        (["shop", "sh op"], r"service_names\[1\] 'sh op'"),
    ],
)
def test_names_that_would_share_their_tables_are_refused(names: object, message: str) -> None:
    with pytest.raises(InvalidName, match=message):
        parse_service_names(names)


@pytest.mark.parametrize("text", ["2025-02-30", "2025-2-3", "20250203", "2025-02-03T00", "", None])
def test_what_is_no_date_is_refused_by_its_field(text: object) -> None:
    with pytest.raises(
        InvalidName, match=r"execution_date .* is not a date: write it as YYYY-MM-DD"
    ):
        parse_date(text, field="execution_date")


def test_a_date_is_read() -> None:
    assert parse_date("2024-02-29", field="execution_date") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "bucket/key",
        "s3://",
        "s3://UPPER/key",
        "s3://bucket/../other",
        "s3://bucket/a//b",
        "s3://bucket/./b",
        "s3://bucket/it's",
        "s3://bucket/year=*/",
        "s3://bucket/a?",
        "s3://bucket/a[1]",
        "s3://bucket/a b",
        "file:///etc/passwd",
        None,
    ],
)
def test_an_address_that_could_leave_its_prefix_is_refused(text: object) -> None:
    with pytest.raises(InvalidName, match="is not an S3 address"):
        S3Address.parse(text)


def test_an_address_reads_back_as_it_was_written() -> None:
    text = "s3://otel-analytics/summary/theshop_brand_mau/"
    assert str(S3Address.parse(text)) == text


def test_a_tables_name_and_location_follow_from_prefix_and_query_type() -> None:
    assert table_name("theshop_brand", "mau") == "theshop_brand_mau_summary"
    assert table_location("s3://b1/summary/", "theshop_brand", "mau") == (
        "s3://b1/summary/theshop_brand_mau/"
    )


LEAF = Leaf("s3://b1c/summary", "shop_a", "dau", "run_1_0a1b2c3d", "12")


def test_a_leaf_reads_back_as_it_was_written() -> None:
    assert LEAF.location == "s3://b1c/summary/shop_a_dau/run_1_0a1b2c3d/12/"
    assert LEAF.staging_table == "shop_a_dau_run_1_0a1b2c3d_12"
    found = Leaf.parse(LEAF.location, s3_base=LEAF.s3_base, prefix="shop_a", query_type="dau")
    assert found == LEAF


@pytest.mark.parametrize(
    "address",
    [
        "s3://b1c/summary/shop_a_dau/",
        "s3://b1c/summary/shop_a_dau/run/",
        "s3://b1c/summary/shop_a_dau/run/1",
        "s3://b1c/summary/shop_a_dau/run/1/2/",
        "s3://b1c/summary/shop_a_dau/run/01/",
        "s3://b1c/summary/shop_a_dau/../1/",
        "s3://b1c/summary/shop_a_dau/run/../",
        "s3://b1c/summary/shop_a_dau//1/",
        "s3://b1c/summary/shop_a_dau2/run/1/",
        "s3://b1c/summary/shop_a_mau/run/1/",
        "s3://b1c/shop_a_dau/run/1/",
        "s3://b1c/",
        "",
        None,
    ],
)
def test_nothing_but_a_leaf_of_that_table_is_one(address: object) -> None:
    with pytest.raises(InvalidName, match="location"):
        Leaf.parse(address, s3_base="s3://b1c/summary", prefix="shop_a", query_type="dau")


def test_executions_whose_names_look_alike_have_different_tokens() -> None:
    tokens = {execution_token(name, f"arn:{name}") for name in ("run-1", "run_1", "Run-1")}
    assert len(tokens) == 3
    assert all(token.startswith("run_1_") for token in tokens)
    # sha256 of "arn:run-1", by the shell's sha256sum
    assert execution_token("run-1", "arn:run-1") == "run_1_6ec78c70"
