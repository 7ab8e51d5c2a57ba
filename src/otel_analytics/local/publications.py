"""What publication remembers in the home's SQLite: what was published, and what that superseded.

Must not know what is deleted when.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.operations.publications import Published, Superseded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from datetime import date

    from otel_analytics.local.home import Home
    from otel_analytics.pipeline.publication_payload import Publication

__all__ = ["Publications"]


@dataclass(frozen=True, slots=True)
class Publications:
    """The publications of one database."""

    home: Home
    database: str

    def alone(self, prefix: str) -> AbstractContextManager[object]:  # noqa: ARG002 - of all services
        """Return a transaction that outlasts a power cut.

        What it publishes supersedes data that may be deleted as soon as it is over.
        """
        return self.home.transaction(durable=True)

    def unfinished(self, prefix: str) -> None:
        """Return None: a transaction is whole, or nothing of it is there."""

    def changed(self, prefix: str) -> None:
        """Do nothing, for the same reason."""

    def find(self, prefix: str, execution: str) -> Published | None:
        """Return the publication of a service's tables by an execution."""
        with self.home.reading() as connection:
            row = connection.execute(
                "SELECT newer, reply FROM publications "
                "WHERE database_name = ? AND prefix = ? AND execution = ?",
                (self.database, prefix, execution),
            ).fetchone()
        return row and Published(row[0], row[1] and json.loads(row[1]))

    def add(
        self,
        event: Mapping[str, Any],  # noqa: ARG002 - there is nothing to complete from it
        publication: Publication,
        *,
        newer: date | None,
        superseded: Iterable[tuple[str, str]],
    ) -> None:
        """Write down a publication, and the query types and addresses that it supersedes."""
        prefix, execution = publication.prefix, publication.execution
        with self.home.transaction() as connection:
            (latest,) = connection.execute(
                "SELECT coalesce(max(number), 0) FROM publications "
                "WHERE database_name = ? AND prefix = ?",
                (self.database, prefix),
            ).fetchone()
            # what enters the history alone is no other version for readers of what is published
            number = latest if newer else latest + 1
            connection.execute(
                "INSERT INTO publications VALUES (?, ?, ?, ?, ?, NULL)",
                (self.database, prefix, execution, number, newer and newer.isoformat()),
            )
            connection.executemany(
                "REPLACE INTO superseded VALUES (?, ?, ?, ?, ?)",
                (
                    (location, self.database, prefix, query_type, number)
                    for query_type, location in superseded
                ),
            )

    def finish(self, prefix: str, execution: str, reply: Mapping[str, Any]) -> None:
        """Write down the answer of a publication, which repeating it gives too."""
        with self.home.transaction() as connection:
            connection.execute(
                "UPDATE publications SET reply = ? "
                "WHERE database_name = ? AND prefix = ? AND execution = ?",
                (json.dumps(reply), self.database, prefix, execution),
            )

    def superseded(self, prefix: str | None = None) -> list[Superseded]:
        """Return what was superseded and not forgotten since; of one service, or of all."""
        with self.home.reading() as connection:
            rows = connection.execute(
                "SELECT location, prefix, query_type, number, (SELECT max(number) "
                "FROM publications AS p WHERE p.database_name = s.database_name "
                "AND p.prefix = s.prefix) FROM superseded AS s "
                "WHERE database_name = ?1 AND (?2 IS NULL OR prefix = ?2) ORDER BY location",
                (self.database, prefix),
            ).fetchall()
        return [Superseded(*row) for row in rows]

    def kept(self) -> list[str]:
        """Return the addresses that publications of the other databases superseded.

        How many versions these keep stands in settings that are not known here.
        """
        with self.home.reading() as connection:
            rows = connection.execute(
                "SELECT location FROM superseded WHERE database_name <> ? ORDER BY location",
                (self.database,),
            ).fetchall()
        return [location for (location,) in rows]

    def forget(self, locations: Iterable[str]) -> None:
        """Say that there is nothing any more at these addresses."""
        with self.home.transaction() as connection:
            connection.executemany(
                "DELETE FROM superseded WHERE location = ?", [(one,) for one in locations]
            )
