"""Decodes OTLP protobuf messages with the official classes.

The fast path decodes a whole message. Where that fails, or a record has no time, the slow path
takes the message apart along the wire format, so that only what is broken is set aside, and tells
the other signals by their shape: a span and a metric begin with a length-delimited field 1 (trace
id, name), which no log record has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage

from otel_analytics.lake.blocks import Unreadable
from otel_analytics.lake.rows import Resource
from otel_analytics.lake.values import Value, text
from otel_analytics.lake.wire import ITEMS, RESOURCE, RESOURCE_ITEMS, BrokenWire, fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.lake.blocks import Decoded, Message
    from otel_analytics.lake.rows import Rows

__all__ = ["decode_protobuf"]

_UNREADABLE: Final = (ValueError, DecodeError, RecursionError)


def decode_protobuf(message: Message, rows: Rows, decoded: Decoded) -> None:
    """Add what a protobuf message holds."""
    if not _decode_fast(message, rows):
        _decode_slowly(message, rows, decoded)


def _decode_fast(message: Message, rows: Rows) -> bool:
    """Add a message whose every record is right, or nothing; return whether it was."""
    mark = rows.mark()
    try:
        export = ExportLogsServiceRequest.FromString(message.data)
        if not export.resource_logs:
            return False
        for resource_logs in export.resource_logs:
            resource = Resource.of(_attributes(resource_logs.resource.attributes), rows.keys)
            for scope_logs in resource_logs.scope_logs:
                for record in scope_logs.log_records:
                    _add(record, resource, rows)
    except _UNREADABLE:
        rows.rollback(mark)
        return False
    return True


def _add(record: Any, resource: Resource, rows: Rows) -> None:
    rows.add(
        resource,
        time_unix_nano=record.time_unix_nano or record.observed_time_unix_nano,
        event_name=record.event_name,
        body=_value(record.body),
        severity_number=record.severity_number,
        severity_text=record.severity_text,
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        attributes=_attributes(record.attributes),
    )


def _attributes(pairs: Any) -> dict[str, str]:
    attributes = {}
    for pair in pairs:
        value = pair.value
        if value.HasField("string_value"):
            attributes[pair.key] = value.string_value
        else:
            attributes[pair.key] = text(_value(value))
    return attributes


def _value(value: Any) -> Value:
    kind = value.WhichOneof("value")
    if kind is None or kind == "string_value_strindex":  # the latter is for profiles only
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    plain: str | bool | int | float | bytes = getattr(value, kind)
    return plain


def _decode_slowly(message: Message, rows: Rows, decoded: Decoded) -> None:
    try:
        parts = list(fields(message.data, 0, len(message.data)))
        if not all(part.number == RESOURCE_ITEMS and part.is_message for part in parts):
            raise BrokenWire("it is no OTLP message")
    except BrokenWire as error:
        reason = f"protobuf message is broken: {error}"
        decoded.unreadable.append(Unreadable(message.position, None, reason, message.data))
        return
    index = message.first_record
    for part in parts:
        data = message.data[part.value : part.end]
        try:
            items = list(_items(data))
            if items and _begins_with_bytes(items[0]):
                decoded.skipped.update(_count_other_signal(message.data[part.start : part.end]))
                continue
            resource = _resource(data, rows)
        except _UNREADABLE as error:
            reason = f"protobuf message is broken: {error}"
            decoded.unreadable.append(Unreadable(message.position, None, reason, data))
            continue
        for item in items:
            try:
                _add(LogRecord.FromString(item), resource, rows)
            except _UNREADABLE as error:
                reason = _reason(error, item)
                decoded.unreadable.append(Unreadable(message.position, index, reason, item))
            index += 1


def _resource(data: bytes, rows: Rows) -> Resource:
    merged = b"".join(
        data[field.value : field.end]
        for field in fields(data, 0, len(data))
        if field.number == RESOURCE and field.is_message
    )
    return Resource.of(_attributes(ResourceMessage.FromString(merged).attributes), rows.keys)


def _items(data: bytes) -> Iterator[bytes]:
    """Yield the log records (or spans, or metrics) of the items of one resource."""
    for scope in fields(data, 0, len(data)):
        if scope.number == ITEMS and scope.is_message:
            for item in fields(data, scope.value, scope.end):
                if item.number == ITEMS and item.is_message:
                    yield data[item.value : item.end]


def _begins_with_bytes(item: bytes) -> bool:
    return any(field.number == 1 and field.is_message for field in fields(item, 0, len(item)))


def _count_other_signal(data: bytes) -> dict[str, int]:
    """Return how many spans or metric data points a message of one resource holds.

    Raises: DecodeError if it holds neither
    """
    try:
        traces = ExportTraceServiceRequest.FromString(data)
        spans = [
            span
            for resource_spans in traces.resource_spans
            for scope_spans in resource_spans.scope_spans
            for span in scope_spans.spans
        ]
        if all(len(span.trace_id) == 16 and len(span.span_id) == 8 for span in spans):
            return {"spans": len(spans)}
    except DecodeError:
        pass  # then it may be metrics
    metrics = ExportMetricsServiceRequest.FromString(data)
    points = sum(
        _data_points(metric)
        for resource_metrics in metrics.resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
    )
    return {"metric data points": points} if points else {}


def _data_points(metric: Any) -> int:
    kind = metric.WhichOneof("data")
    return len(getattr(metric, kind).data_points) if kind else 0


def _reason(error: Exception, item: bytes) -> str:
    if not isinstance(error, DecodeError):
        return str(error)
    try:
        for _ in fields(item, 0, len(item)):
            pass
    except BrokenWire as broken:
        return f"protobuf record is broken: {broken}"
    return "protobuf record is broken: a string is not valid UTF-8, or a value no valid message"
