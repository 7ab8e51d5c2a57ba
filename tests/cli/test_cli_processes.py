"""The program as a process: exit codes, what goes to which stream, and two of them at once."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_analytics.cli.progress import Tracker
from tests.cli.conftest import E
from tests.cli.seven import tables_of
from tests.cli.shell import PROGRAM, Ended, Shell, ended

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["query", "SELECT 1"], 0),
        (["query", "SELEC 1"], 2),
        (["query", "SELECT 1 / 0"], 1),
        (["nocommand"], 2),
    ],
)
def test_the_exit_code_is_that_of_the_design(
    shell: Shell, arguments: list[str], exit_code: int
) -> None:
    done = ended(shell.start(*arguments))
    assert done.exit_code == exit_code
    assert bool(done.stdout) is (exit_code == 0)
    if exit_code:
        assert done.message


def test_help_imports_nothing_heavy() -> None:
    """Imports are what would make it slow."""
    heavy = ("duckdb", "pyarrow", "sqlglot", "jsonata", "rich")
    code = (
        "import sys; sys.argv = ['otel-analytics', '--help']\n"
        "from otel_analytics.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_json_is_alone_on_stdout_and_progress_on_stderr(own_otto: Shell) -> None:
    done = ended(own_otto.start("run", "otto", "--execution-date", E, "--json"))
    assert done.exit_code == 0
    assert json.loads(done.stdout)["status"] == "SUCCEEDED"
    assert "otto  CreateMAUTable" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(json.loads(done.stdout)["name"])


def test_a_run_and_queries_at_once(own_otto: Shell) -> None:
    run = own_otto.start("run", "otto", "--execution-date", E)
    queries = [own_otto.start("query", "SELECT COUNT(*) AS n FROM logall", "--json") for _ in "12"]
    assert [json.loads(ended(query).stdout) for query in queries] == [[{"n": 1006}]] * 2
    assert ended(run).exit_code == 0


def test_two_first_commands_in_a_new_home_and_two_ingests_of_one_file(
    shell: Shell, otto_exports: Path
) -> None:
    first, second = (
        ended(one) for one in [shell.start("ingest", otto_exports, "--json") for _ in "12"]
    )
    assert (first.exit_code, second.exit_code) == (0, 0), (first.stderr, second.stderr)
    assert first.json["written"] + second.json["written"] == 1006
    assert shell.query("SELECT COUNT(*) AS n FROM logall") == [{"n": 1006}]


def test_two_runs_of_different_services_at_once(own_otto: Shell, otto_shell: Shell) -> None:
    runs = [
        own_otto.start(
            "run", "otto", "--execution-date", E, "--name", name, "--set", f"athena.{base}"
        )
        for name, base in (("a", "s3_base=s3://bucket/a"), ("b", "database=other_db"))
    ]
    codes = [ended(one).exit_code for one in runs]
    # `other_db` has no logall: refused; the other run does not notice.
    assert codes == [0, 2]
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")


def test_a_run_of_a_service_while_another_is_under_way_disturbs_neither(
    own_otto: Shell, otto_shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[Ended] = []

    def follow(*_: object) -> None:
        if not others:
            others.append(ended(own_otto.start("run", "otto", "--execution-date", E)))

    monkeypatch.setattr(Tracker, "follow", follow)
    own_otto.done("run", "otto", "--execution-date", E)
    assert others[0].exit_code == 0, others[0].stderr
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")


def test_a_reader_that_leaves_is_no_error(own_otto: Shell) -> None:
    command = f"{PROGRAM} query 'SELECT * FROM logall' --json | head -c 10"
    run = subprocess.run(
        ["bash", "-c", command], cwd=own_otto.folder, capture_output=True, text=True, check=False
    )
    assert run.stdout == "[\n  {\n    "
    assert run.stderr == ""


def test_an_interrupted_run_says_so_and_a_later_one_makes_the_tables(
    own_otto: Shell, otto_shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Tracker, "follow", interrupt)
        run = own_otto.run("run", "otto", "--execution-date", E)
    assert (run.exit_code, run.stdout) == (130, "")
    assert re.fullmatch(
        r"otel-analytics: interrupted: (\S+) was stopped; otel-analytics asl redrive \1 would "
        "go on",
        run.stderr.strip(),
    )
    own_otto.done("run", "otto", "--execution-date", E)
    assert tables_of(own_otto, "otto") == tables_of(otto_shell, "otto")


def test_an_interrupted_query_says_so(own_otto: Shell) -> None:
    long = (
        "SELECT COUNT(*) FROM logall a CROSS JOIN logall b CROSS JOIN logall c CROSS JOIN logall d"
    )
    query = own_otto.start("query", long)
    while not _is_executing(own_otto.home / "catalog.sqlite"):
        assert query.poll() is None
    query.send_signal(signal.SIGINT)
    done = ended(query)
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr.strip() == "otel-analytics: interrupted"
    assert not _is_executing(own_otto.home / "catalog.sqlite")
    assert _states(own_otto.home / "catalog.sqlite")[0] == "CANCELLED"


def _is_executing(catalog: Path) -> bool:
    return "RUNNING" in _states(catalog)


def _states(catalog: Path) -> list[str]:
    """Return the states of the query executions, newest first."""
    with closing(sqlite3.connect(catalog)) as connection:
        rows = connection.execute("SELECT state FROM query_executions ORDER BY submitted DESC")
        return [state for (state,) in rows]
