"""Each check on data on which it passes, and on data in which it finds exactly what is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from otel_analytics.checks import load_checks
from otel_analytics.config import Checks, Events, Settings, Source
from otel_analytics.metrics import load_catalog
from otel_analytics.query.statements import TableName
from tests.checks.conftest import EVENTS, VIEW, E, Shop, open_shop

if TYPE_CHECKING:
    from pathlib import Path

GAP = ("lake_gap", "")
QUIET = ("quiet_service", "")


def test_tables_that_are_as_they_should_be_have_no_finding(shop: Shop) -> None:
    assert shop.found() == {}


def test_each_check_says_that_it_was_made_of_each_of_its_tables(shop: Shop) -> None:
    rows = shop.rows()
    made = {(name, query_type) for name, _, query_type, _, _ in rows}
    assert len(rows) == len(made)
    expected = {
        (check.name, query_type)
        for check in load_checks().values()
        for query_type in (load_catalog() if check.table == "each" else [check.table])
    }
    assert made == expected
    assert {message for _, severity, _, _, message in rows if severity != "info"} == {""}


def test_the_row_count_of_each_table_is_information(shop: Shop) -> None:
    counts = {
        query_type: (severity, found)
        for name, severity, query_type, found, _ in shop.rows()
        if name == "row_count"
    }
    # One month, three days; of D+1 two base days (the 1st and the 2nd) have their return day.
    assert counts == {
        "mau": ("info", 1),
        "dau": ("info", 3),
        "retention": ("info", 2),
        "conversion": ("info", 3),
        "user_cohort": ("info", 4),
        "session_metrics": ("info", 3),
        "event_distribution": ("info", 2),
    }


def test_a_table_that_is_not_there_is_named_and_what_reads_it_is_left_out(shop: Shop) -> None:
    shop.drop("dau")
    assert shop.found() == {("table_exists", ""): ("error", 1, "shop_dau_run_1_0")}
    made = {(name, query_type) for name, _, query_type, _, _ in shop.rows()}
    assert not {query_type for _, query_type in made} & {"dau"}
    assert ("keys_unique", "mau") in made


def test_without_any_table_and_without_logs_the_checks_still_run(shop: Shop) -> None:
    for query_type in load_catalog():
        shop.drop(query_type)
    shop.aws.query("DROP TABLE logall")
    names = [f"shop_{query_type}_run_1_0" for query_type in load_catalog()]
    missing = "; ".join(sorted([*names, "logall"]))
    assert shop.found() == {("table_exists", ""): ("error", 8, missing)}


def test_a_staging_table_that_lies_elsewhere_is_of_another_execution(shop: Shop) -> None:
    name = TableName("shop_dau_run_1_0", "log_db")
    table = shop.aws.catalog.table(name)
    moved = table.location.replace("/run_1/0/", "/run_0/0/")
    shop.create("elsewhere", f'SELECT * FROM "{name.name}"', moved)
    shop.aws.catalog.update_table(replace(table, location=moved))
    assert shop.found() == {("one_execution", "dau"): ("error", 1, "of none")}


def test_of_published_tables_the_odd_one_is_named(shop: Shop) -> None:
    for query_type in load_catalog():
        execution = "run_9" if query_type == "retention" else "run_1"
        shop.say_published(query_type, execution=execution)
    assert shop.found(published=True) == {("one_execution", "retention"): ("error", 1, "run_9")}


def test_published_tables_that_say_no_execution_are_of_none(shop: Shop) -> None:
    for query_type in load_catalog():
        shop.say_published(query_type)
    found = shop.found(published=True)
    assert found == {("one_execution", q): ("error", 1, "of none") for q in load_catalog()}


def test_rows_of_another_execution_date_or_service_are_counted(shop: Shop) -> None:
    shop.rewrite(
        "user_cohort",
        "SELECT CASE WHEN cohort_type LIKE 'New%' THEN 'depot' ELSE service_name END AS "
        "service_name, cohort_type, user_count, calculation_date, CASE WHEN cohort_type LIKE "
        "'New%' THEN execution_date ELSE DATE '2024-03-03' END AS execution_date FROM old",
    )
    found = "depot as of 2024-03-04; shop as of 2024-03-03"
    assert shop.found() == {("rows_of_execution", "user_cohort"): ("error", 4, found)}


def test_a_key_that_stands_twice_is_named(shop: Shop) -> None:
    shop.rewrite(
        "retention",
        "SELECT * FROM old UNION ALL SELECT * FROM old WHERE calculation_date = DATE '2024-03-01'",
    )
    assert shop.found() == {
        ("keys_unique", "retention"): ("error", 1, "D+1 2024-03-01 in 2 rows"),
    }


@pytest.mark.parametrize(
    ("column", "query_type", "check", "finding"),
    [
        # On the 3rd bob and cid were active; in March also ann: three.
        (
            "CASE WHEN day = '03' THEN 4 ELSE daily_active_users END AS daily_active_users",
            "dau",
            "dau_within_mau",
            "2024-03-03 has 4, its month 3",
        ),
        # Of ann and bob, active on the 1st, ann was on the 2nd.
        (
            "CASE WHEN base_users = 2 THEN 3 ELSE retained_users END AS retained_users",
            "retention",
            "retained_within_base",
            "D+1 of 2024-03-01 has 3 of 2",
        ),
        # Two sessions on the 1st, one on the 2nd, two on the 3rd.
        (
            "total_sessions + 1 AS product_view_sessions",
            "conversion",
            "views_within_sessions",
            "2024-03-01 has 3 of 2; 2024-03-02 has 2 of 1; 2024-03-03 has 3 of 2",
        ),
        # Three new users: ann, bob and cid.
        (
            "user_count + 1 AS user_count",
            "user_cohort",
            "cohorts_sum",
            "7 users in the table, 3 in the logs",
        ),
        # open 5 of 6, view 1 of 6: 83.33 and 16.67.
        (
            "percentage_of_total - 1 AS percentage_of_total",
            "event_distribution",
            "percentages_sum",
            "they sum to 98.0",
        ),
        # The sessions of the 1st have 2 and 1 events.
        (
            "CASE WHEN calculation_date = DATE '2024-03-01' THEN 3 ELSE "
            "median_events_per_session END AS median_events_per_session",
            "session_metrics",
            "percentiles_ordered",
            "2024-03-01 has 3, 2, 2",
        ),
        (
            "CASE WHEN calculation_date = DATE '2024-03-02' THEN 0 ELSE "
            "max_events_per_session END AS max_events_per_session",
            "session_metrics",
            "percentiles_ordered",
            "2024-03-02 has 1, 1, 0",
        ),
    ],
)
def test_what_cannot_be_is_found(
    shop: Shop, column: str, query_type: str, check: str, finding: str
) -> None:
    changed = column.rpartition(" AS ")[2]
    columns = [c.name for c in load_catalog()[query_type].columns]
    items = ", ".join(column if name == changed else f'"{name}"' for name in columns)
    shop.rewrite(query_type, f"SELECT {items} FROM old")
    found = 1 + finding.count("; ")
    assert shop.found() == {(check, query_type): ("error", found, finding)}


def test_a_day_without_a_row_of_its_month_is_found(shop: Shop) -> None:
    shop.rewrite("mau", "SELECT * FROM old WHERE false")
    finding = "; ".join(
        f"2024-03-0{day} has {users}, its month no row" for day, users in ((1, 2), (2, 1), (3, 2))
    )
    assert shop.found() == {("dau_within_mau", "dau"): ("error", 3, finding)}


def test_percentages_may_miss_100_by_half_a_hundredth_for_each_name(shop: Shop) -> None:
    # Two names: 83.33 and 16.68 are 0.01 off, 83.33 and 16.69 are 0.02 off.
    plus = "SELECT service_name, event_type, event_count, unique_users, unique_sessions, "
    rest = ", calculation_date, execution_date FROM old"
    case = "percentage_of_total + CASE WHEN event_count = 1 THEN 0.01 ELSE 0.00 END"
    shop.rewrite("event_distribution", f"{plus}CAST({case} AS DOUBLE) AS percentage_of_total{rest}")
    assert shop.found() == {}
    shop.rewrite("event_distribution", f"{plus}CAST({case} AS DOUBLE) AS percentage_of_total{rest}")
    key = ("percentages_sum", "event_distribution")
    assert shop.found() == {key: ("error", 1, "they sum to 100.02")}


@pytest.mark.parametrize("query_type", ["event_distribution", "session_metrics", "conversion"])
def test_an_empty_table_passes(shop: Shop, query_type: str) -> None:
    shop.rewrite(query_type, "SELECT * FROM old WHERE false")
    assert shop.found() == {}


@pytest.mark.parametrize(
    ("before", "is_found"),
    # Three rows are 50 percent of six: not more than that was lost.
    [(6, False), (7, True)],
)
def test_a_row_count_that_fell_far_is_a_warning(shop: Shop, before: int, is_found: bool) -> None:
    shop.say_published("dau", row_count=str(before))
    key = ("row_count_drop", "dau")
    assert shop.found() == ({key: ("warning", 1, f"3 after {before}")} if is_found else {})


@pytest.mark.parametrize(
    ("published_date", "is_found"), [("2024-03-03", True), (E, True), ("2024-03-05", False)]
)
def test_a_backfill_is_not_compared_with_a_later_publication(
    shop: Shop, published_date: str, is_found: bool
) -> None:
    shop.say_published("dau", row_count="7", execution_date=published_date)
    assert (("row_count_drop", "dau") in shop.found()) == is_found


def test_a_table_that_became_empty_is_a_warning(shop: Shop) -> None:
    shop.say_published("event_distribution", row_count="1")
    shop.rewrite("event_distribution", "SELECT * FROM old WHERE false")
    key = ("row_count_drop", "event_distribution")
    assert shop.found() == {key: ("warning", 1, "0 after 1")}


def test_the_share_of_rows_that_may_go_is_a_setting(home: Path) -> None:
    settings = Settings(checks=Checks(max_row_count_drop=0))
    with open_shop(home, settings) as shop:
        shop.say_published("dau", row_count="4")
        assert shop.found() == {("row_count_drop", "dau"): ("warning", 1, "3 after 4")}


def test_a_day_without_logs_of_any_service_is_a_gap(tmp_path: Path) -> None:
    events = tuple(event for event in EVENTS if "03-02" not in str(event[1]))
    with open_shop(tmp_path / "home", execution_date="2024-03-08") as shop:
        shop.write_logs(events)
        shop.build_tables()
        days = "2024-03-02; 2024-03-04 to 2024-03-07"
        assert shop.found() == {GAP: ("error", 5, days), QUIET: ("warning", 5, days)}


def test_a_gap_that_is_accepted_is_none(tmp_path: Path) -> None:
    accepted = Checks(accepted_gaps=("2024-02-20", "2024-03-02", "2024-03-05", "2024-03-09"))
    events = tuple(event for event in EVENTS if "03-02" not in str(event[1]))
    with open_shop(
        tmp_path / "home", Settings(checks=accepted), execution_date="2024-03-08"
    ) as shop:
        shop.write_logs(events)
        shop.build_tables()
        days = "2024-03-04; 2024-03-06 to 2024-03-07"
        assert shop.found() == {GAP: ("error", 3, days), QUIET: ("warning", 3, days)}


def test_logs_without_a_service_are_no_gap_but_leave_the_service_quiet(tmp_path: Path) -> None:
    others = ("depot", None)
    events = tuple(e for e in EVENTS if e[0] == "shop" and "03-02" not in str(e[1]))
    events += tuple((name, "2024-03-02 05:00:00", "open", None, None) for name in others)
    with open_shop(tmp_path / "home") as shop:
        shop.write_logs(events)
        shop.build_tables()
        assert shop.found() == {QUIET: ("warning", 1, "2024-03-02")}


def test_before_the_first_day_of_the_window_there_is_no_gap(tmp_path: Path) -> None:
    settings = replace(Settings(), min_data_date=None)
    old = (("shop", "2023-02-27 10:00:00", "open", "ann", "z"),)
    with open_shop(tmp_path / "home", settings) as shop:
        shop.write_logs(old + EVENTS)
        shop.build_tables()
        # The window of mau begins on 2023-03-01.
        assert shop.found() == {}


def test_days_are_those_of_the_reporting_time_zone(tmp_path: Path) -> None:
    # 16:00 UTC is 01:00 of the next day in Seoul: nothing on the 2nd there, but on the 1st and 3rd.
    events = (
        ("shop", "2024-03-01 01:00:00", "open", "ann", "a"),
        ("shop", "2024-03-02 16:00:00", "open", "ann", "b"),
    )
    with open_shop(tmp_path / "home", Settings(timezone="Asia/Seoul")) as shop:
        shop.write_logs(events)
        shop.build_tables()
        assert shop.found() == {
            GAP: ("error", 1, "2024-03-02"),
            QUIET: ("warning", 1, "2024-03-02"),
        }


def test_an_unknown_service_is_an_error_that_lists_the_known_ones(shop: Shop) -> None:
    unknown = replace(shop, service_name="shoppe")
    unknown.build_tables()
    known = "depot from 2024-03-01 to 2024-03-03; shop from 2024-03-01 to 2024-03-03"
    assert unknown.found() == {("service_known", ""): ("error", 2, known)}


def test_a_service_of_other_days_alone_is_told_its_own(shop: Shop) -> None:
    late = replace(shop, execution_date="2025-06-01")
    for query_type in load_catalog():
        late.rewrite(
            query_type,
            "SELECT * FROM old WHERE false",
        )
    found = late.found()
    assert found == {
        ("service_known", ""): ("error", 1, "shop from 2024-03-01 to 2024-03-03"),
    }


def test_empty_logs_have_no_service_at_all(shop: Shop) -> None:
    shop.aws.query("DROP TABLE logall")
    shop.create(
        "logall",
        "SELECT * FROM (VALUES (CAST(NULL AS VARCHAR), "
        "TIMESTAMP '2024-03-01 00:00:00', 'e', 'u', 's', '2024', '03', '01')) AS t "
        "(service_name, timestamp, event_name, user_key, session_id, year, month, day)",
    )
    key = ("service_known", "")
    assert shop.found()[key] == ("error", 1, "they have no service at all")


def test_views_without_a_session_start_are_a_warning_where_that_is_an_event(
    tmp_path: Path,
) -> None:
    # On the 2nd b goes on, but starts no session.
    events = (
        ("shop", "2024-03-01 10:00:00", "start", "ann", "a"),
        ("shop", "2024-03-02 10:00:00", VIEW, "ann", "a"),
        ("shop", "2024-03-03 10:00:00", "start", "ann", "c"),
    )
    settings = Settings(events=Events(session_start=("start",)))
    with open_shop(tmp_path / "home", settings) as shop:
        shop.write_logs(events)
        shop.build_tables()
        key = ("views_within_sessions", "conversion")
        assert shop.found() == {key: ("warning", 1, "2024-03-02 has 1 of 0")}


def test_users_without_an_active_event_are_in_no_cohort_and_the_sum_agrees(tmp_path: Path) -> None:
    settings = Settings(events=Events(active=(VIEW,)))
    with open_shop(tmp_path / "home", settings) as shop:
        shop.write_logs(EVENTS)
        shop.build_tables()
        assert shop.found() == {}


def test_min_data_date_cuts_what_the_checks_see(tmp_path: Path) -> None:
    # A gap on the 2nd; from the 3rd on there is none, and the month is cut like the days.
    events = tuple(event for event in EVENTS if "03-02" not in str(event[1]))
    with open_shop(tmp_path / "home", Settings(min_data_date=date(2024, 3, 3))) as shop:
        shop.write_logs(events)
        shop.build_tables()
        assert shop.found() == {}


def test_a_mapped_source_is_checked_like_the_own_lake(tmp_path: Path) -> None:
    source = Source(
        table="raw",
        service_name="attributes['service']",
        timestamp="at",
        event_name="body",
        user_key="attributes['user']",
        session_id="attributes['session']",
        partitions=(),
    )
    rows = ", ".join(
        f"(TIMESTAMP '{time}', '{name}', MAP(ARRAY['service', 'user', 'session'], "
        f"ARRAY['{service}', '{user}', '{session}']))"
        for service, time, name, user, session in EVENTS
        if "03-02" not in str(time)
    )
    with open_shop(tmp_path / "home", Settings(source=source)) as shop:
        shop.create("raw", f"SELECT * FROM (VALUES {rows}) AS t (at, body, attributes)")
        shop.build_tables()
        assert shop.found() == {
            GAP: ("error", 1, "2024-03-02"),
            QUIET: ("warning", 1, "2024-03-02"),
        }


def test_more_findings_than_are_named_are_counted(shop: Shop) -> None:
    names = ", ".join(f"('k{n:02}')" for n in range(25))
    shop.rewrite(
        "event_distribution",
        "SELECT service_name, k.name AS event_type, event_count, unique_users, unique_sessions, "
        "CAST(2 AS DOUBLE) AS percentage_of_total, calculation_date, execution_date FROM old "
        f"CROSS JOIN (VALUES {names}) AS k (name)",
    )
    _, found, named = shop.found()[("keys_unique", "event_distribution")]
    assert found == 25
    assert named.startswith("k00 in 2 rows; k01 in 2 rows; ")
    assert named.endswith("; k19 in 2 rows and 5 more")
