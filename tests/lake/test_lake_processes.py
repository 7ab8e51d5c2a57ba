"""Ingest with a pool of processes, and how much memory it takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from lake_files import NOON, json_message, record, rows, take_in

from otel_analytics.config import Keys
from otel_analytics.lake import ingest as ingest_module
from otel_analytics.lake.ingest import ingest

_LINE = json_message(*(record("x" * 60, time=NOON + i) for i in range(500)))


def _large(file: Path, *, megabytes: int, separator: str = "\n") -> int:
    """Write JSON text of that size and return its number of records."""
    lines = megabytes * 1_000_000 // len(_LINE)
    with file.open("w") as out:
        for _ in range(lines):
            out.write(_LINE + separator)
    return lines * 500


def test_processes_give_the_same_rows_as_none(tmp_path: Path) -> None:
    records = _large(tmp_path / "logs", megabytes=9)
    (tmp_path / "small").write_text(json_message(record("small")))
    found = []
    for processes in (1, 2):
        lake = tmp_path / f"lake-{processes}"
        report = take_in(lake, tmp_path / "logs", tmp_path / "small", processes=processes)
        assert (report.written, report.quarantined) == (records + 1, 0)
        found.append(rows(lake))
    assert found[0] == found[1]


def test_a_process_that_is_killed_fails_the_files_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "_WORTH_PROCESSES_BYTES", 0)
    monkeypatch.setattr("otel_analytics.lake.decode._WORTH_SENDING_BYTES", 0)
    (tmp_path / "logs").write_text(json_message(record()))

    def kill_children(_: object) -> None:
        for children in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
            for child in children.read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)

    report = ingest(
        [tmp_path / "logs"],
        lake=tmp_path / "lake",
        keys=Keys(),
        processes=2,
        progress=kill_children,
    )
    (source,) = report.sources
    assert source.outcome == "failed"
    assert source.error is not None
    assert "process was killed" in source.error
    assert take_in(tmp_path / "lake", tmp_path / "logs").written == 1


_PROGRAM = """
import os, resource, signal, sys
from pathlib import Path
from otel_analytics.config import Keys
from otel_analytics.lake.ingest import ingest

def die(_):
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    how, lake, *files = sys.argv[1:]
    report = ingest(
        [Path(file) for file in files], lake=Path(lake), keys=Keys(), processes=2,
        progress=die if how == "die" else None,
    )
    # ru_maxrss of this process would be that of the one which started it, if that was larger
    status = Path("/proc/self/status").read_text()
    own_kb = int(status.partition("VmHWM:")[2].split()[0])
    child_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(report.written, own_kb // 1024, child_kb // 1024)
"""


def _run(folder: Path, how: str, *files: Path) -> subprocess.CompletedProcess[str]:
    program = folder / "program.py"
    program.write_text(_PROGRAM)
    command = [sys.executable, program, how, folder / "lake", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    _large(tmp_path / "logs", megabytes=5)
    # run() returns at the end of the output, which every process holds open while it lives
    assert _run(tmp_path, "die", tmp_path / "logs").returncode == -signal.SIGKILL


@pytest.mark.parametrize("separator", ["\n", ""])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, separator: str) -> None:
    peaks = []
    for megabytes in (50, 150):  # the first is more than is buffered
        file = tmp_path / f"{megabytes}"
        records = _large(file, megabytes=megabytes, separator=separator)
        written, own, child = map(int, _run(tmp_path, "live", file).stdout.split())
        assert written == records
        peaks.append((own, child))
    (small_own, small_child), (large_own, large_child) = peaks
    assert large_own - small_own < 100
    assert large_child - small_child < 60
    assert large_own + 2 * large_child < 1000


def test_one_document_larger_than_memory_should_hold_is_read_in_bounded_memory(
    tmp_path: Path,
) -> None:
    records = (record("y" * 100, time=NOON + i) for i in range(300_000))
    head, _, tail = json_message("@").partition('"@"')
    file = tmp_path / "one"
    with file.open("w") as out:
        out.write(head)
        for i, one in enumerate(records):
            out.write((", " if i else "") + f'{{"timeUnixNano": "{one["timeUnixNano"]}"}}')
            out.write(" " * 100)
        out.write(tail)
    assert file.stat().st_size > 40_000_000
    written, own, child = map(int, _run(tmp_path, "live", file).stdout.split())
    assert written == 300_000
    assert own + 2 * child < 1000
