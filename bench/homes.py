"""Homes over one lake, linked instead of copied, and the project's commands run in them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.processes import run
from otel_analytics.config import Settings, load_settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.names import table_name, table_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

__all__ = ["Execution", "Home", "new_home"]

LAKE = Path("s3/otel-analytics/lake/logall")


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution: seconds from its start to its stop, of its refresh, and of the command."""

    seconds: float
    refresh_s: float
    peak_mb: float
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """A folder that stands for S3 and Glue."""

    folder: Path

    @property
    def settings(self) -> Settings:
        """The default settings, with this home."""
        return load_settings(environment={}, flags={"home": str(self.folder)})

    def add(self, lake: Path, wanted: Callable[[Path], bool] = lambda _: True) -> None:
        """Link the lake's files that are wanted, unless they are there; an ingest's last step."""
        link_tree(lake, self.folder / LAKE, wanted)

    def copy(self, folder: Path) -> Home:
        """Return a home that starts where this one is; what changes is copied, data are linked."""
        shutil.rmtree(folder, ignore_errors=True)
        link_tree(self.folder, folder)
        return Home(folder)

    def run(
        self,
        services: Sequence[str],
        execution_date: date,
        *options: str,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Return what one execution of the state machine took, by the command line.

        Raises: subprocess.CalledProcessError if it fails
        """
        command = ["run", *services, "--execution-date", execution_date.isoformat(), "--json"]
        finished = run([*self._command, *command, *options], environment=environment)
        execution = json.loads(finished.stdout)
        history = run([*self._command, "history", execution["name"], "--json"])
        return Execution(
            seconds=_between(execution["startDate"], execution["stopDate"]),
            refresh_s=_refresh_s(json.loads(history.stdout)),
            peak_mb=finished.peak_mb,
            summary=json.loads(execution["output"])["execution_summary"],
        )

    @property
    def _command(self) -> list[str | Path]:
        executable = Path(sys.executable).with_name("otel-analytics")
        return [executable, "--home", self.folder]

    def rows(self, service: str, query_type: str) -> list[tuple[Any, ...]]:
        """Return the rows of a published table."""
        table = table_name(table_prefix(service), query_type)
        with open_embedded_aws(self.settings) as aws:
            return list(aws.rows(f'SELECT * FROM "{table}"'))


def new_home(folder: Path, lake: Path, wanted: Callable[[Path], bool] = lambda _: True) -> Home:
    """Return a home that has a lake, and nothing built from it."""
    shutil.rmtree(folder, ignore_errors=True)
    home = Home(folder)
    home.add(lake, wanted)
    with open_embedded_aws(home.settings) as aws:
        assert aws.lake_folder() == (folder / LAKE).parent
        aws.register_logall()
    return home


def link_tree(source: Path, target: Path, wanted: Callable[[Path], bool] = lambda _: True) -> None:
    """Link the files of a folder into another, and copy those that change in place."""
    for folder, _, names in os.walk(source):
        parent = target / Path(folder).relative_to(source)
        parent.mkdir(parents=True, exist_ok=True)
        for name in names:
            file, link = Path(folder, name), parent / name
            if not wanted(file) or link.exists():
                continue
            if file.suffix == ".parquet":
                link.hardlink_to(file)
            else:
                shutil.copy2(file, link)


def _between(start: str, stop: str) -> float:
    return (datetime.fromisoformat(stop) - datetime.fromisoformat(start)).total_seconds()


def _refresh_s(history: Sequence[Mapping[str, Any]]) -> float:
    """Return the seconds from an execution's start until its first service's turn."""
    names = [event.get("stateEnteredEventDetails", {}).get("name") for event in history]
    began = history[names.index("ProcessEachService")]["timestamp"]
    return _between(history[0]["timestamp"], began)
