"""What each panel reads of published tables, worked out by hand."""

from __future__ import annotations

import pytest

from otel_analytics.config import Settings
from otel_analytics.errors import InvalidName, Refused
from otel_analytics.web.panels import GROUPS, PANELS, Panel, find_panel
from otel_analytics.web.selection import Selection
from tests.web.tables import Tables, day

ALL = Selection(("web",))
# From 06-11 to 06-20, and before it 06-01 to 06-10.
COMPARED = Selection(("web",), day("06-11"), day("06-20"), compare=True)


def test_the_mean_of_seven_days_counts_a_day_without_a_row_as_zero(tables: Tables) -> None:
    users = {"06-01": 7, "06-02": 7, "06-03": 7, "06-04": 7, "06-05": 7, "06-07": 14, "06-08": 14}
    tables.create(
        "web",
        "dau",
        *({"date": day(one), "daily_active_users": count} for one, count in users.items()),
    )
    rows = tables.rows("dau", ALL, "date", "daily_active_users", "mean_of_7_days")
    assert rows[:5] == [(day(f"06-0{n}"), 7, None) for n in range(1, 6)]
    # 06-01 to 06-07 are 5 · 7 + 0 + 14 = 49; 06-02 to 06-08 are 4 · 7 + 0 + 14 + 14 = 56.
    assert rows[5:] == [(day("06-07"), 14, 7.0), (day("06-08"), 14, 8.0)]


def test_a_range_does_not_cut_the_days_that_a_mean_looks_back_at(tables: Tables) -> None:
    tables.days("web", "dau", "date", [f"06-0{n}" for n in range(1, 9)], daily_active_users=3)
    selection = Selection(("web",), day("06-08"), day("06-30"))
    assert tables.rows("dau", selection, "date", "mean_of_7_days") == [(day("06-08"), 3.0)]


def test_stickiness_is_of_the_users_of_the_days_own_month(tables: Tables) -> None:
    tables.create(
        "web",
        "dau",
        {"date": day("05-31"), "year": "2024", "month": "05", "daily_active_users": 1},
        {"date": day("06-01"), "year": "2024", "month": "06", "daily_active_users": 2},
    )
    tables.create(
        "web",
        "mau",
        *(
            {"year": year, "month": month, "monthly_active_users": users, "is_partial": partial}
            for year, month, users, partial in (
                ("2023", "06", 5, False),
                ("2024", "05", 3, False),
                ("2024", "06", 8, True),
            )
        ),
    )
    rows = tables.rows("stickiness", ALL, "date", "stickiness", "is_partial")
    # 1/3 and 2/8, in percent
    assert rows == [(day("05-31"), 33.33, False), (day("06-01"), 25.0, True)]


def test_months_are_all_there_whatever_the_range(tables: Tables) -> None:
    tables.create(
        "web",
        "mau",
        {"year_month": "2024-06", "monthly_active_users": 2},
        {"year_month": "2023-06", "monthly_active_users": 1},
    )
    rows = tables.rows("mau", COMPARED, "year_month", "monthly_active_users")
    assert rows == [("2023-06", 1), ("2024-06", 2)]


def test_the_previous_period_is_read_too_if_it_is_compared(tables: Tables) -> None:
    tables.days("web", "dau", "date", ("05-31", "06-01", "06-20", "06-21"), daily_sessions=1)
    alone = Selection(("web",), COMPARED.first, COMPARED.last)
    assert tables.rows("daily_sessions", alone, "date") == [(day("06-20"),)]
    compared = tables.rows("daily_sessions", COMPARED, "date")
    assert compared == [(day("06-01"),), (day("06-20"),)]


def test_the_retention_curve_weighs_a_base_day_by_its_users(tables: Tables) -> None:
    tables.create(
        "web",
        "retention",
        *(
            {
                "calculation_date": day(base),
                "retention_type": kind,
                "base_users": users,
                "retained_users": retained,
            }
            for base, kind, users, retained in (
                ("06-02", "D+1", 4, 1),
                ("06-12", "D+1", 9, 9),
                ("06-13", "D+1", 1, 0),
                ("06-12", "D+7", 8, 1),
            )
        ),
    )
    columns = ("is_previous", "retention_type", "base_users", "retention_rate", "base_days")
    assert tables.rows("retention_curve", COMPARED, *columns) == [
        (False, "D+1", 10, 90.0, 2),  # 9 of 10, where the mean of the rates would be 50
        (False, "D+7", 8, 12.5, 1),
        (True, "D+1", 4, 25.0, 1),
    ]


