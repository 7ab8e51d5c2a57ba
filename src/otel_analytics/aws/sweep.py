"""The sweep: queues exported objects that are not noted in the lake, since an event can be missed.

What is queued once too often does no harm: the processor takes nothing in twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from otel_analytics.aws.object_events import OBJECTS_FOLDER, message_of, object_name
from otel_analytics.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from otel_analytics.aws.clients import Client
    from otel_analytics.names import S3Address

__all__ = ["Sweep"]

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

        Shape:  queued; is_complete, false where the queue was full or time ran out: the next sweep
            goes on
        Raises: NoAccess, AwsFailed; Failed if the queue does not take a message
        """
        if self._is_busy():
            return {"queued": 0, "is_complete": False}
        queued, messages = 0, list[str]()
        for key in self._missed():
            if not self.has_time():
                return {"queued": queued, "is_complete": False}
            messages.append(message_of(self.logs.bucket, key))
            if len(messages) == _MESSAGES_PER_CALL:
                queued += self._send(messages)
                messages = []
        return {"queued": queued + self._send(messages), "is_complete": True}

    def _is_busy(self) -> bool:
        found = self.sqs.call(
            "get_queue_attributes", QueueUrl=self.queue_url, AttributeNames=list(_COUNTS)
        )
        return sum(int(found["Attributes"][name]) for name in _COUNTS) > self.max_queued

    def _missed(self) -> Iterator[str]:
        folder = f"{self.lake.key.rstrip('/')}/{OBJECTS_FOLDER}/"
        # As bytes: a million names fit into memory.
        noted = {
            bytes.fromhex(one["Key"].removeprefix(folder).removesuffix(".json"))
            for page in self.s3.pages("list_objects_v2", Bucket=self.lake.bucket, Prefix=folder)
            for one in page.get("Contents", ())
        }
        latest = self.now() - _MIN_AGE
        for page in self.s3.pages("list_objects_v2", Bucket=self.logs.bucket, Prefix=self.logs.key):
            for one in page.get("Contents", ()):
                name = object_name(self.logs.bucket, one["Key"], one["ETag"])
                is_old = one["LastModified"] <= latest
                if is_old and not one["Key"].endswith("/") and bytes.fromhex(name) not in noted:
                    yield one["Key"]

    def _send(self, messages: list[str]) -> int:
        if not messages:
            return 0
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(messages)]
        reply = self.sqs.call("send_message_batch", QueueUrl=self.queue_url, Entries=entries)
        if refused := reply.get("Failed"):
            raise Failed(
                f"the queue did not take {len(refused)} messages ({refused[0]['Code']}: "
                f"{refused[0].get('Message')}): the next sweep queues them",
                where=self.queue_url,
            )
        return len(messages)
