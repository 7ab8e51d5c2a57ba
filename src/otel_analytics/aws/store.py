"""Objects in S3."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.aws.presence import get_if_there
from otel_analytics.errors import Failed, InvalidName
from otel_analytics.names import S3Address
from otel_analytics.operations.store import S3Object
from otel_analytics.pipeline.refresh import RawFile
from otel_analytics.query.handler import Deletion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from otel_analytics.aws.clients import Client

__all__ = ["S3Store"]

_KEYS_PER_CALL: Final = 1000  # of DeleteObjects
_LISTINGS_AT_ONCE: Final = 8
# DeleteObjects answers 200 where single keys fail, which the client's own retries do not see:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_FOR_A_MOMENT: Final = ("InternalError", "ServiceUnavailable", "SlowDown")
_WAITS_S: Final = (1.0, 2.0, 4.0)  # at most, before each further try


@dataclass(frozen=True, slots=True)
class S3Store:
    """The objects that an account may see; `s3` is a client of S3, `random` gives 0 to 1."""

    s3: Client
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def raw_files(self, folders: Mapping[str, S3Address]) -> dict[str, Sequence[RawFile]]:
        """Return the files of each folder that has any, at any depth, hidden ones left out.

        Folders beside each other are listed together: a month of days takes one call.
        """
        parents: dict[S3Address, dict[str, str]] = defaultdict(dict)
        for name, folder in folders.items():
            above, _, _ = folder.key.removesuffix("/").rpartition("/")
            parent = S3Address(folder.bucket, f"{above}/" if above else "")
            parents[parent][folder.key] = name
        found: dict[str, Sequence[RawFile]] = {}
        with ThreadPoolExecutor(_LISTINGS_AT_ONCE) as threads:
            for files in threads.map(lambda one: self._files(*one), parents.items()):
                found |= files
        return {name: found[name] for name in folders if name in found}

    def _files(self, parent: S3Address, names: Mapping[str, str]) -> dict[str, list[RawFile]]:
        found: dict[str, list[RawFile]] = defaultdict(list)
        # one folder alone may have many beside it that are none of ours
        begin = S3Address(parent.bucket, next(iter(names))) if len(names) == 1 else parent
        for one in self._entries(begin):
            place = one["Key"].removeprefix(parent.key)
            folder, _, inside = place.partition("/")
            name = names.get(f"{parent.key}{folder}/")
            # an object that ends with / is what consoles make for a folder
            hidden = any(part.startswith(("_", ".")) for part in inside.split("/"))
            if name is not None and not hidden and not inside.endswith("/") and inside:
                found[name].append(RawFile(inside, one["Size"], one["ETag"]))
        return found

    def list(self, prefix: S3Address) -> Iterator[S3Object]:
        """Yield the objects whose key begins with that of `prefix`, in order of their keys."""
        for one in self._entries(prefix):
            address = S3Address(prefix.bucket, one["Key"])
            yield S3Object(address, one["Size"], one["LastModified"].timestamp())

    def _entries(self, prefix: S3Address, **arguments: Any) -> Iterator[Any]:
        pages = self.s3.pages(
            "list_objects_v2", Bucket=prefix.bucket, Prefix=prefix.key, **arguments
        )
        for page in pages:
            yield from page.get("Contents", ())

    def make_durable(self, addresses: Iterable[S3Address]) -> None:
        """Do nothing: an object that can be listed is safe."""

    def get(self, address: S3Address) -> bytes:
        """Return an object's bytes.

        Raises: Failed if there is none
        """
        found = get_if_there(self.s3, address)
        if found is None:
            raise Failed(f"NoSuchKey: {address} does not exist")
        return bytes(found["Body"].read())

    def delete_prefix(self, prefix: S3Address) -> Deletion:
        """Delete the objects under `prefix`; return how many they were.

        Raises: InvalidName if the prefix is empty or does not end with `/`; Failed if one stayed
        """
        return self._delete(prefix)

    def delete_directly_under(self, prefix: S3Address) -> Deletion:
        """Delete the objects under `prefix` that have no further `/`; return how many they were.

        Raises: what `delete_prefix` raises
        """
        return self._delete(prefix, Delimiter="/")

    def _delete(self, prefix: S3Address, **listing: str) -> Deletion:
        if not prefix.key.endswith("/") or prefix.key == "/":
            raise InvalidName(f"{prefix} is not a prefix to delete: end it with a folder and '/'")
        objects = size_bytes = 0
        for some in _chunks(self._entries(prefix, **listing), _KEYS_PER_CALL):
            self._delete_keys(prefix.bucket, [one["Key"] for one in some])
            objects += len(some)
            size_bytes += sum(one["Size"] for one in some)
        return Deletion(objects, size_bytes)

    def _delete_keys(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete objects; those of which S3 says that it failed for a moment, again.

        Raises: Failed if one stayed
        """
        for wait_s in (*_WAITS_S, None):
            objects = [{"Key": key} for key in keys]
            reply = self.s3.call(
                "delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True}
            )
            stayed = reply.get("Errors", ())
            if not stayed:
                return
            lasting = [one for one in stayed if one["Code"] not in _FOR_A_MOMENT]
            if lasting or wait_s is None:
                first = (lasting or stayed)[0]
                raise Failed(
                    f"s3://{bucket}/{first['Key']} was not deleted: {first['Code']}: "
                    f"{first.get('Message')}"
                )
            self.sleep(wait_s * self.random())
            keys = [one["Key"] for one in stayed]


def _chunks(entries: Iterator[Any], size: int) -> Iterator[tuple[Any, ...]]:
    while some := tuple(islice(entries, size)):
        yield some
