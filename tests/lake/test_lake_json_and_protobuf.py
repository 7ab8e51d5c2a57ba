"""JSON and protobuf give the same rows, and so do the fast path and the path record by record."""

from __future__ import annotations

import base64
import copy
import json
import math
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st
from lake_files import DAY, NOON, attribute, message, record
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_analytics.config import Keys
from otel_analytics.lake import decode_json as json_decoder
from otel_analytics.lake import decode_protobuf as protobuf_decoder
from otel_analytics.lake.blocks import Block, Decoded, Kind, Message
from otel_analytics.lake.decode import decode_block
from otel_analytics.lake.wire import (
    DEPRECATED_ITEMS,
    ITEMS,
    RESOURCE_ITEMS,
    length_delimited,
)

_TEXT = st.text(max_size=8)
_KEYS = st.sampled_from(["userKey", "session.id", "event.name", "", "é", "resource.a", "trace_id"])


def _pairs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    pair = st.fixed_dictionaries({"key": _KEYS}, optional={"value": values})
    return st.lists(pair, max_size=4)


_VALUES = st.recursive(
    st.one_of(
        st.just({}),
        _TEXT.map(lambda value: {"stringValue": value}),
        st.booleans().map(lambda value: {"boolValue": value}),
        st.integers(-(2**63), 2**63 - 1).map(lambda value: {"intValue": str(value)}),
        st.floats(allow_nan=False, allow_infinity=False).map(lambda value: {"doubleValue": value}),
        st.sampled_from(["NaN", "Infinity", "-Infinity"]).map(lambda v: {"doubleValue": v}),
        st.binary(max_size=5).map(lambda v: {"bytesValue": base64.b64encode(v).decode()}),
    ),
    lambda values: st.one_of(
        st.lists(values, max_size=3).map(lambda items: {"arrayValue": {"values": items}}),
        _pairs(values).map(lambda pairs: {"kvlistValue": {"values": pairs}}),
    ),
    max_leaves=5,
)


def _hex(size: int) -> st.SearchStrategy[str]:
    return st.one_of(st.binary(max_size=size + 1), st.just(bytes(size))).map(bytes.hex)


_TIMES = st.one_of(st.just(0), st.integers(1, 3).map(lambda n: NOON + n * DAY), st.just(2**63))
_RECORDS = st.fixed_dictionaries(
    {"timeUnixNano": _TIMES.map(str)},
    optional={
        "observedTimeUnixNano": _TIMES.map(str),
        "severityNumber": st.integers(0, 24),
        "severityText": _TEXT,
        "body": _VALUES,
        "attributes": _pairs(_VALUES),
        "traceId": st.one_of(_hex(16), st.binary(min_size=16, max_size=16).map(bytes.hex)),
        "spanId": st.one_of(_hex(8), st.binary(min_size=8, max_size=8).map(bytes.hex)),
        "eventName": _TEXT,
    },
)
_SCOPES = st.lists(
    st.fixed_dictionaries({"logRecords": st.lists(_RECORDS, max_size=4)}), max_size=2
)
_RESOURCE = st.fixed_dictionaries({}, optional={"attributes": _pairs(_VALUES)})
_MESSAGES = st.fixed_dictionaries(
    {
        "resourceLogs": st.lists(
            st.fixed_dictionaries({"scopeLogs": _SCOPES}, optional={"resource": _RESOURCE}),
            min_size=1,
            max_size=3,
        )
    }
)


def _decoded(kind: Kind, data: bytes) -> Decoded:
    return decode_block(Block(kind, (Message(0, data),)), Keys())


def _same(first: Decoded, second: Decoded) -> None:
    assert first.batches == second.batches
    assert (first.written, first.without_service, first.invalid_ids) == (
        second.written,
        second.without_service,
        second.invalid_ids,
    )
    unreadable = [[(u.record, u.reason) for u in decoded.unreadable] for decoded in (first, second)]
    assert unreadable[0] == unreadable[1]
    for decoded in (first, second):
        assert decoded.found == decoded.written + len(decoded.unreadable)


def _as_protobuf(one: dict[str, Any]) -> bytes:
    one = copy.deepcopy(one)
    for resource_logs in one["resourceLogs"]:
        for scope in resource_logs["scopeLogs"]:
            for log_record in scope["logRecords"]:
                for name in ("traceId", "spanId"):
                    if name in log_record:  # protobuf's own JSON has base64 where OTLP has hex
                        raw = bytes.fromhex(log_record[name])
                        log_record[name] = base64.b64encode(raw).decode()
    return ParseDict(one, ExportLogsServiceRequest()).SerializeToString()


@settings(deadline=None, max_examples=300)
@given(_MESSAGES)
def test_the_same_message_gives_the_same_rows_from_json_and_from_protobuf(
    one: dict[str, Any],
) -> None:
    _same(_decoded("json", json.dumps(one).encode()), _decoded("protobuf", _as_protobuf(one)))


@settings(deadline=None, max_examples=150)
@given(_MESSAGES)
def test_the_fast_path_and_the_path_record_by_record_give_the_same_rows(
    one: dict[str, Any],
) -> None:
    as_json, as_protobuf = json.dumps(one).encode(), _as_protobuf(one)
    fast = [_decoded("json", as_json), _decoded("protobuf", as_protobuf)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_decoder, "_decode_fast", lambda *_: False)
        patch.setattr(protobuf_decoder, "_decode_fast", lambda *_: False)
        slow = [_decoded("json", as_json), _decoded("protobuf", as_protobuf)]
    _same(fast[0], slow[0])
    _same(fast[1], slow[1])


