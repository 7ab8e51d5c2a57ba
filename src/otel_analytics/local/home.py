"""The folder that stands for an AWS account: `s3/`, `tmp/` and `catalog.sqlite`.

Knows how a home is laid out and opened; what is in its tables is known by those who own them.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from otel_analytics.errors import Failed, HomeTooNew, InvalidHome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SCHEMA_VERSION", "Home", "open_home"]

# A home is made, or brought up to date, by these one after the other; one that was published
# stays as it is.
_SCHEMAS: Final = ("schema.sql", "schema_2.sql")
SCHEMA_VERSION: Final = len(_SCHEMAS)
_APPLICATION_ID: Final = 0x6F74656C  # "otel", at byte 68 of the file
_BUSY_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Home:
    """An opened home. Threads may share it: they take turns at its catalog."""

    path: Path
    _connection: sqlite3.Connection = field(repr=False)
    _turn: threading.RLock = field(repr=False, default_factory=threading.RLock)

    @property
    def s3(self) -> Path:
        """The folder of buckets."""
        return self.path / "s3"

    @property
    def tmp(self) -> Path:
        """The folder for what is not finished, on the file system of `s3`."""
        return self.path / "tmp"

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the catalog inside a transaction that is rolled back if the block raises.

        Raises: Failed if another process holds the catalog for too long, or the disk is full
        """
        with self._turn:
            try:
                try:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:  # an interrupt may come between any two of these
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.OperationalError as error:
                raise self._failed(error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the catalog for statements that only read."""
        with self._turn:
            try:
                yield self._connection
            except sqlite3.OperationalError as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """Close the catalog."""
        with self._turn:
            self._connection.close()

    def _failed(self, error: sqlite3.OperationalError) -> Failed:
        return Failed(
            f"the catalog could not be used: {error}; see that the disk has room and that no "
            "other process holds the catalog, then run again",
            where=str(self.path / "catalog.sqlite"),
        )


def open_home(path: Path) -> Home:
    """Return the home at `path`, made if it is not there.

    Raises: InvalidHome if it is no folder, cannot be written, or its catalog is not ours;
        HomeTooNew if a newer version made it
    """
    catalog = path / "catalog.sqlite"
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "s3").mkdir(exist_ok=True)
        (path / "tmp").mkdir(exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidHome(
            "is not a folder: name another home with --home or OTEL_ANALYTICS_HOME",
            where=str(error.filename or path),
        ) from error
    except OSError as error:
        raise InvalidHome(
            f"cannot be made or written ({error.strerror}): give yourself the right to write "
            "there, or name another home with --home",
            where=str(error.filename or path),
        ) from error
    try:
        connection = sqlite3.connect(
            catalog, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection, catalog)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        raise _unusable(error, catalog) from error
    return Home(path.resolve(), connection)


def _unusable(error: sqlite3.DatabaseError, catalog: Path) -> InvalidHome:
    if isinstance(error, sqlite3.OperationalError):
        what = f"cannot be opened ({error}): see that it can be written and the disk has room"
    else:
        what = f"is not a catalog ({error}): name another home, or move that file away"
    return InvalidHome(what, where=str(catalog))


def _prepare(connection: sqlite3.Connection, catalog: Path) -> None:
    """Set the connection up and, in a new file, make the tables."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    version = _checked_version(connection, catalog)
    if mode != "wal":
        # readers go on while a run writes
        connection.execute("PRAGMA journal_mode = WAL")
    # a power cut may cost the last events, never the file's integrity
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    if version == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    # another process may have made the tables while this one waited
    for name in _SCHEMAS[_checked_version(connection, catalog) :]:
        schema = files(__package__).joinpath(name).read_text("utf-8")
        for statement in schema.split(";\n"):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _checked_version(connection: sqlite3.Connection, catalog: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != _APPLICATION_ID:
        raise InvalidHome(
            "is the SQLite file of another program: name another home, or move that file away",
            where=str(catalog),
        )
    if version > SCHEMA_VERSION:
        raise HomeTooNew(
            f"was made by a newer otel-analytics (format {version}; this one knows up to "
            f"{SCHEMA_VERSION}): upgrade otel-analytics, or name another home with --home",
            where=str(catalog.parent),
        )
    return int(version)
