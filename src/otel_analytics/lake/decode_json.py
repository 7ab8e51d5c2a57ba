"""Decodes JSON text that holds OTLP/JSON messages, well-formed or not.

The fast path decodes a whole message by its types. Whatever stands in its way is found by the
slow path, which takes a message apart record by record, so that only what is broken is set aside.
Both give the same rows.

Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from otel_analytics.lake.blocks import SUPERSEDED, Unreadable
from otel_analytics.lake.json_text import BrokenText, document_end, next_document, skip_blanks
from otel_analytics.lake.rows import Resource
from otel_analytics.lake.values import (
    MAX_INT64,
    Value,
    double_text,
    parse_bytes,
    parse_double,
    parse_int,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.lake.blocks import Decoded, Message
    from otel_analytics.lake.rows import Rows

__all__ = ["decode_json"]

_SEVERITY_NUMBERS: Final = {"SEVERITY_NUMBER_UNSPECIFIED": 0} | {
    f"SEVERITY_NUMBER_{name}{step or ''}": 4 * i + (step or 1)
    for i, name in enumerate(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
    for step in (0, 2, 3, 4)
}

_UNREADABLE: Final = (ValueError, msgspec.MsgspecError, RecursionError)


class _Struct(msgspec.Struct, rename="camel", gc=False):
    """A message of OTLP/JSON: lowerCamelCase names, every field may be missing or null."""


class _Array(_Struct):
    values: list[_AnyValue | None] | None = None


class _KeyValue(_Struct):
    key: str | None = None
    value: _AnyValue | None = None


class _KeyValues(_Struct):
    values: list[_KeyValue] | None = None


class _AnyValue(_Struct):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | float | None = None
    double_value: float | int | str | None = None
    array_value: _Array | None = None
    kvlist_value: _KeyValues | None = None
    bytes_value: str | None = None


class _LogRecord(_Struct):
    time_unix_nano: int | str | float | None = None
    observed_time_unix_nano: int | str | float | None = None
    severity_number: int | str | float | None = None
    severity_text: str | None = None
    body: _AnyValue | None = None
    attributes: list[_KeyValue] | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class _Resource(_Struct):
    attributes: list[_KeyValue] | None = None


class _ScopeLogs(_Struct):
    log_records: list[_LogRecord] | None = None


class _ResourceLogs(_Struct):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None
    instrumentation_library_logs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Export(_Struct):
    """A message of any signal; what is no log is only counted."""

    resource_logs: list[_ResourceLogs] | msgspec.UnsetType | None = msgspec.UNSET
    resource_spans: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    resource_metrics: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    resource_profiles: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


# Where log records are: under scopes, or under the name that these had until 2022.
_SCOPES: Final = {
    "scopeLogs": ("logRecords",),
    "instrumentationLibraryLogs": ("logRecords", "logs"),
}

# Where the items of the other signals are; a metric's data points are one level further down.
_OTHER_SIGNALS: Final = {
    "resourceSpans": ("scopeSpans", "spans", "spans"),
    "resourceMetrics": ("scopeMetrics", "metrics", "metric data points"),
    "resourceProfiles": ("scopeProfiles", "profiles", "profiles"),
}

_decode_export: Final = msgspec.json.Decoder(_Export).decode
_decode_record: Final = msgspec.json.Decoder(_LogRecord).decode
_decode_resource: Final = msgspec.json.Decoder(_Resource).decode


def decode_json(block: Message, rows: Rows, decoded: Decoded) -> None:
    """Add what a block of JSON text holds: documents one per line, pretty-printed or adjoining."""
    data, position = block.data, 0
    line_end = -1
    while (position := skip_blanks(data, position)) < len(data):
        if position > line_end:
            # one document per line is what most writers write, and costs no scan for its end
            line_end = data.find(b"\n", position)
            line_end = len(data) if line_end < 0 else line_end
            line = _part(block, position, line_end)
            if line.data.rstrip().endswith(b"}") and _decode_fast(line, rows, decoded):
                position = line_end
                continue
        position = _decode_next(block, position, rows, decoded)


def _decode_next(block: Message, position: int, rows: Rows, decoded: Decoded) -> int:
    """Decode the document that begins at `position`, or set broken text aside; return its end."""
    end = len(block.data)
    try:
        end = document_end(block.data, position)
        _decode_document(_part(block, position, end), rows, decoded)
    except BrokenText as error:
        end = min(end, next_document(block.data, position + 1))
        broken = _part(block, position, end)
        decoded.set_aside(
            Unreadable(broken.position, None, f"JSON text is broken: {error}", broken.data.rstrip())
        )
    return end


def _part(block: Message, start: int, end: int) -> Message:
    if start == 0 and end == len(block.data):
        return block
    return type(block)(block.position + start, block.data[start:end], block.first_record)


def _decode_document(message: Message, rows: Rows, decoded: Decoded) -> None:
    if not _decode_fast(message, rows, decoded):
        _decode_slowly(message, rows, decoded)


def _decode_fast(message: Message, rows: Rows, decoded: Decoded) -> bool:
    """Add a message whose every part is right, or nothing; return whether it was."""
    try:
        export = _decode_export(message.data)
    except _UNREADABLE:
        return False
    others = (export.resource_spans, export.resource_metrics, export.resource_profiles)
    if not export.resource_logs or others != (msgspec.UNSET,) * 3:
        return False
    mark, found = rows.mark(), 0
    try:
        for resource_logs in export.resource_logs:
            if resource_logs.instrumentation_library_logs is not msgspec.UNSET:
                raise ValueError("records may stand under a deprecated name")
            resource = _resource(resource_logs.resource, rows)
            for scope_logs in resource_logs.scope_logs or ():
                records = scope_logs.log_records or ()
                found += len(records)
                for record in records:
                    _add(record, resource, rows)
    except _UNREADABLE:
        rows.rollback(mark)
        return False
    decoded.found += found
    return True


def _resource(resource: _Resource | None, rows: Rows) -> Resource:
    attributes = _attributes(resource.attributes) if resource and resource.attributes else {}
    return Resource.of(attributes, rows.keys)


def _add(record: _LogRecord, resource: Resource, rows: Rows) -> None:
    rows.add(
        resource,
        time_unix_nano=parse_int(record.time_unix_nano)
        or parse_int(record.observed_time_unix_nano),
        event_name=record.event_name or "",
        body=_value(record.body) if record.body else None,
        severity_number=_severity_number(record.severity_number),
        severity_text=record.severity_text or "",
        trace_id=record.trace_id or "",
        span_id=record.span_id or "",
        attributes=_attributes(record.attributes) if record.attributes else {},
    )


def _severity_number(value: int | str | float | None) -> int:
    if isinstance(value, str) and value in _SEVERITY_NUMBERS:
        return _SEVERITY_NUMBERS[value]
    return parse_int(value)


def _attributes(pairs: list[_KeyValue]) -> dict[str, str]:
    attributes = {}
    for pair in pairs:
        value = pair.value
        string = value.string_value if value is not None else ""
        attributes[pair.key or ""] = _text(value) if string is None else string
    return attributes


def _text(value: _AnyValue | None) -> str:
    # what text(_value(value)) gives, without the detour for the kinds that are frequent
    if value is not None and value.string_value is None:
        if value.bool_value is not None:
            return "true" if value.bool_value else "false"
        number = value.int_value
        if isinstance(number, str):
            is_plain = number.isdecimal() and number.isascii() and len(number) < 19
            return number if is_plain and number[0] != "0" else str(_int64(number))
        if value.int_value is None and isinstance(value.double_value, float):
            return double_text(value.double_value)
    return text(_value(value))


def _value(value: _AnyValue | None) -> Value:  # noqa: PLR0911 - one for each kind of AnyValue
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.bool_value is not None:
        return value.bool_value
    if value.int_value is not None:
        return _int64(value.int_value)
    if value.double_value is not None:
        return parse_double(value.double_value)
    if value.array_value is not None:
        return [_value(item) for item in value.array_value.values or ()]
    if value.kvlist_value is not None:
        pairs = value.kvlist_value.values or ()
        return {pair.key or "": _value(pair.value) for pair in pairs}
    if value.bytes_value is not None:
        return parse_bytes(value.bytes_value)
    return None


def _int64(value: int | str | float) -> int:
    number = parse_int(value)
    if number > MAX_INT64:
        raise ValueError(f"intValue {number} does not fit in 64 bits")
    return number


def _decode_slowly(message: Message, rows: Rows, decoded: Decoded) -> None:
    """Add what can be read of a message, record by record, and set the rest aside.

    Raises: BrokenText if it is not JSON
    """
    export = _loads(message.data)
    if not any(name in export for name in ("resourceLogs", *_OTHER_SIGNALS)):
        reason = "it is no OTLP message: none of resourceLogs, resourceSpans, resourceMetrics"
        decoded.set_aside(Unreadable(message.position, None, reason, message.data))
        return
    for name in _OTHER_SIGNALS:
        decoded.skipped.update(_count_items(export.get(name), name))
    index = message.first_record
    for part, reason in _resource_logs(export.get("resourceLogs")):
        if reason:
            decoded.set_aside(_unreadable(part, None, reason, message))
        else:
            index = _decode_resource_logs(part, index, message, rows, decoded)


def _decode_resource_logs(
    part: dict[str, Any], index: int, message: Message, rows: Rows, decoded: Decoded
) -> int:
    """Add the records of one resource, or set them aside; return the index of the next one."""
    records, superseded = _log_records(part)
    found = records + superseded
    decoded.found += len(found)
    try:
        resource = _resource(_decode_resource(_dumps(part.get("resource") or {})), rows)
    except _UNREADABLE as error:
        reason = f"its resource is unreadable: {_reason(error)}"
        if not found:
            decoded.set_aside(_unreadable(part, None, reason, message))
        for at, record in enumerate(found, index):
            # the resource is kept with the first: with each, it could be too much for the disk
            raw = record if at > index else _resource_logs_of(part, record)
            decoded.unreadable.append(_unreadable(raw, at, reason, message))
        return index + len(found)
    for at, record in enumerate(records, index):
        try:
            _add(_decode_record(_dumps(record)), resource, rows)
        except _UNREADABLE as error:
            decoded.unreadable.append(_unreadable(record, at, _reason(error), message))
    for at, record in enumerate(superseded, index + len(records)):
        decoded.unreadable.append(_unreadable(record, at, SUPERSEDED, message))
    return index + len(found)


def _resource_logs_of(part: dict[str, Any], record: Any) -> dict[str, Any]:
    return {"resource": part["resource"], "scopeLogs": [{"logRecords": [record]}]}


def _loads(data: bytes) -> dict[str, Any]:
    """Return a message whose strings may hold what is not valid Unicode, as lone surrogates."""
    try:
        # a token NaN or Infinity is no JSON, but tells a double as well as the string does
        loaded = json.loads(data.decode("utf-8", "surrogateescape"), parse_constant=str)
    except ValueError as error:
        raise BrokenText(str(error)) from None
    except RecursionError:
        raise BrokenText("it is nested too deeply") from None
    if not isinstance(loaded, dict):
        raise BrokenText("it is not a JSON object")
    return loaded


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "a string is not valid Unicode"
    if isinstance(error, RecursionError):
        return "a value is nested too deeply"
    return str(error)


def _unreadable(part: Any, record: int | None, reason: str, message: Message) -> Unreadable:
    try:
        raw = json.dumps(part, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = json.dumps(part).encode("ascii")
    except RecursionError:
        raw, record = message.data, None
    return Unreadable(message.position, record, reason, raw)


def _resource_logs(value: Any) -> Iterator[tuple[Any, str]]:
    """Yield each of a message's resource logs, with the reason why it cannot be read, if any."""
    if value is None:
        return
    if not isinstance(value, list):
        yield value, "resourceLogs is not a list"
        return
    for part in value:
        yield part, _reason_against(part)


