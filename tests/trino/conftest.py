"""The Trino that `make test-trino` has started, and homes below its folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scripts.trino import STATE_VARIABLE
from tests.trino.homes import Cluster, settings_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.config import Settings


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The server under way; skips where there is none."""
    state = os.environ.get(STATE_VARIABLE)
    if state is None:
        pytest.skip("no Trino was started for the tests: make test-trino starts one, and Java")
    said = json.loads(Path(state).read_text("utf-8"))
    return Cluster(said["port"], Path(said["folder"]))


@pytest.fixture
def new_settings(cluster: Cluster) -> Iterator[Callable[..., Settings]]:
    """What gives settings of a new home on the cluster, with a schema of its own."""
    homes = []

    def settings(**changes: Any) -> Settings:
        made = settings_on(cluster, **changes)
        homes.append(made.home)
        return made

    yield settings
    for home in homes:
        shutil.rmtree(home, ignore_errors=True)
