"""S3 as a directory: `s3://bucket/key` is `<root>/bucket/key`.

Must not know what the objects are for. No address leads outside of the root.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from otel_analytics.errors import Failed, InvalidName
from otel_analytics.local.raw_files import raw_files
from otel_analytics.names import S3Address
from otel_analytics.operations.store import S3Object
from otel_analytics.query.handler import Deletion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from otel_analytics.pipeline.refresh import RawFile

__all__ = ["ObjectStore"]


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The buckets under `root`; what is being written stands in `tmp` until it is whole."""

    root: Path
    tmp: Path

    def path(self, address: S3Address) -> Path:
        """Return where an object, or the objects of a prefix that ends with `/`, are.

        Raises: InvalidName if the address is not one that `S3Address.parse` allows
        """
        S3Address.parse(str(address))
        return self.root / address.bucket / address.key

    def path_to_change(self, address: S3Address) -> Path:
        """Return `path`, where a change of it stays in the store.

        Raises: Failed if a folder on the way is a link, which leads elsewhere
        """
        path = self.path(address)
        # of a prefix its own folder counts, of an object only those above it
        folder = path if address.key.endswith("/") else path.parent
        for step in (folder, *folder.parents):
            if step == self.root:
                break
            if step.is_symlink():
                raise Failed(
                    f"{address} is not written or deleted: {step} is a link, and may lead out of "
                    "the home; choose another address, or put a folder in the link's place"
                )
        return path

    def address(self, path: Path) -> S3Address:
        """Return the address of a file under the root."""
        bucket, *parts = path.relative_to(self.root).parts
        return S3Address(bucket, "/".join(parts))

    def list(self, prefix: S3Address) -> Iterator[S3Object]:
        """Yield the objects whose key begins with that of `prefix`, in order of their keys."""
        folder = self.path(S3Address(prefix.bucket, prefix.key.rpartition("/")[0]))
        bucket = self.root / prefix.bucket
        for path in sorted(_files(folder)):
            key = path.relative_to(bucket).as_posix()
            if key.startswith(prefix.key):
                # one that another process deletes meanwhile is not there
                with suppress(FileNotFoundError):
                    status = path.stat()
                    address = S3Address(prefix.bucket, key)
                    yield S3Object(address, status.st_size, status.st_mtime)

    def raw_files(self, folders: Mapping[str, S3Address]) -> dict[str, Sequence[RawFile]]:
        """Return the files of each folder that has any, at any depth, hidden ones left out."""
        found = {name: tuple(raw_files(str(self.path(one)))) for name, one in folders.items()}
        return {name: files for name, files in found.items() if files}

    def make_durable(self, addresses: Iterable[S3Address]) -> None:
        """Have objects on disk, and the way to them: a new folder is an entry of that above it."""
        files = [self.path(address) for address in addresses]
        folders = {
            folder for file in files for folder in file.parents if folder.is_relative_to(self.root)
        }
        for path in (*files, *folders, self.root.parent):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def delete_prefix(self, prefix: S3Address) -> Deletion:
        """Delete the objects under `prefix`; return how many they were.

        Raises: InvalidName if the prefix is empty or does not end with `/`; Failed if it is behind
            a link
        """
        if not prefix.key.endswith("/"):
            raise InvalidName(f"{prefix} is not a prefix to delete: end it with a folder and '/'")
        folder = self.path_to_change(prefix)
        deletion = _unlink(list(_files(folder)))
        _remove_empty(folder, bucket=self.root / prefix.bucket)
        return deletion

    def delete_directly_under(self, prefix: S3Address) -> Deletion:
        """Delete the objects under `prefix` that have no further `/`; return how many they were.

        Raises: what `delete_prefix` raises
        """
        if not prefix.key.endswith("/"):
            raise InvalidName(f"{prefix} is not a prefix to delete: end it with a folder and '/'")
        folder = self.path_to_change(prefix)
        if not folder.is_dir():
            return Deletion(0, 0)
        return _unlink([path for path in folder.iterdir() if path.is_symlink() or path.is_file()])

    def delete_objects(self, addresses: Iterable[S3Address]) -> None:
        """Delete single objects, where they are there."""
        for address in addresses:
            self.path_to_change(address).unlink(missing_ok=True)

    def put(self, address: S3Address, body: bytes) -> None:
        """Write an object; a reader sees the old one or the new one."""
        unfinished = self.tmp / f"{uuid4().hex}.put"
        try:
            unfinished.write_bytes(body)
            self.move_in(unfinished, address)
        except OSError as error:
            raise _not_written(address, error) from error
        finally:
            unfinished.unlink(missing_ok=True)

    def move_in(self, file: Path, address: S3Address) -> None:
        """Make a finished file of `tmp` the object at `address`.

        Raises: Failed if it is behind a link
        """
        target = self.path_to_change(address)
        while True:
            # folders may be gone again if their last object was deleted in between
            with suppress(FileNotFoundError):
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
                return
            if not file.exists():
                raise FileNotFoundError(file)

    def get(self, address: S3Address) -> bytes:
        """Return an object's bytes.

        Raises: Failed if there is none
        """
        try:
            return self.path(address).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise Failed(f"NoSuchKey: {address} does not exist") from error

    def copy(self, source: S3Address, target: S3Address) -> None:
        """Copy one object.

        Raises: Failed if there is none at `source`
        """
        unfinished = self.tmp / f"{uuid4().hex}.copy"
        try:
            shutil.copyfile(self.path(source), unfinished)
            self.move_in(unfinished, target)
        except FileNotFoundError as error:
            raise Failed(f"NoSuchKey: {source} does not exist") from error
        except OSError as error:
            raise _not_written(target, error) from error
        finally:
            unfinished.unlink(missing_ok=True)


def _not_written(address: S3Address, error: OSError) -> Failed:
    return Failed(f"{address} could not be written: {error.strerror or error}; see that the disk "
                  "has room and the home can be written")  # fmt: skip


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file under `folder`; links are objects, never ways elsewhere."""
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        yield from (here / name for name in names)
        yield from (here / name for name in folders if (here / name).is_symlink())


def _unlink(files: list[Path]) -> Deletion:
    objects = size_bytes = 0
    for path in files:
        with suppress(FileNotFoundError):
            size = path.lstat().st_size
            path.unlink()
            objects, size_bytes = objects + 1, size_bytes + size
    return Deletion(objects, size_bytes)


def _remove_empty(folder: Path, *, bucket: Path) -> None:
    """Remove a folder with those in and above it that hold no object, as S3 has no folders."""
    inside = [Path(parent) for parent, _, _ in os.walk(folder, topdown=False)]
    above = folder.relative_to(bucket).parents
    for empty in (*inside, *(bucket / parent for parent in above if parent.name)):
        # not empty: someone has put an object there meanwhile
        with suppress(OSError):
            empty.rmdir()
