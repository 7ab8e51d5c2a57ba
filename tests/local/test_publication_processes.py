"""Publications by several processes at once, readers beside them, a full disk, a killed process."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_analytics.errors import Failed
from otel_analytics.local.athena import Athena
from otel_analytics.local.catalog import Catalog
from otel_analytics.local.engine import Engine
from otel_analytics.local.home import open_home
from otel_analytics.local.jobs import Job
from otel_analytics.local.query_executions import QueryExecutions
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.query.statements import Query, TableName, parse_statement
from tests.local.publishing import QUERY_TYPES, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.operations.catalog import Table

_ROOT = Path(__file__).resolve().parents[2]

# Opens the home, stages, says so, waits for its start, then publishes; prints what came of it.
_PUBLISHER = """
import sys
from pathlib import Path
from otel_analytics.errors import NewerPublished
from tests.local.test_publication_processes import opened
home, service, *runs = sys.argv[1:]
with opened(Path(home), service) as shop:
    for run in runs:
        shop.stage(run, f"2025-01-{run[-2:]}")
    print("staged", flush=True)
    sys.stdin.readline()
    for run in runs:
        try:
            print(shop.publish(run, f"2025-01-{run[-2:]}")["status"], flush=True)
        except NewerPublished:
            print("NEWER", flush=True)
"""


class opened:  # noqa: N801 - a context manager
    """A service's tables in the home at `path`, opened as a process does."""

    def __init__(self, path: Path, service: str = "theshop-web") -> None:
        self.home = open_home(path)
        store = ObjectStore(self.home.s3, self.home.tmp)
        self.engine = Engine(store, schemas=self.home.schemas, memory_limit="200MB")
        catalog = Catalog(self.home)
        self.athena = Athena(catalog, store, self.engine, QueryExecutions(self.home))
        self.service = service

    def __enter__(self) -> Shop:
        return Shop(self.athena, self.service)

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        self.home.close()


