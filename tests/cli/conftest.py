"""Working folders: an empty one, and one in which OTTO's events are ingested and run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from demo.otlp import ShopEvent, export_requests, write_json_lines, write_length_delimited
from otel_analytics import asl
from otel_analytics.local.embedded import EmbeddedAws
from tests.cli.shell import Shell
from tests.oracle.otto import read_otto

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Ingest = Callable[..., None]

E = "2022-08-29"  # the day after OTTO's events end


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A working folder with nothing in it."""
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def otto(shared_data: Path) -> list[ShopEvent]:
    return read_otto(shared_data)


@pytest.fixture(scope="session")
def otto_exports(otto: list[ShopEvent], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the events as JSON, named by their field; half as protobuf, by an attribute."""
    folder = tmp_path_factory.mktemp("exports")
    half = len(otto) // 2
    write_json_lines(folder / "first", export_requests(otto[:half]))
    write_length_delimited(folder / "second", export_requests(otto[half:], named_by="attribute"))
    return folder


@pytest.fixture(scope="session")
def otto_shell(otto_exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """OTTO's events ingested and run; tests must only read here."""
    shell = Shell(tmp_path_factory.mktemp("otto"))
    shell.done("ingest", otto_exports)
    shell.done("run", "otto", "--execution-date", E)
    return shell


@pytest.fixture
def own_otto(otto_shell: Shell, tmp_path: Path) -> Shell:
    """A copy of it, which a test may change."""
    shutil.copytree(otto_shell.home, tmp_path / otto_shell.home.name)
    return Shell(tmp_path)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let executions wait in virtual time."""
    real = EmbeddedAws.step_functions

    def step_functions(aws: EmbeddedAws, **options: Any) -> Any:
        return replace(real(aws, **options), clock=asl.VirtualClock(1_760_961_600))

    monkeypatch.setattr(EmbeddedAws, "step_functions", step_functions)


@pytest.fixture
def ingest(shell: Shell) -> Ingest:
    """Ingest events into the working folder `shell`."""

    def take_in(*events: ShopEvent) -> None:
        file = shell.folder / "events"
        write_json_lines(file, export_requests(events))
        shell.done("ingest", file)

    return take_in
