"""The folder that stands for an account: made, opened twice, refused."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_analytics.errors import Failed, HomeTooNew, InvalidHome
from otel_analytics.local.home import SCHEMA_VERSION, Home, open_home

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_new_home_has_its_folders_and_its_catalog(tmp_path: Path) -> None:
    home = open_home(tmp_path / "a" / "home")
    assert {path.name for path in home.path.iterdir()} >= {"s3", "tmp", "catalog.sqlite"}
    home.close()
    with sqlite3.connect(home.path / "catalog.sqlite") as plain:
        assert plain.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()


def test_what_is_written_is_there_when_the_home_is_opened_again(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    with home.transaction() as connection:
        connection.execute("INSERT INTO databases VALUES ('log_db', NULL, 0)")
    home.close()
    again = open_home(tmp_path)
    with again.reading() as connection:
        assert connection.execute("SELECT name FROM databases").fetchall() == [("log_db",)]
    again.close()


def test_a_transaction_that_raises_leaves_nothing(home: Home) -> None:
    def fail() -> None:
        with home.transaction() as connection:
            connection.execute("INSERT INTO databases VALUES ('x', NULL, 0)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with home.reading() as connection:
        assert connection.execute("SELECT count(*) FROM databases").fetchone() == (0,)


def test_a_transaction_inside_another_is_part_of_it(home: Home) -> None:
    def fail() -> None:
        with home.transaction():
            with home.transaction() as connection:
                connection.execute("INSERT INTO databases VALUES ('x', NULL, 0)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with home.reading() as connection:
        assert connection.execute("SELECT count(*) FROM databases").fetchone() == (0,)


def test_a_snapshot_is_of_one_moment_whatever_another_process_writes(tmp_path: Path) -> None:
    def count() -> int:
        with home.snapshot() as connection:
            (found,) = connection.execute("SELECT count(*) FROM databases").fetchone()
        return int(found)

    home, other = open_home(tmp_path), open_home(tmp_path)
    with home.snapshot():
        before = count()
        with other.transaction(durable=True) as connection:
            connection.execute("INSERT INTO databases VALUES ('x', NULL, 0)")
        assert (before, count()) == (0, 0)
    assert count() == 1
    home.close()
    other.close()


def test_a_home_of_a_newer_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    open_home(tmp_path).close()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as plain:
        plain.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    plain.close()
    with pytest.raises(HomeTooNew, match="upgrade otel-analytics") as refused:
        open_home(tmp_path)
    assert refused.value.where == str(tmp_path)
    assert refused.value.exit_code == 2


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidHome, match="is not a folder"):
            open_home(path)


def test_a_catalog_that_is_no_sqlite_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(InvalidHome, match="is not a catalog"):
        open_home(tmp_path)


def test_the_sqlite_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalog.sqlite") as plain:
        plain.execute("CREATE TABLE theirs (a)")
    plain.close()
    before = (tmp_path / "catalog.sqlite").read_bytes()
    with pytest.raises(InvalidHome, match="of another program"):
        open_home(tmp_path)
    assert (tmp_path / "catalog.sqlite").read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidHome, match="cannot be made or written"):
        open_home(tmp_path / "home")


def test_a_home_of_someone_else_at_rest_can_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = open_home(Path(folder) / "home")
        with home.transaction() as connection:
            connection.execute("INSERT INTO databases VALUES ('log_db', NULL, 0)")
        home.close()
        for path in (*home.path.rglob("*"), home.path):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            with _someone_else():
                read = open_home(home.path, to_read=True)
                with read.reading() as connection:
                    assert connection.execute("SELECT name FROM databases").fetchall() == [
                        ("log_db",)
                    ]
                read.close()
        finally:
            home.path.chmod(0o755)


@contextmanager
def _someone_else() -> Iterator[None]:
    """Be nobody, where this is root, to whom no rights matter."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_home_in_a_place_that_takes_no_folders_is_refused() -> None:
    with pytest.raises(InvalidHome, match=r"cannot be made or written|is not a folder"):
        open_home(Path("/proc/otel-analytics"))


_OPEN_AND_ADD = """
import sys
from pathlib import Path
from otel_analytics.local.home import open_home
print("ready", flush=True)
sys.stdin.readline()
home = open_home(Path(sys.argv[1]))
for i in range(50):
    with home.transaction() as connection:
        connection.execute("INSERT INTO databases VALUES (?, NULL, 0)", (f"{sys.argv[2]}_{i}",))
"""


def test_processes_that_open_a_new_home_at_once_all_write(tmp_path: Path) -> None:
    path = str(tmp_path / "home")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _OPEN_AND_ADD, path, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for n in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    home = open_home(tmp_path / "home")
    with home.reading() as connection:
        assert connection.execute("SELECT count(*) FROM databases").fetchone() == (150,)
    home.close()


_OPEN_AND_LEAVE_UNFINISHED = """
import sys
from pathlib import Path
from otel_analytics.local.home import open_home
home = open_home(Path(sys.argv[1]))
(home.tmp / "unfinished").mkdir()
(home.tmp / "unfinished" / "file").write_text("")
home.schemas.mkdir(exist_ok=True)
print(home.tmp, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_did_not_finish_is_removed_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _OPEN_AND_LEAVE_UNFINISHED, str(tmp_path)]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as alive,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as dead,
    ):
        assert alive.stdout is not None
        assert dead.stdout is not None
        kept, left = (Path(one.stdout.readline().strip()) for one in (alive, dead))  # type: ignore[union-attr]
        elsewhere = left.with_name(f"another-host-{left.name.split('-', 1)[1]}")
        elsewhere.mkdir()
        dead.kill()
        dead.wait()
        assert (left / "unfinished" / "file").exists()
        home = open_home(tmp_path)
        assert set((tmp_path / "tmp").iterdir()) == {home.tmp, home.schemas, kept, elsewhere}
        assert (kept / "unfinished" / "file").exists()
        home.close()
        assert set((tmp_path / "tmp").iterdir()) == {home.schemas, kept, elsewhere}
        alive.communicate()


def test_a_home_that_is_refused_is_left_without_a_folder_for_the_unfinished(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(InvalidHome):
        open_home(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_a_statement_violates_stays_an_error_of_the_statement(home: Home) -> None:
    with pytest.raises(sqlite3.IntegrityError), home.transaction() as connection:
        connection.execute("INSERT INTO databases VALUES (NULL, NULL, NULL)")


def test_a_statement_that_the_catalog_cannot_take_names_the_catalog(home: Home) -> None:
    with pytest.raises(Failed, match="the catalog could not be used"), home.transaction() as c:
        c.execute("INSERT INTO no_such_table VALUES (1)")
