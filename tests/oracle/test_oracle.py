"""The plain-Python oracle gives what the definitions say, on examples small enough for the eye."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest

from tests.oracle.seven_tables import (
    COLUMNS,
    Definition,
    Event,
    percentile,
    rate,
    seven_tables,
    two_decimals,
)

VIEW, CART = "commerce.product.view", "commerce.cart.add"
E = date(2024, 3, 10)


def at(text: str, name: str | None, user: str | None, session: str | None) -> Event:
    """Return one record of service `s` at a time written `2024-03-09 12:00`, in UTC."""
    instant = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return Event("s", int(instant.timestamp()) * 10**9, name, user, session)


def rows(
    query_type: str, *events: Event, execution_date: date = E, **settings: Any
) -> list[dict[str, Any]]:
    """Return one table's rows without the two columns that all have."""
    definition = Definition(execution_date, **settings)
    table = seven_tables(events, "s", definition)[query_type]
    return [
        {k: v for k, v in row.items() if k not in ("service_name", "execution_date")}
        for row in table
    ]


def column(name: str, table: list[dict[str, Any]]) -> list[Any]:
    return [row[name] for row in table]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1, 3, 33.33),
        (2, 3, 66.67),
        (1, 800, 0.13),  # 0.125 is half: away from zero
        (3, 800, 0.38),  # 0.375
        (1, 8000, 0.01),  # 0.0125
        (0, 5, 0.0),
        (3, 2, 150.0),
        (1, 0, None),
    ],
)
def test_a_rate_is_rounded_half_away_from_zero(a: int, b: int, expected: float | None) -> None:
    assert rate(a, b) == expected


def test_half_a_hundredth_is_rounded_up_though_a_double_would_lie_below_it() -> None:
    assert two_decimals(Fraction(1005, 1000)) == 1.01


@pytest.mark.parametrize(
    ("values", "median", "p90"),
    [
        ([7], 7, 7),
        ([1, 2], 1, 2),
        ([3, 1, 2], 2, 3),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5, 9),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 6, 10),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[int], median: int, p90: int) -> None:
    assert percentile(values, Fraction(1, 2)) == median
    assert percentile(values, Fraction(9, 10)) == p90


def test_every_row_has_the_columns_of_its_table_in_their_order() -> None:
    tables = seven_tables([at("2024-03-08 12:00", VIEW, "u", "x")], "s", Definition(E))
    assert {name: list(table[0]) for name, table in tables.items()} == {
        name: list(columns) for name, columns in COLUMNS.items()
    }
    for table in tables.values():
        assert (table[0]["service_name"], table[0]["execution_date"]) == ("s", E)


def test_another_services_records_do_not_count_even_if_its_name_begins_the_same() -> None:
    other = Event("s.x", at("2024-03-09 12:00", VIEW, "u", "x").time_unix_nano, VIEW, "u", "x")
    assert all(not table for table in seven_tables([other], "s", Definition(E)).values())


def test_mau_has_a_row_for_each_of_thirteen_months_with_a_user() -> None:
    table = rows(
        "mau",
        at("2023-02-28 23:59", VIEW, "u1", "x0"),  # a month too early
        at("2023-03-01 00:00", VIEW, "u1", "x1"),
        at("2023-12-31 23:59", VIEW, None, "x2"),  # no user: no row for December
        at("2024-03-09 23:59", VIEW, "u1", "x3"),
        at("2024-03-09 23:59", VIEW, "u2", "x3"),
        at("2024-03-09 23:59", VIEW, "u2", ""),
        at("2024-03-10 00:00", VIEW, "u3", "x4"),  # E itself is not complete
    )
    assert table == [
        {
            "year_month": "2023-03",
            "year": "2023",
            "month": "03",
            "monthly_active_users": 1,
            "total_sessions": 1,
            "total_events": 1,
            "is_partial": False,
        },
        {
            "year_month": "2024-03",
            "year": "2024",
            "month": "03",
            "monthly_active_users": 2,
            "total_sessions": 1,
            "total_events": 3,
            "is_partial": True,
        },
    ]


def test_mau_is_whole_when_the_month_ended_on_the_last_complete_day() -> None:
    events = (at("2024-02-29 12:00", VIEW, "u", "x"),)
    assert column("is_partial", rows("mau", *events, execution_date=date(2024, 3, 1))) == [False]
    assert column("is_partial", rows("mau", *events, execution_date=date(2024, 2, 29))) == []
    cut = {"execution_date": date(2024, 3, 1), "min_data_date": date(2024, 2, 2)}
    assert column("is_partial", rows("mau", *events, **cut)) == [True]
    whole = {"execution_date": date(2024, 3, 1), "min_data_date": date(2024, 2, 1)}
    assert column("is_partial", rows("mau", *events, **whole)) == [False]


