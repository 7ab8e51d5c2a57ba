"""What is not installed is named with the extra that installs it."""

from __future__ import annotations

import pytest

from otel_analytics.cli.extras import needing
from otel_analytics.errors import Refused


def test_a_command_without_its_extra_says_what_to_install() -> None:
    with (
        pytest.raises(
            Refused,
            match=r"^report needs nosuch: pip install '\.\[web\]' in a clone of the project$",
        ),
        needing("web", command="report"),
    ):
        import nosuch  # noqa: F401, PLC0415
