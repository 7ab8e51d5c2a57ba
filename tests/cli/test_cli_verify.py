"""The command `verify`: the checks of what is published, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_analytics.checks import load_checks
from tests.oracle.seven_tables import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.shell import Shell

SERVICE_CHECKS = {name for name, check in load_checks().items() if check.table == ""}


def statuses(found: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    return {
        (check["check_name"], check["query_type"]): check["status"]
        for table in found
        for check in table["checks"]
    }


def lines(text: str) -> list[list[str]]:
    return [line.split(maxsplit=4) for line in text.splitlines()]


def spoil_dau(shell: Shell) -> None:
    """Put a table in the place of the published one: 100,000 users more came on each day."""
    address = "s3://otel-analytics/spoilt/"
    shell.done(
        "query",
        f"CREATE TABLE spoilt WITH (external_location = '{address}') AS SELECT service_name, "
        '"date", year, month, day, daily_active_users + 100000 AS daily_active_users, '
        "daily_sessions, daily_events, events_per_user, execution_date FROM otto_dau_summary",
    )
    shell.done("query", "DROP TABLE otto_dau_summary")
    shell.done(
        "query",
        "CREATE EXTERNAL TABLE otto_dau_summary (service_name string, `date` date, year string, "
        "month string, day string, daily_active_users bigint, daily_sessions bigint, "
        "daily_events bigint, events_per_user double, execution_date date) STORED AS PARQUET "
        f"LOCATION '{address}'",
    )


def test_what_a_run_has_published_passes_every_check(otto_shell: Shell) -> None:
    ended = otto_shell.done("verify", "otto")
    assert ended.stderr == ""
    tables, _, checks = ended.stdout.partition("\n\n")
    assert [row[0] for row in lines(tables)[2:]] == [f"otto_{name}_summary" for name in TABLES]
    shown = [row[:4] for row in lines(checks)[2:]]
    wanted = [name for name, check in sorted(load_checks().items()) if check.severity != "info"]
    assert shown == [["otto", name, "ok", "0"] for name in wanted]


def test_each_check_is_in_the_json_once(otto_shell: Shell) -> None:
    found = otto_shell.done("verify", "--json").json
    checks = [
        (check["check_name"], check["query_type"]) for table in found for check in table["checks"]
    ]
    assert len(checks) == len(set(checks))
    assert {name for name, _ in checks} == set(load_checks())
    assert set(statuses(found).values()) == {"ok"}
    for table, query_type in zip(found, TABLES, strict=True):
        assert table["service_name"] == "otto"
        of = {check["query_type"] for check in table["checks"]}
        assert of == ({"", "mau"} if query_type == "mau" else {query_type})
    whole = {c["check_name"] for c in found[0]["checks"] if c["query_type"] == ""}
    assert whole == SERVICE_CHECKS
    counts = {
        check["query_type"]: check["found"]
        for table in found
        for check in table["checks"]
        if check["check_name"] == "row_count"
    }
    assert counts == {
        name: table["record_count"] for name, table in zip(TABLES, found, strict=True)
    }


def test_an_error_is_said_and_ends_with_1(own_otto: Shell) -> None:
    spoil_dau(own_otto)
    ended = own_otto.run("verify", "--json")
    assert ended.exit_code == 1
    errors = [key for key, status in statuses(ended.json).items() if status == "error"]
    assert sorted(errors) == [("dau_within_mau", "dau"), ("one_execution", "dau")]
    assert ended.stderr == "errors: otto dau_within_mau (dau), otto one_execution (dau)\n"
    shown = {row[1]: row[2:] for row in lines(own_otto.run("verify").stdout) if row[:1] == ["otto"]}
    status, found, message = shown["dau_within_mau"]
    assert (status, found) == ("error", "29")
    assert message.startswith("dau: days with more active users than their month; ")
    # Counted by hand: 10 users on 31 July.
    assert "2022-07-31 has 100010, its month 10" in message


def test_tables_that_no_execution_has_published_are_one_finding(shell: Shell) -> None:
    """Two tables of an older shape: neither their columns nor their entries are ours."""
    for name, rows in (("mau", "(1)"), ("dau", "(1), (2)")):
        shell.done(
            "query",
            f"CREATE TABLE theshop_brand_{name}_summary WITH (external_location = "
            f"'s3://old/{name}/') AS SELECT u FROM (VALUES {rows}) AS t(u)",
        )
    ended = shell.run("verify", "--json")
    assert ended.exit_code == 1
    assert statuses(ended.json) == {("one_execution", ""): "error"}
    assert [table["record_count"] for table in ended.json] == [1, 2, *[None] * 5]
    (row,) = [row for row in lines(shell.run("verify").stdout) if row[:1] == ["theshop_brand"]]
    assert row[1:4] == ["one_execution", "error", "2"]
    assert row[4].startswith("not published by an execution yet: otel-analytics run")


def test_a_service_with_no_table_lacks_all_seven(otto_shell: Shell) -> None:
    ended = otto_shell.run("verify", "otta", "--json")
    assert ended.exit_code == 1
    assert [table["exists"] for table in ended.json] == [False] * 7
    assert [table["record_count"] for table in ended.json] == [None] * 7
    errors = {key for key, status in statuses(ended.json).items() if status == "error"}
    assert {("table_exists", ""), ("service_known", "")} <= errors
    assert ended.stderr.startswith("missing: otta_mau_summary, otta_dau_summary, ")


def test_a_check_of_ones_own_is_made_of_what_is_published(
    otto_shell: Shell, tmp_path: Path
) -> None:
    folder = tmp_path
    (folder / "many_sessions.sql").write_text(
        "-- title: No more sessions than users\n-- severity: warning\n-- table: dau\n"
        "-- message: days with more sessions than users\n-- reads: dau\n"
        'SELECT CAST("date" AS VARCHAR) AS finding FROM dau '
        "WHERE daily_sessions < daily_active_users"
    )
    ended = otto_shell.done("verify", "--json", "--set", f"checks.folder={folder}")
    assert statuses(ended.json)[("many_sessions", "dau")] == "ok"
    (folder / "broken.sql").write_text("-- titel: x\nSELECT 1")
    message = otto_shell.refused("verify", "--set", f"checks.folder={folder}")
    assert message.startswith(f"{folder}/broken.sql:1: is no field of the header")
