"""First contact with logs that exist already: what inspect shows, proposes and writes."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from demo.otlp import ShopEvent, export_requests, write_length_delimited
from tests.cli.conftest import E
from tests.cli.seven import assert_tables_are_the_oracles, tables_of
from tests.cli.shell import Shell, ended
from tests.oracle.otto import SERVICE, SESSION_START, as_oracle_events
from tests.oracle.seven_tables import Definition

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Ingest

NOON = 1_760_961_600 * 10**9  # of 2025-10-20
# `inspect` finds OTTO's session starts and proposes that they alone start sessions.
PROPOSED = Definition(date(2022, 8, 29), session_start=(SESSION_START,))

# A table as the seed document's: attributes as a STRUCT, the event in the body.
SEED_TABLE = """CREATE EXTERNAL TABLE IF NOT EXISTS otel_logs (
    `timestamp` timestamp,
    body string,
    attributes struct<`resource.service.name`:string, `userKey`:string, `sessionId`:string>
)
PARTITIONED BY (year string, month string, day string)
STORED AS PARQUET
LOCATION 's3://otel-analytics/otel_logs/';
"""


def write_parquet(folder: Path, select: str, *, partitioned: bool = True) -> None:
    folder.mkdir(parents=True)
    by = ", PARTITION_BY (year, month, day)" if partitioned else ""
    target = folder if partitioned else folder / "logs.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{target}' (FORMAT parquet{by})")


def seed_rows(otto: list[ShopEvent]) -> str:
    values = ", ".join(
        f"({e.time_unix_nano // 1000}, '{e.event_name}', '{e.user_key}', '{e.session_id}')"
        for e in otto
    )
    return (
        "SELECT make_timestamp(us) AS timestamp, event AS body, struct_pack("
        '"resource.service.name" := \'otto\', "userKey" := u, "sessionId" := s) AS attributes, '
        "strftime(make_timestamp(us), '%Y') AS year, strftime(make_timestamp(us), '%m') AS month, "
        f"strftime(make_timestamp(us), '%d') AS day FROM (VALUES {values}) AS t(us, event, u, s)"
    )


def settings_in(shell: Shell) -> dict[str, Any]:
    return tomllib.loads((shell.folder / "otel-analytics.toml").read_text("utf-8"))


@pytest.fixture
def other_keys(shell: Shell, otto: list[ShopEvent]) -> Path:
    """OTTO's events as OTLP whose user and session have names that we do not know."""
    events = [
        replace(
            event,
            user_key=None,
            session_id=None,
            attributes={"customer.id": event.user_key, "visit_id": event.session_id},
        )
        for event in otto
    ]
    file = shell.folder / "export"
    write_length_delimited(file, export_requests(events, named_by="body"))
    return file


def test_logs_with_other_keys_give_full_tables_after_inspect_wrote_the_settings(
    shell: Shell, other_keys: Path, otto: list[ShopEvent]
) -> None:
    shell.done("inspect", other_keys, "--write")
    assert not shell.home.exists()
    assert settings_in(shell)["keys"] == {
        "user": ["userKey", "user.id", "enduser.id", "customer.id"],
        "session": ["sessionId", "session.id", "visit_id"],
    }
    shell.done("ingest", other_keys)
    ended = shell.done("run", "otto", "--execution-date", E)
    assert "warning" not in ended.stderr
    assert_tables_are_the_oracles(
        tables_of(shell, "otto"), as_oracle_events(otto), SERVICE, PROPOSED
    )


def test_logs_ingested_under_wrong_keys_are_mended_by_a_source_mapping(
    shell: Shell, other_keys: Path, otto: list[ShopEvent]
) -> None:
    shell.done("ingest", other_keys)
    assert "none with a user" in shell.done("run", "otto", "--execution-date", E).stderr
    shell.done("inspect", "--write")
    assert settings_in(shell)["source"] == {
        "user_key": "element_at(\"attributes\", 'customer.id')",
        "session_id": "element_at(\"attributes\", 'visit_id')",
    }
    assert "warning" not in shell.done("run", "otto", "--execution-date", E).stderr
    assert_tables_are_the_oracles(
        tables_of(shell, "otto"), as_oracle_events(otto), SERVICE, PROPOSED
    )


