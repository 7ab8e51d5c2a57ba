"""What tests of every room share: where the data that are not in the repository lie."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

# Who starts the tests in the background of a shell has them, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared test data beside the repository; skips where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the shared data are not here: no folder {folder}")
    return folder
