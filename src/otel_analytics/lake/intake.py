"""One source on its way into the lake: held in memory while it is small, staged when it grows."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from otel_analytics.errors import IngestFailed
from otel_analytics.lake.parquet import DayFiles
from otel_analytics.lake.report import SourceReport
from otel_analytics.lake.rows import ROW_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from otel_analytics.config import Keys
    from otel_analytics.lake.blocks import Decoded, Unreadable
    from otel_analytics.lake.report import Outcome
    from otel_analytics.lake.staging import Lake, Publication

__all__ = ["Intake", "Staged"]

HELD_BYTES: Final = 1 << 24


class Staged:
    """A publication of one or more sources."""

    def __init__(self, publication: Publication, *, name: str) -> None:
        self._publication = publication
        self._days = DayFiles(publication.folder, name=name)

    def add_rows(self, day: int, batch: bytes, *, source_id: str) -> None:
        """Add a serialized batch of one day.

        Raises: OSError
        """
        rows = pa.ipc.read_record_batch(pa.py_buffer(batch), ROW_SCHEMA)
        self._days.add(day, rows, source_id=source_id)

    def add_quarantine(self, source_id: str, lines: list[str]) -> None:
        """Add lines to a source's quarantine.

        Raises: OSError
        """
        file = self._file("quarantine", f"{source_id}.jsonl")
        with file.open("a", encoding="utf-8") as quarantine:
            quarantine.writelines(lines)

    def add_source(self, source: SourceReport, *, origin: str, keys: Keys) -> None:
        """Record that a source is in the table, its users and sessions told by `keys`.

        Raises: OSError
        """
        entry = {
            "source_id": source.source_id,
            "source": origin,
            "written": source.written,
            "quarantined": source.quarantined,
            "skipped": dict(source.skipped),
            "keys": asdict(keys),
        }
        file = self._file("sources", f"{source.source_id}.json")
        file.write_text(json.dumps(entry, ensure_ascii=False) + "\n", "utf-8")

    def commit(self) -> None:
        """Publish it.

        Raises: OSError; then nothing of it is published
        """
        self._days.close()
        self._publication.commit()

    def discard(self) -> None:
        """Forget it."""
        self._days.abandon()
        self._publication.discard()

    def _file(self, folder: str, name: str) -> Path:
        path = self._publication.folder / folder
        path.mkdir(exist_ok=True)
        return path / name


class Intake:
    """What one source has given so far, and what has become of it.

    `origin` is the address that people know it by.
    """

    def __init__(self, path: Path, source_id: str | None, lake: Lake, *, origin: str) -> None:
        self.path = path
        self.origin = origin
        self.outcome: Outcome = "failed"
        self.error: str | None = None
        self.other_keys = False
        self.can_succeed = False
        self.staged: Staged | None = None
        self.held_bytes = 0
        self._source_id = source_id
        self._lake = lake
        self._batches: list[tuple[int, bytes]] = []
        self._quarantine: list[str] = []
        self._reason = ""
        self._found = self._written = self._quarantined = 0
        self._without_service = self._invalid_ids = 0
        self._skipped: Counter[str] = Counter()

    @property
    def source_id(self) -> str:
        """The hash of its content."""
        if self._source_id is None:
            raise ValueError(f"{self.path} was not read to its end")
        return self._source_id

    @property
    def quarantined(self) -> int:
        """How much of it was set aside."""
        return self._quarantined

    @property
    def why_unreadable(self) -> str | None:
        """Why no log record of it could be read, or None if one could."""
        if self._written:
            return None
        skipped = ", ".join(f"{count} {kind}" for kind, count in self._skipped.items())
        if self._quarantined:
            return (
                f"no log record in it could be read: {self._reason}"
                f"{f' (and it holds {skipped})' if skipped else ''}; see its quarantine"
            )
        return f"holds {skipped or 'OTLP'} and no log record: ingest takes logs only"

    def check_counts(self) -> None:
        """Make sure that every record that was found was either written or quarantined.

        Raises: IngestFailed
        """
        if self._found != self._written + self._quarantined:
            raise IngestFailed(
                f"internal error: {self._found} records were found, but {self._written} written + "
                f"{self._quarantined} quarantined; nothing of it was kept: please report this, "
                "with the file if you can",
                where=str(self.path),
            )

    def add(self, decoded: Decoded) -> None:
        """Take the next block's rows and unreadable parts; stage them when they grow too many.

        Raises: OSError
        """
        self._found += decoded.found
        self._written += decoded.written
        self._skipped.update(decoded.skipped)
        self._without_service += decoded.without_service
        self._invalid_ids += decoded.invalid_ids
        if decoded.unreadable:
            self._quarantined += len(decoded.unreadable)
            self._reason = self._reason or decoded.unreadable[0].reason
        lines = [self._line(unreadable) for unreadable in decoded.unreadable]
        self._quarantine += lines
        self._batches += decoded.batches
        self.held_bytes += sum(map(len, lines)) + sum(len(batch) for _, batch in decoded.batches)
        if self.staged is None and self.held_bytes > HELD_BYTES:
            self.stage()
        elif self.staged is not None:
            self.pour(self.staged)

    def stage(self) -> Staged:
        """Return its own publication, with what it has given so far.

        Raises: OSError
        """
        if self.staged is None:
            self.staged = Staged(self._lake.begin(self.source_id), name=self.source_id[:32])
        self.pour(self.staged)
        return self.staged

    def pour(self, staged: Staged) -> None:
        """Hand what is held over to a publication.

        Raises: OSError
        """
        for day, batch in self._batches:
            staged.add_rows(day, batch, source_id=self.source_id)
        if self._quarantine:
            staged.add_quarantine(self.source_id, self._quarantine)
        self._batches, self._quarantine, self.held_bytes = [], [], 0

    def fail(self, error: str, *, can_succeed: bool = False) -> None:
        """Give it up: nothing of it is kept or counted."""
        if self.error is None:
            self.error, self.can_succeed = error, can_succeed
        self.outcome = "failed"
        if self.staged is not None:
            self.staged.discard()
            self.staged = None
        self._batches, self._quarantine, self.held_bytes = [], [], 0
        self._found = self._written = self._quarantined = 0
        self._without_service = self._invalid_ids = 0
        self._skipped = Counter()

    def report(self) -> SourceReport:
        """Return what became of it."""
        return SourceReport(
            path=self.path,
            source_id=self._source_id,
            outcome=self.outcome,
            error=self.error,
            found=self._found,
            written=self._written,
            quarantined=self._quarantined,
            skipped=self._skipped,
            without_service=self._without_service,
            invalid_ids=self._invalid_ids,
            other_keys=self.other_keys,
            can_succeed=self.can_succeed,
        )

    def _line(self, unreadable: Unreadable) -> str:
        entry = {
            "source": self.origin,
            "source_id": self.source_id,
            "position": unreadable.position,
            "record": unreadable.record,
            "reason": unreadable.reason,
        }
        try:
            entry["raw"] = unreadable.raw.decode("utf-8")
        except UnicodeDecodeError:
            entry["raw_base64"] = base64.b64encode(unreadable.raw).decode("ascii")
        return json.dumps(entry, ensure_ascii=False) + "\n"
