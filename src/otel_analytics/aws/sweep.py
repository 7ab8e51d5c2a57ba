"""The sweep: queues exported objects that are not noted in the lake, since an event can be missed.

What is queued once too often does no harm: the processor takes nothing in twice.

There may be more objects than one sweep can look at. So it goes through them in order of their
keys, and writes down how far it came.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.aws.object_events import message_of, notes_folder, object_name
from otel_analytics.aws.presence import get_if_there
from otel_analytics.errors import Failed
from otel_analytics.names import S3Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from otel_analytics.aws.clients import Client

    _Noted = dict[str, set[bytes]]  # names of objects by the folder of their notes

__all__ = ["REACHED", "Sweep"]

# Where in the lake stands how far the sweeps have come.
REACHED: Final = "sweep.json"

_MESSAGES_PER_CALL: Final = 10
# The event of a younger object may be on its way.
_MIN_AGE: Final = timedelta(minutes=15)
_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class Sweep:
    """Exported objects under `logs`, the `lake` they are to be in, and the queue of the processor.

    `has_time` says whether there is time for more; `now` is the time. With more than `max_queued`
    messages in the queue, an object that is not noted may well be one of them.
    """

    s3: Client
    sqs: Client
    logs: S3Address
    lake: S3Address
    queue_url: str
    now: Callable[[], datetime]
    has_time: Callable[[], bool]
    max_queued: int = 1000

    def run(self) -> dict[str, int | bool]:
        """Return how many objects were missed and are queued now.

        Shape:  queued; is_complete, whether the last object was reached: the next sweep begins
            with the first again, and otherwise where this one ended
        Raises: NoAccess, AwsFailed; Failed if the queue does not take a message
        """
        if self._is_busy():
            return {"queued": 0, "is_complete": False}
        begin = after = self._reached()
        queued, is_complete = 0, True
        noted: _Noted = {}
        for page in self._pages(self.logs, after):
            if not self._have_noted(page, noted):
                is_complete = False
                break
            queued += self._send(self._missed(page, noted))
            after = page[-1]["Key"]
        reached = "" if is_complete else after
        if reached != begin:
            self._remember(reached)
        return {"queued": queued, "is_complete": is_complete}

    def _is_busy(self) -> bool:
        found = self.sqs.call(
            "get_queue_attributes", QueueUrl=self.queue_url, AttributeNames=list(_COUNTS)
        )
        return sum(int(found["Attributes"][name]) for name in _COUNTS) > self.max_queued

    def _reached(self) -> str:
        """Return the key that the sweep before reached, '' if that was the last."""
        found = get_if_there(self.s3, self._in_lake(REACHED))
        return str(json.loads(found["Body"].read())["reached"]) if found else ""

    def _remember(self, reached: str) -> None:
        address = self._in_lake(REACHED)
        body = json.dumps({"reached": reached}, ensure_ascii=False).encode()
        self.s3.call("put_object", Bucket=address.bucket, Key=address.key, Body=body)

    def _have_noted(self, page: list[Any], noted: _Noted) -> bool:
        """Have in `noted` what is noted of the days of some objects; return whether time sufficed.

        A day is listed once in a sweep.
        """
        for folder in sorted({notes_folder(one["LastModified"]) for one in page} - noted.keys()):
            address, found = self._in_lake(folder), set[bytes]()
            for notes in self._pages(address):
                if not self.has_time():
                    return False
                names = (one["Key"].removeprefix(address.key) for one in notes)
                # as bytes: a million names fit into memory
                found.update(bytes.fromhex(name.removesuffix(".json")) for name in names)
            noted[folder] = found
        return self.has_time()

    def _missed(self, page: list[Any], noted: _Noted) -> list[str]:
        latest = self.now() - _MIN_AGE
        return [
            one["Key"]
            for one in page
            if one["LastModified"] <= latest
            and not one["Key"].endswith("/")
            and bytes.fromhex(object_name(self.logs.bucket, one["Key"], one["ETag"]))
            not in noted[notes_folder(one["LastModified"])]
        ]

    def _pages(self, prefix: S3Address, after: str = "") -> Iterator[list[Any]]:
        """Yield the pages that are not empty of a listing, in order of the keys."""
        begin = {"StartAfter": after} if after else {}
        pages = self.s3.pages("list_objects_v2", Bucket=prefix.bucket, Prefix=prefix.key, **begin)
        return (page["Contents"] for page in pages if page.get("Contents"))

    def _in_lake(self, name: str) -> S3Address:
        return S3Address(self.lake.bucket, f"{self.lake.key.rstrip('/')}/{name}")

    def _send(self, keys: list[str]) -> int:
        messages = [message_of(self.logs.bucket, key) for key in keys]
        for begin in range(0, len(messages), _MESSAGES_PER_CALL):
            some = messages[begin : begin + _MESSAGES_PER_CALL]
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(some)]
            reply = self.sqs.call("send_message_batch", QueueUrl=self.queue_url, Entries=entries)
            if refused := reply.get("Failed"):
                raise Failed(
                    f"the queue did not take {len(refused)} messages ({refused[0]['Code']}: "
                    f"{refused[0].get('Message')}): the next sweep queues them",
                    where=self.queue_url,
                )
        return len(messages)
