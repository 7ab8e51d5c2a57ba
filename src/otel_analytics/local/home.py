"""The folder that stands for an AWS account: `s3/`, `tmp/`, `locks/` and `catalog.sqlite`.

Knows how a home is laid out and opened; what is in its tables is known by those who own them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_analytics.errors import Failed, HomeTooNew, InvalidHome
from otel_analytics.local.runner import Runner, this_process

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SCHEMA_VERSION", "Home", "open_home"]

# A home is made, or brought up to date, by these one after the other; one that was published
# stays as it is.
_SCHEMAS: Final = ("schema.sql", "schema_2.sql", "schema_3.sql", "schema_4.sql", "schema_5.sql")
SCHEMA_VERSION: Final = len(_SCHEMAS)
_APPLICATION_ID: Final = 0x6F74656C  # "otel", at byte 68 of the file
_BUSY_TIMEOUT_S: Final = 60.0
# Of these it is a statement that is wrong, never the file.
_FAULTS_OF_STATEMENTS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError)


@dataclass(frozen=True, slots=True)
class Home:
    """An opened home. Threads may share it: they take turns at its catalog.

    `tmp` is its own folder for what is not finished, on the file system of `s3`; of a home that is
    `read_only` it lies outside.
    """

    path: Path
    tmp: Path
    _connection: sqlite3.Connection = field(repr=False)
    read_only: bool = False
    _turn: threading.RLock = field(repr=False, default_factory=threading.RLock)

    @property
    def s3(self) -> Path:
        """The folder of buckets."""
        return self.path / "s3"

    @property
    def schemas(self) -> Path:
        """The folder of Parquet files without rows, which all processes share that may write."""
        return (self.tmp if self.read_only else self.path / "tmp") / "schemas"

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield the catalog inside a transaction that is rolled back if the block raises.

        Inside another one of the same thread, it is part of that. A `durable` one outlasts a power
        cut once it is over; the last of the others may be lost.

        Raises: Failed if another process holds the catalog for too long, the disk is full, or the
            file is damaged
        """
        with self.reading() as connection:
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            try:
                with _within(connection, "BEGIN IMMEDIATE"):
                    yield connection
            finally:
                if durable:
                    connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield the catalog for statements that only read, all of them at one moment.

        Raises: what `transaction` raises
        """
        with self.reading() as connection, _within(connection, "BEGIN"):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the catalog for statements that only read.

        Raises: what `transaction` raises
        """
        with self._turn:
            try:
                yield self._connection
            except _FAULTS_OF_STATEMENTS:
                raise
            except sqlite3.DatabaseError as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """Close the catalog, and remove what was not finished."""
        with self._turn:
            self._connection.close()
        shutil.rmtree(self.tmp, ignore_errors=True)

    def _failed(self, error: sqlite3.DatabaseError) -> Failed:
        if isinstance(error, sqlite3.OperationalError):
            what = (
                f"the catalog could not be used: {error}; see that the disk has room, that the "
                "home can be written, and that no other process holds the catalog, then run again"
            )
        else:
            what = (
                f"the catalog is damaged ({error}): put a copy of it back; or move this file away, "
                "with those of its name that end with -wal and -shm: ingest and run make a new one "
                "over the data in s3/, without the record of executions"
            )
        return Failed(what, where=str(self.path / "catalog.sqlite"))


@contextmanager
def _within(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    if connection.in_transaction:
        yield
        return
    try:
        connection.execute(begin)
        yield
        connection.execute("COMMIT")
    except BaseException:  # an interrupt may come between any two of these
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def open_home(path: Path, *, to_read: bool = False) -> Home:
    """Return the home at `path`, made if it is not there.

    One that is opened `to_read` alone need not be writable.

    Raises: InvalidHome if it is no folder, cannot be written, or its catalog is not ours;
        HomeTooNew if a newer version made it
    """
    if to_read and _may_only_be_read(path):
        return _open_read_only(path)
    tmp = _make_folders(path)
    try:
        with (path / "locks" / "catalog.sqlite").open("ab") as turn:
            # in what is done to a new file, SQLite does not wait for another process
            fcntl.flock(turn, fcntl.LOCK_EX)
            connection = _open_catalog(path / "catalog.sqlite")
    except BaseException:
        shutil.rmtree(tmp, ignore_errors=True)
        raise
    return Home(path.resolve(), tmp, connection)


def _may_only_be_read(path: Path) -> bool:
    parts = [path / name for name in ("catalog.sqlite", "locks", "tmp")]
    return os.access(parts[0], os.R_OK) and not all(os.access(one, os.W_OK) for one in parts)


def _open_read_only(path: Path) -> Home:
    catalog = path.resolve() / "catalog.sqlite"
    try:
        connection = _connect_read_only(catalog)
        try:
            version = _checked_version(connection, catalog)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        raise _unusable(error, catalog) from error
    if version < SCHEMA_VERSION:
        connection.close()
        raise InvalidHome(
            "was made by an earlier otel-analytics, and may not be written here: run "
            "otel-analytics tables once where it may be, which brings it up to date",
            where=str(catalog.parent),
        )
    return Home(
        path.resolve(), Path(tempfile.mkdtemp(prefix="otel-analytics-")), connection, read_only=True
    )


def _connect_read_only(catalog: Path) -> sqlite3.Connection:
    """Return a connection that only reads.

    Raises: InvalidHome if there are changes that cannot be read without writing
    """
    connection = sqlite3.connect(
        f"{catalog.as_uri()}?mode=ro",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        # SQLite cannot make the files beside the catalog by which processes share it
        log = catalog.with_name(f"{catalog.name}-wal")
        if log.exists() and log.stat().st_size > 0:
            raise InvalidHome(
                f"may not be written here, and {log.name} beside it holds what is not in it yet: "
                "run otel-analytics tables once where the home may be written",
                where=str(catalog),
            ) from error
    else:
        return connection
    # nobody who may write is at it; should one begin now, this may read what is half written
    return sqlite3.connect(
        f"{catalog.as_uri()}?mode=ro&immutable=1",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )


def _make_folders(path: Path) -> Path:
    """Make a home's folders; return that for what this process has not finished."""
    shared = path.resolve() / "tmp"
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "s3").mkdir(exist_ok=True)
        (path / "locks").mkdir(exist_ok=True)
        shared.mkdir(exist_ok=True)
        _remove_what_the_dead_left(shared)
        me = this_process()
        return Path(tempfile.mkdtemp(prefix=f"{me.host}-{me.pid}-{me.process_start}.", dir=shared))
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


def _remove_what_the_dead_left(shared: Path) -> None:
    for entry in os.scandir(shared):
        host, *rest = entry.name.rpartition(".")[0].rsplit("-", 2)
        if len(rest) == 2 and rest[0].isdecimal() and Runner(host, int(rest[0]), rest[1]).is_dead():
            shutil.rmtree(entry.path, ignore_errors=True)


def _open_catalog(catalog: Path) -> sqlite3.Connection:
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
    return connection


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
