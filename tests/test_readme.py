"""The first walk of the README can be walked, and shows what the README shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.otlp import ShopEvent, export_requests, write_json_lines

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("otel-analytics")
DEMONSTRATION = ROOT / "build" / "demo" / "otlp"
ACTIVATION = ". .venv/bin/activate"

# What differs from run to run; records a second, and the order of branches that run at once.
VOLATILE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+]+|[\d,]+ records/s|[\d.]+ (s|MB)\b|\s+")


@dataclass(frozen=True)
class Step:
    """One block of commands, and the lines that the README shows below it."""

    commands: tuple[str, ...]
    shown: tuple[str, ...]


def first_walk(readme: str, title: str) -> list[Step]:
    text = (ROOT / readme).read_text("utf-8")
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", section, re.M | re.S)
    return [Step(tuple(sh.splitlines()), tuple(shown.splitlines())) for sh, shown in blocks]


WALK = first_walk("README.md", "A first walk")


def walk(folder: Path) -> list[tuple[Step, str]]:
    """Execute every command in `folder`; return what each step printed."""
    printed = []
    for step in WALK:
        output = ""
        for command in step.commands:
            if command == ACTIVATION:
                continue
            program, *arguments = shlex.split(command)
            assert program == "otel-analytics", command
            done = subprocess.run(
                [COMMAND, *arguments],
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}"
            output += done.stdout
        printed.append((step, output))
    return printed


def write_small_exports(folder: Path) -> None:
    """Two users, each in two sessions on the last two days before the walk's execution date."""
    for service in ("theshop-web", "theshop-app"):
        noon = datetime(2024, 6, 28, 12, tzinfo=UTC)
        events = [
            ShopEvent(
                service,
                int((noon + timedelta(days=day)).timestamp()) * 10**9,
                "commerce.product.view",
                user,
                f"{user}-{day}",
            )
            for day in (0, 1)
            for user in ("u1", "u2")
        ]
        target = folder / service
        target.mkdir(parents=True)
        write_json_lines(target / "2024-06.jsonl.gz", export_requests(events))


def test_every_command_of_the_first_walk_works(tmp_path: Path) -> None:
    write_small_exports(tmp_path / "build" / "demo" / "otlp")
    printed = "".join(output for _, output in walk(tmp_path))
    # two users on one day, and both came back on the next
    assert "D+1 2 2 100.0" in re.sub(r" +", " ", printed)
    tables = subprocess.run(
        [COMMAND, "tables"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    ).stdout
    named = {name for step in WALK for name in re.findall(r"theshop_\w+_summary", str(step))}
    assert named
    assert all(f"{name} " in tables for name in named)


def test_the_first_walk_shows_what_the_demonstration_gives(tmp_path: Path) -> None:
    if not DEMONSTRATION.is_dir():
        pytest.skip("the demonstration's exports are not here: make demo writes them")
    (tmp_path / "build" / "demo").mkdir(parents=True)
    (tmp_path / "build" / "demo" / "otlp").symlink_to(DEMONSTRATION)
    for step, output in walk(tmp_path):
        printed = {VOLATILE.sub(" ", line).strip() for line in output.splitlines()}
        for line in step.shown:
            if line and line != "…" and set(line) != {"─"}:
                assert VOLATILE.sub(" ", line).strip() in printed, f"{step.commands}: {line}"


def test_both_readmes_walk_the_same_way() -> None:
    korean = first_walk("README.ko.md", "첫걸음")
    assert korean == WALK
    assert len(WALK) >= 7
