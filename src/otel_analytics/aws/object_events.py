"""Objects that were created: what says so, in whichever shape, and by which name that is noted.

Asks S3 nothing, and loads little: the sweep is to be light.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

__all__ = ["CreatedObject", "created_objects", "message_of", "notes_folder", "object_name"]

_EVENT_BRIDGE: Final = "Object Created"
_NOTIFICATION: Final = "ObjectCreated:"


@dataclass(frozen=True, slots=True)
class CreatedObject:
    """An object by its bucket and its key, or the keys that an event may mean, likelier first."""

    bucket: str
    keys: tuple[str, ...]
    version_id: str | None = None


def created_objects(event: Mapping[str, Any]) -> Iterator[CreatedObject]:
    """Yield the objects of one event; of an event that says something else, none.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
        and https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    Raises: KeyError if the event lacks a field
    """
    if event.get("detail-type") == _EVENT_BRIDGE:
        detail = event["detail"]
        key, version = detail["object"]["key"], detail["object"].get("version-id")
        # That page shows no key which would tell whether it is encoded, and libraries disagree.
        keys = tuple(dict.fromkeys((key, unquote_plus(key))))
        yield CreatedObject(detail["bucket"]["name"], keys, version)
    for record in event.get("Records", ()):
        if record.get("eventName", "").removeprefix("s3:").startswith(_NOTIFICATION):
            found = record["s3"]["object"]
            keys = (unquote_plus(found["key"]),)
            yield CreatedObject(record["s3"]["bucket"]["name"], keys, found.get("versionId"))


def message_of(bucket: str, key: str) -> str:
    """Return the text of a message that says so of one object, as EventBridge would."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return json.dumps({"detail-type": _EVENT_BRIDGE, "detail": detail}, ensure_ascii=False)


def notes_folder(modified: datetime) -> str:
    """Return the folder of the lake with what is noted of the objects that were last written then.

    One for each day: who looks for some objects need not list the notes of all.
    """
    return f"objects/{modified.astimezone(UTC).date()}/"


def object_name(bucket: str, key: str, etag: str) -> str:
    """Return the name under which it is noted that an object with this content was taken in."""
    return sha256("\n".join((bucket, key, etag.strip('"'))).encode()).hexdigest()
