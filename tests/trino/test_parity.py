"""The same records give the same rows, of the same types, on DuckDB and on Trino."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from otel_analytics.config import Activity, load_settings
from otel_analytics.metrics import load_catalog
from otel_analytics.query.build import QueryRequest, build_select
from tests.metrics.test_hand_made import CASES, as_written, read_events, read_rows
from tests.oracle.strategies import EVENT_NAMES, ZONES
from tests.trino.data_sets import HOMES, data_of
from tests.trino.homes import open_both, write_events
from tests.trino.test_whole_runs import assert_same

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_analytics.config import Settings


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
    of_home = replace(
        new_settings(),
        timezone=said.timezone, min_data_date=said.min_data_date, events=said.events,
    )  # fmt: skip
    with open_both(of_home) as (on_duckdb, on_trino):
        write_events(on_trino, read_events(fixture["events"]))
        sql = build_select(request, of_home).sql("athena")
        rows = on_trino.rows(sql)
        types = [column.type for column in on_trino.query(sql).rows.columns]
        assert types == [column.type for column in on_duckdb.query(sql).rows.columns]
    assert types == [column.type.lower() for column in metric.columns]
    assert sorted(tuple(map(as_written, row)) for row in rows) == sorted(read_rows(fixture["rows"]))


def test_the_random_data_sets_are_fifty_and_have_what_is_odd() -> None:
    homes = [data_of(number) for number in range(HOMES)]
    data_sets = {(one.definition, events) for one in homes for events in one.data_sets}
    assert len(data_sets) >= 50
    assert {one.definition.timezone for one in homes} == set(ZONES)
    assert {one.by_arrival for one in homes} == {False, True}
    events = [event for _, of_one in data_sets for event in of_one]
    for name in ("service_name", "event_name", "user_key", "session_id"):
        assert any(getattr(event, name) is None for event in events), name
    for name in ("event_name", "user_key", "session_id"):
        assert any(getattr(event, name) == "" for event in events), name
    assert any(event.time_unix_nano % 10**6 for event in events)
    assert any(of_one.count(event) > 1 for _, of_one in data_sets for event in of_one)
    assert set(EVENT_NAMES) <= {event.event_name for event in events}


@pytest.mark.parametrize("number", range(HOMES))
def test_random_data_sets_give_the_same_tables(
    number: int, new_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    data = data_of(number)
    of_home = data.settings(new_settings(activity=Activity(days_per_query=100)))
    services, day = data.services, data.definition.execution_date
    with open_both(of_home) as (on_duckdb, on_trino):
        data.write(on_trino)
        # all of it, in one query of each metric
        expected = on_duckdb.tables("raw", services, day)
        assert on_trino.tables("raw", services, day) == expected
        # one of the services through the state machine: refresh, checks and publication
        assert_same(of_home, tmp_path, [data.service], day.isoformat())
        assert on_trino.tables("activity", services, day) == expected
        # what Trino has written is what DuckDB reads
        assert on_duckdb.tables("activity", services, day) == expected
        # and there is nothing left to build, whoever looks
        assert on_duckdb.refresh(day) == []
