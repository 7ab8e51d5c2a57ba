"""Ingests FOLDER into a lake and dies, without any clean-up, before each of its steps in turn.

A step is whatever Python's audit hooks tell of files: an open, a folder made, a rename, a removal.
Prints one line of JSON for each step: what was visible right after the death, and what after the
next ingest of another file.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from lake_files import files_in, rows, take_in

_STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")


def _die_before(step: int) -> None:
    steps = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal steps
        if event not in _STEPS:
            return
        steps += 1
        if steps == step:
            os._exit(9)

    sys.addaudithook(hook)


def main(sources: Path, other: Path, scratch: Path) -> None:
    step = 0
    died = True
    while died:
        step += 1
        lake = scratch / f"lake-{step}"
        child = os.fork()
        if child == 0:
            _die_before(step)
            take_in(lake, sources)
            os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        ledger = len(list((lake / "sources").glob("*")))
        take_in(lake, other)
        after = sorted(row["body"] for row in rows(lake))
        again = take_in(lake, sources, other)
        print(  # noqa: T201 - what the test reads
            json.dumps(
                {
                    "died": died,
                    "ledger": ledger,
                    "after": after,
                    "outcomes": sorted({source.outcome for source in again.sources}),
                    "end": sorted(row["body"] for row in rows(lake)),
                    "files": sorted(files_in(lake)),
                }
            )
        )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