def test_inspect_shows_services_days_names_and_shares(shell: Shell, other_keys: Path) -> None:
    shown = shell.done("inspect", other_keys, "--json").json
    # 862 events of a real shop and 144 inserted session starts, on 29 days.
    assert (shown["records"], shown["days"]) == (1006, 29)
    assert (shown["first_day"], shown["last_day"]) == ("2022-07-31", "2022-08-28")
    assert shown["services"] == [
        {"name": "otto", "records": 1006, "with_user": 1006, "with_session": 1006}
    ]
    assert shown["event_names"] == [
        ["commerce.product.view", 800],
        ["commerce.session.start", 144],
        ["commerce.cart.add", 52],
        ["commerce.order.complete", 10],
    ]
    user = shown["chosen"]["user_key"]
    assert (user["name"], user["records"], user["distinct"]) == ("attributes.customer.id", 1006, 20)
    text = shell.done("inspect", other_keys).stdout
    assert "1,006 records on 29 days, 2022-07-31 to 2022-08-28 (UTC)" in text
    assert re.search(r"otto +1006 +100\.0 % +100\.0 %", text)


def test_where_the_settings_fit_nothing_is_proposed(otto_shell: Shell) -> None:
    ended = otto_shell.done("inspect", "--set", f"events.session_start={SESSION_START}")
    assert "the settings fit: nothing to change" in ended.stdout


def test_write_keeps_what_the_settings_file_says_already(shell: Shell, other_keys: Path) -> None:
    file = shell.folder / "otel-analytics.toml"
    file.write_text('# ours\ntimezone = "Asia/Seoul"\n\n[keys]\nuser = ["uid"]  # old\n')
    shell.done("inspect", other_keys, "--write")
    assert "# ours" in file.read_text()
    assert settings_in(shell)["timezone"] == "Asia/Seoul"
    assert settings_in(shell)["keys"]["user"] == ["uid", "customer.id"]


def test_a_table_of_the_seeds_shape_is_mapped_and_gives_the_same_tables(
    shell: Shell, otto: list[ShopEvent]
) -> None:
    write_parquet(shell.home / "s3" / "otel-analytics" / "otel_logs", seed_rows(otto))
    shell.done("query", SEED_TABLE)
    shell.done("inspect", "otel_logs", "--write")
    assert settings_in(shell)["source"] == {
        "table": "otel_logs",
        "service_name": '"attributes"."resource.service.name"',
        "event_name": '"body"',
        "user_key": '"attributes"."userkey"',  # Glue keeps names in lower case
        "session_id": '"attributes"."sessionid"',
        "partitions": ["year", "month", "day"],
        "partition_slack_days": 1,
        "partition_is_event_date": False,
    }
    shell.done("run", "otto", "--execution-date", E)
    assert_tables_are_the_oracles(
        tables_of(shell, "otto"), as_oracle_events(otto), SERVICE, PROPOSED
    )
    # Session starts are found again: their setting is in the file, and nothing is left to change.
    assert "the settings fit: nothing to change" in shell.done("inspect").stdout


def test_a_table_called_logall_that_is_partitioned_by_arrival_gives_the_days_of_its_events(
    shell: Shell, otto: list[ShopEvent]
) -> None:
    arrived_a_day_later = seed_rows(otto).replace(
        "strftime(make_timestamp(us)", "strftime(make_timestamp(us) + INTERVAL 1 DAY"
    )
    write_parquet(shell.home / "s3" / "otel-analytics" / "otel_logs", arrived_a_day_later)
    shell.done("query", SEED_TABLE.replace("EXISTS otel_logs", "EXISTS logall"))
    shell.done("inspect", "--write")
    source = settings_in(shell)["source"]
    assert "table" not in source
    assert (source["partition_slack_days"], source["partition_is_event_date"]) == (1, False)
    shell.done("run", "otto", "--execution-date", E)
    assert_tables_are_the_oracles(
        tables_of(shell, "otto"), as_oracle_events(otto), SERVICE, PROPOSED
    )


def test_back_from_another_table_the_own_lakes_partitions_are_proposed(own_otto: Shell) -> None:
    flags = ("source.partition_slack_days=1", "source.partition_is_event_date=false")
    shown = own_otto.done(
        "inspect", "--json", *(part for flag in flags for part in ("--set", flag))
    )
    proposed = shown.json["proposed_settings"]
    assert proposed["source.partition_slack_days"] == 0
    assert proposed["source.partition_is_event_date"] is True


