"""Checks in a folder of the user's, and what a broken file says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_analytics.checks import load_checks
from otel_analytics.checks.catalog import parse_check_file
from otel_analytics.config import Checks, Events, Settings
from otel_analytics.errors import CheckError, InvalidPayload
from otel_analytics.query.checks import check_columns, parse_check
from otel_analytics.query.verification import MAX_MESSAGE_CHARACTERS, MAX_MESSAGES, MAX_ROWS
from tests.checks.conftest import open_shop

if TYPE_CHECKING:
    from pathlib import Path

HEADER = """\
-- title: Every day has at least two users
-- severity: warning
-- table: dau
-- message: days with fewer users than two
-- reads: dau
"""
SELECT = """\
SELECT CAST("date" AS VARCHAR) AS finding
FROM dau
WHERE daily_active_users < 2
"""


def parse(text: str) -> None:
    check_columns(parse_check_file("few_users.sql", text))


def test_a_check_of_ones_own_is_made_beside_the_others(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "few_users.sql").write_text(HEADER + SELECT)
    (folder / "README.md").write_text("no check")
    with open_shop(home, Settings(checks=Checks(folder=str(folder)))) as shop:
        (row,) = [row for row in shop.rows() if row[0] == "few_users"]
        # Ann alone was there on the 2nd.
        message = "days with fewer users than two: 2024-03-02"
        assert row == ("few_users", "warning", "dau", 1, message)
        assert shop.found().keys() == {("few_users", "dau")}


def test_a_finding_counts_as_often_as_it_says(home: Path, tmp_path: Path) -> None:
    (tmp_path / "quiet_names.sql").write_text(
        "-- title: No event name is rare\n-- severity: error; warning where events.active is set\n"
        "-- table: each\n-- message: rare names\n-- reads: events\n-- params: service_name\n"
        "SELECT 'event_distribution' AS query_type, COUNT(*) AS found, event_name AS finding "
        "FROM events WHERE service_name = :service_name GROUP BY event_name"
    )
    settings = Settings(checks=Checks(folder=str(tmp_path)))
    key = ("quiet_names", "event_distribution")
    found = "commerce.product.view; open"
    with open_shop(home, settings) as shop:
        assert shop.found() == {key: ("error", 6, found)}
    with open_shop(home, replace(settings, events=Events(active=("open",)))) as shop:
        assert shop.found()[key] == ("warning", 6, found)


def test_a_name_of_ours_cannot_be_taken(tmp_path: Path) -> None:
    file = tmp_path / "lake_gap.sql"
    file.write_text(HEADER + SELECT)
    with pytest.raises(CheckError, match="a check 'lake_gap' is built in") as raised:
        load_checks(str(tmp_path))
    assert raised.value.where == str(file)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"nowhere: cannot be read: .*checks\.folder"):
        load_checks(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-- severity: warning\n", "", "few_users.sql:1: the header lacks severity"),
        ("warning", "fatal", "few_users.sql:2: severity: write error, warning or info"),
        (
            "warning",
            "error; warning where events.x is set",
            "few_users.sql:2: severity: write error",
        ),
        ("-- table: dau", "-- table: wau", "few_users.sql:3: 'wau' is not allowed here; allowed"),
        ("-- reads: dau", "-- reads: logall", "few_users.sql:5: 'logall' is not allowed here"),
        (
            "-- reads: dau",
            "-- params: now\n-- reads: dau",
            "few_users.sql:5: 'now' is not allowed here",
        ),
        ("-- reads:", "-- read:", "few_users.sql:5: is no field of the header; the fields are "),
        ("-- reads: dau", "-- title: again", "few_users.sql:5: 'title' stands there twice"),
        ("-- reads: dau", "-- reads: dau, mau", r"few_users.sql: reads names \['mau'\], which"),
        (
            "-- reads: dau",
            "-- reads: dau\n-- params: execution",
            r"few_users.sql: params declares \['execution'\], the SQL uses \[\]",
        ),
        ("< 2", "< :least", r"few_users.sql: params declares \[\], the SQL uses \['least'\]"),
        ("FROM dau", "FROM mau", "few_users.sql:7: reads 'mau', which the header's reads does"),
        ("FROM dau", "FROM log_db.dau", "few_users.sql:7: reads 'log_db.dau', which the header"),
        ("< 2", "< (2", "few_users.sql:8: is not SQL: "),
        ("< 2", "< 'two", "few_users.sql:6: is not SQL: "),
        ("< 2", "< 2; SELECT 1", "few_users.sql:6: must be one SELECT"),
        ("SELECT CAST", "DROP TABLE dau; SELECT CAST", "few_users.sql:6: must be one SELECT"),
        (SELECT, "DROP TABLE dau", "few_users.sql:6: must be one SELECT"),
        (SELECT, "", "few_users.sql:6: must be one SELECT"),
        ("AS finding", "AS day", "few_users.sql:6: the columns must be finding and, if "),
        ("AS finding", "AS finding, 1 AS n", "few_users.sql:6: the columns must be finding and"),
        ("table: dau", "table: each", "few_users.sql:6: the columns must be finding, query_type"),
        ("daily_active", "active", "few_users.sql:8: Column 'active_users' could not be resolved"),
        ("FROM dau", "FROM dau AS d CROSS JOIN dau", "few_users.sql:6: "),
    ],
)
def test_a_broken_file_is_an_error_that_names_file_and_line(
    old: str, new: str, message: str
) -> None:
    text = HEADER + SELECT
    assert text.count(old) >= 1
    parse(text)
    with pytest.raises(CheckError, match=message):
        parse(text.replace(old, new, 1))


def test_what_athena_can_say_is_understood() -> None:
    parse(
        HEADER
        + """\
