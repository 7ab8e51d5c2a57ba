"""Ingest: OTLP files in, the table `logall` out."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections import deque
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Final

from otel_analytics.errors import IngestFailed
from otel_analytics.lake.decode import decoder
from otel_analytics.lake.framing import frame
from otel_analytics.lake.intake import Intake, Staged
from otel_analytics.lake.report import IngestReport, Progress
from otel_analytics.lake.sources import find_files, identify, size_of
from otel_analytics.lake.staging import open_lake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from otel_analytics.config import Keys
    from otel_analytics.lake.blocks import Decoded
    from otel_analytics.lake.decode import Decoder
    from otel_analytics.lake.sources import Source
    from otel_analytics.lake.staging import Lake

__all__ = ["ingest"]

# Less than this is decoded sooner than processes start.
_WORTH_PROCESSES_BYTES: Final = 1 << 22
_GROUP_BYTES: Final = 1 << 26
_GROUP_SOURCES: Final = 10_000


def ingest(
    paths: Sequence[Path],
    *,
    lake: Path,
    keys: Keys,
    processes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    origin: Callable[[Path], str] = str,
) -> IngestReport:
    """Return what became of each file of `paths`; what could be read is now in `lake`.

    A file that cannot be read is reported, and does not stop the others. A caller that lets this
    use more than one process must be importable, as Python's `multiprocessing` wants it. `origin`
    gives what is written down as the address of a file.

    Raises: UnreadablePath before any work if a path does not exist or may not be read;
        IngestFailed if the lake cannot be written to
    """
    started = time.perf_counter()
    files = find_files(paths, outside=lake)
    if sum(map(size_of, files)) < _WORTH_PROCESSES_BYTES:
        processes = 1
    elif processes is None:
        processes = os.cpu_count() or 1

    def tell(done: int, records: int, path: Path | None) -> None:
        if progress:
            progress(Progress(done, len(files), records, path))

    try:
        with (
            open_lake(lake, waiting=lambda: tell(0, 0, None)) as opened,
            decoder(keys, processes=processes) as decode,
        ):
            run = _Run(opened, decode, keys, blocks_in_flight=2 * processes, origin=origin)
            for done, file in enumerate(files):
                tell(done, run.records, file)
                run.take(file)
            run.finish()
    except OSError as error:
        raise IngestFailed(_why(error), where=str(lake)) from error
    reports = tuple(intake.report() for intake in run.intakes)
    return IngestReport(reports, time.perf_counter() - started)


class _Run:
    """One call of `ingest`: blocks are decoded while earlier ones are being written."""

    def __init__(
        self,
        lake: Lake,
        decode: Decoder,
        keys: Keys,
        *,
        blocks_in_flight: int,
        origin: Callable[[Path], str],
    ) -> None:
        self.intakes: list[Intake] = []
        self.records = 0
        self._lake = lake
        self._decode = decode
        self._keys = keys
        self._blocks_in_flight = blocks_in_flight
        self._origin = origin
        self._in_flight: deque[tuple[Intake, Future[Decoded] | None]] = deque()
        self._originals: dict[str, Intake] = {}
        self._copies: list[tuple[Intake, Intake]] = []
        self._group: list[Intake] = []
        self._group_bytes = 0

    def take(self, file: Path) -> None:
        """Take in a file; its outcome is known when the run is finished."""
        try:
            source = identify(file)
        except IngestFailed as error:
            self._begin(file, None).fail(error.message)
            return
        intake = self._begin(file, source.source_id)
        if self._lake.holds(source.source_id):
            intake.outcome = "already ingested"
            intake.other_keys = self._lake.keys_of(source.source_id) not in (None, self._keys)
        elif source.source_id in self._originals:
            self._copies.append((intake, self._originals[source.source_id]))
        else:
            self._originals[source.source_id] = intake
            self._take_content(source, intake)

    def finish(self) -> None:
        """Bring everything that was taken to its end."""
        self._drain(0)
        self._publish_group()
        for copy, original in self._copies:
            if original.error:
                copy.fail(f"has the same content as {original.path}, which failed")
            else:
                copy.outcome = "already ingested"

    def _begin(self, file: Path, source_id: str | None) -> Intake:
        intake = Intake(file, source_id, self._lake, origin=self._origin(file))
        self.intakes.append(intake)
        return intake

    def _take_content(self, source: Source, intake: Intake) -> None:
        try:
            content = source.open()
            for block in frame(content, scratch=self._lake.staging, where=str(source.path)):
                self._in_flight.append((intake, self._decode(block)))
                self._drain(self._blocks_in_flight)
                if intake.error:
                    return
            if content.hexdigest != source.source_id:
                intake.fail("changed while it was read; nothing of it was kept: ingest it again")
        except IngestFailed as error:
            intake.fail(error.message)
        except (OSError, BrokenProcessPool) as error:
            intake.fail(_why(error), can_succeed=True)
        self._in_flight.append((intake, None))

    def _drain(self, left: int) -> None:
        """Wait for the oldest blocks until only `left` of them are in flight."""
        while len(self._in_flight) > left:
            intake, future = self._in_flight.popleft()
            if future is None:
                self._end(intake)
            elif not intake.error:
                self._add(intake, future)

    def _add(self, intake: Intake, future: Future[Decoded]) -> None:
        try:
            decoded = future.result()
            intake.add(decoded)
            self.records += decoded.written
        except (OSError, BrokenProcessPool) as error:
            intake.fail(_why(error), can_succeed=True)

    def _end(self, intake: Intake) -> None:
        if intake.error:
            return
        try:
            intake.check_counts()
        except IngestFailed as error:
            intake.fail(error.message)
            return
        if why := intake.why_unreadable:
            self._publish_quarantine(intake, why)
        elif intake.staged:
            self._publish([intake], intake.staged)
        else:
            self._group.append(intake)
            self._group_bytes += intake.held_bytes
            if self._group_bytes > _GROUP_BYTES or len(self._group) >= _GROUP_SOURCES:
                self._publish_group()

    def _publish_quarantine(self, intake: Intake, why: str) -> None:
        try:
            if intake.quarantined:
                intake.stage().commit()
            intake.error = why
        except IngestFailed as error:
            intake.fail(f"{why}; and its quarantine {error.message}")
        except OSError as error:
            intake.fail(
                f"{why}; and its quarantine could not be written: {_why(error)}", can_succeed=True
            )

    def _publish_group(self) -> None:
        """Publish the small sources together: one file a day, not one for each of them."""
        group, self._group, self._group_bytes = self._group, [], 0
        if not group:
            return
        joined = "\n".join(intake.source_id for intake in group)
        # A source alone is named as a large one is, so that its files have the same names always.
        name = hashlib.sha256(joined.encode()).hexdigest() if len(group) > 1 else joined
        try:
            staged = Staged(self._lake.begin(name), name=name[:32])
        except OSError as error:
            for intake in group:
                intake.fail(_why(error), can_succeed=True)
            return
        self._publish(group, staged)

    def _publish(self, intakes: list[Intake], staged: Staged) -> None:
        try:
            for intake in intakes:
                intake.outcome = "ingested"
                intake.pour(staged)
                staged.add_source(intake.report(), origin=intake.origin, keys=self._keys)
            staged.commit()
        except IngestFailed as error:
            for intake in intakes:
                intake.fail(error.message)
        except OSError as error:
            staged.discard()
            for intake in intakes:
                intake.fail(_why(error), can_succeed=True)


def _why(error: Exception) -> str:
    if isinstance(error, BrokenProcessPool):
        return "a decoding process was killed (out of memory?); nothing of it was kept: try again"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; nothing of it was kept: free some space and ingest it again"
    return f"could not be written ({error}); nothing of it was kept"
