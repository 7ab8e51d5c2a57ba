"""Events through the OpenTelemetry SDK into OTLP, and onto files as the Collector writes them.

The SDK's logger makes the records and its encoder the messages. Observed times are the events' own
and batches are cut by count, so the same events give the same bytes.
"""

from __future__ import annotations

import gzip
import json
import struct
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import zstandard
from google.protobuf.json_format import MessageToDict
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.sdk._logs import ReadableLogRecord

__all__ = [
    "NamedBy",
    "ShopEvent",
    "export_requests",
    "json_document",
    "write_json_lines",
    "write_length_delimited",
]

BATCH_RECORDS = 512

NamedBy = Literal["event_name", "attribute", "body"]


@dataclass(frozen=True, slots=True)
class ShopEvent:
    """One thing that a user did, as an application would log it; the time is UTC."""

    service_name: str
    time_unix_nano: int
    event_name: str
    user_key: str | None = None
    session_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def export_requests(
    events: Iterable[ShopEvent], *, named_by: NamedBy = "event_name"
) -> Iterator[ExportLogsServiceRequest]:
    """Return the OTLP messages of these events, one service after the other, in their order.

    The event's name stands in the record's own field, in the attribute `event.name`, or in the
    body: all three are met in the wild.
    """
    by_service: dict[str, list[ShopEvent]] = {}
    for event in events:
        by_service.setdefault(event.service_name, []).append(event)
    for service_name, own in by_service.items():
        records = _log_records(service_name, own, named_by)
        for start in range(0, len(records), BATCH_RECORDS):
            yield encode_logs(records[start : start + BATCH_RECORDS])


def _log_records(
    service_name: str, events: Sequence[ShopEvent], named_by: NamedBy
) -> Sequence[ReadableLogRecord]:
    # Named, since the SDK would draw a random instance and each run would give other bytes.
    resource = Resource.create(
        {"service.name": service_name, "service.instance.id": f"{service_name}-1"}
    )
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = provider.get_logger("shop")
    for event in events:
        attributes: dict[str, Any] = dict(event.attributes)
        if event.user_key is not None:
            attributes["userKey"] = event.user_key
        if event.session_id is not None:
            attributes["sessionId"] = event.session_id
        if named_by == "attribute":
            attributes["event.name"] = event.event_name
        logger.emit(
            timestamp=event.time_unix_nano,
            observed_timestamp=event.time_unix_nano,
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=event.event_name if named_by == "body" else None,
            event_name=event.event_name if named_by == "event_name" else None,
            attributes=attributes,
        )
    provider.shutdown()
    return exporter.get_finished_logs()


def json_document(request: ExportLogsServiceRequest) -> str:
    """Return a message in the OTLP/JSON encoding, on one line.

    Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
    """
    document = MessageToDict(request, use_integers_for_enums=True)
    for resource_logs in document.get("resourceLogs", ()):
        for scope_logs in resource_logs.get("scopeLogs", ()):
            for record in scope_logs.get("logRecords", ()):
                # Protobuf's JSON has ids in base64, OTLP's in hex.
                for key in record.keys() & {"traceId", "spanId"}:
                    record[key] = b64decode(record[key]).hex()
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def write_json_lines(path: Path, requests: Iterable[ExportLogsServiceRequest]) -> None:
    """Write a gzip file with one OTLP/JSON message a line."""
    text = "".join(json_document(request) + "\n" for request in requests)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))


def write_length_delimited(path: Path, requests: Iterable[ExportLogsServiceRequest]) -> None:
    """Write a zstd file of OTLP protobuf messages, each behind its 4-byte big-endian length."""
    messages = [request.SerializeToString(deterministic=True) for request in requests]
    framed = b"".join(struct.pack(">I", len(message)) + message for message in messages)
    path.write_bytes(zstandard.ZstdCompressor().compress(framed))
