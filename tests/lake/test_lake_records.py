"""What becomes of each field of a log record."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from lake_files import (
    NOON,
    attribute,
    json_message,
    message,
    quarantine,
    record,
    rows,
    take_in,
    take_in_content,
)

from otel_analytics.config import Keys
from otel_analytics.lake.ingest import ingest
from otel_analytics.lake.schema import LOGALL_COLUMNS, LOGALL_PARTITIONS
from otel_analytics.lake.values import parse_id, text

if TYPE_CHECKING:
    from pathlib import Path


def row_of(folder: Path, *records: Any, service: str | None = "shop") -> dict[str, Any]:
    report = take_in_content(folder, json_message(*records, service=service))
    assert (report.outcome, report.written) == ("ingested", 1), report
    return rows(folder / "lake")[0]


def test_a_record_becomes_a_row_with_every_column(tmp_path: Path) -> None:
    row = row_of(
        tmp_path,
        record(
            "Product viewed\nin full",
            time="1704153599999999999",
            severityNumber=9,
            severityText="INFO",
            traceId="5B8EFFF798038103D269B633813FC60C",
            spanId="EEE19B7EC3C1B174",
            eventName="product.view",
            attributes=[
                attribute("userKey", stringValue="u1"),
                attribute("session.id", stringValue="s1"),
                attribute("count", intValue="3"),
            ],
        ),
    )
    source_id = row.pop("source_id")
    assert len(source_id) == 64
    assert row == {
        "timestamp": datetime(2024, 1, 1, 23, 59, 59, 999_000),
        "time_unix_nano": 1704153599999999999,
        "event_name": "product.view",
        "body": "Product viewed\nin full",
        "severity_number": 9,
        "severity_text": "INFO",
        "trace_id": "5b8efff798038103d269b633813fc60c",
        "span_id": "eee19b7ec3c1b174",
        "service_name": "shop",
        "user_key": "u1",
        "session_id": "s1",
        "attributes": {
            "userKey": "u1",
            "session.id": "s1",
            "count": "3",
            "resource.service.name": "shop",
        },
        "year": "2024",
        "month": "01",
        "day": "01",
    }


def test_a_row_has_the_columns_of_the_table_in_their_order(tmp_path: Path) -> None:
    row = row_of(tmp_path, record())
    assert list(row) == [*LOGALL_COLUMNS, *LOGALL_PARTITIONS]


def test_a_record_with_only_a_time_has_null_for_the_rest(tmp_path: Path) -> None:
    row = row_of(tmp_path, {"timeUnixNano": NOON}, service=None)
    given = ("timestamp", "time_unix_nano", "source_id", "attributes", "year", "month", "day")
    assert {name for name, value in row.items() if value is not None} == set(given)
    assert row["attributes"] == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"stringValue": "as it is"}, "as it is"),
        ({"stringValue": ""}, ""),
        ({"stringValue": "nul \0 and ü"}, "nul \0 and ü"),
        ({"boolValue": True}, "true"),
        ({"boolValue": False}, "false"),
        ({"intValue": "10"}, "10"),
        ({"intValue": -10}, "-10"),
        ({"intValue": 1e3}, "1000"),
        ({"intValue": "-9223372036854775808"}, "-9223372036854775808"),
        ({"doubleValue": 637.704}, "637.704"),
        ({"doubleValue": 5}, "5"),
        ({"doubleValue": "2.50"}, "2.5"),
        ({"doubleValue": "NaN"}, "NaN"),
        ({"doubleValue": "-Infinity"}, "-Infinity"),
        ({"bytesValue": "aGk="}, "aGk="),
        ({"bytesValue": "_-8"}, "/+8="),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": 1}, {}]}}, '["a",1,null]'),
        ({"arrayValue": {}}, "[]"),
        ({"kvlistValue": {}}, "{}"),
        (
            {
                "kvlistValue": {
                    "values": [
                        attribute("é", doubleValue="Infinity"),
                        attribute("b", bytesValue="aGk="),
                        attribute("é", boolValue=False),
                        {"key": "empty"},
                    ]
                }
            },
            '{"é":false,"b":"aGk=","empty":null}',
        ),
        ({}, ""),
        (None, ""),
        ({"unknownValue": 1}, ""),
    ],
)
def test_every_kind_of_value_has_one_text(tmp_path: Path, value: Any, expected: str) -> None:
    row = row_of(tmp_path, record(attributes=[{"key": "a", "value": value}]), service=None)
    assert row["attributes"] == {"a": expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # Source: RFC 8785, appendix B, and its rules for exponents
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (-1e20, "-100000000000000000000"),
        (1e21, "1e+21"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (333333333.33333329, "333333333.3333333"),
        (0.000001, "0.000001"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1e-7, "1e-7"),
        (0.00001234, "0.00001234"),
        (1424953923781206.2, "1424953923781206.2"),
    ],
)
def test_doubles_have_the_text_of_canonical_json(value: float, expected: str) -> None:
    assert text(value) == expected
    assert float(expected) == value


@pytest.mark.parametrize("body", [{}, None, {"unknown": 1}])
def test_an_empty_body_is_null(tmp_path: Path, body: Any) -> None:
    assert row_of(tmp_path, {"timeUnixNano": NOON, "body": body})["body"] is None


def test_a_structured_body_is_json_text_and_no_event_name(tmp_path: Path) -> None:
    body = {"kvlistValue": {"values": [attribute("type", intValue="0")]}}
    row = row_of(tmp_path, {"timeUnixNano": NOON, "body": body})
    assert (row["body"], row["event_name"]) == ('{"type":0}', None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"eventName": "field", "attributes": [attribute("event.name", stringValue="a")]}, "field"),
        ({"eventName": "", "attributes": [attribute("event.name", stringValue="attr")]}, "attr"),
        ({"attributes": [attribute("event.name", intValue=7)]}, "7"),
        ({"attributes": [attribute("event.name", stringValue="")]}, "the body"),
        ({}, "the body"),
        ({"body": {"stringValue": "x" * 128}}, "x" * 128),
        ({"body": {"stringValue": "x" * 129}}, None),
        ({"body": {"stringValue": "two\nlines"}}, None),
        ({"body": {"stringValue": "two\rlines"}}, None),
        ({"body": {"stringValue": ""}}, None),
        ({"body": {"intValue": 5}}, None),
    ],
)
def test_the_event_name_is_the_field_then_the_attribute_then_a_short_body(
    tmp_path: Path, fields: dict[str, Any], expected: str | None
) -> None:
    assert row_of(tmp_path, record("the body") | fields)["event_name"] == expected


def _with_attributes(folder: Path, own: dict[str, str], resource: dict[str, str]) -> dict[str, Any]:
    one = message(record(attributes=[attribute(k, stringValue=v) for k, v in own.items()]))
    one["resourceLogs"][0]["resource"]["attributes"] = [
        attribute(k, stringValue=v) for k, v in resource.items()
    ]
    take_in_content(folder, json.dumps(one))
    return rows(folder / "lake")[0]


@pytest.mark.parametrize(
    ("own", "resource", "user", "session"),
    [
        ({"user.id": "b", "userKey": "a"}, {}, "a", None),
        ({"userKey": "", "enduser.id": "c"}, {}, "c", None),
        ({"enduser.id": "c"}, {"userKey": "r"}, "c", None),
        ({"userKey": ""}, {"user.id": "r", "session.id": "s"}, "r", "s"),
        ({"sessionId": "x", "session.id": "y"}, {"sessionId": "z"}, None, "x"),
        ({}, {"userKey": ""}, None, None),
    ],
)
def test_user_and_session_are_the_first_that_is_not_empty_the_records_before_its_resources(
    tmp_path: Path,
    own: dict[str, str],
    resource: dict[str, str],
    user: str | None,
    session: str | None,
) -> None:
    row = _with_attributes(tmp_path, own, resource)
    assert (row["user_key"], row["session_id"]) == (user, session)


def test_the_keys_of_user_and_session_are_settings(tmp_path: Path) -> None:
    file = tmp_path / "logs"
    one = record(attributes=[attribute("who", intValue=7), attribute("visit", stringValue="v")])
    file.write_text(json_message(one))
    ingest([file], lake=tmp_path / "lake", keys=Keys(user=("who",), session=("visit",)))
    row = rows(tmp_path / "lake")[0]
    assert (row["user_key"], row["session_id"]) == ("7", "v")


def test_the_last_of_two_attributes_of_one_name_wins(tmp_path: Path) -> None:
    twice = [attribute("userKey", stringValue="first"), attribute("userKey", stringValue="last")]
    row = row_of(tmp_path, record(attributes=twice))
    assert row["user_key"] == row["attributes"]["userKey"] == "last"


def test_resource_attributes_stand_under_a_prefix_that_is_theirs(tmp_path: Path) -> None:
    row = _with_attributes(tmp_path, {"a": "own", "resource.b": "own"}, {"a": "r", "b": "r"})
    assert row["attributes"] == {"a": "own", "resource.a": "r", "resource.b": "r"}


@pytest.mark.parametrize("service", [None, ""])
def test_a_record_without_a_service_is_written_and_counted(
    tmp_path: Path, service: str | None
) -> None:
    one = message(record(), record(), service=service)
    if service == "":
        one["resourceLogs"][0]["resource"]["attributes"] = [
            attribute("service.name", stringValue="")
        ]
    report = take_in_content(tmp_path, json.dumps(one))
    assert (report.written, report.without_service) == (2, 2)
    assert [row["service_name"] for row in rows(tmp_path / "lake")] == [None, None]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timeUnixNano": NOON}, NOON),
        ({"timeUnixNano": str(NOON)}, NOON),
        ({"timeUnixNano": "0", "observedTimeUnixNano": str(NOON)}, NOON),
        ({"timeUnixNano": None, "observedTimeUnixNano": NOON}, NOON),
        ({"timeUnixNano": NOON, "observedTimeUnixNano": 5}, NOON),
        ({"timeUnixNano": "1"}, 1),
        ({"timeUnixNano": "9223372036854775807"}, 2**63 - 1),
    ],
)
def test_the_time_is_the_records_or_else_when_it_was_observed(
    tmp_path: Path, fields: dict[str, Any], expected: int
) -> None:
    assert row_of(tmp_path, fields)["time_unix_nano"] == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "no time"),
        ({"timeUnixNano": 0, "observedTimeUnixNano": "0"}, "no time"),
        ({"timeUnixNano": "9223372036854775808"}, "out of range"),
        ({"timeUnixNano": "99999999999999999999999"}, "64 bits"),
        ({"timeUnixNano": "-5"}, "out of range"),
        ({"timeUnixNano": "2024-01-01T00:00:00Z"}, "whole number"),
        ({"timeUnixNano": 1.5}, "whole number"),
        ({"timeUnixNano": [1]}, "timeUnixNano"),
        (record(severityNumber="LOUD"), "whole number"),
        (record(severityNumber=2**31), "severity number"),
        (record(attributes=[attribute("a", intValue="9223372036854775808")]), "64 bits"),
        (record(attributes=[attribute("a", intValue="x")]), "whole number"),
        (record(attributes=[attribute("a", doubleValue="x")]), "not a number"),
        (record(attributes=[attribute("a", doubleValue="1_000")]), "not a number"),
        (record(attributes=[attribute("a", doubleValue="١٢")]), "not a number"),
        (record(attributes=[attribute("a", intValue="١٢")]), "whole number"),
        (record(attributes=[attribute("a", intValue="1_000")]), "whole number"),
        ({"timeUnixNano": "１７０４１１０４００００００００００００"}, "whole number"),
        (record(attributes=[attribute("a", bytesValue="!")]), "base64"),
        (record(attributes=[attribute("a", boolValue="yes")]), "boolValue"),
        (record(attributes={"a": 1}), "attributes"),
        (record("\ud800 alone"), "Unicode"),
        ("no object", "object"),
        (None, "object"),
    ],
)
def test_an_unreadable_record_is_set_aside_alone(tmp_path: Path, fields: Any, reason: str) -> None:
    report = take_in_content(tmp_path, json_message(record("one"), fields, record("two")))
    assert (report.records_in, report.written, report.quarantined) == (3, 2, 1)
    assert [row["body"] for row in rows(tmp_path / "lake")] == ["one", "two"]
    (entry,) = quarantine(tmp_path / "lake")
    assert reason in entry["reason"]
    assert (entry["position"], entry["record"]) == (0, 1)
    assert (entry["source"], entry["source_id"]) == (str(tmp_path / "logs"), report.source_id)
    assert json.loads(entry["raw"]) == fields


def test_a_record_that_is_not_utf_8_is_set_aside_with_its_bytes(tmp_path: Path) -> None:
    text = json_message(record("one"), record("XX"), record("two")).encode()
    report = take_in_content(tmp_path, text.replace(b"XX", b"\xff\xfe"))
    assert (report.written, report.quarantined) == (2, 1)
    (entry,) = quarantine(tmp_path / "lake")
    assert b'"\xff\xfe"' in base64.b64decode(entry["raw_base64"])
    assert "Unicode" in entry["reason"]


def test_unknown_fields_are_ignored(tmp_path: Path) -> None:
    row = row_of(tmp_path, record(newField={"deep": [1, None]}, flags=1, droppedAttributesCount=2))
    assert row["body"] == "b"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(9, 9), ("9", 9), ("SEVERITY_NUMBER_INFO", 9), ("SEVERITY_NUMBER_FATAL4", 24), (0, None)],
)
def test_a_severity_is_a_number_or_its_name(
    tmp_path: Path, value: Any, expected: int | None
) -> None:
    assert row_of(tmp_path, record(severityNumber=value))["severity_number"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5B8EFFF798038103D269B633813FC60C", "5b8efff798038103d269b633813fc60c"),
        ("px89Gm0tPK2zZpy9UOFl5A==", "a71f3d1a6d2d3cadb3669cbd50e165e4"),
        ("px89Gm0tPK2zZpy9UOFl5A", None),
        ("ABC", None),
        ("5b8efff798038103d269b633813fc6", None),
        ("", None),
    ],
)
def test_an_id_is_hex_in_either_case_or_base64(value: str, expected: str | None) -> None:
    assert parse_id(value, size=16) == expected


def test_an_id_that_is_none_stays_as_an_attribute_and_is_counted(tmp_path: Path) -> None:
    report = take_in_content(tmp_path, json_message(record(traceId="ABC", spanId="0" * 16)))
    row = rows(tmp_path / "lake")[0]
    assert (row["trace_id"], row["span_id"], report.invalid_ids) == (None, None, 1)
    assert row["attributes"] == {"trace_id": "ABC", "resource.service.name": "shop"}


def test_a_day_is_the_utc_date_of_the_event(tmp_path: Path) -> None:
    midnight = 1_709_251_200 * 10**9  # 2024-03-01T00:00:00Z
    times = (midnight - 1, midnight, midnight + 1, midnight - 1, 0 + 1, 2**63 - 1)
    texts = [json_message(record(f"{i}", time=str(time))) for i, time in enumerate(times)]
    take_in_content(tmp_path, "\n".join(texts))
    days = {row["body"]: (row["year"], row["month"], row["day"]) for row in rows(tmp_path / "lake")}
    assert days == {
        "0": ("2024", "02", "29"),
        "1": ("2024", "03", "01"),
        "2": ("2024", "03", "01"),
        "3": ("2024", "02", "29"),
        "4": ("1970", "01", "01"),
        "5": ("2262", "04", "11"),
    }


def test_equal_records_of_one_file_are_different_records(tmp_path: Path) -> None:
    take_in_content(tmp_path, json_message(record("same"), record("same")))
    assert len(rows(tmp_path / "lake")) == 2


def test_a_resource_that_is_unreadable_is_set_aside_with_its_records(tmp_path: Path) -> None:
    broken = message(record("lost"))["resourceLogs"][0] | {"resource": {"attributes": "no list"}}
    one = message(record("kept"))
    one["resourceLogs"].append(broken)
    report = take_in_content(tmp_path, json.dumps(one))
    assert (report.written, report.quarantined) == (1, 1)
    (entry,) = quarantine(tmp_path / "lake")
    assert json.loads(entry["raw"]) == broken


@pytest.mark.parametrize("resource", [{"attributes": [attribute("a", intValue="x")]}, 7])
def test_each_record_of_an_unreadable_resource_is_counted_and_set_aside(
    tmp_path: Path, resource: Any
) -> None:
    one = message(record("a"), record("b"), record("c"))
    one["resourceLogs"][0]["resource"] = resource
    one["resourceLogs"] += message(record("kept"), record("bad", time="x"))["resourceLogs"]
    report = take_in_content(tmp_path, json.dumps(one))
    assert (report.records_in, report.written, report.quarantined) == (5, 1, 4)
    found = quarantine(tmp_path / "lake")
    assert [entry["record"] for entry in found] == [0, 1, 2, 4]
    assert all("its resource is unreadable" in entry["reason"] for entry in found[:3])
    first = {"resource": resource, "scopeLogs": [{"logRecords": [record("a")]}]}
    assert [json.loads(entry["raw"]) for entry in found[:3]] == [first, record("b"), record("c")]


def test_an_unreadable_resource_without_records_is_set_aside(tmp_path: Path) -> None:
    one = message(record("kept"))
    one["resourceLogs"].append({"resource": 7})
    report = take_in_content(tmp_path, json.dumps(one))
    assert (report.records_in, report.written, report.quarantined) == (2, 1, 1)


@pytest.mark.parametrize("name", ["logRecords", "logs"])
@pytest.mark.parametrize("scopes", [{}, {"scopeLogs": []}, {"scopeLogs": [{"logRecords": []}]}])
def test_records_under_the_old_name_of_scopes_are_read(
    tmp_path: Path, name: str, scopes: dict[str, Any]
) -> None:
    libraries = [{name: [record("a")]}, {name: [record("b"), record("bad", time="x")]}]
    part = scopes | {"instrumentationLibraryLogs": libraries}
    report = take_in_content(tmp_path, json.dumps({"resourceLogs": [part]}))
    assert (report.records_in, report.written, report.quarantined) == (3, 2, 1)
    assert [row["body"] for row in rows(tmp_path / "lake")] == ["a", "b"]


def test_records_under_the_old_name_beside_scopes_are_set_aside(tmp_path: Path) -> None:
    one = message(record("new"))
    one["resourceLogs"][0]["instrumentationLibraryLogs"] = [{"logRecords": [record("old")] * 2}]
    one["resourceLogs"] += message(record("next", time="x"))["resourceLogs"]
    report = take_in_content(tmp_path, json.dumps(one))
    assert (report.records_in, report.written, report.quarantined) == (4, 1, 3)
    assert [row["body"] for row in rows(tmp_path / "lake")] == ["new"]
    found = quarantine(tmp_path / "lake")
    assert [entry["record"] for entry in found] == [1, 2, 3]
    assert "deprecated instrumentationLibraryLogs, beside scopeLogs" in found[0]["reason"]
    assert json.loads(found[0]["raw"]) == record("old")


def test_spans_metric_data_points_and_profiles_are_skipped_and_counted(tmp_path: Path) -> None:
    points = [{"gauge": {"dataPoints": [{}, {}]}}, {"sum": {"dataPoints": [{}]}, "name": "x"}]
    texts = [
        json_message(record()),
        json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{}, {}]}]}]}),
        json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": points}]}]}),
        json.dumps({"resourceProfiles": [{"scopeProfiles": [{"profiles": [{}]}]}]}),
        json.dumps(message(record()) | {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}),
    ]
    report = take_in_content(tmp_path, "\n".join(texts))
    assert report.written == 2
    assert report.skipped == {"spans": 3, "metric data points": 3, "profiles": 1}
    assert report.records_in == 9


def _nested(levels: int) -> str:
    """The JSON of a record whose attribute is a list in a list in a list…"""
    value = '{"arrayValue":{"values":[' * levels + "{}" + "]}}" * levels
    text = json.dumps(record("deep", attributes=[attribute("a", stringValue="@")]))
    return text.replace('{"stringValue": "@"}', value)


def test_a_nested_value_is_written(tmp_path: Path) -> None:
    take_in_content(tmp_path, json_message("@").replace('"@"', _nested(50)))
    (row,) = rows(tmp_path / "lake")
    assert row["attributes"]["a"] == "[" * 50 + "null" + "]" * 50


def test_a_value_nested_beyond_all_sense_is_set_aside(tmp_path: Path) -> None:
    deep = json_message("@").replace('"@"', _nested(5000))
    report = take_in_content(tmp_path, f"{json_message(record('other'))}\n{deep}\n")
    assert (report.written, report.quarantined) == (1, 1)
    assert quarantine(tmp_path / "lake")[0]["raw"] == deep


def test_samples_that_other_projects_wrote_are_written_or_set_aside(
    tmp_path: Path, shared_data: Path
) -> None:
    folder = shared_data / "otlp-samples"
    report = take_in(tmp_path / "lake", folder)
    found = {
        source.path.name: (source.written, source.quarantined, source.skipped.total())
        for source in report.sources
        if source.path.suffix != ".md"
    }
    assert found == {
        "duckdb-otlp_logs_document.json": (1, 0, 0),
        "duckdb-otlp_logs_simple.jsonl": (3, 0, 0),
        "duckdb-otlp_malformed.jsonl": (0, 3, 1),  # two broken lines, one no OTLP, one span
        "duckdb-otlp_otlp_logs.pb": (1, 0, 0),
        "otel-proto_events.json": (1, 0, 0),
        "otel-proto_logs.json": (1, 0, 0),
        "otlp2parquet_invalid_malformed.json": (0, 1, 0),
        "otlp2parquet_logs.jsonl": (81, 0, 0),
    }
    assert len(rows(tmp_path / "lake")) == 88
    assert len(quarantine(tmp_path / "lake")) == 4
    by_ids = [row for row in rows(tmp_path / "lake") if row["service_name"] == "product-catalog"]
    assert by_ids[0]["trace_id"] == "a71f3d1a6d2d3cadb3669cbd50e165e4"
    assert {row["severity_number"] for row in by_ids} == {9}
