"""Input that is no OTLP, broken, cut off or not there: one clear message, and nothing half done."""

from __future__ import annotations

import gzip
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from google.protobuf.json_format import ParseDict
from lake_files import (
    NOON,
    files_in,
    json_message,
    message,
    quarantine,
    record,
    rows,
    take_in,
    take_in_content,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_analytics.errors import UnreadablePath
from otel_analytics.lake import framing, oversize, sources, window
from otel_analytics.lake.rows import Rows
from otel_analytics.lake.wire import DEPRECATED_ITEMS, ITEMS, RESOURCE_ITEMS, length_delimited

NOISE = random.Random(1).randbytes(5000)
MANY = json_message(*(record(f"{i} {NOISE[i : i + 50].hex()}") for i in range(300)))


def protobuf(*records: object) -> bytes:
    return ParseDict(message(*records), ExportLogsServiceRequest()).SerializeToString()


def _behind_length(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


LARGE_PROTOBUF = protobuf(*(record(NOISE[i : i + 300].hex()) for i in range(900)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (gzip.compress(b""), "is empty"),
        (NOISE, "no OTLP"),
        (bytes(100_000), "no OTLP"),
        (gzip.compress(NOISE), "no OTLP"),
        (b"timestamp,level\n2024-01-01,INFO\n", "no OTLP"),
        (gzip.compress(MANY.encode())[:-9], "truncated"),
        (gzip.compress(MANY.encode())[:-1000] + bytes(1000), "cannot be read to its end"),
        (zstandard.compress(MANY.encode())[:-9], "truncated"),
        (zstandard.compress(MANY.encode()) + b"garbage", "cannot be read to its end"),
        (gzip.compress(MANY.encode()) + gzip.compress(MANY.encode())[:50], "truncated"),
    ],
    # gzip holds the time, which must not get into a test's name
    ids=[
        "empty",
        "empty in gzip",
        "noise",
        "zeros",
        "noise in gzip",
        "csv",
        "gzip cut",
        "gzip damaged",
        "zstd cut",
        "zstd and garbage",
        "second gzip member cut",
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_and_nothing_of_it_is_kept(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    report = take_in_content(tmp_path, content)
    assert (report.outcome, report.records_in) == ("failed", 0)
    assert report.error is not None
    assert reason in report.error
    assert files_in(tmp_path / "lake") == {}


def test_a_truncated_file_larger_than_memory_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "SMALL_CONTENT_BYTES", 100)
    monkeypatch.setattr("otel_analytics.lake.intake.HELD_BYTES", 1)
    report = take_in_content(tmp_path, gzip.compress(MANY.encode())[:-9])
    assert report.outcome == "failed"
    assert files_in(tmp_path / "lake") == {}


def test_a_file_that_changes_while_it_is_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "SMALL_CONTENT_BYTES", 100)
    identify = sources.identify

    def and_append(path: Path) -> sources.Source:
        source = identify(path)
        path.write_text(path.read_text() + json_message(record("late")))
        return source

    monkeypatch.setattr("otel_analytics.lake.ingest.identify", and_append)
    report = take_in_content(tmp_path, MANY)
    assert report.outcome == "failed"
    assert report.error is not None
    assert "changed while it was read" in report.error
    assert files_in(tmp_path / "lake") == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps({"no": "OTLP"}), "no OTLP message"),
        (json_message(record(time=0)), "no time"),
        ('{"resourceLogs": [', "broken"),
        ("{incomplete json", "broken"),
        (protobuf(record())[:-5], "cut off"),
        (struct.pack(">I", 500) + protobuf(record()), "ends inside this message"),
    ],
)
def test_a_file_without_a_readable_record_fails_with_its_text_in_quarantine(
    tmp_path: Path, content: bytes | str, reason: str
) -> None:
    first = take_in_content(tmp_path, content)
    assert (first.outcome, first.written, first.quarantined) == ("failed", 0, 1)
    assert first.error is not None
    assert reason in first.error
    assert reason in quarantine(tmp_path / "lake")[0]["reason"]
    before = files_in(tmp_path / "lake")
    assert list(before) == [f"quarantine/{first.source_id}.jsonl"]
    assert take_in_content(tmp_path, content) == first
    assert files_in(tmp_path / "lake") == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]}]}]}', "holds 2 spans and no log"),
        ('{"resourceLogs":[]}', "holds OTLP and no log record"),
        (b"\x0a\x00", "holds OTLP and no log record"),
    ],
)
def test_a_file_of_other_signals_fails_saying_what_it_holds(
    tmp_path: Path, content: bytes | str, reason: str
) -> None:
    report = take_in_content(tmp_path, content)
    assert report.outcome == "failed"
    assert report.error is not None
    assert reason in report.error
    assert files_in(tmp_path / "lake") == {}


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a").write_bytes(NOISE)
    (folder / "b").write_text(json_message(record("b")))
    (folder / "deeper" / "c").write_text(json_message(record("c")))
    (folder / ".hidden").write_bytes(NOISE)
    report = take_in(tmp_path / "lake", folder)
    assert [(source.path.name, source.outcome) for source in report.sources] == [
        ("a", "failed"),
        ("b", "ingested"),
        ("c", "ingested"),
    ]
    assert [source.path.name for source in report.failed] == ["a"]
    assert report.written == 2