def test_the_seeds_own_expressions_map_its_table(shell: Shell, otto: list[ShopEvent]) -> None:
    write_parquet(shell.home / "s3" / "otel-analytics" / "otel_logs", seed_rows(otto))
    shell.done("query", SEED_TABLE)
    mapping = {
        "source.table": "otel_logs",
        "source.service_name": 'attributes."resource.service.name"',
        "source.event_name": "body",
        "source.user_key": "attributes.userKey",
        "source.session_id": "attributes.sessionId",
        "timezone": "Asia/Seoul",
    }
    flags = [part for name, sql in mapping.items() for part in ("--set", f"{name}={sql}")]
    shell.done("run", "otto", "--execution-date", E, *flags)
    assert_tables_are_the_oracles(
        tables_of(shell, "otto"),
        as_oracle_events(otto),
        SERVICE,
        Definition(date(2022, 8, 29), timezone="Asia/Seoul"),
    )


def test_a_folder_of_parquet_becomes_a_table_by_the_lines_that_inspect_prints(
    shell: Shell, otto: list[ShopEvent]
) -> None:
    folder = shell.folder / "2022 logs"
    write_parquet(folder, seed_rows(otto))
    printed = shell.done("inspect", folder, "--write").stdout
    assert not shell.home.exists()
    assert settings_in(shell)["source"]["table"] == "t_2022_logs"
    lines = printed.partition("to make the folder a table here:\n\n")[2].splitlines()
    make, link, query, *statement, end = lines
    assert query == "otel-analytics query - <<'SQL'"
    assert end == "SQL"
    (shell.folder / shlex.split(make)[-1]).mkdir(parents=True)
    _, _, target, name = shlex.split(link)
    (shell.folder / name).symlink_to(target)
    shell.done("query", "-", stdin="\n".join(statement))
    shell.done("run", "otto", "--execution-date", E)
    assert_tables_are_the_oracles(
        tables_of(shell, "otto"), as_oracle_events(otto), SERVICE, PROPOSED
    )


def test_the_printed_lines_keep_the_flags_and_stay_out_of_the_lake(shell: Shell) -> None:
    folder = shell.folder / "lake"
    row = "SELECT TIMESTAMP '2025-10-20 23:30:00' AS created_at, 'shop' AS service"
    write_parquet(folder, row, partitioned=False)
    (shell.folder / "our settings.toml").write_text("")
    given = ("--home", "my home", "--config", "our settings.toml", "--set", "athena.database=db")
    printed = shell.done(*given[:2], "inspect", folder, *given[2:]).stdout
    make, link, query, *statement, _ = printed.partition("a table here:\n\n")[2].splitlines()
    assert shlex.split(make) == ["mkdir", "-p", "my home/s3/external"]
    assert shlex.split(link) == ["ln", "-s", str(folder), "my home/s3/external/lake"]
    assert statement[-1].endswith("LOCATION 's3://external/lake/'")
    program, *arguments, heredoc = shlex.split(query)
    assert (program, heredoc) == ("otel-analytics", "<<SQL")
    assert arguments == ["query", *given, "-"]
    (shell.folder / "my home" / "s3" / "external").mkdir(parents=True)
    (shell.folder / "my home" / "s3" / "external" / "lake").symlink_to(folder)
    shell.done(*arguments, stdin="\n".join(statement))
    assert shell.query('SELECT service FROM "lake"', *given) == [{"service": "shop"}]


def test_a_name_that_would_steer_the_terminal_is_shown_by_its_escapes(
    shell: Shell, ingest: Ingest
) -> None:
    ingest(ShopEvent("shop", NOON, "add to cart \x9b31m\x1b[0m", "u", "s"))
    shown = shell.done("inspect").stdout
    assert "proposed settings" in shown
    assert not [c for c in shown if not c.isprintable() and c != "\n"]
    assert "\\x9b31m\\x1b[0m" in shown
    as_json = shell.done("inspect", "--json")
    assert not [c for c in as_json.stdout if not c.isprintable() and c != "\n"]
    assert as_json.json["event_names"] == [["add to cart \x9b31m\x1b[0m", 1]]


