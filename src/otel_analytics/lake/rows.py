"""Rows of `logall`: what a decoded log record becomes, and how rows become Arrow batches.

Knows neither JSON nor protobuf; the decoders hand their values over in one form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from otel_analytics.lake.values import MAX_INT64, Value, parse_id, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_analytics.config import Keys

__all__ = ["ROW_SCHEMA", "Resource", "Rows"]

MAX_EVENT_NAME_CHARACTERS: Final = 128
RESOURCE_PREFIX: Final = "resource."
_NANOSECONDS_A_DAY: Final = 86_400 * 10**9

# The columns of a batch on its way; `source_id` is added where the file is written.
ROW_SCHEMA: Final = pa.schema(
    [
        ("timestamp", pa.timestamp("ms")),
        ("time_unix_nano", pa.int64()),
        ("event_name", pa.string()),
        ("body", pa.string()),
        ("severity_number", pa.int32()),
        ("severity_text", pa.string()),
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        ("service_name", pa.string()),
        ("user_key", pa.string()),
        ("session_id", pa.string()),
        ("attributes", pa.map_(pa.string(), pa.string())),
    ]
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource's share of its records' rows."""

    service_name: str | None
    user_key: str | None
    session_id: str | None
    attributes: dict[str, str]

    @classmethod
    def of(cls, attributes: dict[str, str], keys: Keys) -> Resource:
        """Return the resource with these attributes."""
        return cls(
            service_name=attributes.get("service.name") or None,
            user_key=_first_non_empty(attributes, keys.user),
            session_id=_first_non_empty(attributes, keys.session),
            attributes={RESOURCE_PREFIX + key: value for key, value in attributes.items()},
        )


@dataclass(slots=True)
class Rows:
    """Rows in the making, of one block of messages."""

    keys: Keys
    without_service: int = 0
    invalid_ids: int = 0
    _rows: list[tuple[Any, ...]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._rows)

    def mark(self) -> tuple[int, int, int]:
        """Return what `rollback` needs to come back to here."""
        return len(self._rows), self.without_service, self.invalid_ids

    def rollback(self, mark: tuple[int, int, int]) -> None:
        """Forget every row since `mark`."""
        length, self.without_service, self.invalid_ids = mark
        del self._rows[length:]

    def add(  # noqa: PLR0913 - the fields of a log record
        self,
        resource: Resource,
        *,
        time_unix_nano: int,
        event_name: str,
        body: Value,
        severity_number: int,
        severity_text: str,
        trace_id: str,
        span_id: str,
        attributes: dict[str, str],
    ) -> None:
        """Add one log record; the attributes are its own, and are taken over.

        Where a record's attribute has the name of a resource's, `resource.` and all, that stands.

        Raises: ValueError if its time is 0, or a value that no column can hold
        """
        if not 0 < time_unix_nano <= MAX_INT64:
            reason = (
                f"its time {time_unix_nano} is out of range" if time_unix_nano else "it has no time"
            )
            raise ValueError(reason)
        if not -(2**31) <= severity_number < 2**31:
            raise ValueError(f"its severity number {severity_number} is out of range")
        user = _first_non_empty(attributes, self.keys.user) or resource.user_key
        session = _first_non_empty(attributes, self.keys.session) or resource.session_id
        event = event_name or attributes.get("event.name") or _event_in_body(body)
        trace = self._id(trace_id, "trace_id", 16, attributes) if trace_id else None
        span = self._id(span_id, "span_id", 8, attributes) if span_id else None
        attributes.update(resource.attributes)
        self._rows.append(
            (
                time_unix_nano,
                event,
                None if body is None else text(body),
                severity_number or None,
                severity_text or None,
                trace,
                span,
                resource.service_name,
                user,
                session,
                attributes,
            )
        )
        if resource.service_name is None:
            self.without_service += 1

    def _id(self, value: str, name: str, size: int, attributes: dict[str, str]) -> str | None:
        """Return the id, or None for one that stands for no id.

        An id of another form says nothing about a trace (logs.proto: the receiver should assume
        that the record has none), so the record is kept, and the text as an attribute beside it.
        """
        parsed = parse_id(value, size=size)
        if parsed is None:
            self.invalid_ids += 1
            attributes.setdefault(name, value)
            return None
        return parsed if parsed.strip("0") else None

    def batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield a batch for each UTC day, as days since 1970-01-01, in the order they came."""
        if not self._rows:
            return
        batch = _record_batch(self._rows)
        days = pc.divide(batch["time_unix_nano"], _NANOSECONDS_A_DAY)
        bounds = pc.min_max(days)
        if bounds["min"] == bounds["max"]:
            yield bounds["min"].as_py(), batch
            return
        order = pa.array(sorted(range(len(days)), key=days.to_pylist().__getitem__))
        batch, ordered = batch.take(order), days.take(order)
        start = 0
        for run in pc.value_counts(ordered):
            length = run["counts"].as_py()
            yield run["values"].as_py(), batch.slice(start, length)
            start += length


def _first_non_empty(attributes: dict[str, str], keys: Iterable[str]) -> str | None:
    for key in keys:
        if value := attributes.get(key):
            return value
    return None


def _event_in_body(body: Value) -> str | None:
    if isinstance(body, str) and 0 < len(body) <= MAX_EVENT_NAME_CHARACTERS:
        return None if "\n" in body or "\r" in body else body
    return None


def _record_batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    times, *columns, attributes = zip(*rows, strict=True)
    time_unix_nano = pa.array(times, pa.int64())
    milliseconds = pc.divide(time_unix_nano, 1_000_000).cast(pa.timestamp("ms"))
    types = [column.type for column in ROW_SCHEMA][2:-1]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    offsets = accumulate(map(len, attributes), initial=0)
    attribute_map = pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()),
        pa.array(chain.from_iterable(attributes), pa.string()),
        pa.array(chain.from_iterable(map(dict.values, attributes)), pa.string()),
    )
    return pa.RecordBatch.from_arrays(
        [milliseconds, time_unix_nano, *arrays, attribute_map], schema=ROW_SCHEMA
    )
