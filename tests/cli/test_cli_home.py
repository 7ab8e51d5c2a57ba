"""A home that is damaged, that may only be read, or whose settings have changed."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import E
from tests.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PAGE = 4096


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "SELECT COUNT(*) FROM logall"),
        ("tables",),
        ("executions",),
        ("run", "otto", "--execution-date", E),
    ],
)
@pytest.mark.parametrize("junk", [b"\xff", b"\0"])
def test_a_damaged_catalog_is_named_with_the_way_out(
    own_otto: Shell, arguments: tuple[str, ...], junk: bytes
) -> None:
    catalog = own_otto.home / "catalog.sqlite"
    size = catalog.stat().st_size
    with catalog.open("r+b") as file:
        file.seek(2 * _PAGE)
        file.write(junk * (size - 2 * _PAGE))
    message = own_otto.failed(*arguments)
    assert message.startswith(f"{catalog}: the catalog is damaged (")
    assert "move this file away" in message


def test_a_new_catalog_over_the_data_of_a_damaged_one_sees_them(
    own_otto: Shell, otto_exports: Path
) -> None:
    """What the message of a damaged catalog says to do."""
    for file in own_otto.home.glob("catalog.sqlite*"):
        file.unlink()
    assert own_otto.done("ingest", otto_exports, "--json").json["written"] == 0
    assert own_otto.query("SELECT COUNT(*) AS n FROM logall") == [{"n": 1006}]
    own_otto.done("run", "otto", "--execution-date", E)


def test_an_ingest_to_where_logall_does_not_look_is_refused_before_it_begins(
    own_otto: Shell, otto_exports: Path
) -> None:
    changed = ("--set", "lake=s3://otel-analytics/new")
    message = own_otto.refused("ingest", otto_exports, *changed)
    assert message.startswith(
        "the table log_db.logall lies at s3://otel-analytics/lake/logall/, and by the setting lake "
        "its records would go to s3://otel-analytics/new/logall/"
    )
    assert not own_otto.lake.with_name("new").exists()
    # what it says to do
    own_otto.done("query", "DROP TABLE logall")
    own_otto.done("ingest", otto_exports, *changed)
    assert own_otto.query("SELECT COUNT(*) AS n FROM logall", *changed) == [{"n": 1006}]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """A folder on a file system of its own, and what makes that read-only."""

    def mount(*options: str) -> bool:
        command = ["mount", *options, str(tmp_path)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if not shutil.which("mount") or not mount("-t", "tmpfs", "tmpfs"):
        pytest.skip("a tmpfs may not be mounted here")
    yield tmp_path, partial(mount, "-o", "remount,ro")
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_home_that_may_only_be_read_is_read(
    otto_shell: Shell, closed: tuple[Path, Callable[[], bool]]
) -> None:
    folder, close = closed
    shutil.copytree(otto_shell.home, folder / otto_shell.home.name)
    assert close()
    shell = Shell(folder)
    (execution,) = shell.done("executions", "--json").json["executions"]
    described = shell.done("describe", execution["name"], "--json").json
    assert described == otto_shell.done("describe", execution["name"], "--json").json
    assert shell.done("history", execution["name"], "--json").json[-1]["type"].endswith("Succeeded")
    assert shell.done("tables").stdout == otto_shell.done("tables").stdout
    assert shell.query("SELECT COUNT(*) AS n FROM logall") == [{"n": 1006}]
    assert shell.done("verify").stdout == otto_shell.done("verify").stdout
    shell.done("inspect", "logall")
    assert shell.done("clean").stderr == "nothing is left to delete\n"
    for arguments in (("run", "otto"), ("clean", "--yes")):
        assert "cannot be made or written (Read-only file system)" in shell.refused(*arguments)
    assert "readonly database" in shell.failed("query", "DROP TABLE logall")


def test_changes_that_nobody_can_read_without_writing_are_said(
    otto_shell: Shell, closed: tuple[Path, Callable[[], bool]]
) -> None:
    """As a process leaves them that is killed, and a copy that lacks what it shared with others."""
    folder, close = closed
    home = folder / otto_shell.home.name
    shutil.copytree(otto_shell.home, folder / "first")
    with closing(sqlite3.connect(folder / "first" / "catalog.sqlite")) as catalog:
        catalog.execute("CREATE TABLE more (n)")
        shutil.copytree(folder / "first", home)
    (home / "catalog.sqlite-shm").unlink()
    assert close()
    message = Shell(folder).refused("tables")
    assert "catalog.sqlite-wal beside it holds what is not in it yet" in message
