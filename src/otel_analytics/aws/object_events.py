"""What says that an object was created, in whichever shape it comes: which object that is.

Knows no S3: the events are read, and nothing is asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CreatedObject", "created_objects", "message_of"]

_EVENT_BRIDGE = "Object Created"
_NOTIFICATION = "ObjectCreated:"


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