def test_columns_that_are_no_text_are_proposed_as_text(shell: Shell) -> None:
    folder = shell.folder / "logs"
    row = (
        "SELECT TIMESTAMPTZ '2025-10-20 23:30:00+00' AS created_at, 17 AS customer_id, "
        "'v' AS visit_id, 'shop' AS service, 'Added to Cart' AS event"
    )
    write_parquet(folder, row, partitioned=False)
    shown = shell.done("inspect", folder, "--json").json
    assert shown["proposed_settings"] == {
        "events.cart_add": ["commerce.cart.add", "Added to Cart"],
        "source.table": "logs",
        "source.service_name": '"service"',
        "source.timestamp": '"created_at"',
        "source.event_name": '"event"',
        "source.user_key": 'CAST("customer_id" AS VARCHAR)',
        "source.session_id": '"visit_id"',
        "source.partitions": [],
    }


def test_a_file_whose_own_name_holds_an_equals_sign_is_no_partition(shell: Shell) -> None:
    folder = shell.folder / "logs"
    row = "SELECT TIMESTAMP '2025-10-20 23:30:00' AS created_at, 'shop' AS service"
    write_parquet(folder / "year=2025", row, partitioned=False)
    (folder / "year=2025" / "logs.parquet").rename(folder / "year=2025" / "service=shop.parquet")
    shown = shell.done("inspect", folder, "--json").json
    assert shown["services"] == [{"name": "shop", "records": 1, "with_user": 0, "with_session": 0}]
    assert "PARTITIONED BY (`year` string)" in shell.done("inspect", folder).stdout


def test_what_no_column_seems_to_hold_is_said(shell: Shell) -> None:
    folder = shell.folder / "logs"
    write_parquet(folder, "SELECT 1760961600 AS seconds, 'x' AS name", partitioned=False)
    ended = shell.done("inspect", folder)
    assert ended.stdout.startswith("1 records\n")
    warnings = [line for line in ended.stderr.splitlines() if line.startswith("warning: ")]
    assert warnings == [
        f"warning: nothing looks like {role}: set source.{role}"
        for role in ("service_name", "timestamp", "user_key", "session_id")
    ]


def test_what_is_neither_a_path_nor_a_table_is_refused(otto_shell: Shell) -> None:
    assert otto_shell.refused("inspect", "nosuch") == (
        "there is neither a path nor a table 'nosuch': give OTLP files, a folder of Parquet, or a "
        "table that otel-analytics tables lists"
    )
    assert otto_shell.refused("inspect", "nosuch", "nosuch2") == (
        "nosuch: no such file or folder: check the path"
    )


def test_files_without_a_log_record_are_named(shell: Shell) -> None:
    (shell.folder / "empty").touch()
    ended = shell.run("inspect", "empty")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == (
        "warning: empty: is empty: there is no log record in it\n"
        "otel-analytics: there is no readable log record in these files\n"
    )


def test_broken_parquet_is_refused_and_named(shell: Shell) -> None:
    folder = shell.folder / "logs"
    folder.mkdir()
    (folder / "a.parquet").write_bytes(b"PAR1 and no more")
    message = shell.refused("inspect", folder)
    assert message.startswith(f"{folder}: cannot be read as Parquet: ")
    assert "a.parquet" in message


def test_times_with_a_zone_are_utc_whatever_the_zone_of_the_machine(shell: Shell) -> None:
    folder = shell.folder / "logs"
    row = "SELECT TIMESTAMPTZ '2025-10-20 23:30:00+00' AS created_at, 'shop' AS service"
    write_parquet(folder, row, partitioned=False)
    shell = shell.with_environment(TZ="Asia/Seoul")
    shown = ended(shell.start("inspect", folder, "--json")).json
    assert shown["first_day"] == "2025-10-20"


def test_records_that_cannot_be_read_are_counted(shell: Shell) -> None:
    record = '{"timeUnixNano": "1741608000000000000", "body": {"stringValue": "view"}}'
    whole = f'{{"resourceLogs": [{{"scopeLogs": [{{"logRecords": [{record}]}}]}}]}}'
    file = shell.folder / "logs.jsonl"
    file.write_text(f"{whole}\n{whole[:40]}\n{whole[:50]}\n")
    assert "warning: 2 more cannot be read" in shell.done("inspect", str(file)).stderr


def test_an_empty_home_says_how_logs_come_into_it(shell: Shell) -> None:
    assert "put logs into it with otel-analytics ingest" in shell.refused("inspect")