def test_the_funnel_sums_the_days_of_each_period(tables: Tables) -> None:
    tables.create(
        "web",
        "conversion",
        *(
            {
                "calculation_date": day(one),
                "total_sessions": sessions,
                "product_view_sessions": views,
                "cart_add_sessions": carts,
                "viewed_cart_sessions": both,
            }
            for one, sessions, views, carts, both in (
                ("06-10", 3, 3, 0, 0),
                ("06-11", 10, 6, 2, 1),
                ("06-20", 20, 9, 3, 3),
            )
        ),
    )
    columns = (
        "is_previous", "total_sessions", "viewed_cart_sessions", "product_view_rate",
        "cart_conversion_rate", "overall_conversion_rate", "first_day", "last_day",
    )  # fmt: skip
    assert tables.rows("funnel", COMPARED, *columns) == [
        # 15 of 30, 5 of 15, 5 of 30
        (False, 30, 4, 50.0, 33.33, 16.67, day("06-11"), day("06-20")),
        (True, 3, 0, 100.0, 0.0, 0.0, day("06-10"), day("06-10")),
    ]


def test_cohorts_are_in_the_order_of_their_age_with_their_share(tables: Tables) -> None:
    users = {"Veteran (90d+)": 1, "New (0-7d)": 2, "Active (31-90d)": 0, "Recent (8-30d)": 3}
    tables.create(
        "web",
        "user_cohort",
        *({"cohort_type": name, "user_count": count} for name, count in users.items()),
    )
    assert tables.rows("cohorts", ALL, "cohort_type", "user_count", "user_share") == [
        ("New (0-7d)", 2, 33.33),
        ("Recent (8-30d)", 3, 50.0),
        ("Active (31-90d)", 0, 0.0),
        ("Veteran (90d+)", 1, 16.67),
    ]


def test_a_past_execution_is_in_the_range_that_has_its_last_complete_day(tables: Tables) -> None:
    tables.create(
        "web",
        "user_cohort",
        *(
            {"cohort_type": "New (0-7d)", "user_count": 1, "execution_date": day(one)}
            for one in ("06-11", "06-12", "06-21", "06-22")
        ),
        history=True,
    )
    selection = Selection(("web",), day("06-11"), day("06-20"))
    rows = tables.rows("cohort_history", selection, "execution_date")
    assert rows == [(day("06-12"),), (day("06-21"),)]


def test_the_rows_of_services_stand_together_and_a_service_without_the_table_is_named(
    tables: Tables,
) -> None:
    tables.days("web", "dau", "date", ["06-01"], daily_sessions=1)
    tables.days("App.2", "dau", "date", ["06-02"], daily_sessions=2)
    tables.days("other", "session_metrics", "calculation_date", ["06-02"])
    answer = tables.ask("daily_sessions", Selection(("web", "other", "App.2")))
    assert [row["service_name"] for row in answer.records()] == ["web", "App.2"]
    assert len(answer.statements) == 2
    assert '"app_2_dau_summary"' in answer.statements[1]
    assert answer.missing == {"other": ("other_dau_summary",)}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.id)
def test_a_hostile_service_name_stays_inside_the_tables_name(panel: Panel) -> None:
    hostile = "web\"; DROP TABLE x; --' OR 1=1"
    sql = panel.select(hostile, COMPARED, Settings())
    assert "DROP TABLE" not in sql.upper()
    assert '"log_db"."web___drop_table_x______or_1_1_' in sql
    assert ";" not in sql
    assert ":" not in sql, "every parameter is bound"


def test_a_panel_is_found_by_its_id() -> None:
    assert [panel.id for panel in PANELS if find_panel(panel.id) is not panel] == []
    assert {panel.group for panel in PANELS} == set(GROUPS)
    with pytest.raises(InvalidName, match="there is no panel 'x'; the panels are: dau, mau"):
        find_panel("x")


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(Refused, match="2024-06-02 to 2024-06-01 holds no day"):
        Selection(("web",), day("06-02"), day("06-01"))


def test_there_is_no_previous_period_of_an_open_range() -> None:
    assert COMPARED.first_read == day("06-01")
    assert Selection(("web",), None, day("06-20"), compare=True).first_read is None
    open_end = Selection(("web",), day("06-11"), None, compare=True)
    assert (open_end.first_read, open_end.shift) == (day("06-11"), None)