WITH days (day, users) AS (SELECT DAU."date", daily_active_users FROM Dau)
SELECT CAST(day AS VARCHAR) || t.k AS Finding
FROM days CROSS JOIN UNNEST(MAP(ARRAY['a'], ARRAY[2])) AS t (k, v)
WHERE v > users AND CARDINALITY(FILTER(ARRAY[1], x -> x < users)) > 0
ORDER BY 1
"""
    )


def test_a_column_that_is_not_there_stops_the_query_before_it_is_made(
    home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "few_users.sql"
    file.write_text(HEADER + SELECT.replace("daily_active_users", "users"))
    with open_shop(home, Settings(checks=Checks(folder=str(tmp_path)))) as shop:
        with pytest.raises(CheckError, match="Column 'users' could not be resolved") as raised:
            shop.rows()
        assert raised.value.where == f"{file}:8"


def test_a_file_is_named_like_a_check() -> None:
    with pytest.raises(CheckError, match=r"Few-Users\.sql: name the file by a–z"):
        parse_check_file("Few-Users.sql", HEADER + SELECT)


@pytest.mark.parametrize("name", list(load_checks()))
def test_ours_are_what_their_headers_say(name: str) -> None:
    check = load_checks()[name]
    check_columns(check)
    assert "finding" in parse_check(check).named_selects


def write_check(folder: Path, select: str, *, severity: str = "warning", table: str = "dau") -> str:
    """Write a check that reads dau; return the settings' folder."""
    folder.mkdir(exist_ok=True)
    (folder / "mine.sql").write_text(
        f"-- title: All is well\n-- severity: {severity}\n-- table: {table}\n"
        f"-- message: look\n-- reads: dau\n{select}"
    )
    return str(folder)


