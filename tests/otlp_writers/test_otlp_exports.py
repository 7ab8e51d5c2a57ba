"""What the OpenTelemetry SDK exports for tests and demonstration holds the events, all of them."""

from __future__ import annotations

import gzip
import io
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from demo.otlp import (
    NamedBy,
    ShopEvent,
    export_requests,
    json_document,
    write_json_lines,
    write_length_delimited,
)

if TYPE_CHECKING:
    from pathlib import Path

NOON = 1_709_985_600_000_000_123  # 2024-03-09T12:00:00.000000123Z

EVENTS = [
    ShopEvent("web", NOON, "commerce.cart.add", "u 1", "x1", {"product.id": 42}),
    ShopEvent("app", NOON, "장바구니 🛒", None, "x2"),
    ShopEvent("web", NOON - 10**9, "ping", "u2", None, {"tags": ["a", "b"]}),
]


def attributes_of(holder: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: pair["value"] for pair in holder["attributes"]}


def only_records(request: ExportLogsServiceRequest) -> tuple[str, list[dict[str, Any]]]:
    """Return the service and the log records of a message, read from its OTLP/JSON form."""
    (resource_logs,) = json.loads(json_document(request))["resourceLogs"]
    (scope_logs,) = resource_logs["scopeLogs"]
    service = attributes_of(resource_logs["resource"])["service.name"]["stringValue"]
    return service, scope_logs["logRecords"]


def test_each_service_has_a_resource_of_its_own_and_its_events_in_their_order() -> None:
    (web, web_records), (app, app_records) = map(only_records, export_requests(EVENTS))
    assert (web, app) == ("web", "app")
    assert [record["timeUnixNano"] for record in web_records] == [str(NOON), str(NOON - 10**9)]
    assert attributes_of(web_records[0]) == {
        "product.id": {"intValue": "42"},
        "userKey": {"stringValue": "u 1"},
        "sessionId": {"stringValue": "x1"},
    }
    assert "sessionId" not in attributes_of(web_records[1])
    assert attributes_of(web_records[1])["tags"] == {
        "arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}
    }
    assert attributes_of(app_records[0]) == {"sessionId": {"stringValue": "x2"}}


@pytest.mark.parametrize("named_by", ["event_name", "attribute", "body"])
def test_the_event_name_stands_in_one_place_only(named_by: NamedBy) -> None:
    _, (record, _) = only_records(next(export_requests(EVENTS, named_by=named_by)))
    places = {
        "event_name": record.get("eventName"),
        "attribute": attributes_of(record).get("event.name", {}).get("stringValue"),
        "body": record.get("body", {}).get("stringValue"),
    }
    assert places == {**dict.fromkeys(places), named_by: "commerce.cart.add"}


def test_json_lines_have_one_message_a_line(tmp_path: Path) -> None:
    requests = list(export_requests(EVENTS))
    write_json_lines(tmp_path / "logs", requests)
    lines = gzip.decompress((tmp_path / "logs").read_bytes()).decode().splitlines()
    assert lines == [json_document(request) for request in requests]
    assert "장바구니 🛒" in lines[1]


def test_protobuf_messages_stand_behind_their_lengths(tmp_path: Path) -> None:
    requests = list(export_requests(EVENTS))
    write_length_delimited(tmp_path / "logs", requests)
    with zstandard.open(tmp_path / "logs", "rb") as file:
        stream = io.BytesIO(file.read())
    read = []
    while head := stream.read(4):
        read.append(ExportLogsServiceRequest.FromString(stream.read(*struct.unpack(">I", head))))
    assert read == requests


def test_ids_are_hex_in_json() -> None:
    request = next(export_requests(EVENTS))
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    record.trace_id = bytes(range(16))
    record.span_id = bytes(range(0xF8, 0x100))
    _, (in_json, _) = only_records(request)
    assert in_json["traceId"] == "000102030405060708090a0b0c0d0e0f"
    assert in_json["spanId"] == "f8f9fafbfcfdfeff"


def test_a_long_list_is_cut_into_messages_and_nothing_is_lost() -> None:
    many = [ShopEvent("web", NOON + n, "ping") for n in range(1300)]
    sizes = []
    times = []
    for request in export_requests(many):
        _, records = only_records(request)
        sizes.append(len(records))
        times += [int(record["timeUnixNano"]) for record in records]
    assert sizes == [512, 512, 276]
    assert times == [event.time_unix_nano for event in many]


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_json_lines(tmp_path / f"{name}.json", export_requests(EVENTS))
        write_length_delimited(tmp_path / f"{name}.binpb", export_requests(EVENTS))
    for suffix in ("json", "binpb"):
        first, second = (tmp_path / f"{name}.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
