"""What the kernel says of processes: the peak of their memory, and the bytes that they read."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Finished", "family", "peak_mb", "read_bytes", "run"]

_LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has done its work: what it printed, and the peak of its memory."""

    stdout: str
    peak_mb: float


def run(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> Finished:
    """Return what a command printed and its peak, that of its children included.

    A process's peak is the kernel's own, of its memory since it began, and not that of the process
    that started it; peaks of several are summed, though they may not have been at the same time.

    Raises: subprocess.CalledProcessError if it fails
    """
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    peaks: dict[int, float] = {}
    done = threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_EVERY_S):
            for one in family(process.pid):
                # one that has just ended has no memory any more
                peaks[one] = max(peaks.get(one, 0.0), peak_mb(one))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        stdout, stderr = process.communicate()
    finally:
        done.set()
        watcher.join()
    if process.returncode:
        print(stderr[-5_000:], file=sys.stderr)
        raise subprocess.CalledProcessError(process.returncode, list(map(str, command)))
    return Finished(stdout, sum(peaks.values()))


def family(process: int) -> Iterator[int]:
    """Give a process and its children, and theirs."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in _text(children).split():
            yield from family(int(child))


def peak_mb(process: int) -> float:
    """Return the peak of the memory of a process, 0 if it is gone."""
    for line in _text(Path(f"/proc/{process}/status")).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def read_bytes(process: int) -> int:
    """Return the bytes that a process and its children have read from files, caches included.

    Files that are mapped into memory are not counted.
    """
    return sum(
        int(line.split()[1])
        for one in family(process)
        for line in _text(Path(f"/proc/{one}/io")).splitlines()
        if line.startswith("rchar:")
    )


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended
        return ""