@pytest.mark.parametrize("found", ["NULL", "-1", "0.4", "CAST('NaN' AS DOUBLE)"])
@pytest.mark.parametrize("severity", ["error", "warning", "info"])
def test_a_count_that_is_none_is_an_error_whatever_the_severity(
    home: Path, tmp_path: Path, found: str, severity: str
) -> None:
    select = f"SELECT {found} AS found, 'x' AS finding FROM (SELECT 1 FROM dau LIMIT 1)"
    folder = write_check(tmp_path / "checks", select, severity=severity)
    with open_shop(home, Settings(checks=Checks(folder=folder))) as shop:
        ((name, level, query_type, count, message),) = [r for r in shop.rows() if r[0] == "mine"]
    assert (name, level, query_type, count) == ("mine", "error", "dau", 1)
    assert message.startswith("a finding cannot be read, since found is no whole number")
    assert message.endswith("; look: x")


@pytest.mark.parametrize("query_type", ["'dauu'", "''", "CAST(NULL AS VARCHAR)"])
def test_a_finding_of_a_table_that_is_none_is_an_error(
    home: Path, tmp_path: Path, query_type: str
) -> None:
    select = f"SELECT {query_type} AS query_type, 'x' AS finding FROM dau"
    folder = write_check(tmp_path / "checks", select, table="each")
    with open_shop(home, Settings(checks=Checks(folder=folder))) as shop:
        found = shop.found()
    # three days of dau; beside it, all seven tables have passed
    assert found.keys() == {("mine", "")}
    assert found["mine", ""][:2] == ("error", 3)


def test_readable_and_unreadable_counts_are_added_up_apart(home: Path, tmp_path: Path) -> None:
    select = (
        "SELECT found, finding FROM (VALUES (2, 'a'), (0, 'b'), (-7, 'c')) AS t (found, finding) "
        "WHERE EXISTS (SELECT 1 FROM dau)"
    )
    folder = write_check(tmp_path / "checks", select)
    with open_shop(home, Settings(checks=Checks(folder=folder))) as shop:
        found = shop.found()
    # two of a, none of b, and one for c, which says no number
    assert found["mine", "dau"][:2] == ("error", 3)
    assert found["mine", "dau"][2].endswith("look: a; c")


def test_a_long_message_is_cut(home: Path, tmp_path: Path) -> None:
    select = (
        f"SELECT '{'가' * 200}' || CAST(n AS VARCHAR) AS finding "
        "FROM UNNEST(sequence(1, 20)) AS t(n) WHERE EXISTS (SELECT 1 FROM dau)"
    )
    folder = write_check(tmp_path / "checks", select)
    with open_shop(home, Settings(checks=Checks(folder=folder))) as shop:
        (message,) = [row[4] for row in shop.rows() if row[0] == "mine"]
    assert len(message) == MAX_MESSAGE_CHARACTERS
    assert message.startswith("look: 가가")
    assert message.endswith("가…")


def test_what_was_found_comes_first_and_errors_before_warnings(home: Path, tmp_path: Path) -> None:
    folder = write_check(tmp_path / "checks", "SELECT 'x' AS finding FROM dau")
    with open_shop(home, Settings(checks=Checks(folder=folder))) as shop:
        shop.drop("retention")
        rows = shop.rows()
    assert [row[0] for row in rows[:3]] == ["table_exists", "mine", "cohorts_sum"]


def test_only_so_many_rows_have_messages_as_one_page_can_hold(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    for number in range(MAX_MESSAGES + 5):
        (folder / f"n{number:02}.sql").write_text(HEADER + SELECT)
    with open_shop(home, Settings(checks=Checks(folder=str(folder)))) as shop:
        messages = [row[4] for row in shop.rows() if row[0].startswith("n") and row[3]]
    assert [bool(message) for message in messages] == [True] * MAX_MESSAGES + [False] * 5


def test_more_checks_than_one_page_holds_are_refused(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    for number in range(MAX_ROWS):
        (folder / f"n{number:03}.sql").write_text(HEADER + SELECT)
    with (
        open_shop(home, Settings(checks=Checks(folder=str(folder)))) as shop,
        pytest.raises(InvalidPayload, match=r"give up to 4\d\d rows.*400 can be read"),
    ):
        shop.rows()
