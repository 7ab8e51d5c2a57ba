"""Grafana's dashboard: each of its queries is executed as Grafana would send it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Settings
from otel_analytics.web.grafana import build_dashboard
from otel_analytics.web.panels import GROUPS, PANELS
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
        name, "mau", {"year_month": "2024-06", "year": "2024", "month": "06",
                      "monthly_active_users": 8},
    )  # fmt: skip
    retention = {"base_users": 4, "retained_users": 1, "retention_rate": 25.0}
    tables.days(
        name, "retention", "calculation_date", ["06-01", "06-02"], retention_type="D+1", **retention
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
    assert rows(shop, panels()["Stickiness"])[1][0][1] == 25.0  # 2 of 8
    assert rows(shop, panels()["Funnel"]) == (["Sessions", "Product view", "Cart"], [(4, 2, 1)])
    assert rows(shop, panels()["Retention curve"])[1] == [("D+1", 25.0)]
    assert rows(shop, panels()["Monthly active users"])[1] == [("2024-06", 8)]
    assert rows(shop, panels()["Events by name"])[1][0][:2] == ("open", 9)


def test_there_is_a_panel_for_each_of_ours_in_the_same_groups() -> None:
    dashboard = json.loads(build_dashboard(("the-shop",), Settings(), language="en"))
    kinds = [one["type"] for one in dashboard["panels"]]
    assert kinds.count("row") == len(GROUPS)
    assert len(kinds) == len(GROUPS) + len(PANELS)
    assert kinds.count("timeseries") == sum(isinstance(one.build, Lines) for one in PANELS)
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
