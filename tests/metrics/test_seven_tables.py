"""The seven queries give, row for row and digit for digit, what the plain-Python oracle gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_analytics.query.build import QueryRequest
from tests.metrics.duckdb_tables import (
    SEED_SOURCE,
    connect,
    render_metric,
    run,
    settings_of,
    write_logall,
    write_seed_table,
)
from tests.oracle.seven_tables import COLUMNS, Definition, Event, seven_tables
from tests.oracle.strategies import MOMENTS, SERVICES, clock_change_events, definitions, event_lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    import duckdb

    from otel_analytics.config import Settings

# Most of the time goes into rendering the queries, which depend on the definition alone: so each
# definition is tried on two data sets.
DATA_SETS_PER_DEFINITION = 2


@st.composite
def questions(draw: st.DrawFn) -> tuple[Definition, list[str], list[tuple[Event, ...]]]:
    """Draw a definition, the services asked for, and the data sets to ask."""
    definition = draw(definitions())
    services = draw(st.lists(st.sampled_from(SERVICES), min_size=1, max_size=3, unique=True))
    data_sets = [draw(event_lists(definition)) for _ in range(DATA_SETS_PER_DEFINITION)]
    return definition, services, data_sets


def on_data_sets(count: int) -> settings:
    return settings(
        max_examples=count // DATA_SETS_PER_DEFINITION,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as opened:
        yield opened


@on_data_sets(200)
@given(question=questions())
def test_over_the_lake(
    connection: duckdb.DuckDBPyConnection,
    question: tuple[Definition, list[str], list[tuple[Event, ...]]],
) -> None:
    definition, services, data_sets = question
    queries = rendered(definition, services, settings_of(definition))
    for events in data_sets:
        write_logall(connection, events)
        assert_as_the_oracle(connection, queries, events, services, definition)


@on_data_sets(40)
@given(question=questions())
def test_over_a_table_of_the_seeds_shape(
    connection: duckdb.DuckDBPyConnection,
    question: tuple[Definition, list[str], list[tuple[Event, ...]]],
) -> None:
    definition, services, data_sets = question
    queries = rendered(definition, services, settings_of(definition, SEED_SOURCE))
    for events in data_sets:
        write_seed_table(connection, events)
        assert_as_the_oracle(connection, queries, events, services, definition)


@pytest.mark.parametrize(("zone", "execution_date"), MOMENTS)
def test_to_the_second_when_the_clocks_change(
    connection: duckdb.DuckDBPyConnection, zone: str, execution_date: date
) -> None:
    definition = Definition(execution_date, zone)
    events = clock_change_events(definition, "night")
    write_logall(connection, events)
    queries = rendered(definition, ["night"], settings_of(definition))
    assert_as_the_oracle(connection, queries, events, ["night"], definition)


def rendered(
    definition: Definition, services: Sequence[str], of_definition: Settings
) -> dict[str, str]:
    """Return the seven queries, one for all services, by query type."""
    return {
        query_type: render_metric(
            QueryRequest(query_type, tuple(services), definition.execution_date), of_definition
        )
        for query_type in COLUMNS
    }


def assert_as_the_oracle(
    connection: duckdb.DuckDBPyConnection,
    queries: dict[str, str],
    events: Sequence[Event],
    services: Sequence[str],
    definition: Definition,
) -> None:
    by_hand = [seven_tables(events, service, definition) for service in services]
    for query_type, sql in queries.items():
        columns, rows = run(connection, sql)
        expected = [tuple(row.values()) for tables in by_hand for row in tables[query_type]]
        assert list(columns.items()) == list(COLUMNS[query_type].items()), query_type
        assert in_order(rows) == in_order(expected), query_type


def in_order(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return the rows as text, sorted: 1 and 1.0 differ, as do a date and a timestamp."""
    return sorted(map(repr, rows))
