"""What publication remembers: what was published, and what that superseded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from datetime import date

    from otel_analytics.pipeline.publication_payload import Publication

__all__ = ["Publications", "Published", "Superseded"]


@dataclass(frozen=True, slots=True)
class Published:
    """A publication that was done; `reply` is its answer, once it had also deleted."""

    newer: str | None
    reply: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Superseded:
    """An address to which nothing referred any more since version `number` of `latest`."""

    location: str
    prefix: str
    query_type: str
    number: int
    latest: int


class Publications(Protocol):
    """The publications of one database; `prefix` is that of a service's tables."""

    @property
    def database(self) -> str:
        """The database."""

    def alone(self, prefix: str) -> AbstractContextManager[object]:
        """Return a context in which nobody else publishes the tables of a service."""

    def unfinished(self, prefix: str) -> Mapping[str, Any] | None:
        """Return the event of a publication that was added and has not changed all, if one has not.

        Where the catalog has transactions there is none.
        """

    def find(self, prefix: str, execution: str) -> Published | None:
        """Return the publication of a service's tables by an execution."""

    def add(
        self,
        event: Mapping[str, Any],
        publication: Publication,
        *,
        newer: date | None,
        superseded: Iterable[tuple[str, str]],
    ) -> None:
        """Write down a publication, and the query types and addresses that it supersedes.

        It is found once it has `changed` the catalog.
        """

    def changed(self, prefix: str) -> None:
        """Say that the publication that was added last has changed the catalog."""

    def finish(self, prefix: str, execution: str, reply: Mapping[str, Any]) -> None:
        """Write down the answer of a publication, which repeating it gives too."""

    def superseded(self, prefix: str | None = None) -> list[Superseded]:
        """Return what was superseded and not forgotten since; of one service, or of all."""

    def kept(self) -> list[str]:
        """Return the addresses that stay: of what is about to be published, or known elsewhere."""

    def forget(self, locations: Iterable[str]) -> None:
        """Say that there is nothing any more at these addresses."""
