"""The tables of a service are built by one run at a time."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_analytics.errors import Refused
from otel_analytics.local.run_locks import locked_services

if TYPE_CHECKING:
    from otel_analytics.local.home import Home

_HOLD = """
import sys
from pathlib import Path
from otel_analytics.local.home import open_home
from otel_analytics.local.run_locks import locked_services
with locked_services(open_home(Path(sys.argv[1])), "log_db", ["b-shop"]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_all_services_are_held_or_none_until_the_other_process_is_gone(home: Home) -> None:
    command = [sys.executable, "-c", _HOLD, str(home.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        # `B_shop` has the tables of `b-shop`
        with (
            pytest.raises(Refused, match="another run builds the tables of B_shop in log_db"),
            locked_services(home, "log_db", ["c", "B_shop", "a"]),
        ):
            pass
        with (
            locked_services(home, "log_db", ["a", "c"]),
            locked_services(home, "other_db", ["b-shop"]),
        ):
            pass
        other.kill()
    with locked_services(home, "log_db", ["c", "b-shop", "a"]):
        pass
