"""What is in the lake is whole, and there once, whatever happens on the way."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest
from lake_files import (
    DAY,
    NOON,
    files_in,
    json_message,
    quarantine,
    record,
    rows,
    take_in,
    take_in_content,
)

from otel_analytics.config import Keys
from otel_analytics.errors import IngestFailed
from otel_analytics.lake import ingest as ingest_module
from otel_analytics.lake import intake, parquet, staging
from otel_analytics.lake.ingest import ingest
from otel_analytics.lake.report import Progress
from otel_analytics.lake.staging import open_lake


def _bodies(lake: Path) -> list[str]:
    return sorted(row["body"] for row in rows(lake))


def test_ingesting_twice_changes_nothing(tmp_path: Path) -> None:
    first = take_in_content(tmp_path, json_message(record("a"), record("bad", time="x")))
    before = files_in(tmp_path / "lake")
    second = take_in_content(tmp_path, json_message(record("a"), record("bad", time="x")))
    assert (first.outcome, second.outcome) == ("ingested", "already ingested")
    assert (second.records_in, second.source_id) == (0, first.source_id)
    assert files_in(tmp_path / "lake") == before


def test_a_file_that_is_known_under_other_keys_is_told(tmp_path: Path) -> None:
    file = tmp_path / "logs"
    file.write_text(json_message(record("a")))
    lake = tmp_path / "lake"
    ours, other = Keys(), Keys(user=("session.id",), session=("userKey",))
    assert ingest([file], lake=lake, keys=ours).under_other_keys == ()
    assert ingest([file], lake=lake, keys=ours).under_other_keys == ()
    report = ingest([file], lake=lake, keys=other)
    assert [source.path for source in report.under_other_keys] == [file]
    assert report.sources[0].outcome == "already ingested"
    reordered = Keys(user=ours.user[::-1], session=ours.session)
    assert ingest([file], lake=lake, keys=reordered).sources[0].other_keys


@pytest.mark.parametrize("kept", ['"other": 1}', ""])
def test_of_a_file_whose_entry_tells_no_keys_nothing_is_said(tmp_path: Path, kept: str) -> None:
    known = take_in_content(tmp_path, json_message(record("a")))
    entry = tmp_path / "lake" / "sources" / f"{known.source_id}.json"
    entry.write_text("{" + kept)
    report = ingest([tmp_path / "logs"], lake=tmp_path / "lake", keys=Keys(user=("other",)))
    (again,) = report.sources
    assert (again.outcome, again.other_keys) == ("already ingested", False)


@pytest.mark.parametrize("together", [True, False])
def test_any_order_and_any_name_gives_the_same_rows(tmp_path: Path, together: bool) -> None:
    contents = {"a": ["1", "2"], "b": ["3"], "copy-of-a": ["1", "2"], "c": ["1"]}
    for name, bodies in contents.items():
        (tmp_path / name).write_text(json_message(*map(record, bodies)))
    for order in permutations(contents):
        lake = tmp_path / f"lake-{''.join(order)}"
        files = [tmp_path / name for name in order]
        calls = [files] if together else [[file] for file in files]
        reports = [take_in(lake, *call) for call in calls]
        assert _bodies(lake) == ["1", "1", "2", "3"]
        outcomes = [source.outcome for report in reports for source in report.sources]
        assert sorted(outcomes) == ["already ingested", "ingested", "ingested", "ingested"]


def test_a_compressed_copy_is_the_same_content(tmp_path: Path) -> None:
    text = json_message(record("a"))
    take_in_content(tmp_path, text)
    report = take_in_content(tmp_path, gzip.compress(text.encode()), name="logs.1.gz")
    assert report.outcome == "already ingested"


def test_a_file_named_twice_is_one_file(tmp_path: Path) -> None:
    file = tmp_path / "in" / "logs"
    file.parent.mkdir()
    file.write_text(json_message(record()))
    assert len(take_in(tmp_path / "lake", file, file.parent, file).sources) == 1


def test_small_files_share_a_parquet_file_a_day(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"{i}.json").write_text(json_message(record(f"{i}", time=NOON + i % 2 * DAY)))
    report = take_in(tmp_path / "lake", tmp_path)
    assert report.written == 30
    assert len(list((tmp_path / "lake" / "logall").rglob("*.parquet"))) == 2
    assert len(list((tmp_path / "lake" / "sources").iterdir())) == 30
    assert len({row["source_id"] for row in rows(tmp_path / "lake")}) == 30


def test_each_group_of_small_files_is_published_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "_GROUP_SOURCES", 4)
    for i in range(10):
        (tmp_path / f"{i}.json").write_text(json_message(record(f"{i}")))
    assert take_in(tmp_path / "lake", tmp_path).written == 10
    assert len(list((tmp_path / "lake" / "logall").rglob("*.parquet"))) == 3
    assert take_in(tmp_path / "lake", tmp_path).written == 0


def test_a_source_that_grows_is_staged_and_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "HELD_BYTES", 100)
    monkeypatch.setattr(parquet, "_BUFFER_BYTES", 2000)
    monkeypatch.setattr(parquet, "_OPEN_FILES", 2)
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 3)
    days = [i % 5 for i in range(40)]
    texts = [
        json_message(record(f"{i}", time=NOON + day * DAY), record("bad", time="x"))
        for i, day in enumerate(days)
    ]
    lengths = b"".join(len(text).to_bytes(4, "big") + text.encode() for text in texts)
    monkeypatch.setattr("otel_analytics.lake.framing.BLOCK_BYTES", 300)
    report = take_in_content(tmp_path, lengths)
    assert (report.written, report.quarantined) == (40, 40)
    assert _bodies(tmp_path / "lake") == sorted(f"{i}" for i in range(40))
    assert {row["body"]: row["day"] for row in rows(tmp_path / "lake")} == {
        f"{i}": f"{day + 1:02}" for i, day in enumerate(days)
    }
    assert len(quarantine(tmp_path / "lake")) == 40
    assert files_in(tmp_path / "lake" / "staging") == {}


def test_death_at_any_step_leaves_all_or_nothing(tmp_path: Path) -> None:
    sources = tmp_path / "in"
    sources.mkdir()
    (sources / "a").write_text(
        json_message(record("a1"), record("a2", time=NOON + DAY), record("bad", time="x"))
    )
    (sources / "b").write_text(json_message(record("b1")))
    other = tmp_path / "other"
    other.write_text(json_message(record("other")))
    driver = Path(__file__).with_name("killed_ingest.py")
    done = subprocess.run(
        [sys.executable, driver, sources, other, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(steps) > 30
    assert [step["died"] for step in steps] == [True] * (len(steps) - 1) + [False]
    whole = ["a1", "a2", "b1", "other"]
    assert {tuple(step["after"]) for step in steps} == {("other",), tuple(whole)}
    assert all(step["end"] == whole for step in steps)
    for step in steps:
        kinds = [file.split("/")[0] for file in step["files"]]
        assert (kinds.count("sources"), kinds.count("quarantine")) == (3, 1)
        assert "staging" not in kinds


def test_a_failing_disk_at_any_step_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "logs"
    file.write_text(json_message(record("a"), record("b", time=NOON + DAY)))
    for name in ("_make_durable", "_make_folders"):
        lake = tmp_path / name
        with monkeypatch.context() as patch:
            patch.setattr(staging, name, _full_disk)
            (source,) = take_in(lake, file).sources
        assert source.outcome == "failed"
        assert source.error is not None
        assert "the disk is full" in source.error
        assert (source.records_in, files_in(lake)) == (0, {})
        assert take_in(lake, file).written == 2


def _full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_fills_leaves_nothing_of_the_file(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", small]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs of a given size cannot be mounted here")
    try:
        good, large = tmp_path / "good", tmp_path / "large"
        good.write_text(json_message(record("good")))
        large.write_text(json_message(*(record(os.urandom(300).hex()) for _ in range(2000))))
        take_in(small / "lake", good)
        before = files_in(small / "lake")
        (source,) = take_in(small / "lake", large).sources
        assert source.outcome == "failed"
        assert source.error is not None
        assert "the disk is full" in source.error
        assert files_in(small / "lake") == before
    finally:
        subprocess.run(["umount", small], check=True)


def test_copies_of_a_file_that_failed_have_failed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "copy"):
        (tmp_path / name).write_text(json_message(record()))
    monkeypatch.setattr(staging, "_make_durable", _full_disk)
    report = take_in(tmp_path / "lake", tmp_path / "a", tmp_path / "copy")
    assert [source.outcome for source in report.sources] == ["failed", "failed"]


def test_a_lake_that_cannot_be_written_to_is_an_error_naming_it(tmp_path: Path) -> None:
    file = tmp_path / "logs"
    file.write_text(json_message(record()))
    (tmp_path / "lake").write_text("a file where the lake's folder would be")
    with pytest.raises(IngestFailed, match="lake"):
        take_in(tmp_path / "lake", file)


def test_two_processes_that_ingest_the_same_file_write_it_once(tmp_path: Path) -> None:
    file = tmp_path / "logs"
    file.write_text(json_message(*(record(f"{i}") for i in range(2000))))
    program = (
        "import sys; from pathlib import Path; from lake_files import take_in\n"
        "print(take_in(Path(sys.argv[1]), Path(sys.argv[2])).sources[0].outcome)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "lake"), str(file)]
    started = [
        subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outcomes = sorted(process.communicate()[0].strip() for process in started)
    assert outcomes == ["already ingested", "already ingested", "ingested"]
    assert len(rows(tmp_path / "lake")) == 2000


def test_who_waits_for_another_ingest_is_told(tmp_path: Path) -> None:
    file = tmp_path / "logs"
    file.write_text(json_message(record()))
    program = (
        "import sys; from pathlib import Path; from otel_analytics.lake.staging import open_lake\n"
        "with open_lake(Path(sys.argv[1])): print('open', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lake")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "open\n"
    told: list[Progress] = []

    def progress(step: Progress) -> None:
        if not told and holder.stdin is not None:
            holder.stdin.close()
        told.append(step)

    ingest([file], lake=tmp_path / "lake", keys=Keys(), progress=progress)
    holder.wait()
    holder.stdout.close()
    assert told == [Progress(0, 1, 0, None), Progress(0, 1, 0, file)]


def test_a_program_that_crashes_leaves_no_staging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "HELD_BYTES", 1)
    monkeypatch.setattr(intake.Staged, "add_source", lambda *_, **__: 1 / 0)
    file = tmp_path / "logs"
    file.write_text(json_message(record()))
    with pytest.raises(ZeroDivisionError):
        take_in(tmp_path / "lake", file)
    assert files_in(tmp_path / "lake") == {}


def test_opening_a_lake_finishes_what_was_ready_and_removes_what_was_not(tmp_path: Path) -> None:
    for folder, name in (("x.ready", "logall/year=2024/a"), ("y.partial", "logall/b")):
        file = tmp_path / "staging" / folder / name
        file.parent.mkdir(parents=True)
        file.write_text(name)
    with open_lake(tmp_path):
        pass
    assert files_in(tmp_path) == {"logall/year=2024/a": b"logall/year=2024/a"}
