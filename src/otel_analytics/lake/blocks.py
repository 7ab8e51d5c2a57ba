"""What travels between the steps of an ingest: blocks of messages in, decoded rows out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

__all__ = ["SUPERSEDED", "Block", "Decoded", "Kind", "Message", "Unreadable"]


Kind: TypeAlias = Literal["json", "protobuf", "unreadable"]

# logs.proto of 2022: where scopes are set, a receiver ignores what their old name repeats. Set
# aside, such a record is neither counted twice nor lost if it is no repetition.
SUPERSEDED: Final = "it stands under the deprecated instrumentationLibraryLogs, beside scopeLogs"


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes of one message, or of JSON text that holds whole messages.

    `position` is its byte offset in the decompressed content; `first_record` counts the records
    that earlier parts of the same message held.
    """

    position: int
    data: bytes
    first_record: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Messages that are decoded together; `reason` says why unreadable ones cannot be."""

    kind: Kind
    messages: tuple[Message, ...]
    reason: str = ""

    @property
    def size(self) -> int:
        """The bytes of its messages."""
        return sum(len(message.data) for message in self.messages)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that could not become rows: a record, or a message where no record could be told."""

    position: int
    record: int | None
    reason: str
    raw: bytes


@dataclass(slots=True)
class Decoded:
    """What a block held: a serialized Arrow batch per UTC day, and what could not be written.

    `found` counts log records where they are met in a message, apart from what becomes of them: it
    must be what is written and what is unreadable together.
    """

    found: int = 0
    batches: list[tuple[int, bytes]] = field(default_factory=list)
    written: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    without_service: int = 0
    invalid_ids: int = 0

    def set_aside(self, stretch: Unreadable) -> None:
        """Set aside bytes in which no record could be told; they count as one."""
        self.found += 1
        self.unreadable.append(stretch)
