"""What may be deleted: data and tables of executions that ended, to which nothing refers.

Must not know any catalog nor storage. Whatever is not seen to be a leaf of a known execution that
is over, or superseded by a publication, is never in a plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from otel_analytics.pipeline.leaves import find_leaf, is_staging, owner_of, with_slash

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from otel_analytics.query.statements import TableName

__all__ = ["CatalogReferences", "Leftover", "Size", "plan_cleaning"]


Kind = Literal["activity", "staging", "superseded"]


@dataclass(frozen=True, slots=True)
class Size:
    """How many objects there are at an address, and how large they are together."""

    objects: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Leftover:
    """Data that nobody needs, with the staging tables over them.

    `kind` is `superseded` for versions that publications have replaced, `activity` for what a
    refresh has left, else `staging`.
    """

    kind: Kind
    location: str
    execution: str | None
    tables: tuple[TableName, ...]
    size: Size


@dataclass(frozen=True, slots=True)
class CatalogReferences:
    """To which addresses the tables and partitions of a catalog refer.

    `staging` gives the tables over leaves that are not published, by their addresses.
    """

    exact: frozenset[str]
    inside: frozenset[str]
    staging: Mapping[str, tuple[TableName, ...]]

    @classmethod
    def of(cls, locations: Iterable[tuple[TableName, str]]) -> CatalogReferences:
        """Return the references of tables and partitions, given by table and address."""
        exact: set[str] = set()
        staging: dict[str, tuple[TableName, ...]] = {}
        for table, text in locations:
            location = with_slash(text)
            if is_staging(table.name, location):
                staging[location] = (*staging.get(location, ()), table)
            else:
                exact.add(location)
        inside = {folder for location in exact for folder in _folders(location)}
        return cls(frozenset(exact), frozenset(inside), staging)

    def hold(self, location: str) -> bool:
        """Return whether what would be deleted at an address is referred to.

        That is a leaf with all that lies below it, or else the objects directly there.
        """
        return location in (self.exact if owner_of(location) is None else self.inside)


def _folders(location: str) -> list[str]:
    """Return an address and those above it, each with its closing slash."""
    parts = location.rstrip("/").split("/")
    return ["/".join(parts[:length]) + "/" for length in range(3, len(parts) + 1)]


def plan_cleaning(
    sizes: Mapping[str, Size],
    references: CatalogReferences,
    *,
    due: Collection[str],
    kept: Collection[str],
    running: Mapping[str, bool],
) -> tuple[Leftover, ...]:
    """Return what may go, in order of the addresses.

    `sizes` has the addresses at which there are data. `due` and `kept` are superseded ones, the
    latter, and those of partitions that a refresh replaced, for readers under way. `running` says
    of each known execution whether it is under way.
    """
    found = []
    for location in sorted({*sizes, *references.staging, *due}):
        execution = owner_of(location)
        if execution is None and location not in due:
            continue
        # of an execution that is not known here, nothing is known
        if execution is not None and running.get(execution, True):
            continue
        if location in kept or references.hold(location):
            continue
        found.append(
            Leftover(
                _kind_of(location, due),
                location,
                execution,
                references.staging.get(location, ()),
                sizes.get(location, Size()),
            )
        )
    return tuple(found)


def _kind_of(location: str, due: Collection[str]) -> Kind:
    if location in due:
        return "superseded"
    return "staging" if find_leaf(location) else "activity"
