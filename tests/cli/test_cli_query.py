"""The published tables from the command line: query, tables, verify, sql, definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from demo.otlp import ShopEvent
from otel_analytics.query.levels import load_levels
from tests.cli.conftest import E
from tests.oracle.seven_tables import COLUMNS, TABLES

if TYPE_CHECKING:
    from tests.cli.conftest import Ingest
    from tests.cli.shell import Shell

ROOT = Path(__file__).parents[2]
SEED = ROOT.parent / "shared" / "seed" / "000_3b5552eed308dbe6.txt"


@pytest.fixture
def validation_query() -> str:
    """The seed document's query, verbatim, closing semicolon included."""
    if not SEED.is_file():
        pytest.skip(f"the seed document is not here: no file {SEED}")
    _, _, after = SEED.read_text("utf-8").partition("```sql\n")
    sql, _, _ = after.partition("```")
    assert "theshop_brand_dau_summary;" in sql
    return sql


def test_the_seeds_validation_query_runs_verbatim(
    shell: Shell, ingest: Ingest, validation_query: str
) -> None:
    noon = 1_760_961_600 * 10**9  # 2025-10-20
    days = [noon - days_before * 86_400 * 10**9 for days_before in range(3)]
    ingest(*(ShopEvent("theshop-brand", time, "open", "u", "s") for time in days))
    shell.done("run", "theshop-brand", "--execution-date", "2025-10-21")
    expected = [{"record_count": 3, "last_execution": "2025-10-21"}]
    assert shell.query(validation_query) == expected
    assert shell.done("query", "-", "--json", stdin=validation_query).json == expected
    shown = shell.done("query", validation_query).stdout.splitlines()
    assert shown[0].split() == ["record_count", "last_execution"]
    assert shown[2].split() == ["3", "2025-10-21"]


def test_a_row_is_an_object_and_dates_are_iso_text(otto_shell: Shell) -> None:
    # Counted by hand: on 31 July 22:00 to 24:00 UTC 10 users came.
    sql = "SELECT * FROM otto_dau_summary WHERE \"date\" = DATE '2022-07-31'"
    (row,) = otto_shell.query(sql)
    assert list(row) == list(COLUMNS["dau"])
    assert (row["date"], row["year"], row["daily_active_users"]) == ("2022-07-31", "2022", 10)


def test_values_of_every_kind_are_json(otto_shell: Shell) -> None:
    sql = (
        "SELECT TIMESTAMP '2022-08-29 01:02:03.004' AS t, DATE '2022-08-29' AS d, "
        "CAST(1.50 AS DECIMAL(5, 2)) AS x, ARRAY[1, NULL] AS a, MAP(ARRAY['k'], ARRAY['v']) AS m, "
        "CAST(NULL AS VARCHAR) AS n, 2.5E0 AS f, true AS b, 9007199254740993 AS big, "
        "CAST('NaN' AS DOUBLE) AS nan, CAST('Infinity' AS DOUBLE) AS inf, 'é\"\n' AS text"
    )
    (row,) = otto_shell.query(sql)
    assert row == {
        "t": "2022-08-29T01:02:03.004000",
        "d": "2022-08-29",
        "x": "1.50",
        "a": [1, None],
        "m": {"k": "v"},
        "n": None,
        "f": 2.5,
        "b": True,
        "big": 9007199254740993,
        "nan": None,
        "inf": None,
        "text": 'é"\n',
    }


def test_columns_of_one_name_are_kept_apart(otto_shell: Shell) -> None:
    assert otto_shell.query("SELECT 1 AS a, 2 AS a, 3 AS a_2") == [{"a": 1, "a_2": 2, "a_2_2": 3}]


def test_a_statement_without_rows_prints_an_empty_list(own_otto: Shell) -> None:
    assert own_otto.query("SELECT * FROM otto_dau_summary WHERE false") == []
    ended = own_otto.done("query", "DROP TABLE otto_dau_summary", "--json")
    assert ended.json == []


def test_a_table_dropped_is_missing_for_verify(own_otto: Shell) -> None:
    own_otto.done("query", "DROP TABLE otto_dau_summary;")
    ended = own_otto.run("verify", "--json")
    assert ended.exit_code == 1
    assert {row["table"] for row in ended.json if not row["exists"]} == {"otto_dau_summary"}
    assert ended.stderr.startswith("missing: otto_dau_summary; build them: otel-analytics run")


def test_verify_shows_each_table_its_rows_and_its_execution_date(otto_shell: Shell) -> None:
    found = otto_shell.done("verify", "otto", "--json").json
    assert [row["table"] for row in found] == [f"otto_{name}_summary" for name in TABLES]
    assert {row["last_execution"] for row in found} == {E}
    counts = {row["table"]: row["record_count"] for row in found}
    # Events on each of 29 days, in two months, of four names; cohorts are always four.
    assert counts["otto_mau_summary"] == 2
    assert counts["otto_dau_summary"] == 29
    assert counts["otto_user_cohort_summary"] == 4
    assert otto_shell.done("verify", "--json").json == found


def test_verify_before_any_run_is_refused(shell: Shell) -> None:
    assert shell.refused("verify") == "nothing is published yet: run otel-analytics run SERVICE…"