def test_dau_counts_all_events_with_a_user_but_only_active_users_and_sessions() -> None:
    table = rows(
        "dau",
        at("2024-03-08 10:00", "ping", "u1", "x1"),  # a day without an active user
        at("2024-03-09 10:00", VIEW, "u1", "x1"),
        at("2024-03-09 10:01", "ping", "u1", "x2"),
        at("2024-03-09 10:02", None, "u2", "x3"),
        at("2024-03-09 10:03", VIEW, "u3", None),
        at("2024-03-09 10:04", VIEW, "", "x4"),
        active=(VIEW,),
    )
    assert table == [
        {
            "date": date(2024, 3, 8),
            "year": "2024",
            "month": "03",
            "day": "08",
            "daily_active_users": 0,
            "daily_sessions": 0,
            "daily_events": 1,
            "events_per_user": None,
        },
        {
            "date": date(2024, 3, 9),
            "year": "2024",
            "month": "03",
            "day": "09",
            "daily_active_users": 2,
            "daily_sessions": 1,
            "daily_events": 4,
            "events_per_user": 2.0,
        },
    ]


def test_a_day_is_a_day_of_the_reporting_time_zone_and_the_window_has_ninety() -> None:
    events = (
        at("2023-12-10 14:59", VIEW, "u", "x"),
        at("2023-12-10 15:00", VIEW, "u", "x"),  # midnight of the 11th in Seoul
        at("2024-03-09 14:59", VIEW, "u", "x"),
        at("2024-03-09 15:00", VIEW, "u", "x"),  # midnight of E in Seoul
    )
    # the 90 days: 9 of March, 29 of February, 31 of January, 21 of December: from the 11th
    seoul = rows("dau", *events, timezone="Asia/Seoul")
    assert column("date", seoul) == [date(2023, 12, 11), date(2024, 3, 9)]
    assert column("daily_events", seoul) == [1, 1]
    utc = rows("dau", *events)
    assert column("date", utc) == [date(2024, 3, 9)]
    assert column("daily_events", utc) == [2]


def test_retention_asks_for_the_very_day_and_only_for_days_that_are_over() -> None:
    table = rows(
        "retention",
        at("2024-03-01 10:00", VIEW, "u1", "x"),
        at("2024-03-01 10:00", VIEW, "u2", "x"),
        at("2024-03-01 10:00", VIEW, "u3", "x"),
        at("2024-03-02 10:00", VIEW, "u1", "x"),
        at("2024-03-08 10:00", VIEW, "u2", "x"),
        at("2024-03-09 10:00", VIEW, "u1", "x"),
    )
    assert [tuple(row.values()) for row in table] == [
        ("D+1", 3, 1, 33.33, date(2024, 3, 1), date(2024, 3, 2)),
        ("D+1", 1, 0, 0.0, date(2024, 3, 2), date(2024, 3, 3)),
        ("D+1", 1, 0, 0.0, date(2024, 3, 8), date(2024, 3, 9)),
        ("D+7", 3, 1, 33.33, date(2024, 3, 1), date(2024, 3, 8)),
        ("D+7", 1, 1, 100.0, date(2024, 3, 2), date(2024, 3, 9)),
    ]


def test_retention_needs_an_active_event_on_both_days() -> None:
    table = rows(
        "retention",
        at("2024-03-07 10:00", "ping", "u1", "x"),
        at("2024-03-08 10:00", VIEW, "u1", "x"),
        at("2024-03-09 10:00", "ping", "u1", "x"),
        active=(VIEW,),
    )
    assert [(row["base_users"], row["retained_users"]) for row in table] == [(1, 0)]


def test_conversion_counts_each_column_on_its_own_and_each_day_apart() -> None:
    table = rows(
        "conversion",
        at("2024-03-08 23:59", "start", "u1", "x1"),
        at("2024-03-09 00:01", VIEW, "u1", "x1"),
        at("2024-03-09 00:02", CART, "u1", "x1"),
        at("2024-03-09 00:03", "start", "u2", "x2"),
        at("2024-03-09 00:04", CART, "u3", None),  # a purchasing user without a session
        at("2024-03-09 00:05", CART, None, "x3"),  # a cart without a view
        session_start=("start",),
    )
    assert [tuple(row.values()) for row in table] == [
        (date(2024, 3, 8), 1, 0, 0, 0, 1, 0, 0.0, None, 0.0, 0.0, None),
        (date(2024, 3, 9), 1, 1, 2, 1, 1, 2, 100.0, 200.0, 200.0, 200.0, 100.0),
    ]
    assert list(table[0]) == [
        "calculation_date",
        "total_sessions",
        "product_view_sessions",
        "cart_add_sessions",
        "viewed_cart_sessions",
        "total_users",
        "purchasing_users",
        "product_view_rate",
        "cart_conversion_rate",
        "overall_conversion_rate",
        "user_conversion_rate",
        "view_to_cart_rate",
    ]


def test_conversion_has_a_row_for_a_session_without_a_start_but_none_without_a_session() -> None:
    table = rows(
        "conversion",
        at("2024-03-08 10:00", VIEW, "u1", None),
        at("2024-03-09 10:00", None, None, "x1"),
        session_start=("start",),
    )
    assert [tuple(row.values()) for row in table] == [
        (date(2024, 3, 9), 0, 0, 0, 0, 0, 0, None, None, None, None, None)
    ]


