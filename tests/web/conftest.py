"""An embedded Athena for published tables that tests write down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.tables import Tables, open_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    """Tables in a home of their own."""
    with open_tables(tmp_path / "home") as opened:
        yield opened
