"""The Lambda athena-query-builder: its contract, and what it refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest

from otel_analytics.config import Settings, load_settings
from otel_analytics.errors import Failed, InvalidPayload
from otel_analytics.names import S3Address
from otel_analytics.query.handler import Deletion, build_query

EVENT = {
    "query_type": "mau",
    "table_prefix": "theshop_brand",
    "s3_base": "s3://results/summary",
    "service_names": ["theshop-brand"],
    "execution_time": "2025-10-28T23:30:00Z",
}


def call(event: Any, settings: Settings = Settings()) -> tuple[dict[str, Any], list[str]]:  # noqa: B008 - frozen
    """Return the answer, and what was deleted: a prefix, or `*` for what lies directly there."""
    deleted: list[str] = []

    def delete_prefix(address: S3Address) -> Deletion:
        deleted.append(str(address))
        return Deletion(3, 2_500_000)

    def delete_directly_under(address: S3Address) -> Deletion:
        deleted.append(f"{address}*")
        return Deletion(3, 2_500_000)

    result = build_query(
        event,
        settings=settings,
        delete_prefix=delete_prefix,
        delete_directly_under=delete_directly_under,
        now=lambda: datetime(2026, 1, 2, 3, tzinfo=UTC),
    )
    return result, deleted


def test_the_answer_holds_what_the_contract_says() -> None:
    result, deleted = call(EVENT)
    query = result.pop("query_string")
    assert result == {
        "execution_date": "2025-10-28",
        "query_type": "mau",
        "table": "theshop_brand_mau_summary",
        "s3_location": "s3://results/summary/theshop_brand_mau/",
        "service_names": ["theshop-brand"],
        "cleanup_result": {
            "status": "success",
            "location": "s3://results/summary/theshop_brand_mau/",
            "deleted_objects": 3,
            "deleted_size_mb": 2.5,
        },
    }
    assert deleted == ["s3://results/summary/theshop_brand_mau/*"]
    assert query.startswith('CREATE TABLE "log_db"."theshop_brand_mau_summary"\nWITH (')
    assert "format='PARQUET'" in query
    assert "external_location='s3://results/summary/theshop_brand_mau/'" in query


STAGING = EVENT | {"execution": "run_1_0a1b2c3d", "attempt": 2}


def test_a_staging_table_carries_execution_and_attempt_in_name_and_location() -> None:
    result, deleted = call(STAGING)
    location = "s3://results/summary/theshop_brand_mau/run_1_0a1b2c3d/2/"
    assert result["table"] == "theshop_brand_mau_run_1_0a1b2c3d_2"
    assert result["s3_location"] == location
    assert deleted == [location]
    assert 'CREATE TABLE "log_db"."theshop_brand_mau_run_1_0a1b2c3d_2"' in result["query_string"]
    assert f"external_location='{location}'" in result["query_string"]


def test_the_attempt_can_be_left_to_who_executes_the_query() -> None:
    result, deleted = call(STAGING | {"attempt": "{attempt}", "cleanup_s3": False})
    assert deleted == []
    filled = call(STAGING | {"cleanup_s3": False})[0]["query_string"]
    assert result["query_string"].replace("{attempt}", "2") == filled


def test_an_attempt_to_come_has_no_location_to_clean() -> None:
    with pytest.raises(InvalidPayload, match="cleanup_s3 must be false where attempt is"):
        call(STAGING | {"attempt": "{attempt}"})


def test_the_attempts_stand_in_may_not_be_an_event_name() -> None:
    settings = load_settings(environment={}, flags={"events.active": "a,{attempt}"})
    event = STAGING | {"attempt": "{attempt}", "cleanup_s3": False, "source": "raw"}
    with pytest.raises(InvalidPayload, match="stands in the settings of a query"):
        call(event, settings)


@pytest.mark.parametrize("attempt", [-1, 1.5, "2", True, None, [], "../x"])
def test_an_attempt_is_a_whole_number(attempt: Any) -> None:
    with pytest.raises(InvalidPayload, match="attempt must be a whole number"):
        call(STAGING | {"attempt": attempt})


@pytest.mark.parametrize("execution", [None, "", "Run", "a/b", "..", "x" * 101, 7])
def test_an_execution_is_letters_digits_and_underscores(execution: Any) -> None:
    with pytest.raises(InvalidPayload, match="execution"):
        call(STAGING | {"execution": execution})


def test_the_execution_date_is_the_starts_date_in_the_reporting_zone() -> None:
    seoul = load_settings(environment={"OTEL_ANALYTICS_TIMEZONE": "Asia/Seoul"})
    assert call(EVENT, seoul)[0]["execution_date"] == "2025-10-29"


def test_a_given_execution_date_wins_over_the_start() -> None:
    assert call(EVENT | {"execution_date": "2025-01-31"})[0]["execution_date"] == "2025-01-31"


def test_without_either_the_date_is_todays() -> None:
    event = {key: value for key, value in EVENT.items() if key != "execution_time"}
    assert call(event)[0]["execution_date"] == "2026-01-02"


def test_cleanup_can_be_left_out() -> None:
    result, deleted = call(EVENT | {"cleanup_s3": False})
    assert deleted == []
    assert result["cleanup_result"]["status"] == "skipped"


def test_a_cleanup_that_fails_is_an_error() -> None:
    def refuse(address: S3Address) -> Deletion:
        raise Failed("access denied", where=str(address))

    with pytest.raises(Failed, match="s3://results/summary/theshop_brand_mau/: access denied"):
        build_query(
            EVENT,
            settings=Settings(),
            delete_prefix=refuse,
            delete_directly_under=refuse,
            now=lambda: datetime.now(UTC),
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_type": "wau"}, "query_type 'wau' is unknown; the query types are: mau, dau, "),
        ({"query_type": None}, "is unknown; the query types are: mau"),
        ({"table_prefix": "the-shop"}, "table_prefix 'the-shop' is not allowed"),
        ({"table_prefix": 'x" (SELECT 1) --'}, "is not allowed: use 1 to 64 of a–z 0–9 _"),
        ({"service_names": []}, "service_names must be a list"),
        ({"service_names": ["a'; DROP TABLE logall; --"]}, "service_names[0]"),
        ({"service_names": ["x" * 10_240]}, "10242 characters"),
        ({"s3_base": "s3://results"}, "is a bare bucket"),
        ({"s3_base": "s3://results/a'b"}, 's3_base "s3://results/a\'b" is not an S3 address'),
        ({"execution_date": "28.10.2025"}, "execution_date '28.10.2025' is not a date"),
        ({"execution_date": "1970-12-31"}, "execution_date 1970-12-31 is not allowed: use 1971-01"),
        ({"execution_date": "9999-01-01"}, "execution_date 9999-01-01 is not allowed"),
        ({"execution_time": "0001-01-01T00:00:00Z"}, "execution_time 0001-01-01 is not allowed"),
        ({"execution_time": "yesterday"}, "execution_time 'yesterday' is not a time"),
        ({"cleanup_s3": "no"}, "cleanup_s3 must be true or false"),
        ({"executiondate": "2025-10-28"}, "unknown fields executiondate; it may have query_type"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_and_nothing_is_deleted(
    change: dict[str, Any], message: str
) -> None:
    deleted: list[S3Address] = []

    def delete_prefix(address: S3Address) -> Deletion:
        deleted.append(address)
        return Deletion(0, 0)

    with pytest.raises(InvalidPayload) as caught:
        build_query(
            EVENT | change,
            settings=Settings(),
            delete_prefix=delete_prefix,
            delete_directly_under=delete_prefix,
            now=lambda: datetime.now(UTC),
        )
    assert message in str(caught.value)
    assert deleted == []


@pytest.mark.parametrize("field", ["query_type", "table_prefix", "s3_base", "service_names"])
def test_a_missing_field_is_named(field: str) -> None:
    event = {key: value for key, value in EVENT.items() if key != field}
    with pytest.raises(InvalidPayload, match=f"the event lacks {field}"):
        call(event)


def test_more_text_than_athena_takes_is_refused() -> None:
    names = ",".join(f"event.{i:06}" for i in range(20_000))
    settings = load_settings(environment={"OTEL_ANALYTICS_EVENTS_ACTIVE": names})
    with pytest.raises(InvalidPayload, match="Athena takes 262144"):
        call(EVENT | {"source": "raw"}, settings)


@pytest.mark.parametrize("source", ["raws", "", True, ["raw"]])
def test_a_source_is_activity_or_raw(source: Any) -> None:
    with pytest.raises(InvalidPayload, match="source"):
        call(EVENT | {"source": source})


def test_the_tables_are_built_from_activity_unless_the_event_or_the_settings_say_raw() -> None:
    raw = load_settings(environment={}, flags={"source.read": "raw"})
    assert '"activity_mau"' in call(EVENT)[0]["query_string"]
    assert call(EVENT, raw) == call(EVENT | {"source": "raw"})
    assert '"logall"' in call(EVENT, raw)[0]["query_string"]
    assert call(EVENT | {"source": "activity"}, raw) == call(EVENT)