def test_any_event_starts_a_session_by_default_a_nameless_one_too() -> None:
    table = rows("conversion", at("2024-03-09 10:00", None, "u1", "x1"))
    assert (table[0]["total_sessions"], table[0]["total_users"]) == (1, 1)


def test_user_cohort_goes_by_the_first_active_day_and_has_all_four_rows() -> None:
    table = rows(
        "user_cohort",
        at("2024-03-03 10:00", VIEW, "new", "x"),  # E−7
        at("2024-03-02 10:00", VIEW, "recent", "x"),  # E−8
        at("2024-03-09 10:00", VIEW, "recent", "x"),
        at("2024-02-08 10:00", VIEW, "since long", "x"),  # E−31: 9 days of March, 22 of February
        at("2023-03-11 10:00", VIEW, "veteran", "x"),  # E−365, the year has a leap day
        at("2023-03-10 10:00", VIEW, "gone", "x"),  # E−366
        at("2024-03-10 10:00", VIEW, "of tomorrow", "x"),
    )
    assert [(row["cohort_type"], row["user_count"]) for row in table] == [
        ("New (0-7d)", 1),
        ("Recent (8-30d)", 1),
        ("Active (31-90d)", 1),
        ("Veteran (90d+)", 1),
    ]
    assert column("calculation_date", table) == [E] * 4


def test_user_cohort_has_zeros_but_no_rows_where_nobody_was_active() -> None:
    one = (at("2024-03-09 10:00", VIEW, "u", None),)
    assert column("user_count", rows("user_cohort", *one)) == [1, 0, 0, 0]
    assert rows("user_cohort", *one, active=("other",)) == []
    assert rows("user_cohort", *one, min_data_date=E) == []


def test_a_minimum_date_makes_an_old_user_new() -> None:
    events = (at("2023-06-01 10:00", VIEW, "u", None), at("2024-03-09 10:00", VIEW, "u", None))
    assert column("user_count", rows("user_cohort", *events)) == [0, 0, 0, 1]
    cut = rows("user_cohort", *events, min_data_date=date(2024, 3, 1))
    assert column("user_count", cut) == [1, 0, 0, 0]


def test_session_metrics_count_a_session_on_each_of_its_days() -> None:
    table = rows(
        "session_metrics",
        at("2024-03-08 23:58", VIEW, "u1", "x1"),
        at("2024-03-08 23:59", VIEW, "u1", "x1"),
        at("2024-03-09 00:00", VIEW, "u1", "x1"),
        at("2024-03-09 00:01", CART, None, "x1"),
        at("2024-03-09 00:02", None, "u1", "x1"),  # an event, but no type
        at("2024-03-09 00:03", None, "u2", "x2"),
        at("2024-03-09 00:04", VIEW, "u3", ""),
    )
    # the 9th: x1 has 3 events of 2 types, x2 has 1 of none
    assert [tuple(row.values()) for row in table] == [
        (date(2024, 3, 8), 1, 2.0, 1.0, 2, 2, 2),
        (date(2024, 3, 9), 2, 2.0, 1.0, 3, 1, 3),
    ]


def test_event_distribution_puts_the_rest_together_and_counts_its_users_once() -> None:
    table = rows(
        "event_distribution",
        at("2024-03-03 00:00", "a", "u1", "x1"),  # E−7
        at("2024-03-02 23:59", "a", "u9", "x9"),  # E−8
        at("2024-03-09 10:00", "a", "u1", "x2"),
        at("2024-03-09 10:01", "c", "u1", "x1"),
        at("2024-03-09 10:02", "b", "u1", "x1"),
        at("2024-03-09 10:03", "B", "u2", None),
        at("2024-03-09 10:04", None, "u3", "x3"),
        max_names=2,
    )
    # b, c and B come once each; B is the first of them by code point
    assert {row["event_type"]: tuple(row.values())[1:] for row in table} == {
        "a": (2, 1, 2, 40.0, E),
        "B": (1, 1, 0, 20.0, E),
        "(other)": (2, 1, 1, 40.0, E),
    }


def test_an_event_that_is_really_called_other_shares_its_row_with_the_rest() -> None:
    table = rows(
        "event_distribution",
        at("2024-03-09 10:00", "(other)", "u1", "x1"),
        at("2024-03-09 10:01", "(other)", "u1", "x1"),
        at("2024-03-09 10:02", "a", "u1", "x2"),
        at("2024-03-09 10:03", "b", "u2", "x2"),
        max_names=2,
    )
    assert {row["event_type"]: tuple(row.values())[1:] for row in table} == {
        "(other)": (3, 2, 2, 75.0, E),
        "a": (1, 1, 1, 25.0, E),
    }


def test_an_empty_name_user_or_session_is_none() -> None:
    nothing = at("2024-03-09 10:00", "", "", "")
    tables = seven_tables([nothing], "s", Definition(E))
    assert {name for name, table in tables.items() if table} == set()
