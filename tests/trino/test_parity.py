"""The same records give the same rows, of the same types, on DuckDB and on Trino."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from otel_analytics.config import Activity, load_settings
from otel_analytics.metrics import load_catalog
from otel_analytics.query.build import QueryRequest, build_select
from tests.metrics.duckdb_tables import settings_of
from tests.metrics.test_hand_made import CASES, as_written, read_events, read_rows
from tests.oracle.strategies import definitions, event_lists
from tests.trino.homes import open_both, write_events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_analytics.config import Settings
    from tests.oracle.seven_tables import Definition, Event

# Data sets that lie in one home, as services of their own: what Trino takes time for is the query.
DATA_SETS_AT_ONCE = 6


@st.composite
def many_data_sets(
    draw: st.DrawFn, of: st.SearchStrategy[Definition]
) -> tuple[Definition, list[tuple[Event, ...]]]:
    """Draw a definition, and data sets of it."""
    definition = draw(of)
    return definition, [draw(event_lists(definition)) for _ in range(DATA_SETS_AT_ONCE)]


def on_examples(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate,),  # to shrink would take hours
        suppress_health_check=list(HealthCheck),
    )


def as_services(data_sets: list[tuple[Event, ...]]) -> list[Event]:
    """Return the events of all data sets, the services of each under names of its own."""
    return [
        replace(event, service_name=f"{event.service_name}.{number}")
        if event.service_name
        else event
        for number, events in enumerate(data_sets)
        for event in events
    ]


def with_definition(base: Settings, said: Settings) -> Settings:
    """Return the settings of a home with those that say how the metrics are defined."""
    return replace(
        base, timezone=said.timezone, min_data_date=said.min_data_date, events=said.events
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_metric_gives_the_rows_worked_out_by_hand(
    case: Path, new_settings: Callable[..., Settings]
) -> None:
    fixture = tomllib.loads(case.read_text("utf-8"))
    said = load_settings(environment={}, flags=fixture.get("settings", {}))
    metric = load_catalog()[fixture["query_type"]]
    request = QueryRequest(
        fixture["query_type"], ("shop",), date.fromisoformat(fixture["execution_date"])
    )
    of_home = with_definition(new_settings(), said)
    with open_both(of_home) as (on_duckdb, on_trino):
        write_events(on_trino, read_events(fixture["events"]))
        sql = build_select(request, of_home).sql("athena")
        rows = on_trino.rows(sql)
        types = [column.type for column in on_trino.query(sql).rows.columns]
        assert types == [column.type for column in on_duckdb.query(sql).rows.columns]
    assert types == [column.type.lower() for column in metric.columns]
    assert sorted(tuple(map(as_written, row)) for row in rows) == sorted(read_rows(fixture["rows"]))


@on_examples(6)
@given(question=many_data_sets(definitions()))
def test_the_raw_logs_of_random_data_sets_give_the_same_seven_tables(
    new_settings: Callable[..., Settings], question: tuple[Definition, list[tuple[Event, ...]]]
) -> None:
    definition, data_sets = question
    events = as_services(data_sets)
    services = sorted({event.service_name for event in events if event.service_name})
    of_home = with_definition(new_settings(), settings_of(definition))
    with open_both(of_home) as (on_duckdb, on_trino):
        write_events(on_trino, events)
        expected = on_duckdb.tables("raw", services, definition.execution_date)
        assert on_trino.tables("raw", services, definition.execution_date) == expected


@on_examples(3)
@given(question=many_data_sets(definitions()))
def test_a_refresh_on_trino_gives_the_tables_of_the_raw_logs(
    new_settings: Callable[..., Settings], question: tuple[Definition, list[tuple[Event, ...]]]
) -> None:
    definition, data_sets = question
    events = as_services(data_sets)
    services = sorted({event.service_name for event in events if event.service_name})
    of_home = with_definition(
        new_settings(activity=Activity(days_per_query=100)), settings_of(definition)
    )
    with open_both(of_home) as (on_duckdb, on_trino):
        write_events(on_trino, events)
        expected = on_duckdb.tables("raw", services, definition.execution_date)
        on_trino.refresh(definition.execution_date)
        assert on_trino.tables("activity", services, definition.execution_date) == expected
        # what Trino has written is what DuckDB reads
        assert on_duckdb.tables("activity", services, definition.execution_date) == expected
        # and there is nothing left to build, whoever looks
        assert on_duckdb.refresh(definition.execution_date) == []
