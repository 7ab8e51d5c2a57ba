"""What the dashboard serves beside its pages: files, addresses, and nothing written."""

from __future__ import annotations

import csv
import io
import signal
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from otel_analytics.web.panels import PANELS
from tests.cli.shell import Shell, ended
from tests.web.dashboard.served import Dashboard
from tests.web.dashboard.shop import HOSTILE_NAMES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("dashboard")


def test_a_text_that_a_spreadsheet_would_execute_is_quoted_in_csv_alone(hostile: Dashboard) -> None:
    answer = hostile.get("/panels/events.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="events.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert {row["event_type"] for row in rows} == {
        "'=HYPERLINK(1)" if name == "=HYPERLINK(1)" else name for name in HOSTILE_NAMES
    }
    table = pq.read_table(io.BytesIO(hostile.get("/panels/events.parquet").body))
    assert set(table.column("event_type").to_pylist()) == set(HOSTILE_NAMES)


@pytest.mark.parametrize(
    ("range_", "rows"), [("from=2024-05-02&to=2024-05-04", 3), ("from=2020-01-01&to=2020-01-02", 0)]
)
def test_a_column_without_a_value_has_its_type_in_parquet(
    shop: Dashboard, range_: str, rows: int
) -> None:
    # the table begins on 2 May, so the first mean of seven days is that of 8 May
    body = shop.get(f"/panels/dau.parquet?service=web&days=own&{range_}").body
    table = pq.read_table(io.BytesIO(body))
    assert table.num_rows == table.column("mean_of_7_days").null_count == rows
    assert {field.name: str(field.type) for field in table.schema} == {
        "service_name": "string",
        "date": "date32[day]",
        "daily_active_users": "int64",
        "mean_of_7_days": "double",
        "table_begins": "date32[day]",
        "execution_date": "date32[day]",
    }


def test_rows_of_several_services_are_one_file_and_their_queries_another(shop: Dashboard) -> None:
    asked = "service=web&service=app&days=own&from=2024-06-30&to=2024-06-30"
    rows = list(csv.DictReader(io.StringIO(shop.get(f"/panels/dau.csv?{asked}").text)))
    assert [(row["service_name"], row["daily_active_users"]) for row in rows] == [
        ("web", "3"),
        ("app", "1"),
    ]
    sql = shop.get(f"/panels/dau.sql?{asked}").text
    assert [table in sql for table in ("web_dau_summary", "app_dau_summary")] == [True, True]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/panels/nosuch", 404),
        ("/panels/nosuch.csv", 404),
        ("/panels/dau.xlsx", 404),
        ("/panels/dau.csv?service=no%20such", 400),
        ("/panels/dau?days=own&from=2024-02-30", 400),
        ("/?days=own&from=2024-06-30&to=2024-06-01", 400),
        ("/panels/dau?days=own&from=2024-06-30&to=2024-06-01", 400),
        ("/?days=31", 400),
        ("/?service=" + "&service=".join("abcdefg"), 400),
        ("/executions/nosuch", 404),
        ("/nosuch", 404),
        ("/static/x/style.css", 404),
        ("/static/x/..%2f..%2fapp.py", 404),
        ("/panels/..%2f..%2fapp", 404),
    ],
)
def test_what_is_not_there_is_told(shop: Dashboard, path: str, status: int) -> None:
    assert shop.get(path).status == status


def test_a_service_without_tables_has_panels_that_say_so(shop: Dashboard) -> None:
    answer = shop.get("/panels/dau?service=nosuch").json
    assert answer["chart"] is None
    assert "otel-analytics run" in answer["html"]
    assert shop.get("/panels/dau.csv?service=nosuch").status == 200


def test_a_request_that_is_refused_says_what_to_do(shop: Dashboard) -> None:
    said = {
        "/?days=31": "days &#39;31&#39;: write one of 30, 90, 365, all, own",
        "/?service=" + "&service=".join("abcdefg"): "7 services cannot be told apart",
        "/?days=own&from=2024-06-30&to=2024-06-01": "begin it before it ends",
    }
    for path, text in said.items():
        assert text in shop.get(path).text


def test_a_range_with_nothing_before_it_says_so_instead_of_a_comparison(shop: Dashboard) -> None:
    # E is 1 July, so the tables of 90 days begin on 2 April
    nothing = "Nothing to compare with: the tables begin on Tue 2 Apr 2024."
    for range_ in ("", "days=90", "days=365", "days=all", "days=own&from=2024-04-02&to=2024-05-01"):
        page = shop.get(f"/?{range_}").text
        assert nothing in page
        assert "compare=1" not in page
    for range_ in ("days=30", "days=own&from=2024-04-03&to=2024-05-01"):
        page = shop.get(f"/?{range_}").text
        assert nothing not in page
        assert "compare=1" in page


@pytest.mark.parametrize(
    ("range_", "note"),
    [
        ("days=all", "The previous period lies before the table begins, on Tue 2 Apr 2024."),
        (
            "days=own&to=2024-06-01",
            "The previous period lies before the table begins, on Tue 2 Apr 2024.",
        ),
        ("days=own&from=2024-06-01", "No previous period: choose the last day of the range, too."),
    ],
)
def test_a_comparison_of_an_open_range_is_explained(
    shop: Dashboard, range_: str, note: str
) -> None:
    assert note in shop.get(f"/panels/dau?service=web&{range_}&compare=1").json["html"]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("fr-FR,ko;q=0.4", "ko"),
        ("ko;q=0, en;q=0.1", "en"),
        ("ko;q=nonsense", "en"),
        ("fr", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_what_the_browser_wants_most_of_those_there_are(
    shop: Dashboard, accepted: str, language: str
) -> None:
    assert f'<html lang="{language}">' in shop.get("/", Accept_Language=accepted).text


def test_files_are_kept_by_the_browser_and_change_their_address(shop: Dashboard) -> None:
    page = shop.get("/").text
    for name in ("style.css", "dashboard.js", "vega.js"):
        address = next(part for part in page.split('"') if part.endswith(name))
        answer = shop.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
    assert "vegaEmbed" in answer.text


def test_all_that_is_looked_at_writes_nothing(shop: Dashboard) -> None:
    def written() -> dict[Path, int]:
        home = shop.shell.home
        files = (path for path in home.rglob("*") if path.is_file())
        kept = (path for path in files if home / "tmp" not in path.parents)
        return {path: path.stat().st_mtime_ns for path in kept if path.suffix != ".sqlite-shm"}

    before = written()
    execution = shop.get("/executions").text.split('href="/executions/')[1].split('"')[0]
    paths = ["/", "/events", "/executions", f"/executions/{execution}"]
    for panel in PANELS:
        paths += [f"/panels/{panel.id}?days=30&compare=1", f"/panels/{panel.id}.parquet"]
    assert [shop.get(path).status for path in paths] == [200] * len(paths)
    assert written() == before


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to_and_leaves_nothing(tmp_path: Path, how: int) -> None:
    shell = Shell(tmp_path)
    process = shell.start("dashboard", "--port", "0")
    assert process.stderr is not None
    assert Dashboard(process.stderr.readline().split()[1], shell).get("/").status == 200
    process.send_signal(how)
    done = ended(process)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert not list((shell.home / "tmp").iterdir())