def _reason_against(part: Any) -> str:
    if not isinstance(part, dict):
        return "an element of resourceLogs is not an object"
    for scopes_name, records_names in _SCOPES.items():
        scopes = part.get(scopes_name) or []
        if not isinstance(scopes, list) or not all(isinstance(scope, dict) for scope in scopes):
            return f"{scopes_name} is not a list of objects"
        for name in records_names:
            if not all(isinstance(scope.get(name) or [], list) for scope in scopes):
                return f"{name} is not a list"
    return ""


def _log_records(part: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return the records of a resource, and those that are superseded by them."""
    current, deprecated = (
        [
            record
            for scope in part.get(scopes_name) or ()
            for name in records_names
            for record in scope.get(name) or ()
        ]
        for scopes_name, records_names in _SCOPES.items()
    )
    return (current, deprecated) if current else (deprecated, [])


def _count_items(resources: Any, signal: str) -> dict[str, int]:
    scopes_name, items_name, kind = _OTHER_SIGNALS[signal]
    items = [
        item
        for resource in _objects(resources)
        for scope in _objects(resource.get(scopes_name))
        for item in _objects(scope.get(items_name))
    ]
    count = sum(map(_data_points, items)) if signal == "resourceMetrics" else len(items)
    return {kind: count} if count else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _data_points(metric: dict[str, Any]) -> int:
    return sum(
        len(_objects(data.get("dataPoints"))) for data in metric.values() if isinstance(data, dict)
    )
