from __future__ import annotations

import gzip
import json
import struct
from typing import TYPE_CHECKING

import pytest
import zstandard
from google.protobuf.json_format import ParseDict
from lake_files import NOON, json_message, message, quarantine, record, rows, take_in_content
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_analytics.lake import framing, oversize, window
from otel_analytics.lake.json_text import last_border
from otel_analytics.lake.recognise import recognise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Bodies with what a framing by braces or line breaks would stumble over.
_BODIES = ["}\n{", '"}{"', "\\", "", "{", "ü}\u2028{", "\n\x1f{"]
MESSAGES = [
    message(record(f"{i}{body}", time=str(NOON + i)), record(f"{i}", time=str(NOON + 100 + i)))
    for i, body in enumerate(_BODIES)
]


def _protobuf() -> list[bytes]:
    return [ParseDict(m, ExportLogsServiceRequest()).SerializeToString() for m in MESSAGES]


def _json(indent: int | str | None = None) -> list[bytes]:
    return [json.dumps(m, ensure_ascii=False, indent=indent).encode() for m in MESSAGES]


def _behind_lengths(messages: list[bytes]) -> bytes:
    return b"".join(struct.pack(">I", len(m)) + m for m in messages)


FRAMINGS: dict[str, Callable[[], bytes]] = {
    "json lines": lambda: b"\n".join(_json()) + b"\n",
    "json lines without a last line break": lambda: b"\n".join(_json()),
    "json lines with carriage returns": lambda: b"\r\n".join(_json()),
    "json lines with blank lines and a byte order mark": lambda: (
        b"\xef\xbb\xbf\n\n" + b"\n \n".join(_json())
    ),
    "json adjoining": lambda: b"".join(_json()),
    "json adjoining with blanks": lambda: b" \t".join(_json()),
    "json pretty": lambda: b"\n".join(_json(2)),
    "json pretty, adjoining": lambda: b"".join(_json("\t")),
    "json with line breaks and no indent": lambda: b"\n".join(_json(0)),
    "protobuf, bare": lambda: b"".join(_protobuf()),
    "protobuf behind lengths": lambda: _behind_lengths(_protobuf()),
    "protobuf behind lengths, an empty one first": lambda: bytes(4) + _behind_lengths(_protobuf()),
    "protobuf behind lengths, each zstd": lambda: _behind_lengths(
        [zstandard.compress(m) for m in _protobuf()]
    ),
    "json behind lengths": lambda: _behind_lengths(_json()),
    "json behind lengths, each zstd": lambda: _behind_lengths(
        [zstandard.compress(m) for m in _json(2)]
    ),
}


