"""A run survives the loss of one of two workers in the middle of a query; the tables are right."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from demo.otlp import export_requests, write_json_lines
from otel_analytics.config import Activity, Events, Settings, Trino
from otel_analytics.lake.ingest import ingest
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.local.tasks_athena import START_QUERY_EXECUTION
from otel_analytics.trino.opening import open_trino
from scripts import trino as script
from tests.oracle.otto import SERVICE, read_otto
from tests.trino.homes import Cluster, start
from tests.trino.test_whole_runs import published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

KILLED_AFTER_S = 1.0
E = "2022-08-29"


@pytest.fixture
def two_workers(cluster: Cluster, tmp_path: Path) -> Iterator[script.Cluster]:
    """A coordinator that does no work, and two workers: a cluster beside that of the session."""
    command = [sys.executable, script.__file__]
    folder = ["--folder", str(tmp_path / "trino")]
    subprocess.run(
        [*command, "start", "--workers", "2", "--memory", "1g", *folder], check=True, timeout=200
    )
    yield script.read_state(tmp_path / "trino")
    subprocess.run([*command, "stop", *folder], check=True, timeout=60)


class Loss:
    """Freezes a worker just before a query is submitted, and kills it while the query waits."""

    def __init__(self, worker: int, of: str) -> None:
        self._worker, self._of = worker, of
        self.queries: list[str] = []

    def around(self, tasks: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
        execute = tasks[START_QUERY_EXECUTION]

        def start_query_execution(arguments: Any, context: Any) -> Any:
            if self._of in arguments["QueryString"]:
                self.queries.append(arguments["QueryString"])
                if len(self.queries) == 1:
                    os.kill(self._worker, signal.SIGSTOP)
                    threading.Timer(KILLED_AFTER_S, script.end, [self._worker]).start()
            return execute(arguments, context)

        return {**tasks, START_QUERY_EXECUTION: start_query_execution}


def test_a_run_survives_a_worker_that_is_lost_in_mid_query(
    two_workers: script.Cluster, shared_data: Path, tmp_path: Path
) -> None:
    settings = Settings(
        engine="trino",
        home=f"{two_workers.folder}/homes/h",
        events=Events(session_start=("commerce.session.start",)),
        activity=Activity(days_per_query=100),
        trino=Trino(port=two_workers.port, storage="local:///homes/h/s3/"),
    )
    fill(settings, shared_data, tmp_path / "otto")
    of_duckdb = replace(settings, home=str(tmp_path / "copy"))
    shutil.copytree(settings.home, of_duckdb.home)
    loss = Loss(two_workers.workers[0], of="/summary/otto_dau/")
    with open_trino(settings) as on_trino, open_embedded_aws(of_duckdb) as on_duckdb:
        execution = start(on_trino, [SERVICE], E, around=loss.around)
        assert execution["status"] == "SUCCEEDED", execution
        assert start(on_duckdb, [SERVICE], E)["status"] == "SUCCEEDED"
        assert published(on_trino, [SERVICE]) == published(on_duckdb, [SERVICE])
        failed = [
            one["Status"]
            for one in on_trino.athena.executions.latest(1000)
            if one["Status"]["State"] != "SUCCEEDED"
        ]
    # the query that was under way failed, of no fault of its own, and was begun anew
    assert failed
    assert all(status["AthenaError"]["Retryable"] for status in failed)
    assert len(loss.queries) > 1


def fill(settings: Settings, shared_data: Path, logs: Path) -> None:
    write_json_lines(logs, export_requests(read_otto(shared_data)))
    with open_embedded_aws(settings) as aws:
        ingest([logs], lake=aws.lake_folder(), keys=aws.settings.keys, processes=1)
        aws.register_logall()