def test_tables_have_the_columns_of_the_definition(otto_shell: Shell) -> None:
    tables = {one["table"]: one for one in otto_shell.done("tables", "--json").json}
    published = {f"otto_{name}_summary" for name in TABLES}
    history = {f"{name}_history" for name in published}
    assert set(tables) == {"logall", *load_levels(), *published, *history}
    for query_type in TABLES:
        table = tables[f"otto_{query_type}_summary"]
        declared = {name: kind.upper() for name, kind in table["columns"].items()}
        assert declared == COLUMNS[query_type]
        assert table["location"].startswith(f"s3://otel-analytics/summary/otto_{query_type}/")
    assert tables["logall"]["partitions"] == {"year": "string", "month": "string", "day": "string"}
    assert "otto_mau_summary" in otto_shell.done("tables").stdout


def test_tables_say_what_they_are_and_as_of_when(otto_shell: Shell) -> None:
    tables = {one["table"]: one for one in otto_shell.done("tables", "--json").json}
    shown = ("kind", "execution_date", "row_count", "partitions")
    dau = tables["otto_dau_summary"]
    assert [dau[name] for name in shown] == ["published", E, 29, {}]
    history = tables["otto_dau_summary_history"]
    assert [history[name] for name in shown] == ["history", None, None, {"execution_date": "date"}]
    assert tables["logall"]["kind"] == "other"


def test_without_tables_the_list_is_empty(shell: Shell) -> None:
    assert shell.done("tables", "--json").json == []
    assert "no tables yet" in shell.done("tables").stderr


@pytest.mark.parametrize("query_type", TABLES)
def test_the_athena_and_the_trino_text_of_sql_give_the_published_rows(
    otto_shell: Shell, query_type: str
) -> None:
    """Athena's queries are Trino's, so the embedded Athena can execute both."""
    arguments = ("sql", query_type, "--service", "otto", "--execution-date", E, "--dialect")
    published = otto_shell.query(f"SELECT * FROM otto_{query_type}_summary")
    for dialect in ("athena", "trino"):
        computed = otto_shell.query(otto_shell.done(*arguments, dialect).stdout)
        assert sorted(map(repr, computed)) == sorted(map(repr, published)), dialect


@pytest.mark.parametrize("query_type", TABLES)
def test_the_duckdb_text_of_sql_runs_in_bare_duckdb(otto_shell: Shell, query_type: str) -> None:
    sql = otto_shell.done(
        "sql", query_type, "--service", "otto", "--execution-date", E, "--dialect", "duckdb"
    ).stdout
    published = otto_shell.query(f"SELECT * FROM otto_{query_type}_summary")
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA log_db")
        connection.execute(
            "CREATE VIEW log_db.logall AS FROM read_parquet("
            f"'{otto_shell.lake}/logall/**/*.parquet', hive_partitioning = true, "
            "hive_types_autocast = false)"
        )
        cursor = connection.execute(sql)
        columns = [name for name, *_ in cursor.description or ()]
        computed = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    as_json = json.loads(json.dumps(computed, default=str))
    assert sorted(map(repr, as_json)) == sorted(map(repr, published))


def test_the_definition_is_the_copy_in_the_docs(shell: Shell) -> None:
    printed = shell.done("definition").stdout
    copy = ROOT / "docs" / "otel-analytics-pipeline.asl.json"
    assert json.loads(printed) == json.loads(copy.read_text("utf-8"))
    assert not shell.home.exists()


def test_settings_reach_the_definition(shell: Shell) -> None:
    document = shell.done("definition", "--set", "athena.database=other_db").json
    assert document["States"]["TransformServiceNames"]["Output"]["database"] == "other_db"


def test_flags_win_over_the_environment_and_the_environment_over_the_file(shell: Shell) -> None:
    (shell.folder / "otel-analytics.toml").write_text('[athena]\ndatabase = "from_file"\n')

    def database(shell: Shell, *flags: str) -> Any:
        document = shell.done("definition", *flags).json
        return document["States"]["TransformServiceNames"]["Output"]["database"]

    assert database(shell) == "from_file"
    shell = shell.with_environment(OTEL_ANALYTICS_ATHENA_DATABASE="from_environment")
    assert database(shell) == "from_environment"
    assert database(shell, "--set", "athena.database=from_flag") == "from_flag"


def test_a_flag_may_stand_before_or_behind_the_command(shell: Shell) -> None:
    assert shell.done("--home", "a", "tables").exit_code == 0
    assert shell.done("tables", "--home", "b").exit_code == 0
    assert [path.name for path in sorted(shell.folder.iterdir())] == ["a", "b"]


def test_min_data_date_cuts_every_window(own_otto: Shell) -> None:
    shell = own_otto.with_environment(MIN_DATA_DATE="2022-08-20")
    shell.done("run", "otto", "--execution-date", E)
    # 20 to 28 August
    sql = 'SELECT MIN("date") AS first, COUNT(*) AS days FROM otto_dau_summary'
    assert shell.query(sql) == [{"first": "2022-08-20", "days": 9}]


@pytest.mark.parametrize("command", [[], ["ingest"], ["inspect"], ["run"], ["history"]])
def test_help_is_printed_and_makes_no_home(shell: Shell, command: list[str]) -> None:
    assert shell.done(*command, "--help").stdout.startswith("Usage: otel-analytics ")
    assert list(shell.folder.iterdir()) == []
