"""Grafana's dashboard: each of its queries is executed as Grafana would send it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlglot
from sqlglot import exp

from otel_analytics.config import Settings
from otel_analytics.web.grafana import build_dashboard
from otel_analytics.web.panels import GROUPS, PANELS
from otel_analytics.web.panels.drawings import DRAWINGS
from otel_analytics.web.panels.lines import Lines
from tests.web.tables import Tables, day

if TYPE_CHECKING:
    from collections.abc import Mapping


def panels(services: tuple[str, ...] = ("the-shop",)) -> dict[str, dict[str, Any]]:
    """Return the dashboard's panels by their titles, rows left out."""
    dashboard = json.loads(build_dashboard(services, Settings(), language="en"))
    return {one["title"]: one for one in dashboard["panels"] if one["type"] != "row"}


def as_sent(sql: str, first: str, last: str) -> str:
    """Return a query as the data source sends it.

    Source: `macroTimeFrom` and `macroTimeTo` in grafana/athena-datasource, pkg/athena/macros.go
    """
    for text, value in (
        ("${service}", "the_shop"),
        ("$__timeFrom()", f"TIMESTAMP '{first} 10:20:30'"),
        ("$__timeTo()", f"TIMESTAMP '{last} 09:08:07'"),
    ):
        sql = sql.replace(text, value)
    assert "$" not in sql
    return sql


@pytest.fixture
def shop(tables: Tables) -> Tables:
    name = "the-shop"
    tables.create(
        name,
        "dau",
        *(
            {"date": day(one), "year": "2024", "month": "06", "daily_active_users": users}
            for one, users in (("06-03", 4), ("06-01", 1), ("06-02", 2), ("06-04", 8))
        ),
    )
    tables.create(
        name, "mau",
        *(
            {"year_month": f"2024-{month}", "year": "2024", "month": month,
             "monthly_active_users": users, "is_partial": month == "06"}
            for month, users in (("06", 8), ("04", 5), ("05", 9))
        ),
    )  # fmt: skip
    retention = {"base_users": 4, "retained_users": 1, "retention_rate": 25.0}
    tables.create(
        name,
        "retention",
        *(
            {"calculation_date": day(one), "retention_type": kind, **retention}
            for one in ("06-02", "06-01")
            for kind in ("D+30", "D+1", "D+7")
        ),
    )
    tables.days(
        name, "conversion", "calculation_date", ["06-01", "06-02"],
        total_sessions=4, product_view_sessions=2, cart_add_sessions=1,
    )  # fmt: skip
    for history in (False, True):
        tables.create(
            name, "user_cohort",
            {"cohort_type": "New (0-7d)", "user_count": 5, "execution_date": day("06-03")},
            history=history,
        )  # fmt: skip
    tables.days(
        name, "session_metrics", "calculation_date", ["06-02"],
        median_events_per_session=1, avg_events_per_session=1.5, p90_events_per_session=2,
        max_events_per_session=3,
    )  # fmt: skip
    tables.create(name, "event_distribution", {"event_type": "open", "event_count": 9})
    return tables


def rows(tables: Tables, panel: Mapping[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    (target,) = panel["targets"]
    found = tables.aws.query(as_sent(target["rawSQL"], "2024-06-02", "2024-06-03"))
    return [column.name for column in found.columns], list(found.rows)


def test_every_query_runs_and_a_time_series_has_a_time(shop: Tables) -> None:
    for title, panel in panels().items():
        columns, found = rows(shop, panel)
        assert found, title
        if panel["targets"][0]["format"] == 0:  # a time series
            assert columns[0] == "time", title
            times = [row[0].isoformat() for row in found]
            assert all("2024-06-02T00:00:00" <= time <= "2024-06-03T00:00:00" for time in times)
            assert times == sorted(times)


def test_the_range_of_days_is_grafanas(shop: Tables) -> None:
    columns, found = rows(shop, panels()["Daily active users"])
    assert columns == ["time", "Daily active users", "Mean of 7 days"]
    assert [users for _, users, _ in found] == [2, 4]


def test_the_panels_have_the_numbers_of_ours(shop: Tables) -> None:
    assert rows(shop, panels()["Funnel"]) == (["Sessions", "Product view", "Cart"], [(4, 2, 1)])
    assert rows(shop, panels()["Events by name"])[1][0][:2] == ("open", 9)


def test_what_is_not_complete_stands_in_a_column_of_its_own(shop: Tables) -> None:
    columns, found = rows(shop, panels()["Monthly active users"])
    assert columns == ["Month", "Monthly active users", "Monthly active users (Not complete)"]
    assert found == [("2024-04", 5, None), ("2024-05", 9, None), ("2024-06", None, 8)]
    columns, found = rows(shop, panels()["Stickiness"])
    assert columns == ["time", "Stickiness", "Stickiness (Not complete)"]
    assert [row[1:] for row in found] == [(None, 25.0), (None, 50.0)]  # 2 and 4 of June's 8


def test_return_days_are_in_the_order_of_their_number(shop: Tables) -> None:
    kinds = ["D+1", "D+7", "D+30"]
    assert [row[0] for row in rows(shop, panels()["Retention curve"])[1]] == kinds
    found = rows(shop, panels()["Retention by base day"])[1]
    assert [(time.day, kind) for time, kind, _ in found] == [(2, kind) for kind in kinds]


def test_rows_are_put_in_order_where_trino_keeps_the_order() -> None:
    for title, panel in panels().items():
        query = sqlglot.parse_one(panel["targets"][0]["rawSQL"], read="athena")
        sorts = [one for one in query.find_all(exp.Order) if isinstance(one.parent, exp.Query)]
        assert sorts == [query.args["order"]], title


def test_there_is_a_panel_for_each_of_ours_in_the_same_groups() -> None:
    dashboard = json.loads(build_dashboard(("the-shop",), Settings(), language="en"))
    kinds = [one["type"] for one in dashboard["panels"]]
    assert kinds.count("row") == len(GROUPS)
    assert len(kinds) == len(GROUPS) + len(PANELS)
    assert kinds.count("timeseries") == sum(isinstance(one, Lines) for one in DRAWINGS.values())
    ids = [one["id"] for one in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_data_source_and_service_are_chosen_in_grafana() -> None:
    dashboard = json.loads(build_dashboard(("the-shop", "App.2"), Settings(), language="ko"))
    source, service = dashboard["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "grafana-athena-datasource")
    assert service["query"] == "the-shop : the_shop, App.2 : app_2"
    drawn = [one for one in dashboard["panels"] if one["type"] != "row"]
    assert {one["datasource"]["uid"] for one in drawn} == {"${datasource}"}
    assert drawn[0]["title"] == "일간 활성 사용자 (DAU)"
