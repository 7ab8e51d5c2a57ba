"""What publication remembers, in S3: one object for each service, written only as it was read.

Glue has no transaction over several tables. So the object says what is about to be published before
the first table changes, and whoever publishes next completes it. A lease in it keeps two from
publishing the same service at once; it lasts no longer than the Lambda that holds it can run.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from otel_analytics.aws.presence import get_if_there
from otel_analytics.errors import AwsFailed, Failed
from otel_analytics.names import S3Address
from otel_analytics.operations.publications import Published, Superseded
from otel_analytics.pipeline.leaves import find_leaf, find_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date

    from otel_analytics.aws.clients import Client
    from otel_analytics.aws.store import S3Store
    from otel_analytics.pipeline.publication_payload import Publication

__all__ = ["FOLDER", "S3Publications"]

FOLDER: Final = "publications"
# Clocks of two Lambdas may differ, and a request of one that was stopped may still be on its way.
_GRACE_S: Final = 5.0
_LOOK_AGAIN_S: Final = 1.0
# Of which a repeated call finds its answer; a redrive is possible for 14 days.
_KEPT_ANSWERS: Final = 100
_TRIES: Final = 20
_OVERTAKEN: Final = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")

Journal = dict[str, Any]


@dataclass(frozen=True, slots=True)
class S3Publications:
    """The publications of one database, under `s3_base`.

    `remaining_s` says how long this process can still run, `clock` gives seconds since 1970.
    """

    s3: Client
    store: S3Store
    database: str
    s3_base: str
    remaining_s: Callable[[], float] = lambda: 60.0
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    owner: str = field(default_factory=lambda: uuid4().hex)

    @contextmanager
    def alone(self, prefix: str) -> Iterator[None]:
        """Yield while nobody else publishes the tables of a service.

        Raises: Failed if another does so for longer than this process can wait
        """
        self._acquire(prefix)
        try:
            yield
        finally:
            with suppress(Failed):  # it runs out by itself
                self._update(prefix, self._released)

    def _acquire(self, prefix: str) -> None:
        while True:
            journal, etag = self._read(prefix)
            left_s = self._held_s(journal)
            if left_s <= 0:
                until = self.clock() + self.remaining_s() + _GRACE_S
                lease = {"owner": self.owner, "until": until}
                if self._write(prefix, {**journal, "lease": lease}, etag):
                    return
            elif self.remaining_s() < _GRACE_S:
                raise Failed(
                    f"another execution publishes the tables {prefix}_… for {left_s:.0f} s yet: "
                    "run again; both are published, one after the other"
                )
            else:
                self.sleep(min(_LOOK_AGAIN_S, left_s))

    def _held_s(self, journal: Journal) -> float:
        """Return for how long another one still holds the lease."""
        lease = journal.get("lease")
        if lease is None or lease["owner"] == self.owner:
            return 0.0
        return float(lease["until"]) - self.clock()

    def _released(self, journal: Journal) -> Journal:
        lease = journal.get("lease")
        return {**journal, "lease": None} if lease and lease["owner"] == self.owner else journal

    def unfinished(self, prefix: str) -> Mapping[str, Any] | None:
        """Return the event of a publication that was added and has not changed all, if any."""
        journal, _ = self._read(prefix)
        return journal["open"]["event"] if journal.get("open") else None

    def find(self, prefix: str, execution: str) -> Published | None:
        """Return the publication of a service's tables by an execution."""
        journal, _ = self._read(prefix)
        done = journal["done"].get(execution)
        return Published(done["newer"], done["reply"]) if done else None

    def add(
        self,
        event: Mapping[str, Any],
        publication: Publication,
        *,
        newer: date | None,
        superseded: Iterable[tuple[str, str]],
    ) -> None:
        """Write down what is about to be published, and what that supersedes.

        Where it was written down before, what it was then found to supersede stays.
        """
        found = list(superseded)

        def added(journal: Journal) -> Journal:
            before = journal.get("open")
            number = journal["number"]
            # what enters the history alone is no other version for readers of what is published
            if newer is None and not (before and before["execution"] == publication.execution):
                number += 1
            entries = {one["location"]: one for one in journal["superseded"]}
            for query_type, location in found:
                entries[location] = {
                    "location": location, "query_type": query_type, "number": number,
                }  # fmt: skip
            return {
                **journal,
                "number": number,
                "superseded": list(entries.values()),
                "open": {
                    "execution": publication.execution,
                    "newer": newer and newer.isoformat(),
                    "event": dict(event),
                },
            }

        self._update_alone(publication.prefix, added)

    def changed(self, prefix: str) -> None:
        """Say that the publication that was added last has changed the catalog."""

        def changed(journal: Journal) -> Journal:
            of = journal["open"]
            done = {**journal["done"], of["execution"]: {"newer": of["newer"], "reply": None}}
            kept = dict(list(done.items())[-_KEPT_ANSWERS:])
            return {**journal, "open": None, "done": kept}

        self._update_alone(prefix, changed)

    def finish(self, prefix: str, execution: str, reply: Mapping[str, Any]) -> None:
        """Write down the answer of a publication, which repeating it gives too."""

        def finished(journal: Journal) -> Journal:
            done = {**journal["done"].get(execution, {"newer": None}), "reply": dict(reply)}
            return {**journal, "done": {**journal["done"], execution: done}}

        self._update(prefix, finished)

    def superseded(self, prefix: str | None = None) -> list[Superseded]:
        """Return what was superseded and not forgotten since; of one service, or of all."""
        prefixes = [prefix] if prefix is not None else self._prefixes()
        found = []
        for one in prefixes:
            journal, _ = self._read(one)
            found += [
                Superseded(
                    entry["location"], one, entry["query_type"], entry["number"], journal["number"]
                )
                for entry in journal["superseded"]
            ]
        return sorted(found, key=lambda one: one.location)

    def kept(self) -> list[str]:
        """Return the addresses that publications of other databases know, or that are begun."""
        own = self._address("").key
        found: list[str] = []
        for one in self.store.list(S3Address.parse(f"{self.s3_base.rstrip('/')}/{FOLDER}/")):
            journal = json.loads(self.store.get(one.address))
            if not one.address.key.startswith(own):
                found += [entry["location"] for entry in journal["superseded"]]
            if journal.get("open"):
                found += [table["location"] for table in journal["open"]["event"]["tables"]]
        return found

    def forget(self, locations: Iterable[str]) -> None:
        """Say that there is nothing any more at these addresses."""
        gone: dict[str, set[str]] = {}
        for location in locations:
            leaf, root = find_leaf(location), find_root(location)
            prefix = leaf.prefix if leaf else root[1] if root else None
            if prefix is not None:
                gone.setdefault(prefix, set()).add(location)
        for prefix, of_service in gone.items():
            journal, _ = self._read(prefix)
            if any(one["location"] in of_service for one in journal["superseded"]):
                self._update(prefix, partial(_without, of_service))

    def _prefixes(self) -> list[str]:
        listed = self.store.list(self._address(""))
        names = (one.address.key.rpartition("/")[2] for one in listed)
        return [name.removesuffix(".json") for name in names]

    def _address(self, name: str) -> S3Address:
        return S3Address.parse(f"{self.s3_base.rstrip('/')}/{FOLDER}/{self.database}/{name}")

    def _update_alone(self, prefix: str, change: Callable[[Journal], Journal]) -> None:
        """Change what is written, as only who holds the lease may.

        Raises: Failed if it has run out
        """

        def checked(journal: Journal) -> Journal:
            lease = journal.get("lease")
            if lease is None or lease["owner"] != self.owner or lease["until"] <= self.clock():
                raise Failed(
                    f"publishing the tables {prefix}_… took longer than it may: run again; what "
                    "was begun is completed then"
                )
            return change(journal)

        self._update(prefix, checked)

    def _update(self, prefix: str, change: Callable[[Journal], Journal]) -> None:
        for _ in range(_TRIES):
            journal, etag = self._read(prefix)
            if self._write(prefix, change(journal), etag):
                return
        raise Failed(
            f"{self._address(f'{prefix}.json')} is written by others all the time: run again"
        )

    def _read(self, prefix: str) -> tuple[Journal, str | None]:
        """Return what is written of a service, and its ETag; None if nothing is."""
        address = self._address(f"{prefix}.json")
        found = get_if_there(self.s3, address)
        if found is None:
            return {"number": 0, "lease": None, "open": None, "done": {}, "superseded": []}, None
        return json.loads(found["Body"].read()), str(found["ETag"])

    def _write(self, prefix: str, journal: Journal, etag: str | None) -> bool:
        """Write what is known of a service, unless someone has since it was read; return whether.

        Raises: AwsFailed
        """
        address = self._address(f"{prefix}.json")
        # tells ours from the same of another, should an answer be lost and the call be repeated
        body = json.dumps({**journal, "written": uuid4().hex}, ensure_ascii=False).encode()
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            self.s3.call(
                "put_object",
                Bucket=address.bucket,
                Key=address.key,
                Body=body,
                ContentType="application/json",
                **condition,
            )
        except AwsFailed as error:
            if error.code not in _OVERTAKEN:
                raise
            return self._holds(address, body)
        return True

    def _holds(self, address: S3Address, body: bytes) -> bool:
        try:
            return self.store.get(address) == body
        except Failed:
            return False


def _without(gone: set[str], journal: Journal) -> Journal:
    left = [one for one in journal["superseded"] if one["location"] not in gone]
    return {**journal, "superseded": left}
