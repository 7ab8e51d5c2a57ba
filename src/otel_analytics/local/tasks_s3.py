"""The calls of S3 that state machines make as `aws-sdk:s3:…`, over the object store.

Arguments and results have the names that Step Functions gives them; an argument that is not
known here fails the task, since leaving it out would do something else.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from otel_analytics.asl import TaskFailed
from otel_analytics.errors import Failed, InvalidName
from otel_analytics.local.sdk_arguments import Arguments
from otel_analytics.names import S3Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.asl import TaskContext
    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.operations.store import S3Object

__all__ = ["s3_tasks"]

_MAX_KEYS = 1000


def s3_tasks(store: ObjectStore) -> dict[str, Callable[[Any, TaskContext], Any]]:
    """Return the tasks by their resources."""
    calls = _Calls(store)
    return {
        f"arn:aws:states:::aws-sdk:s3:{name}": _as_task(call)
        for name, call in {
            "listObjectsV2": calls.list_objects_v2,
            "getObject": calls.get_object,
            "putObject": calls.put_object,
            "copyObject": calls.copy_object,
            "deleteObject": calls.delete_object,
            "deleteObjects": calls.delete_objects,
        }.items()
    }


def _as_task(call: Callable[[Arguments], Any]) -> Callable[[Any, TaskContext], Any]:
    def task(arguments: Any, _context: TaskContext) -> Any:
        try:
            return call(Arguments("S3", arguments))
        except InvalidName as error:
            raise TaskFailed("S3.InvalidArgumentException", str(error)) from error
        except Failed as error:
            code = "NoSuchKeyException" if error.message.startswith("NoSuchKey") else "S3Exception"
            raise TaskFailed(f"S3.{code}", str(error)) from error

    return task


@dataclass(frozen=True, slots=True)
class _Calls:
    store: ObjectStore

    def list_objects_v2(self, arguments: Arguments) -> dict[str, Any]:
        """Return one page of a listing; ContinuationToken is the last key of the page before."""
        bucket = arguments.text("Bucket")
        prefix = arguments.text("Prefix", "")
        delimiter = arguments.text("Delimiter", "")
        limit = min(arguments.number("MaxKeys", _MAX_KEYS), _MAX_KEYS)
        after = arguments.text("ContinuationToken", arguments.text("StartAfter", ""))
        arguments.refuse_the_rest()
        found = {one.address.key: one for one in self.store.list(S3Address(bucket, prefix))}
        # A folder stands for all keys in it.
        names = sorted({_shown_key(key, prefix, delimiter) for key in found})
        names = [name for name in names if name > after]
        shown = names[:limit]
        contents = [self._listed(found[name]) for name in shown if name in found]
        folders = [{"Prefix": name} for name in shown if name not in found]
        page: dict[str, Any] = {
            "Contents": contents,
            "CommonPrefixes": folders,
            "Delimiter": delimiter,
            "IsTruncated": len(names) > len(shown),
            "KeyCount": len(shown),
            "MaxKeys": limit,
            "Name": bucket,
            "NextContinuationToken": shown[-1] if shown and len(names) > len(shown) else "",
            "Prefix": prefix,
        }
        # As the SDK tells it: what would be empty is not there.
        optional = ("Contents", "CommonPrefixes", "Delimiter", "NextContinuationToken")
        return {name: value for name, value in page.items() if value or name not in optional}

    def _listed(self, one: S3Object) -> dict[str, Any]:
        return {
            "ETag": self._etag(one.address),
            "Key": one.address.key,
            "LastModified": _iso(one.modified),
            "Size": one.size_bytes,
            "StorageClass": "STANDARD",
        }

    def get_object(self, arguments: Arguments) -> dict[str, Any]:
        """Return an object with its body as text."""
        address = _address(arguments)
        arguments.refuse_the_rest()
        body = self.store.get(address)
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise TaskFailed("S3.S3Exception", f"{address} is not text: {error}") from error
        return {
            "AcceptRanges": "bytes",
            "Body": text,
            "ContentLength": len(body),
            "ContentType": "binary/octet-stream",
            "ETag": self._etag(address),
            "LastModified": _iso(self.store.path(address).stat().st_mtime),
            "Metadata": {},
        }

    def put_object(self, arguments: Arguments) -> dict[str, Any]:
        """Write an object: a text as it is, anything else as JSON."""
        address = _address(arguments)
        body = arguments.value("Body", "")
        arguments.ignore("ContentType")
        arguments.refuse_the_rest()
        text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
        self.store.put(address, text.encode())
        return {"ETag": self._etag(address)}

    def copy_object(self, arguments: Arguments) -> dict[str, Any]:
        """Copy one object."""
        target = _address(arguments)
        source = unquote(arguments.text("CopySource")).lstrip("/")
        arguments.refuse_the_rest()
        bucket, _, key = source.partition("/")
        self.store.copy(S3Address(bucket, key), target)
        modified = _iso(self.store.path(target).stat().st_mtime)
        return {"CopyObjectResult": {"ETag": self._etag(target), "LastModified": modified}}

    def delete_object(self, arguments: Arguments) -> dict[str, Any]:
        """Delete one object; that there is none is no error, as on S3."""
        address = _address(arguments)
        arguments.refuse_the_rest()
        self._delete(address)
        return {}

    def delete_objects(self, arguments: Arguments) -> dict[str, Any]:
        """Delete up to 1,000 objects."""
        bucket = arguments.text("Bucket")
        delete = Arguments("S3", arguments.value("Delete"))
        arguments.refuse_the_rest()
        objects = delete.value("Objects")
        quiet = delete.value("Quiet", False)
        delete.refuse_the_rest()
        if not isinstance(objects, list) or len(objects) > _MAX_KEYS:
            raise TaskFailed("S3.S3Exception", f"Objects must list 1 to {_MAX_KEYS} keys")
        keys = [Arguments("S3", one).text("Key") for one in objects]
        # All of them are read before the first is deleted.
        for address in [S3Address.parse(f"s3://{bucket}/{key}") for key in keys]:
            self._delete(address)
        return {} if quiet or not keys else {"Deleted": [{"Key": key} for key in keys]}

    def _etag(self, address: S3Address) -> str:
        """Return what changes when the object does; reading a large one for it would be slow."""
        status = self.store.path(address).stat()
        text = f"{status.st_size} {status.st_mtime_ns}"
        return f'"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"'

    def _delete(self, address: S3Address) -> None:
        if not address.key or address.key.endswith("/"):
            return  # the store has files only, so nothing is called so
        with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
            self.store.path_to_change(address).unlink()


def _address(arguments: Arguments) -> S3Address:
    return S3Address.parse(f"s3://{arguments.text('Bucket')}/{arguments.text('Key')}")


def _shown_key(key: str, prefix: str, delimiter: str) -> str:
    """Return how a listing shows a key: as the folder in which it is, if there is a delimiter."""
    rest = key[len(prefix) :]
    folder, found, _ = rest.partition(delimiter) if delimiter else (rest, "", "")
    return f"{prefix}{folder}{delimiter}" if found else key


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
