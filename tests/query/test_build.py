"""The query builder: which days are read, how values are bound, what rounding is exact."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pytest
import sqlglot
from hypothesis import example, given
from hypothesis import strategies as st
from sqlglot import exp

from otel_analytics.config import Events, Settings, Source, load_settings
from otel_analytics.errors import InvalidSettings
from otel_analytics.metrics import load_catalog
from otel_analytics.names import parse_date
from otel_analytics.query.build import QueryRequest, build_create_table, build_select
from otel_analytics.query.exact import exact_ratio
from otel_analytics.query.source import of_partitions
from tests.metrics.duckdb_tables import connect, render_metric, run, write_logall
from tests.oracle.seven_tables import Event
from tests.query.rewriting import rewritten_for_athena

E = date(2025, 3, 10)
NOON_OF_THE_9TH = 1_741_521_600 * 10**9

HOSTILE = [
    "it's",
    'say "hi"',
    "'; DROP TABLE logall; --",
    "/* not */ -- a comment",
    "{% $states.input %}",
    ":execution_date",
    "событие 🛒 \u202eevent",
    "back\\slash",
    "line\nbreak",
    "x" * 10_240,
]


def partitions_read(query_type: str, settings: Settings = Settings()) -> tuple[str, str]:  # noqa: B008 - frozen
    select = build_select(QueryRequest(query_type, ("shop",), E), settings)
    texts = [
        between for between in select.find_all(exp.Between) if isinstance(between.this, exp.DPipe)
    ]
    (days,) = texts
    return days.args["low"].name, days.args["high"].name


@pytest.mark.parametrize("query_type", list(load_catalog()))
def test_only_the_windows_partitions_are_read(query_type: str) -> None:
    first = load_catalog()[query_type].window.first_day(E)
    assert partitions_read(query_type) == (first.isoformat(), "2025-03-09")


@pytest.mark.parametrize("source", ["raw", "activity"])
@pytest.mark.parametrize("query_type", list(load_catalog()))
def test_our_own_sql_has_nothing_that_athena_lacks(query_type: str, source: str) -> None:
    request = QueryRequest(query_type, ("shop", "app"), E, source)
    sql = build_create_table(request, table="t", location="s3://b/t/", settings=Settings())
    assert rewritten_for_athena(sql, pretty=True) == sql


def test_what_athena_lacks_is_seen_in_the_text() -> None:
    for sql in ("SELECT a FROM t LEFT SEMI JOIN u ON t.a = u.a", "SELECT DISTINCT ON (a) b FROM t"):
        assert rewritten_for_athena(sql, pretty=False) != sql


def test_one_day_is_asked_for_by_its_partitions_keys() -> None:
    one, two = date(2025, 3, 9), date(2025, 3, 10)
    assert of_partitions([(one, one)], Settings()).sql("athena") == (
        """"year" = '2025' AND "month" = '03' AND "day" = '09'"""
    )
    assert of_partitions([(one, two)], Settings()).sql("athena") == (
        """"year" = '2025' AND "year" || '-' || "month" || '-' || "day" """
        "BETWEEN '2025-03-09' AND '2025-03-10'"
    )


def test_a_day_in_seoul_begins_on_the_utc_day_before() -> None:
    assert partitions_read("event_distribution", Settings(timezone="Asia/Seoul")) == (
        "2025-03-02",  # the 3rd in Seoul begins at 15:00 UTC of the 2nd
        "2025-03-09",
    )


def test_a_day_in_new_york_ends_on_the_utc_day_after() -> None:
    assert partitions_read("event_distribution", Settings(timezone="America/New_York")) == (
        "2025-03-03",
        "2025-03-10",
    )


@pytest.mark.parametrize("query_type", list(load_catalog()))
@pytest.mark.parametrize("day", ["1971-01-01", "9998-12-31"])
@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_last_days_that_are_allowed_have_windows(
    query_type: str, day: str, timezone: str
) -> None:
    request = QueryRequest(query_type, ("shop",), parse_date(day, field="day"))
    assert day in build_select(request, Settings(timezone=timezone)).sql(dialect="athena")


@pytest.mark.parametrize(
    ("source", "reads_timestamps"),
    [
        (Source(), False),
        (Source(user_key="element_at(attributes, 'uid')"), False),
        (Source(partition_is_event_date=False), True),
        (Source(partition_slack_days=1), True),
        (Source(partitions=()), True),
        (Source(table="otel_logs"), True),
    ],
)
def test_the_day_is_the_partitions_only_where_that_is_the_events_date(
    source: Source, reads_timestamps: bool
) -> None:
    text = build_select(QueryRequest("dau", ("shop",), E), Settings(source=source)).sql("athena")
    assert ('"timestamp"' in text) is reads_timestamps


def test_partitions_by_arrival_are_read_with_their_slack() -> None:
    settings = Settings(source=Source(partition_slack_days=2))
    assert partitions_read("event_distribution", settings) == ("2025-03-01", "2025-03-11")


def test_min_data_date_cuts_the_window_from_below() -> None:
    settings = Settings(min_data_date=date(2025, 3, 5))
    assert partitions_read("mau", settings) == ("2025-03-05", "2025-03-09")


def test_a_table_without_partitions_gets_no_predicate_on_them() -> None:
    settings = Settings(source=Source(partitions=()))
    text = build_select(QueryRequest("dau", ("shop",), E), settings).sql(dialect="athena")
    assert '"year"' not in text


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:24])
def test_a_hostile_event_name_is_a_value_and_nothing_else(name: str) -> None:
    settings = Settings(events=Events(cart_add=(name, "other")))
    events = [Event("shop", NOON_OF_THE_9TH, name, "u1", "s1")]
    request = QueryRequest("conversion", ("shop",), E)
    (statement,) = sqlglot.parse(
        build_create_table(
            request,
            table="shop_conversion_summary",
            location="s3://b1c/s/shop_conversion/",
            settings=settings,
        ),
        read="athena",
    )
    assert statement is not None
    assert name in {literal.this for literal in statement.find_all(exp.Literal)}
    with connect() as connection:
        write_logall(connection, events)
        _, ((_, _, _, _, cart_add_sessions, *_),) = run(
            connection, render_metric(request, settings)
        )
        assert cart_add_sessions == 1
        assert run(connection, "SELECT COUNT(*) FROM log_db.logall")[1] == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "user_key; DROP TABLE logall",
        "(SELECT 1)",
        "user_key FROM other --",
        "*",
        "a +",
        "DROP TABLE logall",
        "user_key, session_id",
    ],
)
def test_a_source_mapping_is_one_expression_over_columns(sql: str) -> None:
    settings = replace(Settings(), source=Source(user_key=sql))
    with pytest.raises(InvalidSettings, match=r"^source.user_key: "):
        build_select(QueryRequest("dau", ("shop",), E), settings)


def test_a_mapped_struct_field_keeps_its_dots_and_its_case() -> None:
    settings = load_settings(
        environment={}, flags={"source.service_name": 'attributes."resource.service.name"'}
    )
    text = build_select(QueryRequest("dau", ("shop",), E), settings).sql(dialect="athena")
    assert '"attributes"."resource.service.name" IN (\'shop\')' in text


def rounded(part: int, whole: int, factor: int) -> float | None:
    if whole == 0:
        return None
    exact = Decimal(part * factor) / Decimal(whole)
    return float(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))


@pytest.fixture(scope="module", params=["floats", "integers"])
def division(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a DuckDB in which / divides as floats (its default) or as integers (as in Athena)."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"SET integer_division = {request.param == 'integers'}")
        yield connection


@pytest.mark.parametrize("factor", [1, 100])
@given(part=st.integers(0, 10**9), whole=st.integers(0, 10**9))
@example(part=1, whole=8)  # 12.5 % and 0.125: a half that rounds away from zero
def test_a_ratio_is_rounded_half_away_from_zero_without_drift(
    division: duckdb.DuckDBPyConnection, factor: int, part: int, whole: int
) -> None:
    bigints = [exp.cast(exp.Literal.number(number), "BIGINT") for number in (part, whole)]
    ratio = exact_ratio(*bigints, factor=factor).sql(dialect="duckdb")
    assert division.execute(f"SELECT {ratio}").fetchone() == (rounded(part, whole, factor),)
