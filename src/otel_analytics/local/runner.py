"""The process that carries an execution out, told so that its death can be seen."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Runner", "this_process"]


@dataclass(frozen=True, slots=True)
class Runner:
    """The process that carries an execution out; a process id alone may be given anew."""

    host: str
    pid: int
    process_start: str

    def is_dead(self) -> bool:
        """Return whether this was a process of this machine that is no more."""
        if self.host != socket.gethostname():
            return False  # nothing can be known of it from here
        return _process_start(self.pid) != self.process_start


def this_process() -> Runner:
    """Return the runner that this process is."""
    return Runner(socket.gethostname(), os.getpid(), _process_start(os.getpid()) or "")


def _process_start(pid: int) -> str | None:
    """Return when a process began, as text that only compares; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
        # the second field is the program's name, which may hold blanks and brackets
        return stat.rpartition(")")[2].split()[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""  # a system without /proc: the id is taken, more cannot be known