def _halves(compress: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: compress(data[: len(data) // 2]) + compress(data[len(data) // 2 :])


_SKIPPABLE_FRAME = struct.pack("<II", 0x184D2A5A, 3) + b"abc"

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip of two members": _halves(gzip.compress),
    "zstd": zstandard.compress,
    "zstd of two frames": _halves(zstandard.compress),
    "zstd after a skippable frame": lambda data: _SKIPPABLE_FRAME + zstandard.compress(data),
}

EXPECTED = sorted(
    [(NOON + i, f"{i}{body}") for i, body in enumerate(_BODIES)]
    + [(NOON + 100 + i, f"{i}") for i in range(len(_BODIES))]
)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("framing_name", FRAMINGS)
def test_every_framing_in_every_compression_gives_the_same_records(
    tmp_path: Path, framing_name: str, compression: str
) -> None:
    report = take_in_content(tmp_path, COMPRESSIONS[compression](FRAMINGS[framing_name]()))
    assert (report.outcome, report.written, report.quarantined) == ("ingested", 14, 0)
    found = [(row["time_unix_nano"], row["body"]) for row in rows(tmp_path / "lake")]
    assert found == EXPECTED


@pytest.fixture(params=[(60, 250), (200, 400), (1000, 1500)])
def small_memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let blocks and messages be so small that every path for large files is gone."""
    block, limit = request.param
    for module in (framing, oversize, window):
        monkeypatch.setattr(module, "BLOCK_BYTES", block)
        monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", limit)
    monkeypatch.setattr(window, "_CHUNK_BYTES", 37)
    monkeypatch.setattr(oversize, "_CHUNK_BYTES", 41)
    monkeypatch.setattr(framing, "HEAD_BYTES", 100)


@pytest.mark.parametrize("framing_name", FRAMINGS)
def test_content_too_large_for_memory_gives_the_same_records(
    tmp_path: Path, framing_name: str, small_memory: None
) -> None:
    report = take_in_content(tmp_path, FRAMINGS[framing_name]())
    assert (report.outcome, report.written, report.quarantined) == ("ingested", 14, 0)
    found = [(row["time_unix_nano"], row["body"]) for row in rows(tmp_path / "lake")]
    assert found == EXPECTED


@pytest.mark.parametrize("small", [False, True])
def test_a_large_message_may_name_its_resource_after_its_records(
    tmp_path: Path, small: bool, request: pytest.FixtureRequest
) -> None:
    if small:
        for module in (framing, oversize, window):
            request.getfixturevalue("monkeypatch").setattr(module, "MAX_MESSAGE_BYTES", 300)
            request.getfixturevalue("monkeypatch").setattr(module, "BLOCK_BYTES", 200)
    logs = message(*(record(f"b{i}") for i in range(20)), {"no": "time"})["resourceLogs"][0]
    spans = [{"scopeSpans": [{"spans": [{}, {}]}, {"spans": None}]}]
    turned = {
        "other": [1, {"a": "]"}],
        "resourceSpans": spans,
        "resourceLogs": [
            {"scopeLogs": logs["scopeLogs"], "x": {}, "resource": logs["resource"]},
            {"resource": None, "scopeLogs": [{"logRecords": [record("last")]}]},
        ],
    }
    report = take_in_content(tmp_path, json.dumps(turned))
    assert (report.written, report.without_service, report.quarantined) == (21, 1, 1)
    assert report.skipped == {"spans": 2}
    found = {row["body"]: row["service_name"] for row in rows(tmp_path / "lake")}
    assert found == {f"b{i}": "shop" for i in range(20)} | {"last": None}
    assert [entry["record"] for entry in quarantine(tmp_path / "lake")] == [20]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"resourceLogs":[]}', "json"),
        (b' \r\n\t{\n "resourceLogs"', "json"),
        (b"{}", "json"),
        (b"not json\n{not json either", "json"),
        (b"\n{\n", "json"),
        (b"\x0a\x00", "protobuf"),
        (b"\x0a\x02\x12\x00", "protobuf"),
        # a line feed and 123 bytes of resource items: looks like a line break and a brace
        (b"\x0a\x7b\x0a\x22\x0a\x20" + b"\x0a\x1e" + bytes(28), "protobuf"),
        (b"\x00\x00\x00\x02\x0a\x00", "length-prefixed"),
        (b"\x00\x00\x00\x09\x28\xb5\x2f\xfd", "length-prefixed"),
        (b"", None),
        (bytes(1000), None),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", None),
        (b"\n\nplain text", None),
        (b"PAR1\x15\x04\x15", None),
    ],
)
def test_the_framing_is_told_by_the_first_bytes(head: bytes, expected: str | None) -> None:
    assert recognise(head) == expected


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (b'{"a": "}{"}\n{"b": [\n{}\n]}\n{"c"', b'{"c"'),
        (b'{"a": "}{"}\r\n{"b": [\r\n{', b'{"b": [\r\n{'),
        (b'{"a": "}{"} \n\n {"b": [\n{', b'{"b": [\n{'),
    ],
)
def test_a_block_ends_where_one_document_ends_and_the_next_begins(text: bytes, rest: bytes) -> None:
    assert text[last_border(text) :] == rest


def test_one_document_has_no_border_in_it() -> None:
    assert last_border(json.dumps(MESSAGES, indent=0).encode()) == 0


def test_a_file_of_another_kind_named_as_json_is_read_by_its_bytes(tmp_path: Path) -> None:
    content = gzip.compress(_behind_lengths(_protobuf()))
    report = take_in_content(tmp_path, content, name="logs.json")
    assert report.written == 14


def test_json_text_of_one_line_is_the_same_as_over_many(tmp_path: Path) -> None:
    text = json_message(record("one"), record("two"))
    take_in_content(tmp_path, text + "\n" + text[:-1] + "\n}")
    assert [row["body"] for row in rows(tmp_path / "lake")] == ["one", "one", "two", "two"]
