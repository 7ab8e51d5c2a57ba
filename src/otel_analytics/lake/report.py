"""What an ingest did, source by source."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["IngestReport", "Outcome", "Progress", "SourceReport"]

Outcome: TypeAlias = Literal["ingested", "already ingested", "failed"]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one file.

    A quarantined record may also be a stretch of text in which no record could be told. `skipped`
    counts, by kind, what is no log record: spans, metric data points, profiles. `invalid_ids`
    counts trace and span ids that are none; they stand as text in the record's attributes.
    `found` counts log records as they were met; it is written + quarantined, or the source failed.
    `other_keys` says that a source known already was ingested under other keys than those given
    now: its rows keep the user and the session that they got then. `can_succeed` says of a source
    that failed that it was for want of disk or memory, and not for what the file holds.
    """

    path: Path
    source_id: str | None
    outcome: Outcome
    error: str | None = None
    found: int = 0
    written: int = 0
    quarantined: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    without_service: int = 0
    invalid_ids: int = 0
    other_keys: bool = False
    can_succeed: bool = False

    @property
    def records_in(self) -> int:
        """What was found and what was skipped: written + quarantined + skipped."""
        return self.found + self.skipped.total()


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one call of `ingest` did, in the order of the files."""

    sources: tuple[SourceReport, ...]
    seconds: float

    @property
    def failed(self) -> tuple[SourceReport, ...]:
        """The files of which nothing came into the table."""
        return tuple(source for source in self.sources if source.outcome == "failed")

    @property
    def under_other_keys(self) -> tuple[SourceReport, ...]:
        """The files known already whose rows have their user and session by other keys."""
        return tuple(source for source in self.sources if source.other_keys)

    @property
    def records_in(self) -> int:
        """Written + quarantined + skipped, of all files."""
        return sum(source.records_in for source in self.sources)

    @property
    def written(self) -> int:
        """Rows that came into the table."""
        return sum(source.written for source in self.sources)

    @property
    def quarantined(self) -> int:
        """Records, or stretches of text, that were set aside."""
        return sum(source.quarantined for source in self.sources)

    @property
    def skipped(self) -> Counter[str]:
        """What is no log record, by kind."""
        return sum((source.skipped for source in self.sources), Counter[str]())

    @property
    def without_service(self) -> int:
        """Rows whose `service_name` is NULL."""
        return sum(source.without_service for source in self.sources)

    @property
    def invalid_ids(self) -> int:
        """Trace and span ids that are none."""
        return sum(source.invalid_ids for source in self.sources)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest is; `path` is None while it waits for another one in the same lake."""

    files_done: int
    files: int
    records: int
    path: Path | None
