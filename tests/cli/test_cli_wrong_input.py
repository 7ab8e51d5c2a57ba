"""Wrong use and wrong input: one clear message, exit code 2, and nothing begun."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import settings_table
from otel_analytics.local.home import SCHEMA_VERSION
from tests.cli.conftest import E
from tests.cli.seven import tables_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.shell import Shell

NAMES = "use 1 to 64 of A–Z a–z 0–9 . _ - and begin with a letter or a digit"
INJECTIONS = [
    "a'; DROP TABLE logall; --",
    'a"b',
    "a/*b*/",
    "a\nb",
    "../a",
    "서비스",
    "a\x00b",
    "",
    "-",
    "x" * 10_240,
]
LOGS = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1704110400000000000"}]}]}]}'


def test_an_empty_command_line_prints_the_help(shell: Shell) -> None:
    ended = shell.run()
    assert ended.exit_code == 2
    assert ended.stderr.startswith("Usage: otel-analytics ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nocommand"], "No such command 'nocommand': see otel-analytics --help"),
        (["ingest"], "Missing argument 'PATH…': see otel-analytics ingest --help"),
        (["tables", "--bad"], "No such option '--bad': see otel-analytics tables --help"),
        (
            ["executions", "--max-results", "0"],
            "Invalid value for '--max-results': 0 is not in the range 1<=x<=1000: "
            "see otel-analytics executions --help",
        ),
        (["query"], "Missing argument 'SQL': see otel-analytics query --help"),
        (["sql", "mau"], "Missing option '--service': see otel-analytics sql --help"),
        (
            ["run", "a", "--engine", "spark"],
            "Invalid value for '--engine': 'spark' is not one of 'duckdb', 'trino', 'aws': "
            "see otel-analytics run --help",
        ),
        (["run"], "name the services, or give the payload with --input FILE"),
        (["run", "a", "--input", "b"], "name the services, or give the payload with --input FILE"),
        (["run", "--input", "nosuch"], "nosuch: cannot be read: No such file or directory"),
        (["run", "--input", "."], ".: cannot be read: Is a directory"),
        (
            ["run", "a", "--execution-date", "2025-02-29"],
            "--execution-date '2025-02-29' is not a date: write it as YYYY-MM-DD",
        ),
        (
            ["run", "a-b", "A.b"],
            "SERVICE: 'a-b' and 'A.b' would both own the tables a_b_…: run them apart, under "
            "different databases",
        ),
        (["run", "a", "a"], "SERVICE holds 'a' twice: list it once"),
        (["ingest", "nosuch"], "nosuch: no such file or folder: check the path"),
        (
            ["sql", "wau", "--service", "a"],
            "query_type 'wau' is unknown; the query types are: mau, dau, retention, conversion, "
            "user_cohort, session_metrics, event_distribution",
        ),
        (["tables", "--config", "no.toml"], "no.toml: cannot be read: No such file or directory"),
        (["tables", "--set", "timezone"], "--set timezone: write --set NAME=VALUE"),
        (
            ["tables", "--set", "timezone=Mars/X"],
            "timezone: 'Mars/X' is not in the IANA database; write e.g. Asia/Seoul",
        ),
        (
            ["tables", "--set", "events.max_names=many"],
            "--set events.max_names: events.max_names: invalid literal for int() with base 10: "
            "'many'",
        ),
    ],
)
def test_wrong_use_is_refused_before_a_home_is_made(
    shell: Shell, arguments: list[str], message: str
) -> None:
    assert shell.refused(*arguments) == message
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize("name", INJECTIONS, ids=lambda name: repr(name[:20]))
def test_a_service_name_that_is_not_allowed_is_refused(shell: Shell, name: str) -> None:
    for command, field in (
        (["run"], "SERVICE"),
        (["verify"], "SERVICE"),
        (["sql", "mau", "--service"], "--service"),
    ):
        arguments = [*command[:1], "--", name] if len(command) == 1 else [*command, name]
        message = shell.refused(*arguments)
        assert message.startswith(f"{field}[0] ")
        assert message.endswith(f"is not allowed: {NAMES}")
        assert len(message) < 300
        assert "\n" not in message
    assert list(shell.folder.iterdir()) == []


def test_what_is_not_utf_8_is_refused(shell: Shell) -> None:
    for arguments in (
        ["query", "SELECT '\udcff'"],
        ["ingest", "\udcff"],
        ["tables", "--home", "\udcff"],
    ):
        assert "\\udcff" in shell.refused(*arguments)
    assert shell.refused("query", "-", stdin=b"SELECT '\xff'").startswith(
        "standard input: is not UTF-8: "
    )
    (shell.folder / "payload").write_bytes(b"\xff")
    assert shell.refused("run", "--input", "payload").startswith("payload: is not UTF-8: ")


def test_a_setting_that_does_not_exist_is_refused_and_all_are_named(shell: Shell) -> None:
    names = ", ".join(setting.name for setting in settings_table())
    expected = f"there is no setting 'keys.usr'; the settings are: {names}"
    assert shell.refused("tables", "--set", "keys.usr=a") == f"--set keys.usr: {expected}"
    (shell.folder / "otel-analytics.toml").write_text('[keys]\nusr = ["a"]\n')
    assert shell.refused("tables") == f"otel-analytics.toml: {expected}"


@pytest.mark.parametrize(
    "text", ["timezone = ", "[keys]\nuser = 3\n", "keys = 3\n", "timezone = ['a']\n", "\xff\xfe"]
)
def test_a_broken_settings_file_is_refused_and_named(shell: Shell, text: str) -> None:
    (shell.folder / "otel-analytics.toml").write_bytes(text.encode("latin-1"))
    assert shell.refused("tables").startswith("otel-analytics.toml: ")


def test_a_home_that_is_a_file_is_refused(shell: Shell) -> None:
    (shell.folder / "file").touch()
    assert shell.refused("tables", "--home", "file") == (
        "file: is not a folder: name another home with --home or OTEL_ANALYTICS_HOME"
    )
    assert (
        shell.with_environment(OTEL_ANALYTICS_HOME="file/in")
        .refused("tables")
        .startswith("file/in: is not a folder")
    )


def test_what_the_home_holds_is_not_taken_in(own_otto: Shell) -> None:
    (own_otto.folder / "logs").write_text(LOGS)
    shell = own_otto.with_environment(OTEL_ANALYTICS_HOME="home")
    own_otto.home.rename(own_otto.folder / "home")
    files = shell.done("ingest", ".", "--json").json["files"]
    assert [(file["path"], file["outcome"]) for file in files] == [("logs", "ingested")]
    assert "home: is the folder that ingest writes to" in shell.refused("ingest", "home")


def test_keys_that_come_too_late_are_told_with_the_way_out(shell: Shell) -> None:
    (shell.folder / "logs").write_text(LOGS)
    assert shell.done("ingest", "logs").stderr == ""
    assert shell.done("ingest", "logs").stderr == ""
    late = shell.done("ingest", "logs", "--set", "keys.user=who")
    assert late.stderr.startswith(
        "warning: files known already, under other keys.user or keys.session: 1; "
    )
    assert "source.user_key" in late.stderr
    assert late.stderr.count("\n") == 1
    as_json = shell.done("ingest", "logs", "--set", "keys.user=who", "--json").json
    assert [file["other_keys"] for file in as_json["files"]] == [True]


def test_a_home_of_a_newer_version_is_refused_and_left_as_it_is(own_otto: Shell) -> None:
    catalog, newer = own_otto.home / "catalog.sqlite", SCHEMA_VERSION + 1
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute(f"PRAGMA user_version = {newer}")
    for arguments in (["tables"], ["run", "otto"], ["ingest", "."], ["query", "SELECT 1"]):
        message = own_otto.refused(*arguments)
        assert f"was made by a newer otel-analytics (format {newer}; " in message
    with closing(sqlite3.connect(catalog)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (newer,)


def test_a_memory_limit_that_is_none_is_refused(shell: Shell) -> None:
    message = shell.refused("tables", "--set", "memory_limit=lots")
    assert message.startswith("memory_limit: 'lots' is not understood; write e.g. 2GB")


def test_a_catalog_that_is_none_is_refused(shell: Shell) -> None:
    shell.home.mkdir()
    (shell.home / "catalog.sqlite").write_bytes(b"no SQLite at all, but long enough" * 100)
    assert "catalog.sqlite: is not a catalog" in shell.refused("tables")


@pytest.mark.parametrize("text", ["{", "", "{'service_names': ['otto']}", "[" * 100_000])
def test_a_payload_that_is_not_json_is_refused(own_otto: Shell, text: str) -> None:
    (own_otto.folder / "payload").write_bytes(text.encode("latin-1"))
    before = own_otto.done("executions", "--json").json
    assert own_otto.refused("run", "--input", "payload").startswith("payload: is not JSON: ")
    assert own_otto.done("executions", "--json").json == before


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (["otto"], 'the input must be an object such as {"service_names": ["theshop-brand"]}'),
        (7, 'the input must be an object such as {"service_names": ["theshop-brand"]}'),
        ({}, "service_names must be a list of one or more service names"),
        ({"service_names": "otto"}, "service_names must be a list of one or more service names"),
        ({"service_names": []}, "service_names must be a list of one or more service names"),
        (
            {"service_names": ["otto"], "execution_date": "yesterday"},
            "execution_date must be a date, YYYY-MM-DD; found yesterday",
        ),
        (
            {"service_names": ["otto"], "date": "2022-08-29"},
            "the input may have the fields service_names, execution_date, replace_newer, source, "
            "part_of; found service_names, date",
        ),
    ],
)
def test_a_wrong_payload_fails_as_invalid_input_before_any_task(
    own_otto: Shell, payload: Any, cause: str
) -> None:
    tables = own_otto.done("tables", "--json").json
    arguments = ("run", "--input", "-", "--name", "wrong")
    message = own_otto.refused(*arguments, stdin=json.dumps(payload))
    assert f"InvalidInput: {cause}" in message
    described = own_otto.done("describe", "wrong", "--json").json
    assert (described["status"], described["error"]) == ("FAILED", "InvalidInput")
    assert described["cause"] == cause
    events = own_otto.done("history", "wrong", "--json").json
    assert not [event for event in events if event["type"].startswith("Task")]
    assert own_otto.done("tables", "--json").json == tables


def test_a_refused_payload_as_json_is_the_failed_execution(own_otto: Shell) -> None:
    ended = own_otto.run("run", "--input", "-", "--json", stdin="{}")
    assert ended.exit_code == 2
    assert (ended.json["status"], ended.json["error"]) == ("FAILED", "InvalidInput")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "SYNTAX_ERROR: line 1:1: mismatched input 'SELEC'"),
        ("SELECT 1\n  FROM logall WHERE", "SYNTAX_ERROR: line 2:20: mismatched input '<EOF>'"),
        ("", "SYNTAX_ERROR: line 1:1: mismatched input '<EOF>': nothing to execute"),
        (";", "SYNTAX_ERROR: line 1:1: mismatched input ';'"),
        ("-- only a comment", "SYNTAX_ERROR: line 1:1: mismatched input '<EOF>'"),
        ("SELECT 'open", "SYNTAX_ERROR: line 1:"),
        ("SELECT 1; DROP TABLE logall", "SYNTAX_ERROR: line 1:11: Only one sql statement"),
        ("CREATE EXTERNAL TABLE t (a.b int) STORED AS PARQUET", "SYNTAX_ERROR: line 1:"),
    ],
)
def test_malformed_sql_is_refused_with_line_and_column(
    otto_shell: Shell, sql: str, message: str
) -> None:
    assert otto_shell.refused("query", sql).startswith(message)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT * FROM nosuch",
            "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.log_db.nosuch' does not exist",
        ),
        (
            "SELECT nosuch FROM logall",
            "COLUMN_NOT_FOUND: line 1:8: Column 'nosuch' cannot be resolved",
        ),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT CAST('x' AS INTEGER)", "INVALID_CAST_ARGUMENT: Cannot cast 'x' to"),
        ("INSERT INTO logall SELECT 1", "NOT_SUPPORTED: line 1:1: INSERT is not supported here"),
        ("DROP TABLE nosuch", "FAILED: SemanticException [Error 10001]: Table not found nosuch"),
    ],
)
def test_sql_that_cannot_be_executed_fails_with_athenas_reason(
    otto_shell: Shell, sql: str, message: str
) -> None:
    assert otto_shell.failed("query", sql).startswith(message)


def test_a_query_cannot_reach_files_of_the_machine(otto_shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    for sql in (
        f"SELECT * FROM '{tmp_path}/a.csv'",
        f"SELECT * FROM read_csv('{tmp_path}/a.csv')",
        f'SELECT * FROM "{tmp_path}/a.csv"',
        f"COPY (SELECT 1) TO '{tmp_path}/b.csv'",
        "ATTACH 'x.db'",
        "SET TimeZone = 'Asia/Seoul'",
    ):
        assert otto_shell.run("query", sql).exit_code in (1, 2), sql
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("source.user_key=SELECT 1", "source.user_key: 'SELECT 1' is not one SQL expression"),
        ("source.user_key=a; DROP TABLE b", "source.user_key: 'a; DROP TABLE b' is not one SQL"),
        ("source.user_key=a +", "source.user_key: 'a +' is not SQL"),
        ("source.timestamp=a, b", "source.timestamp: 'a, b' is not"),
    ],
)
def test_a_broken_source_mapping_is_refused_and_named(
    own_otto: Shell, setting: str, message: str
) -> None:
    before = own_otto.done("executions", "--json").json
    assert own_otto.refused("run", "otto", "--set", setting).startswith(message)
    assert own_otto.done("executions", "--json").json == before


@pytest.mark.parametrize(
    ("source", "states", "error"),
    [
        ("activity", "BuildLevel", "States.TaskFailed"),
        # the two tables of the first batch are built at once
        ("raw", "Create(MAU|DAU)Table", "ServicesFailed"),
    ],
)
def test_a_source_mapping_to_a_column_that_is_not_there_fails_where_the_logs_are_read(
    own_otto: Shell, source: str, states: str, error: str
) -> None:
    """Over the activity tables that is before any service."""
    before = tables_of(own_otto, "otto")
    mapping = ("--set", "source.user_key=nosuch", "--source", source)
    ended = own_otto.run("run", "otto", "--execution-date", E, *mapping, "--name", "wrong")
    assert ended.exit_code == 1
    described = own_otto.done("describe", "wrong", "--json").json
    assert described["error"] == error
    assert re.search(f"{states}: ", described["cause"])
    assert "COLUMN_NOT_FOUND" in described["cause"]
    assert "nosuch" in described["cause"]
    assert "COLUMN_NOT_FOUND" in ended.stderr
    assert tables_of(own_otto, "otto") == before
