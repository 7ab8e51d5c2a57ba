"""OTLP logs in, seven tables out, through the command line."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from demo.otlp import ShopEvent, export_requests, write_json_lines
from tests.cli.conftest import E
from tests.cli.seven import assert_tables_are_the_oracles, tables_of
from tests.oracle.otto import SERVICE, as_oracle_events
from tests.oracle.seven_tables import Definition

if TYPE_CHECKING:
    from tests.cli.conftest import Ingest
    from tests.cli.shell import Shell

DAY_NS = 24 * 3600 * 10**9
# 2025-10-20 12:00 UTC
NOON = 1_760_961_600 * 10**9


def events_of(
    service: str, days: int, *, user: str | None = "u", session: str | None = "s"
) -> list[ShopEvent]:
    return [ShopEvent(service, NOON + day * DAY_NS, "open", user, session) for day in range(days)]


def test_7_of_ottos_20_users_added_to_a_cart(own_otto: Shell) -> None:
    only_carts = "events.active=commerce.cart.add"
    own_otto.done("run", "otto", "--execution-date", E, "--set", only_carts)
    sql = "SELECT SUM(user_count) AS users FROM otto_user_cohort_summary"
    assert own_otto.query(sql) == [{"users": 7}]


def test_otto_has_20_users_and_144_sessions_and_19_were_active_in_august(otto_shell: Shell) -> None:
    ((users,),) = [
        row.values()
        for row in otto_shell.query("SELECT SUM(user_count) AS n FROM otto_user_cohort_summary")
    ]
    assert users == 20
    # No session of these data crosses midnight, so those of the days add up.
    sql = "SELECT SUM(total_sessions) AS sessions FROM otto_conversion_summary"
    assert otto_shell.query(sql) == [{"sessions": 144}]
    # User 8 has events on 31 July only; the last three days of August are still to come.
    sql = (
        "SELECT monthly_active_users AS users, is_partial FROM otto_mau_summary "
        "WHERE year_month = '2022-08'"
    )
    assert otto_shell.query(sql) == [{"users": 19, "is_partial": True}]


def test_the_seven_tables_are_the_oracles(otto_shell: Shell, otto: list[ShopEvent]) -> None:
    definition = Definition(date(2022, 8, 29))
    tables = tables_of(otto_shell, "otto")
    assert_tables_are_the_oracles(tables, as_oracle_events(otto), SERVICE, definition)


def test_an_execution_date_in_the_middle_and_another_time_zone(
    own_otto: Shell, otto: list[ShopEvent]
) -> None:
    run = ("run", "otto", "--execution-date", "2022-08-13", "--replace-newer")
    own_otto.done(*run, "--set", "timezone=Asia/Seoul")
    definition = Definition(date(2022, 8, 13), timezone="Asia/Seoul")
    tables = tables_of(own_otto, "otto")
    assert {row["execution_date"] for row in tables["dau"]} == {"2022-08-13"}
    assert_tables_are_the_oracles(tables, as_oracle_events(otto), SERVICE, definition)


def test_a_second_run_gives_the_same_tables(own_otto: Shell) -> None:
    first = tables_of(own_otto, "otto")
    own_otto.done("run", "otto", "--execution-date", E)
    assert tables_of(own_otto, "otto") == first


def test_ingesting_again_changes_nothing(own_otto: Shell, otto_exports: object) -> None:
    report = own_otto.done("ingest", otto_exports, "--json").json
    assert [file["outcome"] for file in report["files"]] == ["already ingested"] * 2
    assert own_otto.query("SELECT COUNT(*) AS n FROM logall") == [{"n": 1006}]


def test_a_payload_names_its_services(shell: Shell, ingest: Ingest) -> None:
    ingest(*events_of("theshop-brand", 3), *events_of("theshop-pharmacy", 2, user="v"))
    payload = {"service_names": ["theshop-brand", "theshop-pharmacy"]}
    (shell.folder / "step-payload.json").write_text(json.dumps(payload))
    execution = shell.done(
        "run", "--input", "step-payload.json", "--execution-date", "2025-10-23", "--json"
    ).json
    output = json.loads(execution["output"])
    assert output["status"] == "COMPLETED"
    assert output["services"] == payload["service_names"]
    summary = output["execution_summary"]
    started = datetime.fromisoformat(summary.pop("execution_time"))
    assert started <= datetime.fromisoformat(execution["startDate"])
    assert summary.pop("summary_location").startswith(f"{summary['output_location']}/summaries/")
    cost = shell.done("cost", "--json").json
    assert summary == {
        "database": "log_db",
        "output_location": "s3://otel-analytics/athena-results",
        "processed_services": 2,
        "failed_services": 0,
        # of each service seven tables and the checks; of the refresh all levels but the two of
        # months that are over, as there is none
        "queries": 2 * 8 + 7,
        "billed_bytes": 23 * 10_000_000,
        "scanned_bytes": cost["scanned_bytes"],
        "least_transitions": cost["transitions"],
        "estimated_cost_usd": cost["estimated_cost_usd"],
    }
    assert cost["scanned_bytes"] > 0
    for prefix, days in (("theshop_brand", 3), ("theshop_pharmacy", 2)):
        sql = f"SELECT COUNT(*) AS days FROM {prefix}_dau_summary"
        assert shell.query(sql) == [{"days": days}]


def test_the_payload_may_come_from_standard_input(own_otto: Shell) -> None:
    payload = {"service_names": ["otto"], "execution_date": "2022-08-02", "replace_newer": True}
    own_otto.done("run", "--input", "-", stdin=json.dumps(payload))
    rows = own_otto.query("SELECT MAX(execution_date) AS e FROM otto_dau_summary")
    assert rows == [{"e": "2022-08-02"}]


def test_services_with_three_parts_do_not_overwrite_each_other(
    shell: Shell, ingest: Ingest
) -> None:
    ingest(*events_of("theshop-brand-kr", 1), *events_of("theshop-brand-jp", 2))
    shell.done("run", "theshop-brand-kr", "theshop-brand-jp", "--execution-date", "2025-10-22")
    for prefix, days in (("theshop_brand_kr", 1), ("theshop_brand_jp", 2)):
        rows = shell.query(f"SELECT service_name FROM {prefix}_dau_summary")
        assert rows == [{"service_name": prefix.replace("_", "-")}] * days


def test_a_known_service_without_events_in_a_window_gets_empty_tables(own_otto: Shell) -> None:
    last = int(datetime(2022, 12, 14, 12, tzinfo=UTC).timestamp()) * 10**9
    others = [ShopEvent("other", last - n * DAY_NS, "open", "u", "s") for n in range(109)]
    write_json_lines(own_otto.folder / "events", export_requests(others))
    own_otto.done("ingest", "events")
    ended = own_otto.done("run", "otto", "--execution-date", "2022-12-15")
    tables = tables_of(own_otto, "otto")
    # OTTO's events are 109 days old and more: in the windows of mau and user_cohort alone.
    assert {name for name, rows in tables.items() if rows} == {"mau", "user_cohort"}
    assert "so its" not in ended.stderr
    assert "warning: otto: quiet_service: " in ended.stderr


@pytest.mark.parametrize(("service", "execution_date"), [("otto", "2030-01-01"), ("oto", E)])
def test_a_service_without_an_event_in_the_windows_fails_and_the_known_ones_are_named_with_days(
    own_otto: Shell, service: str, execution_date: str
) -> None:
    before = tables_of(own_otto, "otto")
    run = own_otto.run("run", service, "--execution-date", execution_date)
    assert run.exit_code == 1
    assert f"  {service}: VerifyTables: UnknownService" in run.stderr
    (line,) = [line for line in run.stderr.splitlines() if "service_known" in line]
    assert "otto" in line.partition("service_known")[2]
    assert "2022-07-31" in line
    assert "2022-08-28" in line
    assert tables_of(own_otto, "otto") == before


@pytest.mark.parametrize(
    ("missing", "setting", "keys"),
    [
        ("user", "keys.user", "userKey, user.id, enduser.id"),
        ("session", "keys.session", "sessionId, session.id"),
    ],
)
def test_a_service_whose_events_carry_no_user_or_session_gets_a_warning_that_names_inspect(
    shell: Shell, ingest: Ingest, missing: str, setting: str, keys: str
) -> None:
    ingest(*events_of("shop", 2, **{missing: None}))  # type: ignore[arg-type]
    ended = shell.done("run", "shop", "--execution-date", "2025-10-22")
    warnings = [line for line in ended.stderr.splitlines() if line.startswith("warning")]
    assert warnings[0] == (
        f"warning: shop has 2 events and none with a {missing} ({setting} = {keys}), so its tables "
        "will say little: otel-analytics inspect shows which attributes there are"
    )
    # without sessions the conversion table has no row, and names are counted there
    assert (
        warnings[1:]
        == [
            "warning: shop has no event named by events.product_view = commerce.product.view or "
            "events.cart_add = commerce.cart.add, so its conversion table will say little: "
            "otel-analytics inspect lists the event names",
        ][: missing == "user"]
    )


def test_names_that_no_event_of_a_service_has_are_warned_of_service_by_service(
    shell: Shell, ingest: Ingest
) -> None:
    ingest(*events_of("shop", 2), *events_of("store", 2))
    names = ("--set", "events.product_view=open", "--set", "events.cart_add=open,add")
    ended = shell.done("run", "shop", "store", "--execution-date", "2025-10-22", *names)
    assert "warning" not in ended.stderr
    names = ("--set", "events.session_start=begin", *names)
    ended = shell.done("run", "shop", "--execution-date", "2025-10-22", *names)
    assert "warning: shop has no event named by events.session_start = begin, so" in ended.stderr


def test_a_run_before_anything_was_ingested_says_to_ingest(shell: Shell) -> None:
    assert shell.refused("run", "shop") == (
        "there is no table log_db.logall yet: put logs into it with otel-analytics ingest PATH…"
    )


def test_a_run_over_a_table_that_is_not_there_says_to_create_it(shell: Shell) -> None:
    assert shell.refused("run", "shop", "--set", "source.table=otel_logs") == (
        "there is no table log_db.otel_logs yet: create it with otel-analytics query "
        "'CREATE EXTERNAL TABLE …'"
    )
