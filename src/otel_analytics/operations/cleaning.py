"""Deleting what is left of executions and publications.

What may go is planned in `pipeline`, again inside the change that takes the tables away.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_analytics.errors import Failed, InvalidName
from otel_analytics.names import S3Address, execution_token
from otel_analytics.operations.catalog import Catalog, EntityNotFound
from otel_analytics.pipeline.cleaning import CatalogReferences, Leftover, Size, plan_cleaning
from otel_analytics.pipeline.leaves import find_leaf, find_root, owner_of
from otel_analytics.pipeline.level_leaves import level_location
from otel_analytics.pipeline.publication import is_due
from otel_analytics.pipeline.refresh import PREVIOUS
from otel_analytics.query.handler import Deletion
from otel_analytics.query.levels import load_levels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_analytics.config import Settings
    from otel_analytics.operations.executions import Executions
    from otel_analytics.operations.publications import Publications
    from otel_analytics.operations.store import Store

__all__ = ["Cleaned", "Cleaner", "delete_versions"]

_ENDED: Final = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was deleted: the addresses at which nothing is left, and what could not go and why."""

    deletion: Deletion
    gone: tuple[str, ...]
    problems: tuple[str, ...]


def delete_versions(locations: Iterable[str], store: Store) -> Cleaned:
    """Delete the data at addresses: all below a leaf, and directly at a table's root.

    Any other address stays, and is a problem.
    """
    objects = size_bytes = 0
    gone, problems = [], []
    for location in locations:
        try:
            deletion = _delete_version(location, store)
        except (Failed, InvalidName, OSError) as error:
            problems.append(f"{location}: {error}")
        else:
            objects, size_bytes = objects + deletion.objects, size_bytes + deletion.size_bytes
            gone.append(location)
    return Cleaned(Deletion(objects, size_bytes), tuple(gone), tuple(problems))


def _delete_version(location: str, store: Store) -> Deletion:
    if owner_of(location) is not None:
        return store.delete_prefix(S3Address.parse(location))
    if find_root(location) is not None:
        return store.delete_directly_under(S3Address.parse(location))
    raise InvalidName("it is neither a leaf nor a table's root, and stays")


@dataclass(frozen=True, slots=True)
class Cleaner:
    """What is left in one home or account, by its settings."""

    settings: Settings
    catalog: Catalog
    store: Store
    executions: Executions
    publications: Publications

    def find(self) -> tuple[Leftover, ...]:
        """Return what may be deleted now."""
        sizes = self._sizes()
        with self.catalog.moment():
            return self._plan(sizes)

    def delete(self) -> tuple[tuple[Leftover, ...], Cleaned]:
        """Delete what may be deleted; return what was found, and what became of it."""
        sizes = self._sizes()
        # an execution that is redriven meanwhile either is seen here, or finds its tables gone
        with self.catalog.change(durable=True):
            leftovers = self._plan(sizes)
            for table in (table for leftover in leftovers for table in leftover.tables):
                with suppress(EntityNotFound):
                    self.catalog.drop_table(table)
        cleaned = delete_versions([leftover.location for leftover in leftovers], self.store)
        self.publications.forget(cleaned.gone)
        return leftovers, cleaned

    def _plan(self, sizes: dict[str, Size]) -> tuple[Leftover, ...]:
        keep = self.settings.publish.keep_versions
        due: set[str] = set()
        kept = {*self.publications.kept(), *self.catalog.partition_parameter(PREVIOUS)}
        for one in self.publications.superseded():
            is_over = is_due(one.number, latest=one.latest, keep_versions=keep)
            (due if is_over else kept).add(one.location)
        listed = self.executions.list_executions()
        return plan_cleaning(
            sizes,
            CatalogReferences.of(self.catalog.locations()),
            due=due,
            kept=kept,
            running={
                execution_token(one["name"], one["executionArn"]): one["status"] not in _ENDED
                for one in listed
            },
        )

    def _sizes(self) -> dict[str, Size]:
        """Return the leaves that hold data, and the roots that hold objects directly."""
        sizes: dict[str, Size] = {}
        levels = (level_location(self.settings.lake, level) for level in load_levels())
        for prefix in (*(f"{s3_base}/" for s3_base in self._s3_bases()), *levels):
            for one in self.store.list(S3Address.parse(prefix)):
                folder, _, _ = str(one.address).rpartition("/")
                place = _place(f"{folder}/")
                if place is not None:
                    before = sizes.get(place, Size())
                    sizes[place] = Size(before.objects + 1, before.size_bytes + one.size_bytes)
        return sizes

    def _s3_bases(self) -> set[str]:
        """Return where tables' data lie: by the settings now, and by those of the past."""
        staging = CatalogReferences.of(self.catalog.locations()).staging
        superseded = [one.location for one in self.publications.superseded()]
        leaves = [find_leaf(location) for location in (*staging, *superseded)]
        roots = [find_root(location) for location in superseded]
        return {
            self.settings.athena.s3_base.rstrip("/"),
            *(leaf.s3_base for leaf in leaves if leaf is not None),
            *(root[0] for root in roots if root is not None),
        }


def _place(folder: str) -> str | None:
    """Return the leaf or the partition in which a folder lies, or the root that it is."""
    if find_root(folder) is not None:
        return folder
    parts = folder.split("/")
    for length in range(len(parts) - 1, 3, -1):
        candidate = "/".join(parts[:length]) + "/"
        if owner_of(candidate) is not None:
            return candidate
    return None
