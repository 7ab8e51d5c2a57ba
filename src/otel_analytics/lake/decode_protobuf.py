"""Decodes OTLP protobuf messages with the official classes.

The fast path decodes a whole message. Where that fails, or a record has no time, the slow path
takes the message apart along the wire format, so that only what is broken is set aside, and tells
the other signals by their shape: a span and a metric begin with a length-delimited field 1 (trace
id, name), which no log record has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_analytics.lake.blocks import SUPERSEDED, Unreadable
from otel_analytics.lake.rows import Resource
from otel_analytics.lake.values import Value, text
from otel_analytics.lake.wire import (
    DEPRECATED_ITEMS,
    ITEMS,
    RESOURCE,
    RESOURCE_ITEMS,
    BrokenWire,
    fields,
    length_delimited,
)

if TYPE_CHECKING:
    from otel_analytics.lake.blocks import Decoded, Message
    from otel_analytics.lake.rows import Rows

__all__ = ["decode_protobuf"]

_UNREADABLE: Final = (ValueError, DecodeError, RecursionError)
# How a field of that number begins; no text holds these bytes, but an id or a time may.
_DEPRECATED_TAG: Final = length_delimited(DEPRECATED_ITEMS)[:2]


def decode_protobuf(message: Message, rows: Rows, decoded: Decoded) -> None:
    """Add what a protobuf message holds."""
    if not _decode_fast(message, rows, decoded):
        _decode_slowly(message, rows, decoded)


def _decode_fast(message: Message, rows: Rows, decoded: Decoded) -> bool:
    """Add a message whose every record is right, or nothing; return whether it was."""
    mark, found = rows.mark(), 0
    try:
        export = ExportLogsServiceRequest.FromString(message.data)
        if not export.resource_logs:
            return False
        if _DEPRECATED_TAG in message.data and any(map(_has_deprecated, export.resource_logs)):
            return False
        for resource_logs in export.resource_logs:
            resource = Resource.of(_attributes(resource_logs.resource.attributes), rows.keys)
            for scope_logs in resource_logs.scope_logs:
                found += len(scope_logs.log_records)
                for record in scope_logs.log_records:
                    _add(record, resource, rows)
    except _UNREADABLE:
        rows.rollback(mark)
        return False
    decoded.found += found
    return True


def _has_deprecated(resource_logs: Any) -> bool:
    unknown = UnknownFieldSet(resource_logs)
    return any(unknown[at].field_number == DEPRECATED_ITEMS for at in range(len(unknown)))


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
        decoded.set_aside(Unreadable(message.position, None, reason, message.data))
        return
    index = message.first_record
    for part in parts:
        data = message.data[part.value : part.end]
        try:
            index = _decode_resource_items(data, index, message, rows, decoded)
        except _UNREADABLE as error:
            reason = f"protobuf message is broken: {error}"
            decoded.set_aside(Unreadable(message.position, None, reason, data))


def _decode_resource_items(
    data: bytes, index: int, message: Message, rows: Rows, decoded: Decoded
) -> int:
    """Add the records of one resource, or set them aside; return the index of the next one.

    Raises: BrokenWire or DecodeError if what it holds cannot be told apart
    """
    items, superseded = _items(data)
    found = items + superseded
    if _is_other_signal(found):
        decoded.skipped.update(_count_other_signal(found))
        return index
    decoded.found += len(found)
    merged = _resource_bytes(data)
    try:
        attributes = _attributes(ResourceMessage.FromString(merged).attributes)
    except _UNREADABLE as error:
        reason = f"its resource is unreadable: {error}"
        if not found:
            decoded.set_aside(Unreadable(message.position, None, reason, data))
        for at, item in enumerate(found, index):
            # the resource is kept with the first: with each, it could be too much for the disk
            raw = item if at > index else _resource_logs_of(merged, item)
            decoded.unreadable.append(Unreadable(message.position, at, reason, raw))
        return index + len(found)
    resource = Resource.of(attributes, rows.keys)
    for at, item in enumerate(items, index):
        try:
            _add(LogRecord.FromString(item), resource, rows)
        except _UNREADABLE as error:
            reason = _reason(error, item)
            decoded.unreadable.append(Unreadable(message.position, at, reason, item))
    for at, item in enumerate(superseded, index + len(items)):
        decoded.unreadable.append(Unreadable(message.position, at, SUPERSEDED, item))
    return index + len(found)


def _resource_bytes(data: bytes) -> bytes:
    return b"".join(
        data[field.value : field.end]
        for field in fields(data, 0, len(data))
        if field.number == RESOURCE and field.is_message
    )


def _resource_logs_of(resource: bytes, item: bytes) -> bytes:
    scope = length_delimited(ITEMS, length_delimited(ITEMS, item))
    return length_delimited(RESOURCE, resource) + scope


def _items(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the log records (or spans, or metrics) of a resource, and those they supersede."""
    current, deprecated = (
        [
            data[item.value : item.end]
            for scope in fields(data, 0, len(data))
            if scope.number == number and scope.is_message
            for item in fields(data, scope.value, scope.end)
            if item.number == ITEMS and item.is_message
        ]
        for number in (ITEMS, DEPRECATED_ITEMS)
    )
    return (current, deprecated) if current else (deprecated, [])


def _is_other_signal(items: list[bytes]) -> bool:
    """Return whether every item that is whole begins as no log record does."""
    is_told = False
    for item in items:
        try:
            is_log_record = not any(
                field.number == 1 and field.is_message for field in fields(item, 0, len(item))
            )
        except BrokenWire:
            continue  # it tells nothing, and will be set aside alone
        if is_log_record:
            return False
        is_told = True
    return is_told


def _count_other_signal(items: list[bytes]) -> dict[str, int]:
    """Return how many spans or metric data points the items of one resource are.

    Raises: DecodeError if they are neither
    """
    try:
        spans = [Span.FromString(item) for item in items]
        if all(len(span.trace_id) == 16 and len(span.span_id) == 8 for span in spans):
            return {"spans": len(spans)}
    except DecodeError:
        pass  # then it may be metrics
    metrics = [Metric.FromString(item) for item in items]
    if not all(metric.WhichOneof("data") for metric in metrics):
        raise DecodeError("it holds neither log records nor spans nor metrics")
    points = sum(map(_data_points, metrics))
    return {"metric data points": points} if points else {}


def _data_points(metric: Any) -> int:
    return len(getattr(metric, metric.WhichOneof("data")).data_points)


def _reason(error: Exception, item: bytes) -> str:
    if not isinstance(error, DecodeError):
        return str(error)
    try:
        for _ in fields(item, 0, len(item)):
            pass
    except BrokenWire as broken:
        return f"protobuf record is broken: {broken}"
    return "protobuf record is broken: a string is not valid UTF-8, or a value no valid message"
