"""The lake on S3, into which exported OTLP files come object by object.

    logall/      the table: Parquet files in partition folders
    sources/     one JSON file for each content that is in the table, named by its hash
    objects/     one JSON file for each object that was taken in, named by the hash of what it is,
                 in a folder for the day of its last change
    quarantine/  JSON lines for each source that held something unreadable

S3 has no way to let several objects appear at once. So everything about an object has a name that
follows from its content: whoever takes it in, however often, from the beginning or after a failure,
writes the same files over themselves. `sources/…` is written when all rows are there, and
`objects/…` last; an object that is listed there is done with.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_analytics.aws.object_events import notes_folder, object_name
from otel_analytics.aws.presence import get_if_there, holds
from otel_analytics.errors import Failed, IngestFailed
from otel_analytics.lake.ingest import ingest
from otel_analytics.lake.sources import identify
from otel_analytics.names import S3Address

if TYPE_CHECKING:
    from otel_analytics.aws.clients import Client
    from otel_analytics.aws.object_events import CreatedObject
    from otel_analytics.config import Keys
    from otel_analytics.lake.report import SourceReport

__all__ = ["ObjectLake", "Taken"]

_SOURCES: Final = "sources"
_QUARANTINE: Final = "quarantine"
# Rows before the note that they are there.
_ORDER: Final = ("logall", _QUARANTINE, _SOURCES)

_Outcome = Literal["ingested", "already ingested", "unreadable", "gone", "not ours"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one object; `error` says why it could not be read."""

    address: str
    outcome: _Outcome
    written: int = 0
    quarantined: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectLake:
    """The lake at an address; `scratch` is a folder for files on their way."""

    s3: Client
    address: S3Address
    keys: Keys
    scratch: Path

    def take(self, created: CreatedObject) -> Taken:
        """Return what became of an object: its records are in the table, each of them once.

        Raises: NoAccess, AwsFailed; Failed or OSError for want of room: nothing is noted then, and
            another try begins anew
        """
        ours = [key for key in created.keys if self._is_ours(created.bucket, key)]
        if not ours:
            return Taken(f"s3://{created.bucket}/{created.keys[0]}", "not ours")
        found = self._get(replace(created, keys=tuple(ours)))
        if found is None:
            return Taken(f"s3://{created.bucket}/{ours[0]}", "gone")
        key, response = found
        address = f"s3://{created.bucket}/{key}"
        name = object_name(created.bucket, key, response["ETag"])
        note = f"{notes_folder(response['LastModified'])}{name}.json"
        with closing(response["Body"]) as body:
            if self._holds(note):
                return Taken(address, "already ingested")
            with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
                file = Path(folder) / "object"
                with file.open("wb") as content:
                    shutil.copyfileobj(body, content)
                taken, source_id = self._take(file, address)
        if taken.error and not taken.quarantined:
            # Where no record could be told, the object itself is what lies in quarantine.
            line = {"source": address, "source_id": source_id, "reason": taken.error}
            self._put(f"{_QUARANTINE}/{source_id or name}.jsonl", _json_line(line))
        entry = {"object": address, "etag": response["ETag"].strip('"'), "source_id": source_id}
        self._put(note, _json_line({**entry, "outcome": taken.outcome, "error": taken.error}))
        return taken

    def _is_ours(self, bucket: str, key: str) -> bool:
        # The lake must not take in itself; and what a console makes for a folder ends with /.
        in_lake = bucket == self.address.bucket and key.startswith(self._key(""))
        return not in_lake and not key.endswith("/")

    def _take(self, file: Path, address: str) -> tuple[Taken, str | None]:
        """Put the records of a file into the table; return what became of it, and its hash."""
        try:
            source_id = identify(file).source_id
        except IngestFailed as error:
            return Taken(address, "unreadable", error=error.message), None
        if self._holds(f"{_SOURCES}/{source_id}.json"):
            return Taken(address, "already ingested"), source_id
        lake = file.parent / "lake"
        report = ingest([file], lake=lake, keys=self.keys, processes=1, origin=lambda _: address)
        (source,) = report.sources
        if source.can_succeed:
            raise Failed(str(source.error), where=address)
        for name in _ORDER:
            for path in sorted((lake / name).rglob("*")):
                if path.is_file():
                    with path.open("rb") as content:
                        self._put(path.relative_to(lake).as_posix(), content)
        return _taken(source, address), source_id

    def _get(self, created: CreatedObject) -> tuple[str, Any] | None:
        version = {"VersionId": created.version_id} if created.version_id else {}
        for key in created.keys:
            found = get_if_there(self.s3, S3Address(created.bucket, key), **version)
            if found is not None:
                return key, found
        return None

    def _holds(self, name: str) -> bool:
        return holds(self.s3, S3Address(self.address.bucket, self._key(name)))

    def _put(self, name: str, content: Any) -> None:
        self.s3.call("put_object", Bucket=self.address.bucket, Key=self._key(name), Body=content)

    def _key(self, name: str) -> str:
        return f"{self.address.key.rstrip('/')}/{name}"


def _taken(source: SourceReport, address: str) -> Taken:
    return Taken(
        address,
        "unreadable" if source.outcome == "failed" else "ingested",
        written=source.written,
        quarantined=source.quarantined,
        error=source.error,
    )


def _json_line(entry: dict[str, Any]) -> bytes:
    return (json.dumps(entry, ensure_ascii=False) + "\n").encode()
