"""The catalog: what a metric's header must say, and how a wrong file is refused."""

import dataclasses
from datetime import date

import pytest

from otel_analytics.config import Settings
from otel_analytics.errors import InvalidName, MetricError
from otel_analytics.metrics import Metric, load_catalog
from otel_analytics.metrics import catalog as catalog_module
from otel_analytics.metrics.catalog import Period, Window, find_metric, parse_metric
from otel_analytics.query.build import QueryRequest, build_select

HEADER = """\
-- title: Signups
-- label: Signups
-- row: one row per service
-- keys: service_name
-- window: 7 days
-- batch: 9
-- order: 9
-- params: execution_date
-- columns:
--   service_name VARCHAR the service
--   signups BIGINT events
--   execution_date DATE E
"""
SELECT = """\
SELECT service_name, COUNT(*) AS signups, :execution_date AS execution_date
FROM events GROUP BY service_name
"""


def build(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(
        catalog_module, "load_catalog", lambda: {metric.query_type: metric}, raising=True
    )
    request = QueryRequest(metric.query_type, ("shop",), date(2025, 3, 10))
    return build_select(request, Settings()).sql(dialect="athena")


def test_the_catalog_holds_the_seven_metrics_in_the_order_of_the_batches() -> None:
    assert [(metric.batch, name) for name, metric in load_catalog().items()] == [
        (1, "mau"),
        (1, "dau"),
        (2, "retention"),
        (2, "conversion"),
        (3, "user_cohort"),
        (3, "session_metrics"),
        (4, "event_distribution"),
    ]


def test_of_each_metric_it_is_known_what_it_reads_and_which_rows_stay_as_they_are() -> None:
    assert {name: (metric.reads, metric.period) for name, metric in load_catalog().items()} == {
        "mau": ("visits", Period("month", "year_month")),
        "dau": ("visits", Period("day", "date")),
        "retention": ("visits", Period("day", "return_date", "calculation_date", (1, 7, 30))),
        "conversion": ("visits", Period("day", "calculation_date")),
        "user_cohort": ("users", None),
        "session_metrics": ("events", Period("day", "calculation_date")),
        "event_distribution": ("events", None),
    }


def test_every_table_says_whose_it_is_and_as_of_when() -> None:
    for metric in load_catalog().values():
        assert metric.columns[0].name == "service_name"
        assert metric.columns[-1].name == "execution_date"
        assert metric.columns[-1].type == "DATE"


def test_a_file_with_header_and_select_is_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = parse_metric("signups.sql", HEADER + SELECT)
    assert metric.window == Window(7, "days")
    assert metric.sql_line == 13
    text = build(metric, monkeypatch)
    assert "COUNT(*) AS signups" in text
    assert "CAST('2025-03-10' AS DATE) AS execution_date" in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-- window: 7 days\n", "", "signups.sql: the header lacks window"),
        ("7 days", "a week", "signups.sql: window: write e.g. '90 days' or '13 months'"),
        ("BIGINT", "NUMBER", "signups.sql:11: type NUMBER is none of"),
        ("params: execution_date", "params: today", "signups.sql: params: today unknown; known: "),
        ("keys: service_name", "keys: signup", "signups.sql: keys: signup is no column"),
        ("-- title: Signups", "-- Signups", "signups.sql:1: is neither a field nor a column"),
        ("--   service_name VARCHAR the service\n", "", "must run from service_name to execution"),
        ("-- batch", "-- read: users\n-- batch", "signups.sql:6: is neither a field nor a column"),
        ("-- batch", "-- reads: logs\n-- batch", "reads: write one of events, visits, users"),
        (
            "-- batch",
            "-- period: week signups\n-- batch",
            "period: write e.g. 'day date' or 'month",
        ),
        ("-- batch", "-- period: day date\n-- batch", "signups.sql: period: date is no column"),
        (
            "-- batch",
            "-- period: day signups\n-- reads: users\n-- batch",
            "reads: rows of a period need visits or events",
        ),
        ("-- batch", "-- looks back: signups 1\n-- batch", "looks back: needs a period, of days"),
        (
            "-- batch",
            "-- period: month signups\n-- looks back: signups 1\n-- batch",
            "looks back: write e.g. 'calculation_date 1, 7, 30', of a period of days",
        ),
        (
            "-- batch",
            "-- period: day signups\n-- looks back: signups one\n-- batch",
            "looks back: write e.g. 'calculation_date 1, 7, 30', of a period of days",
        ),
        (
            "-- batch",
            "-- period: day signups\n-- looks back: base 1\n-- batch",
            "signups.sql: looks back: base is no column",
        ),
    ],
)
def test_a_wrong_header_is_refused_with_file_and_line(old: str, new: str, message: str) -> None:
    with pytest.raises(MetricError) as caught:
        parse_metric("signups.sql", HEADER.replace(old, new) + SELECT)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("select", "message"),
    [
        (SELECT.replace(":execution_date", ":window_end"), "declares ['execution_date'], the SQL"),
        (SELECT.replace("signups", "joins"), "the header's columns are ['service_name', 'signups'"),
        ("SELECT 1 +", "signups.sql:13: "),
        ("DROP TABLE events", "signups.sql: must be one SELECT"),
        (SELECT.replace("COUNT(*)", "EXACT_RATE(1)"), "EXACT_RATE takes two arguments"),
    ],
)
def test_sql_that_breaks_its_header_is_refused(
    monkeypatch: pytest.MonkeyPatch, select: str, message: str
) -> None:
    with pytest.raises(MetricError) as caught:
        build(parse_metric("signups.sql", HEADER + select), monkeypatch)
    assert message in str(caught.value)


def test_an_unknown_query_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidName, match="query_type 'wau' is unknown; the query types are: mau"):
        find_metric("wau")


@pytest.mark.parametrize(
    ("window", "execution_date", "first_day"),
    [
        (Window(90, "days"), date(2025, 1, 1), date(2024, 10, 3)),
        (Window(13, "months"), date(2025, 1, 1), date(2023, 12, 1)),
        (Window(13, "months"), date(2024, 3, 1), date(2023, 2, 1)),
        (Window(1, "months"), date(2024, 3, 1), date(2024, 2, 1)),
    ],
)
def test_a_window_counts_back_from_the_day_before(
    window: Window, execution_date: date, first_day: date
) -> None:
    assert window.first_day(execution_date) == first_day


def test_a_metric_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        find_metric("mau").title = "x"  # type: ignore[misc]
