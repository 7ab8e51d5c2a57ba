"""One home under two engines: what DuckDB and Trino make of the same files."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from otel_analytics.config import Settings, Trino
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.local.jobs import Job
from otel_analytics.pipeline import build_definition
from otel_analytics.trino.client import TrinoClient
from otel_analytics.trino.opening import open_trino
from tests.refresh.lakes import Lake, open_lake

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_analytics.local.embedded import EmbeddedAws
    from tests.oracle.seven_tables import Event

__all__ = ["Cluster", "ask", "execute", "open_both", "settings_on", "start", "write_events"]


@dataclass(frozen=True)
class Cluster:
    """A Trino, and the folder that is `local:///` to it."""

    port: int
    folder: Path


def settings_on(cluster: Cluster, **changes: Any) -> Settings:
    """Return settings of a new home on a cluster, with a schema of its own."""
    name = f"h_{uuid4().hex[:12]}"
    home = cluster.folder / "homes" / name
    home.parent.mkdir(exist_ok=True)
    return Settings(
        engine="trino",
        home=str(home),
        trino=Trino(port=cluster.port, schema=name, storage=f"local:///homes/{name}/s3/"),
        **changes,
    )


@contextmanager
def open_both(settings: Settings) -> Iterator[tuple[Lake, Lake]]:
    """Open a new home twice: with DuckDB, and with Trino."""
    with (
        open_lake(Path(settings.home), settings, open_aws=open_trino) as on_trino,
        open_embedded_aws(settings) as aws,
    ):
        yield Lake(aws, settings), on_trino


def write_events(
    lake: Lake, events: Sequence[Event], name: str = "events", *, days_later: int = 0
) -> None:
    """Write events into the raw logs, each into the partition of its UTC date, or one later."""
    days: dict[Any, list[Event]] = {}
    for event in events:
        day = datetime.fromtimestamp(event.time_unix_nano // 10**9, UTC).date()
        day += timedelta(days=days_later)
        days.setdefault(day, []).append(event)
    for day, of_day in days.items():
        lake.write(day, name, of_day)


def ask(settings: Settings, sql: str) -> tuple[tuple[Any, ...], ...]:
    """Return the rows of a statement as anyone gets them who knows Trino alone."""
    schema = settings.trino.schema or settings.athena.database
    client = TrinoClient(replace(settings.trino, schema=schema), environment={})
    return client.run(sql.replace("{schema}", schema), job=Job()).rows


def execute(lake: Lake, sql: str) -> tuple[Any, list[str]]:
    """Return the columns and the rows of a query, in the order of their texts."""
    execution = lake.query(sql)
    execution.raise_if_failed()
    assert execution.rows is not None
    return execution.rows.columns, sorted(map(repr, execution.rows.rows))


def start(
    aws: EmbeddedAws, services: Sequence[str], execution_date: str, **options: Any
) -> dict[str, Any]:
    """Return an execution of the state machine, which is over."""
    step_functions = aws.step_functions(now=lambda: datetime.now(UTC))
    payload = {"service_names": list(services), "execution_date": execution_date}
    around = options.pop("around", None)
    if around is not None:
        step_functions = replace(step_functions, around=around)
    return step_functions.start_execution(
        build_definition(aws.settings), {**payload, **options.pop("payload", {})}, **options
    )