def _publisher(home: Path, service: str, *runs: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PUBLISHER, str(home), service, *runs],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _wait_until_staged(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "staged\n"


def _start(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_of_publications_at_once_the_latest_execution_date_stands_and_readers_see_one_execution(
    tmp_path: Path,
) -> None:
    runs = [f"run_{day:02}" for day in range(1, 9)]
    with opened(tmp_path) as shop, opened(tmp_path, "theshop-brand") as brand:
        for one in (shop, brand):
            one.stage_and_publish("run_00", "2024-12-31")
        # each publishes one day of each service; half of them begin with the later day
        processes = [
            _publisher(tmp_path, service, *days)
            for service in ("theshop-web", "theshop-brand")
            for days in (runs[:2], runs[2:4], runs[5:3:-1], runs[7:5:-1])
        ]
        for process in processes:
            _wait_until_staged(process)
        for process in processes:
            _start(process)
        seen = []
        while any(process.poll() is None for process in processes):
            for one in (shop, brand):
                (execution,) = one.published_by()
                seen.append(execution)
        assert [process.returncode for process in processes] == [0] * 8
        for process in processes:
            process.communicate()
        for one in (shop, brand):
            assert one.published_by() == {"run_08"}
            for query_type in QUERY_TYPES:
                assert one.history(query_type) == [
                    ("2024-12-31", "run_00"),
                    *((f"2025-01-{run[-2:]}", run) for run in runs),
                ]
        # no execution date gave way to an earlier one
        assert seen[::2] == sorted(seen[::2])
        assert seen[1::2] == sorted(seen[1::2])


def test_a_reader_that_found_the_tables_just_before_a_publication_still_reads_them(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as shop:
        shop.stage_and_publish("run_01", "2025-01-01")
        name = TableName("theshop_web_mau_summary", "log_db")
        before = shop.athena.catalog.table(name)
        shop.stage_and_publish("run_02", "2025-01-01")
        query = parse_statement("SELECT built_by FROM log_db.theshop_web_mau_summary")
        assert isinstance(query, Query)
        rows = shop.athena.engine.select(query, {name: before}, Job()).rows
        assert rows == (("run_01",),)
        assert shop.published_by() == {"run_02"}


def test_a_query_whose_tables_are_published_again_and_again_reads_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = Athena._tables
    with opened(tmp_path) as shop:
        shop.stage_and_publish("run_01", "2025-01-01")
        for run in ("run_02", "run_03"):
            shop.stage(run, "2025-01-01")

        def published_after(self: Athena, *arguments: object) -> object:
            found = tables(self, *arguments)  # type: ignore[arg-type]
            monkeypatch.undo()
            for run in ("run_02", "run_03"):
                shop.publish(run, "2025-01-01")
            return found

        monkeypatch.setattr(Athena, "_tables", published_after)
        rows = shop.execute("SELECT built_by FROM theshop_web_mau_summary")
        assert rows == [("run_03",)]


def test_the_tables_of_one_query_are_of_one_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Catalog.table
    with opened(tmp_path) as shop, opened(tmp_path) as other:
        shop.stage_and_publish("run_01", "2025-01-01")
        other.stage("run_02", "2025-01-02")

        def published_after(self: Catalog, name: TableName) -> Table:
            found = table(self, name)
            monkeypatch.undo()
            other.publish("run_02", "2025-01-02")
            return found

        monkeypatch.setattr(Catalog, "table", published_after)
        assert shop.published_by() == {"run_01"}
        assert shop.published_by() == {"run_02"}


def test_published_data_that_are_gone_are_an_error_and_no_empty_table(tmp_path: Path) -> None:
    with opened(tmp_path) as shop:
        shop.stage_and_publish("run_01", "2025-01-01")
        for file in tmp_path.glob("s3/*/summary/theshop_web_mau/run_01/0/*"):
            file.unlink()
        for table in ("theshop_web_mau_summary", "theshop_web_mau_summary_history"):
            with pytest.raises(Failed, match=f"the data of log_db.{table} are gone from s3://"):
                shop.execute(f"SELECT * FROM {table}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode != 0:
        pytest.skip("a tmpfs may not be mounted here")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_publication_for_which_there_is_no_room_changes_nothing(small_disk: Path) -> None:
    with opened(small_disk / "home") as shop:
        shop.stage_and_publish("run_01", "2025-01-01")
        shop.stage("run_02", "2025-01-02")
        filler = small_disk / "filler"
        _fill(filler)
        with pytest.raises(Failed, match=r"the catalog could not be used.*has room"):
            shop.publish("run_02", "2025-01-02")
        filler.unlink()
        assert shop.published_by() == {"run_01"}
        assert shop.history() == [("2025-01-01", "run_01")]
        assert shop.publish("run_02", "2025-01-02")["status"] == "PUBLISHED"
        assert shop.published_by() == {"run_02"}


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"x" * 4096):
            pass


def test_a_publication_into_a_catalog_that_only_reads_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as shop:
        shop.stage_and_publish("run_01", "2025-01-01")
        shop.stage("run_02", "2025-01-02")
        with shop.athena.catalog.home.reading() as connection:
            connection.execute("PRAGMA query_only = ON")
        with pytest.raises(Failed, match=r"readonly database; see that .* can be written"):
            shop.publish("run_02", "2025-01-02")
        with shop.athena.catalog.home.reading() as connection:
            connection.execute("PRAGMA query_only = OFF")
        assert shop.published_by() == {"run_01"}
        assert shop.publish("run_02", "2025-01-02")["status"] == "PUBLISHED"


_KILLED = """
import os, signal, sys
from pathlib import Path
import otel_analytics.operations.publisher as publisher
from otel_analytics.local.publications import Publications
from tests.local.test_publication_processes import opened
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "before":
    Publications.changed = die
else:
    publisher.delete_versions = die
with opened(Path(sys.argv[1])) as shop:
    shop.publish("run_03", "2025-01-01")
"""


@pytest.mark.parametrize(("moment", "stands"), [("before", "run_02"), ("after", "run_03")])
def test_a_publication_killed_before_or_after_its_commit_is_whole_or_not_at_all(
    tmp_path: Path, moment: str, stands: str
) -> None:
    with opened(tmp_path) as shop:
        for run in ("run_01", "run_02"):
            shop.stage_and_publish(run, "2025-01-01")
        shop.stage("run_03", "2025-01-01")
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED, str(tmp_path), moment], cwd=_ROOT, check=False
        )
        assert killed.returncode == -signal.SIGKILL
        assert shop.published_by() == {stands}
        assert shop.history() == [("2025-01-01", stands)]
        shop.publish("run_03", "2025-01-01")
        assert shop.published_by() == {"run_03"}
        assert shop.leaves() == ["run_02", "run_03"]
