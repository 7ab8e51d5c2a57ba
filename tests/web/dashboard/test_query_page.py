"""The page on which a reader asks a query: off unless asked for, and reading in fact."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.web.dashboard.served import Answer, Dashboard, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.shell import Shell

pytestmark = pytest.mark.xdist_group("dashboard")


@pytest.fixture(scope="module")
def asked(shop_shell: Shell) -> Iterator[Dashboard]:
    with serving(shop_shell, "--allow-query", "--timeout", "2") as dashboard:
        yield dashboard


def ask(dashboard: Dashboard, sql: str) -> Answer:
    return dashboard.post("/query", urlencode({"sql": sql}).encode())


def cells(answer: Answer) -> list[str]:
    return [unescape(cell) for cell in re.findall(r"<td[^>]*><bdi>(.*?)</bdi>", answer.text)]


def test_there_is_no_such_page_unless_it_is_asked_for(shop: Dashboard) -> None:
    assert shop.get("/query").status == 404
    assert ask(shop, "SELECT 1").status == 404
    assert "/query" not in shop.get("/").text


def test_a_query_shows_its_rows(asked: Dashboard) -> None:
    answer = ask(asked, "SELECT service_name, COUNT(*) FROM logall GROUP BY 1 ORDER BY 1;")
    assert answer.status == 200
    # 60 days; in `web` 3, 4, 5 users in turn, two events each and one more of the first
    assert cells(answer) == ["app", "180", "web", f"{20 * (3 + 4 + 5) * 2 + 60}"]


def test_at_most_a_thousand_rows_are_shown(asked: Dashboard) -> None:
    answer = ask(asked, "SELECT * FROM UNNEST(SEQUENCE(1, 5000)) AS t(n) LIMIT 2000")
    assert answer.status == 200
    assert len(cells(answer)) == 1000
    assert "The first 1,000 rows" in answer.text


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE web_dau_summary",
        "CREATE TABLE copy WITH (external_location = 's3://otel-analytics/copy/') AS SELECT 1 AS n",
        "CREATE EXTERNAL TABLE t (n int) STORED AS PARQUET LOCATION 's3://otel-analytics/summary/'",
        "INSERT INTO web_dau_summary SELECT * FROM web_dau_summary",
        "DELETE FROM web_dau_summary",
        "UPDATE web_dau_summary SET daily_active_users = 0",
        "ALTER TABLE web_dau_summary RENAME TO x",
        "UNLOAD (SELECT 1) TO 's3://otel-analytics/x/' WITH (format = 'PARQUET')",
        "SHOW TABLES",
        "DESCRIBE web_dau_summary",
        "SELECT 1; DROP TABLE web_dau_summary",
        "SELECT 1 /* */; DROP TABLE web_dau_summary; --",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.db' AS x",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '1GB'",
        "PRAGMA database_list",
        "CALL enable_profiling()",
        "EXPORT DATABASE '/tmp/x'",
        "WITH x AS (INSERT INTO web_dau_summary VALUES (1) RETURNING *) SELECT * FROM x",
        "SELECT * FROM (DELETE FROM web_dau_summary RETURNING *)",
    ],
)
def test_what_is_no_query_is_refused(asked: Dashboard, sql: str) -> None:
    before = contents(asked.shell.folder)
    answer = ask(asked, sql)
    assert answer.status == 400
    assert 'class="failure"' in answer.text
    assert contents(asked.shell.folder) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_csv_auto('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM read_blob('{file}')",
        "SELECT * FROM read_json('{file}')",
        "SELECT * FROM read_parquet('{file}')",
        "SELECT * FROM parquet_scan('{file}')",
        "SELECT * FROM parquet_metadata('{file}')",
        "SELECT * FROM sniff_csv('{file}')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '{file}'",
        'SELECT * FROM "{file}"',
        "SELECT (SELECT content FROM read_text('{file}'))",
        "SELECT * FROM TABLE(read_text('{file}'))",
        "SELECT read_text('{file}')",
        "SELECT 1 WHERE EXISTS (SELECT * FROM read_text('{file}'))",
        "SELECT * FROM logall, LATERAL (SELECT * FROM read_text('{file}'))",
        "SELECT * FROM query('SELECT content FROM read_text(''{file}'')')",
        "SELECT * FROM query_table('{file}')",
        "SELECT getenv('HOME')",
        "SELECT current_setting('temp_directory')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM sqlite_master",
        "FROM read_text('{file}')",
        "SELECT * FROM UNNEST(read_text('{file}'))",
    ],
)
def test_no_file_and_nothing_of_the_machine_is_read(
    asked: Dashboard, tmp_path: Path, sql: str
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("hunter2,swordfish\n")
    answer = ask(asked, sql.format(file=secret))
    assert answer.status in (400, 502)
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    "table", ["other_db.secret", "information_schema.tables", '"lambda:cat".log_db.logall']
)
def test_no_other_database_is_read(asked: Dashboard, table: str) -> None:
    answer = ask(asked, f"SELECT * FROM logall, {table}")
    assert answer.status == 400
    assert "NOT_SUPPORTED: line 1:23: only tables of log_db can be read here" in answer.text


def test_a_query_that_takes_too_long_is_cancelled(asked: Dashboard) -> None:
    numbers = "UNNEST(SEQUENCE(1, 10000))"
    sql = f"SELECT COUNT(*) FROM {numbers} AS a(x), {numbers} AS b(y), {numbers} AS c(z)"
    answer = ask(asked, f"{sql} WHERE x * y * z % 7 = 3")
    assert answer.status == 502
    assert "EXCEEDED_TIME_LIMIT: the query took more than 2 s" in answer.text


def test_another_site_cannot_ask_a_query(asked: Dashboard) -> None:
    body = urlencode({"sql": "SELECT 1"}).encode()
    site = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert asked.post("/query", body, **site).status == 403
    assert asked.post("/query", body, Origin="https://evil.example").status == 403
    assert asked.post("/query", body, Origin=asked.address.rstrip("/")).status == 200
    assert asked.get("/query?sql=SELECT+42").text.count("42") == 0


def test_a_mistake_is_told_with_its_place_and_markup_is_only_text(asked: Dashboard) -> None:
    answer = ask(asked, "SELECT '<b>bold</b>' AS \"<i>x</i>\",\n nosuch FROM logall")
    assert answer.status == 502, "it was executed, as far as that goes"
    assert "COLUMN_NOT_FOUND: line 2:2" in answer.text
    assert "<b>" not in answer.text
    shown = ask(asked, "SELECT '<b>bold</b>' AS \"<i>x</i>\"")
    assert cells(shown) == ["<b>bold</b>"]
    assert "<i>" not in shown.text


def contents(folder: Path) -> dict[str, int]:
    """Return every file of a folder with its time."""
    files = (path for path in folder.rglob("*") if path.is_file())
    shared = (path for path in files if not path.name.endswith(("-shm", "-wal")))
    return {str(path): path.stat().st_mtime_ns for path in shared}
