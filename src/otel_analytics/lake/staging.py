"""The lake's folder: who may write to it, and how files come into it all at once or not at all.

    logall/      the table: Parquet files in partition folders
    sources/     one JSON file for each source that is in the table, named by its content's hash
    quarantine/  JSON lines for each source that held something unreadable
    staging/     what is being written; nothing else in the lake is ever half a file

A publication is a folder in `staging` that mirrors the lake. While it is named `….partial` it is
nothing; renaming it to `….ready` is the moment from which it counts; then its files are moved to
their places. What a dead process left is finished or removed by whoever opens the lake next.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_analytics.config import Keys
from otel_analytics.errors import IngestFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Lake", "Publication", "open_lake"]

_PARTIAL: Final = ".partial"
_READY: Final = ".ready"
_FSYNC_EACH: Final = 64


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake that this process alone may write to."""

    folder: Path

    @property
    def staging(self) -> Path:
        """The folder for what is not published."""
        return self.folder / "staging"

    def holds(self, source_id: str) -> bool:
        """Return whether the source is in the table."""
        return (self.folder / "sources" / f"{source_id}.json").exists()

    def keys_of(self, source_id: str) -> Keys | None:
        """Return the keys that a source was ingested under, or None if its entry tells none.

        Entries told none before keys were kept; one that cannot be read still says, by being
        there, that the source is in the table.

        Raises: OSError
        """
        try:
            keys = json.loads((self.folder / "sources" / f"{source_id}.json").read_bytes())["keys"]
            return Keys(user=tuple(keys["user"]), session=tuple(keys["session"]))
        except (KeyError, TypeError, ValueError):
            return None

    def begin(self, name: str) -> Publication:
        """Return a new, empty publication."""
        folder = self.staging / f"{name}{_PARTIAL}"
        folder.mkdir()
        return Publication(self, folder)

    def clear(self) -> None:
        """Finish the publications that are ready, and remove the others."""
        for folder in sorted(self.staging.glob(f"*{_READY}")):
            _move_into_place(folder, self.folder)
        for folder in self.staging.glob(f"*{_PARTIAL}"):
            shutil.rmtree(folder)


@contextmanager
def open_lake(folder: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[Lake]:
    """Provide the lake in `folder`, made if need be, cleared of what a dead process left.

    Only one process at a time has it; `waiting` is called if another one does.

    Raises: OSError if the folder cannot be written to
    """
    lake = Lake(folder)
    lake.staging.mkdir(parents=True, exist_ok=True)
    with (lake.staging / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        lake.clear()
        try:
            yield lake
        finally:
            lake.clear()


@dataclass(frozen=True, slots=True)
class Publication:
    """Files on their way into the lake; write them in `folder`, at their places in the lake."""

    lake: Lake
    folder: Path

    def commit(self) -> None:
        """Put every file in its place; all will be there, even if this process dies on the way.

        Raises: OSError, and then nothing of it is there; IngestFailed if the disk fails while the
            files are moved, and then whoever opens the lake next will move the rest
        """
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        _make_durable(files)
        made = _make_folders({self.lake.folder / path.relative_to(self.folder) for path in files})
        ready = self.folder.with_suffix(_READY)
        try:
            self.folder.rename(ready)
        except BaseException:
            for folder in reversed(made):
                folder.rmdir()
            raise
        try:
            _fsync(self.lake.staging)
            _move_into_place(ready, self.lake.folder)
        except OSError as error:
            raise IngestFailed(
                f"was written but not all of it could be moved into place ({error}): the next "
                "ingest, of whatever, will finish it",
                where=str(ready),
            ) from error

    def discard(self) -> None:
        """Remove every file of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _make_durable(files: list[Path]) -> None:
    if len(files) > _FSYNC_EACH:
        os.sync()  # once for all: a thousand waits for the disk would take seconds
        return
    for path in files:
        _fsync(path)


def _make_folders(targets: set[Path]) -> list[Path]:
    """Make the folders of `targets`, and return those that were not there, parents first."""
    missing = set()
    for folder in {target.parent for target in targets}:
        for parent in (folder, *folder.parents):
            if parent.exists():
                break
            missing.add(parent)
    made = sorted(missing)
    for folder in made:
        folder.mkdir(exist_ok=True)
    return made


def _move_into_place(ready: Path, lake: Path) -> None:
    folders = set()
    for path in sorted(ready.rglob("*")):
        if path.is_file():
            target = lake / path.relative_to(ready)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            folders.add(target.parent)
    for folder in folders:
        _fsync(folder)
    shutil.rmtree(ready)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
