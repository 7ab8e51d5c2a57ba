"""What fails after the work began: damaged files, a full disk, missing rights."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import zstandard

from demo.otlp import ShopEvent, export_requests, json_document, write_json_lines
from tests.cli.conftest import E
from tests.cli.seven import tables_of
from tests.cli.shell import PROGRAM, Shell, ended

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOISE = random.Random(1).randbytes(4000)
NOBODY = 65534


def lines_of_otto(otto: list[ShopEvent]) -> bytes:
    return "".join(json_document(one) + "\n" for one in export_requests(otto)).encode()


def objects(shell: Shell) -> list[Path]:
    return sorted(path for path in (shell.home / "s3").rglob("*") if path.is_file())


def lake_file(shell: Shell, day: str) -> Path:
    year, month, number = day.split("-")
    folder = shell.lake / "logall" / f"year={year}" / f"month={month}" / f"day={number}"
    return next(folder.iterdir())


def damage_column(file: Path, name: str) -> None:
    """Overwrite the pages of one column; the file's footer stays whole."""
    chunks = pq.ParquetFile(file).metadata.row_group(0)
    chunk = next(
        chunks.column(i)
        for i in range(chunks.num_columns)
        if chunks.column(i).path_in_schema == name
    )
    begin = chunk.dictionary_page_offset or chunk.data_page_offset
    with file.open("r+b") as content:
        content.seek(begin)
        content.write(b"\xff" * chunk.total_compressed_size)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Shell]:
    """A working folder on a file system of 8 MB."""
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=777", "tmpfs", str(tmp_path)]
        mounted = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode != 0:
        pytest.skip("a tmpfs may not be mounted here")
    yield Shell(tmp_path)
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(folder: Path, *, leaving_bytes: int) -> Path:
    filler = folder / "filler"
    status = os.statvfs(folder)
    filler.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - leaving_bytes)))
    return filler


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty: there is no log record in it"),
        (NOISE, "is no OTLP"),
        (gzip.compress(NOISE), "is no OTLP"),
        (b'{"resourceLogs": [', "no log record in it could be read: JSON text is broken"),
    ],
    ids=["empty", "noise", "noise in gzip", "half of a document"],
)
def test_a_file_without_a_log_record_fails_and_the_others_are_ingested(
    shell: Shell, otto_exports: Path, content: bytes, reason: str
) -> None:
    (shell.folder / "bad").write_bytes(content)
    ended = shell.run("ingest", "bad", otto_exports, "--json")
    assert ended.exit_code == 1
    assert [file["outcome"] for file in ended.json["files"]] == ["failed", "ingested", "ingested"]
    assert reason in ended.json["files"][0]["error"]
    assert ended.json["written"] == 1006
    ended = shell.run("ingest", "bad")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("otel-analytics: bad: ")
    assert reason in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_file_whose_name_is_not_utf_8_fails_and_the_others_are_ingested(
    shell: Shell, otto_exports: Path
) -> None:
    (shell.folder / "logs").mkdir()
    for name in ("first", "\udcff"):
        shutil.copy(otto_exports / "first", shell.folder / "logs" / name)
    ended = shell.run("ingest", "logs", "--json")
    assert ended.exit_code == 1
    assert [(file["path"], file["outcome"]) for file in ended.json["files"]] == [
        ("logs/first", "ingested"),
        ("logs/\\xff", "failed"),
    ]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_truncated_file_leaves_nothing_and_is_ingested_when_it_is_whole(
    shell: Shell, otto: list[ShopEvent], compress: Any
) -> None:
    whole = compress(lines_of_otto(otto))
    (shell.folder / "export").write_bytes(whole[: len(whole) // 2])
    ended = shell.run("ingest", "export")
    assert ended.exit_code == 1
    assert "export: cannot be read to its end (truncated" in ended.stderr
    assert "0 records in = 0 written + 0 quarantined + 0 skipped" in ended.stdout
    assert not list(shell.lake.rglob("*.parquet"))
    (shell.folder / "export").write_bytes(whole)
    assert shell.done("ingest", "export", "--json").json["written"] == 1006


def test_every_sample_is_written_or_quarantined_and_the_counts_add_up(
    shell: Shell, shared_data: Path
) -> None:
    report = shell.run("ingest", shared_data / "otlp-samples", "--json").json
    assert len(report["files"]) == len(list((shared_data / "otlp-samples").iterdir()))
    for file in (*report["files"], report):
        skipped = file["skipped"] if file is report else sum(file["skipped"].values())
        assert file["records_in"] == file["written"] + file["quarantined"] + skipped
    assert report["written"] > 0


def test_a_corrupt_lake_file_is_named_by_query_and_run(own_otto: Shell) -> None:
    file = lake_file(own_otto, "2022-08-28")
    file.write_bytes(b"PAR1" + NOISE)
    address = f"s3://{file.relative_to(own_otto.home / 's3')}"
    before = own_otto.done("executions", "--json").json
    published = tables_of(own_otto, "otto")
    for arguments in (["query", "SELECT COUNT(*) FROM logall"], ["inspect"]):
        message = own_otto.failed(*arguments)
        assert message.startswith(f"HIVE_BAD_DATA: {address} cannot be read: ")
        assert message.endswith("remove the file or put a whole one in its place")
    assert own_otto.done("executions", "--json").json == before
    run = own_otto.run("run", "otto", "--execution-date", E)
    assert run.exit_code == 1
    (reason,) = [line for line in run.stderr.splitlines() if line.startswith("  States.TaskFailed")]
    assert reason.startswith(
        f"  States.TaskFailed: BuildLevel: HIVE_BAD_DATA: {address} cannot be read: "
    )
    assert reason.endswith("remove the file or put a whole one in its place")
    assert tables_of(own_otto, "otto") == published


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(
    ("source", "error"), [("activity", "States.TaskFailed"), ("raw", "ServicesFailed")]
)
def test_damaged_data_are_tried_once_and_fail_the_refresh_or_the_service_that_reads_them(
    own_otto: Shell, source: str, error: str
) -> None:
    published = tables_of(own_otto, "otto")
    file = lake_file(own_otto, "2022-08-28")
    damage_column(file, "event_name")
    address = f"s3://{file.relative_to(own_otto.home / 's3')}"
    named = ("--name", "damaged", "--source", source)
    run = own_otto.run("run", "otto", "--execution-date", E, *named)
    assert run.exit_code == 1
    assert f"States.TaskFailed: HIVE_BAD_DATA: {address} cannot be read" in run.stderr
    assert "    what to do: Remove the file that the reason names" in run.stderr
    assert "see: otel-analytics history damaged --reverse-order" in run.stderr
    assert "Traceback" not in run.stderr
    described = own_otto.done("describe", "damaged", "--json").json
    assert described["error"] == error
    assert f"HIVE_BAD_DATA: {address}" in described["cause"]
    events = own_otto.done("history", "damaged", "--json").json
    (failed,) = [event for event in events if event["type"] == "TaskFailed"]
    query = json.loads(failed["taskFailedEventDetails"]["cause"])["QueryExecution"]
    assert query["Status"]["State"] == "FAILED"
    assert query["Status"]["StateChangeReason"].startswith(f"HIVE_BAD_DATA: {address}")
    assert tables_of(own_otto, "otto") == published


def test_a_damaged_file_is_found_before_any_service_is_begun(own_otto: Shell) -> None:
    damage_column(lake_file(own_otto, "2022-08-28"), "event_name")
    run = own_otto.run("run", "otto", "--execution-date", E, "--name", "damaged")
    assert run.exit_code == 1
    events = own_otto.done("history", "damaged", "--json").json
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in events
        if event["type"] == "TaskStateEntered"
    ]
    assert entered == ["PlanRefresh", "BuildLevelQuery", "BuildLevel"]


def test_a_run_reads_only_the_files_of_its_windows(own_otto: Shell) -> None:
    """OTTO's events are of 2022-07-31 to 2022-08-28; the longest window here is from 08-20 on."""
    days = [date(2022, 7, 31) + timedelta(days=n) for n in range(29)]
    for day in days:
        if day < date(2022, 8, 20):
            lake_file(own_otto, day.isoformat()).write_bytes(b"not read")
    cut = ("--set", "min_data_date=2022-08-20")
    execution = own_otto.done("run", "otto", "--execution-date", E, *cut, "--json").json
    assert execution["status"] == "SUCCEEDED"
    assert len(own_otto.query("SELECT * FROM otto_dau_summary")) == 9
    # One day further and a damaged file is in the window.
    cut = ("--set", "min_data_date=2022-08-19")
    run = own_otto.run("run", "otto", "--execution-date", E, *cut)
    assert run.exit_code == 1
    assert "year=2022/month=08/day=19/" in run.stderr


def test_a_shorter_window_scans_fewer_bytes(otto_shell: Shell) -> None:
    (execution,) = otto_shell.done("executions", "--json").json["executions"]
    described = otto_shell.done("describe", execution["name"], "--json").json
    (service,) = json.loads(described["output"])["results"]
    scanned = {table["query_type"]: table["scanned_bytes"] for table in service["tables"]}
    assert 0 < scanned["event_distribution"] < scanned["session_metrics"]


def test_a_disk_that_fills_while_ingesting_leaves_nothing(
    small_disk: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    export = tmp_path_factory.mktemp("large") / "export"
    random_text = random.Random(2)
    write_json_lines(
        export,
        export_requests(
            ShopEvent(
                "shop",
                1_760_961_600 * 10**9 + n,
                "open",
                f"u{n}",
                None,
                {"noise": random_text.randbytes(500).hex()},
            )
            for n in range(6000)
        ),
    )
    small_disk.done("tables")
    filler = fill(small_disk.folder, leaving_bytes=1_500_000)
    ended = small_disk.run("ingest", export)
    assert ended.exit_code == 1
    assert "the disk is full; nothing of it was kept: free some space" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(small_disk.lake.rglob("*.parquet"))
    filler.unlink()
    assert small_disk.done("ingest", export, "--json").json["written"] == 6000


@pytest.mark.usefixtures("no_waiting")
def test_a_disk_that_is_full_fails_the_run_and_a_later_one_succeeds(
    small_disk: Shell, otto_shell: Shell
) -> None:
    shutil.copytree(otto_shell.home, small_disk.home)
    filler = fill(small_disk.folder, leaving_bytes=150_000)
    run = small_disk.run("run", "otto", "--execution-date", E)
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    assert "disk is full" in run.stderr
    filler.unlink()
    small_disk.done("run", "otto", "--execution-date", E)
    assert tables_of(small_disk, "otto") == tables_of(otto_shell, "otto")


@pytest.mark.usefixtures("no_waiting")
def test_what_executions_left_is_cleaned_once_a_full_disk_has_a_little_room(
    small_disk: Shell, otto_shell: Shell
) -> None:
    """What the explanation of a full disk says to do."""
    shutil.copytree(otto_shell.home, small_disk.home)
    small_disk.run("run", "otto", "--execution-date", E, "--inject", "PublishTables:AccessDenied")
    fill(small_disk.folder, leaving_bytes=0)
    assert "see that it can be written and the disk has room" in small_disk.refused("clean")
    (small_disk.folder / "filler").unlink()
    fill(small_disk.folder, leaving_bytes=1_000_000)
    assert "7 objects" in small_disk.done("clean", "--yes").stderr
    assert small_disk.done("clean").stderr == "nothing is left to delete\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="there is no setpriv command")
def test_what_may_not_be_read_or_written_is_refused(
    otto_shell: Shell, otto_exports: Path, tmp_path: Path
) -> None:
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    if subprocess.run([*nobody, "test", "-r", PROGRAM], check=False).returncode:
        pytest.skip("the folders above this checkout are closed to other users")
    # The folders that pytest makes are closed to others.
    for parent in tmp_path.parents[:3]:
        if parent.owner() == "root" and "pytest" in parent.name:
            parent.chmod(0o755)
    tmp_path.chmod(0o777)
    shell = Shell(tmp_path)
    shutil.copy(otto_exports / "first", tmp_path / "secret")
    (tmp_path / "secret").chmod(0o600)
    done = ended(shell.start("ingest", "secret", prefix=nobody))
    assert done.exit_code == 2
    assert done.message == "secret: permission denied: make it readable or leave it out"
    assert not shell.home.exists()
    (tmp_path / "closed").mkdir(mode=0o755)
    done = ended(shell.start("tables", "--home", "closed/home", prefix=nobody))
    assert done.exit_code == 2
    assert done.message.startswith("closed/home: cannot be made or written (Permission denied)")
