"""What `make demo` leaves to be looked at: its picture, and its last words."""

from __future__ import annotations

import struct
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

import pytest

import demo.__main__ as demonstration_of
from demo.picture import build_picture
from otel_analytics.config import Settings
from otel_analytics.local.embedded import open_embedded_aws

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.dashboard.served import Dashboard

pytestmark = pytest.mark.xdist_group("dashboard")


def test_the_readmes_picture_is_drawn_without_a_browser(demonstration: Dashboard) -> None:
    settings = Settings(home=str(demonstration.shell.home))
    with open_embedded_aws(settings, to_read=True) as aws:
        png = build_picture(aws)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    length, name, width, height, depth, kind = struct.unpack(">I4sIIBB", png[8:26])
    # two charts of 460 by 310 beside and under each other, 24 around them, half as large again
    assert (name, width, height) == (b"IHDR", 1416, 966)
    assert (depth, kind) == (8, 6), "of four bytes a pixel"
    start = 8 + 12 + length
    (packed,) = struct.unpack(">I", png[start : start + 4])
    pixels = zlib.decompress(png[start + 8 : start + 8 + packed])
    assert len(pixels) == height * (1 + 4 * width)
    assert png.endswith(b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The commands that the demonstration runs, none of which is run."""
    run: list[list[str]] = []

    def step(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        arguments = command[len(demonstration_of.COMMAND) :]
        run.append(arguments)
        return subprocess.CompletedProcess(command, 3 if arguments[0] in failing else 0)

    failing: list[str] = []
    run.append(failing)
    monkeypatch.setattr(demonstration_of.subprocess, "run", step)
    monkeypatch.setattr(demonstration_of, "BUILD", tmp_path)
    monkeypatch.setattr(demonstration_of, "fetch", lambda _build: tmp_path)
    monkeypatch.setattr(demonstration_of, "export_logs", lambda _data, _folder: {})
    return run


def test_it_makes_the_report_and_ends_by_saying_how_to_look_at_it(
    steps: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    demonstration_of.main()
    report = next(one for one in steps if one[:1] == ["report"])
    assert report[1:3] == ["-o", "build/demo/report.html"]
    end = capsys.readouterr().out.split("Look at it: ")[1]
    assert end.startswith("open build/demo/report.html in a browser, or start the dashboard:")
    assert "otel-analytics --config demo/otel-analytics.toml dashboard\n" in end


def test_it_stops_at_the_first_step_that_fails(
    steps: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    steps[0].append("run")
    with pytest.raises(SystemExit) as stop:
        demonstration_of.main()
    assert stop.value.code == 3
    assert [one[0] for one in steps[1:]] == ["ingest", "run"]
    assert "Look at it" not in capsys.readouterr().out