def test_the_lake_itself_is_not_taken_in(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text(json_message(record(), record(time="x")))
    take_in(tmp_path / "lake", tmp_path)
    assert len(take_in(tmp_path / "lake", tmp_path).sources) == 1


def test_the_lake_itself_as_a_path_is_refused(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    with pytest.raises(UnreadablePath, match="the folder that ingest writes to"):
        take_in(lake, lake)


def test_a_record_that_is_lost_on_the_way_fails_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Rows.add

    def lose_one(self: Rows, *arguments: Any, **fields: Any) -> None:
        if fields["body"] != "lost":
            add(self, *arguments, **fields)

    monkeypatch.setattr(Rows, "add", lose_one)
    (tmp_path / "a").write_text(json_message(record("kept"), record("lost"), record(time="x")))
    (tmp_path / "b").write_text(json_message(record("kept")))
    lossy, whole = take_in(tmp_path / "lake", tmp_path).sources
    assert (lossy.outcome, lossy.records_in, whole.outcome) == ("failed", 0, "ingested")
    assert lossy.error is not None
    assert "internal error: 3 records were found, but 1 written + 1 quarantined" in lossy.error
    assert {row["source_id"] for row in rows(tmp_path / "lake")} == {whole.source_id}
    assert quarantine(tmp_path / "lake") == []


def test_a_path_that_is_not_there_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text(json_message(record()))
    with pytest.raises(UnreadablePath, match="no such file") as caught:
        take_in(tmp_path / "lake", tmp_path / "logs", tmp_path / "missing")
    assert caught.value.where == str(tmp_path / "missing")
    assert not (tmp_path / "lake").exists()


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadablePath, match="neither"):
        take_in(tmp_path / "lake", tmp_path / "pipe")


@pytest.mark.parametrize("unreadable", ["logs", "."])
def test_a_file_or_folder_without_permission_is_refused(unreadable: str) -> None:
    # not in pytest's own temporary folder, which no other user may enter
    with tempfile.TemporaryDirectory() as scratch:
        _refuse_without_permission(Path(scratch), unreadable)


def _refuse_without_permission(scratch: Path, unreadable: str) -> None:
    folder = scratch / "in"
    folder.mkdir()
    (folder / "logs").write_text(json_message(record()))
    program = (
        "import os, sys; from pathlib import Path; from lake_files import take_in\n"
        "from otel_analytics.errors import UnreadablePath\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: take_in(Path(sys.argv[2]), Path(sys.argv[1]))\n"
        "except UnreadablePath as error: print(error)"
    )
    scratch.chmod(0o755)
    (folder / unreadable).chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", program, folder, scratch / "lake"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / unreadable).chmod(0o755)
    assert "permission denied" in done.stdout
    assert str(folder / unreadable) in done.stdout


@pytest.mark.parametrize(
    ("broken", "reasons"),
    [
        ("not json", ["begins with"]),
        ('{"resourceLogs":[{"reso', ["string does not end"]),
        ('{"resourceLogs":[{"resource":{}', ["before another one"]),
        ('{"resourceLogs":[{"resource":{},', ["ends inside a document"]),
        ('{"resourceLogs":[,]}', ["Expecting"]),
        ('{"other":[]}}', ["no OTLP message", "begins with"]),
        ("]\n{}}", ["begins with", "no OTLP message", "begins with"]),
    ],
)
def test_broken_text_between_documents_is_set_aside_and_the_rest_read(
    tmp_path: Path, broken: str, reasons: list[str]
) -> None:
    first, last = json_message(record("first")), json_message(record("last"))
    report = take_in_content(tmp_path, f"{first}\n{broken}\n{last}\n")
    assert [row["body"] for row in rows(tmp_path / "lake")] == ["first", "last"]
    found = quarantine(tmp_path / "lake")
    assert report.quarantined == len(found) == len(reasons)
    for entry, reason in zip(found, reasons, strict=True):
        assert reason in entry["reason"]
    raws = "".join(entry["raw"] for entry in found).replace("\n", "")
    assert raws == broken.replace("\n", "")
    assert found[0]["position"] in (len(first) + 1, len(first) + 1 + broken.index(raws[0]))


def test_broken_documents_that_adjoin_are_set_aside_one_by_one(tmp_path: Path) -> None:
    text = json_message(record("a")) + '{"x":nul}' + json_message(record("b"))
    report = take_in_content(tmp_path, text)
    assert (report.written, report.quarantined) == (2, 1)
    assert quarantine(tmp_path / "lake")[0]["raw"] == '{"x":nul}'


def test_a_pretty_document_that_is_cut_off_does_not_take_the_next_one_with_it(
    tmp_path: Path,
) -> None:
    cut_off = json.dumps(message(record("cut")), indent=2)[:-30]
    whole = json.dumps(message(record("whole")), indent=2)
    report = take_in_content(tmp_path, f"{cut_off}\n{whole}\n{whole}\n")
    assert (report.written, report.quarantined) == (2, 1)
    assert quarantine(tmp_path / "lake")[0]["raw"] == cut_off


def test_a_message_behind_its_length_that_is_broken_is_set_aside_alone(tmp_path: Path) -> None:
    good = protobuf(record("good"))
    packed = zstandard.compress(good)
    payloads = [good, NOISE[:50], packed[:-2], b"{broken", packed]
    content = b"".join(map(_behind_length, payloads))
    report = take_in_content(tmp_path, content + struct.pack(">I", 99) + b"cut")
    assert (report.written, report.quarantined) == (2, 4)
    assert [entry["position"] for entry in quarantine(tmp_path / "lake")] == [
        len(good) + 4,
        len(good) + 4 + 54,
        len(good) + 4 + 54 + len(packed) + 2,
        len(content),
    ]


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (framing, oversize, window):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
        monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", 2000)
    monkeypatch.setattr(framing, "HEAD_BYTES", 100)
    monkeypatch.setattr(window, "_CHUNK_BYTES", 100)
    monkeypatch.setattr(oversize, "_CHUNK_BYTES", 100)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (MANY[:-3], "ends inside a document"),
        (MANY.replace("]}]}]}", ",]}]}]}"), "a value is missing"),
        (MANY.replace("[", "[,", 1), "{ is missing"),
        (MANY.replace('"scopeLogs": ', '"scopeLogs" '), "the name of a member is missing"),
        (MANY.replace('"scopeLogs": [', '"scopeLogs": ["'), "broken"),
        (json_message(record("x" * 5000)), "a string in it is larger"),
        (json_message(record(attributes=[{"key": "x" * 50}] * 90)), "record in it is larger"),
        (protobuf(record("x" * 5000)), "single record in it is too large"),
        (protobuf(*json.loads(MANY)["resourceLogs"][0]["scopeLogs"][0]["logRecords"])[:-5], "cut"),
        ("{" + "x" * 5000, "ends inside a document"),
        ("{}" + "x" * 5000, "no line begins with"),
        (_behind_length(zstandard.compress(LARGE_PROTOBUF)[:-3]), "to its end"),
        (_behind_length(protobuf(*[record("x")] * 900))[:-3], "cut off"),
        (_behind_length(MANY.encode())[:-3], "ends inside a document"),
    ],
)
def test_a_broken_message_that_is_too_large_to_set_aside_fails_its_file(
    tmp_path: Path, content: bytes | str, reason: str, little_memory: None
) -> None:
    report = take_in_content(tmp_path, content)
    assert report.outcome == "failed"
    assert report.error is not None
    assert reason in report.error
    assert files_in(tmp_path / "lake") == {}


