"""Each metric on a few events whose table can be worked out by eye: see `hand_made/*.toml`."""

import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from otel_analytics.config import load_settings
from otel_analytics.metrics import load_catalog
from otel_analytics.query.build import QueryRequest
from tests.metrics.duckdb_tables import connect, render_metric, run, write_logall
from tests.oracle.seven_tables import Event

CASES = sorted((Path(__file__).parent / "hand_made").glob("*.toml"))


def read_events(text: str) -> list[Event]:
    events = []
    for line in text.strip().splitlines():
        time, user, session, name = (None if part == "-" else part for part in line.split())
        assert time is not None
        milliseconds = round(datetime.fromisoformat(time).timestamp() * 1000)
        events.append(
            Event(
                service_name="shop",
                time_unix_nano=milliseconds * 1_000_000,
                event_name=name,
                user_key=user,
                session_id=session,
            )
        )
    return events


def read_rows(text: str) -> list[tuple[str | None, ...]]:
    return [
        tuple(None if part == "-" else part.replace("_(", " (") for part in line.split())
        for line in text.strip().splitlines()
    ]


def as_written(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    return None if value is None else str(value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_metric_gives_the_rows_worked_out_by_hand(case: Path) -> None:
    fixture = tomllib.loads(case.read_text("utf-8"))
    settings = load_settings(environment={}, flags=fixture.get("settings", {}))
    request = QueryRequest(
        fixture["query_type"], ("shop",), date.fromisoformat(fixture["execution_date"])
    )
    with connect() as connection:
        write_logall(connection, read_events(fixture["events"]))
        columns, rows = run(connection, render_metric(request, settings))
    metric = load_catalog()[fixture["query_type"]]
    assert columns == {column.name: column.type for column in metric.columns}
    assert sorted(tuple(map(as_written, row)) for row in rows) == sorted(read_rows(fixture["rows"]))


def test_every_metric_has_a_hand_made_case() -> None:
    cases = {tomllib.loads(case.read_text("utf-8"))["query_type"] for case in CASES}
    assert cases == set(load_catalog())
