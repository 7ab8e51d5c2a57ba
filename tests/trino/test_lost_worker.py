"""A run survives the loss of one of two workers in the middle of a query; the tables are right."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from demo.otlp import ShopEvent, export_requests, write_json_lines
from otel_analytics.config import Activity, Settings, Trino
from otel_analytics.lake.ingest import ingest
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.local.tasks_athena import START_QUERY_EXECUTION
from otel_analytics.trino.opening import open_trino
from scripts import trino as script
from tests.faults.runs import DAYS, SERVICE, VISIT, execution_date, nanoseconds
from tests.trino.homes import Cluster, start
from tests.trino.test_whole_runs import published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

# So that a new server, which is slow, reads them for some seconds.
USERS = 1_000
KILLED_AFTER_S = 1.0
LOOK_EVERY_S = 0.02
LIMIT_S = 60.0


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


@dataclass
class Loss:
    """Kills a worker while it reads for the first query that writes at an address.

    It is frozen first, so that it does no more than it was seen to do: in `seen` there are the
    states of its tasks, as the coordinator had them.
    """

    cluster: script.Cluster
    of: str
    queries: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def around(self, tasks: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
        execute = tasks[START_QUERY_EXECUTION]

        def start_query_execution(arguments: Any, context: Any) -> Any:
            if self.of in arguments["QueryString"]:
                self.queries.append(arguments["QueryString"])
                if len(self.queries) == 1:
                    threading.Thread(target=self._kill_at_work).start()
            return execute(arguments, context)

        return {**tasks, START_QUERY_EXECUTION: start_query_execution}

    def _kill_at_work(self) -> None:
        worker = self.cluster.workers[0]
        deadline = time.monotonic() + LIMIT_S
        while not self.seen and time.monotonic() < deadline:
            self.seen = [
                task["taskStatus"]["state"]
                for query in self._get("query")
                if self.of in query["query"] and query["state"] == "RUNNING"
                for task in tasks_of(self._get(f"query/{query['queryId']}"))
                if task["taskStatus"]["nodeId"].startswith("worker-0-")
                and task["stats"]["runningDrivers"] > 0
            ]
            time.sleep(LOOK_EVERY_S)
        os.kill(worker, signal.SIGSTOP)
        time.sleep(KILLED_AFTER_S)
        script.end(worker)

    def _get(self, what: str) -> Any:
        url = f"http://127.0.0.1:{self.cluster.port}/v1/{what}"
        return requests.get(url, headers={"X-Trino-User": "test"}, timeout=LIMIT_S).json()


def tasks_of(said: Any) -> Iterator[Any]:
    """Yield the tasks of a query, wherever its description has them."""
    if isinstance(said, list):
        for item in said:
            yield from tasks_of(item)
    elif isinstance(said, dict):
        if "taskStatus" in said:
            yield said
        else:
            yield from tasks_of(list(said.values()))


def test_a_run_survives_a_worker_that_is_lost_in_mid_query(
    two_workers: script.Cluster, tmp_path: Path
) -> None:
    settings = Settings(
        engine="trino",
        home=f"{two_workers.folder}/homes/h",
        activity=Activity(days_per_query=100),
        trino=Trino(port=two_workers.port, storage="local:///homes/h/s3/"),
    )
    fill(settings, tmp_path / "logs")
    of_duckdb = replace(settings, engine="duckdb", home=str(tmp_path / "copy"))
    shutil.copytree(settings.home, of_duckdb.home)
    # a step of the refresh, which reads the raw logs
    loss = Loss(two_workers, of="/activity/activity/")
    with open_trino(settings) as on_trino, open_embedded_aws(of_duckdb) as on_duckdb:
        execution = start(on_trino, [SERVICE], execution_date(DAYS), around=loss.around)
        assert execution["status"] == "SUCCEEDED", execution
        assert start(on_duckdb, [SERVICE], execution_date(DAYS))["status"] == "SUCCEEDED"
        assert published(on_trino, [SERVICE]) == published(on_duckdb, [SERVICE])
        failed = [
            one
            for one in on_trino.athena.executions.latest(1000)
            if one["Status"]["State"] != "SUCCEEDED"
        ]
    # the worker was at it; the query failed, of no fault of its own, and was begun anew
    assert "RUNNING" in loss.seen
    assert any(loss.of in one["Query"] for one in failed)
    assert all(one["Status"]["AthenaError"]["Retryable"] for one in failed)
    assert len(loss.queries) > 1


def fill(settings: Settings, logs: Path) -> None:
    events = [
        ShopEvent(SERVICE, nanoseconds(day, minute), name, f"u{user}", f"s-{user}-{day}")
        for day in range(DAYS)
        for user in range(USERS)
        for minute, name in enumerate(VISIT)
    ]
    write_json_lines(logs, export_requests(events))
    with open_embedded_aws(settings) as aws:
        ingest([logs], lake=aws.lake_folder(), keys=aws.settings.keys, processes=1)
        aws.register_logall()