def test_one_message_decodes_to_what_was_worked_out_by_hand() -> None:
    value = {"kvlistValue": {"values": [attribute("x", doubleValue=1.0), attribute("y")]}}
    one = message(record("b", attributes=[{"key": "a", "value": value}], traceId="ab" * 16))
    for decoded in (
        _decoded("json", json.dumps(one).encode()),
        _decoded("protobuf", _as_protobuf(one)),
    ):
        assert decoded.written == 1
        assert b'{"x":1,"y":null}' in decoded.batches[0][1]
        assert b"ab" * 16 in decoded.batches[0][1]


def test_a_protobuf_record_that_is_broken_is_set_aside_alone() -> None:
    data = _as_protobuf(message(record("one"), record("XX"), record("two")))
    decoded = _decoded("protobuf", data.replace(b"XX", b"\xff\xfe"))
    assert decoded.written == 2
    (unreadable,) = decoded.unreadable
    assert unreadable.record == 1
    assert "UTF-8" in unreadable.reason
    assert b"\xff\xfe" in unreadable.raw


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"\x2a\x7f\x0a", "cut off"),
        (b"\x0a\x02hi", "no time"),  # whole, but it begins as a span or a metric does
    ],
)
def test_a_broken_protobuf_record_is_set_aside_alone_wherever_it_stands(
    at: int, broken: bytes, reason: str
) -> None:
    items = [_item("one"), _item("two")]
    items.insert(at, broken)
    decoded = _decoded("protobuf", _resource_items(ITEMS, *items))
    assert (decoded.found, decoded.written, decoded.skipped) == (3, 2, {})
    (unreadable,) = decoded.unreadable
    assert (unreadable.record, unreadable.raw) == (at, broken)
    assert reason in unreadable.reason


def test_an_item_of_no_signal_is_set_aside_and_counted() -> None:
    decoded = _decoded("protobuf", _resource_items(ITEMS, b"\x0a\x02hi"))
    assert (decoded.found, decoded.written, len(decoded.unreadable)) == (1, 0, 1)


def test_each_record_of_a_broken_protobuf_resource_is_counted_and_set_aside() -> None:
    texts = ("one", "two", "three")
    broken = _as_protobuf(message(*map(record, texts), service="XX")).replace(b"XX", b"\xff\xfe")
    decoded = _decoded("protobuf", broken + _as_protobuf(message(record("kept"))))
    assert (decoded.found, decoded.written) == (4, 1)
    assert [unreadable.record for unreadable in decoded.unreadable] == [0, 1, 2]
    assert all("its resource is unreadable" in each.reason for each in decoded.unreadable)
    assert b"\xff\xfe" in decoded.unreadable[0].raw
    for text, unreadable in zip(texts, decoded.unreadable, strict=True):
        assert text.encode() in unreadable.raw


def _item(body: str) -> bytes:
    return ParseDict(record(body), LogRecord()).SerializeToString()


def _resource_items(number: int, *items: bytes) -> bytes:
    """A message of one resource whose scopes are the field `number`."""
    scope = length_delimited(number, *(length_delimited(ITEMS, item) for item in items))
    return length_delimited(RESOURCE_ITEMS, scope)


def test_protobuf_records_under_the_old_field_of_scopes_are_read() -> None:
    old = _resource_items(DEPRECATED_ITEMS, _item("a"), _item("b"))
    decoded = _decoded("protobuf", old + _as_protobuf(message(record("c"))))
    assert (decoded.found, decoded.written, decoded.unreadable) == (3, 3, [])


def test_protobuf_records_under_the_old_field_beside_scopes_are_set_aside() -> None:
    old = length_delimited(DEPRECATED_ITEMS, length_delimited(ITEMS, _item("old")))
    new = length_delimited(ITEMS, length_delimited(ITEMS, _item("new")))
    decoded = _decoded("protobuf", length_delimited(RESOURCE_ITEMS, old, new))
    assert (decoded.found, decoded.written) == (2, 1)
    (unreadable,) = decoded.unreadable
    assert (unreadable.record, unreadable.raw) == (1, _item("old"))
    assert "beside scopeLogs" in unreadable.reason


def test_spans_in_protobuf_are_skipped_and_counted() -> None:
    span = {"traceId": "A" * 22 + "==", "spanId": "A" * 11 + "=", "name": "n", "kind": 2}
    spans = {"resourceSpans": [{"scopeSpans": [{"spans": [span, span]}]}]}
    data = ParseDict(spans, ExportTraceServiceRequest()).SerializeToString()
    decoded = _decoded("protobuf", data)
    assert (decoded.written, decoded.unreadable, decoded.skipped) == (0, [], {"spans": 2})


def test_metrics_in_protobuf_are_skipped_and_their_data_points_counted() -> None:
    metrics = [
        {"name": "a", "gauge": {"dataPoints": [{"asInt": 1}, {"asInt": 2}]}},
        {"name": "b", "sum": {"dataPoints": [{"asDouble": math.pi}]}},
    ]
    one = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
    data = ParseDict(one, ExportMetricsServiceRequest()).SerializeToString()
    decoded = _decoded("protobuf", data)
    assert (decoded.written, decoded.unreadable) == (0, [])
    assert decoded.skipped == {"metric data points": 3}