OLD = MANY.replace("scopeLogs", "instrumentationLibraryLogs")
NEW_AND_OLD = OLD.replace(
    '"instrumentationLibraryLogs"',
    f'"scopeLogs": [{{"logRecords": [{json.dumps(record("new"))}]}}], "instrumentationLibraryLogs"',
)


def test_a_large_message_with_records_under_the_old_name_of_scopes_is_read(
    tmp_path: Path, little_memory: None
) -> None:
    report = take_in_content(tmp_path, OLD)
    assert (report.written, report.quarantined) == (300, 0)


def test_a_large_message_with_records_under_both_names_fails_its_file(
    tmp_path: Path, little_memory: None
) -> None:
    report = take_in_content(tmp_path, NEW_AND_OLD)
    assert report.outcome == "failed"
    assert report.error is not None
    assert "under scopeLogs and instrumentationLibraryLogs" in report.error


@pytest.mark.parametrize("beside", [False, True])
def test_a_large_protobuf_message_with_records_under_the_old_field_of_scopes(
    tmp_path: Path, little_memory: None, beside: bool
) -> None:
    item = LogRecord(time_unix_nano=NOON, body=AnyValue(string_value="x" * 50)).SerializeToString()
    items = [length_delimited(ITEMS, item)] * 100
    scopes = [length_delimited(DEPRECATED_ITEMS, *items)]
    scopes += [length_delimited(ITEMS, *items[:1])] * beside
    report = take_in_content(tmp_path, length_delimited(RESOURCE_ITEMS, *scopes))
    if not beside:
        assert (report.written, report.quarantined) == (100, 0)
        return
    assert report.outcome == "failed"
    assert report.error is not None
    assert "under scopeLogs and instrumentationLibraryLogs" in report.error


def test_many_broken_lines_are_set_aside_in_little_memory(
    tmp_path: Path, little_memory: None
) -> None:
    lines = [f"{{broken {i}" if i % 2 else json_message(record(f"{i}")) for i in range(200)]
    report = take_in_content(tmp_path, "\n".join(lines))
    assert (report.written, report.quarantined) == (100, 100)


def test_a_file_that_goes_away_before_it_is_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_analytics.lake.ingest.find_files", lambda paths, **_: list(paths))
    (source,) = take_in(tmp_path / "lake", tmp_path / "gone").sources
    assert source.outcome == "failed"
    assert source.error is not None
    assert "no such file" in source.error


@pytest.mark.parametrize("level", [1, 22])
def test_a_large_message_that_is_compressed_behind_its_length_is_read(
    tmp_path: Path, little_memory: None, level: int
) -> None:
    content = _behind_length(zstandard.compress(LARGE_PROTOBUF, level))
    report = take_in_content(tmp_path, content + content)
    assert (report.written, report.quarantined) == (1800, 0)
