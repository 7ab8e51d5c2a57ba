"""The Lambda `athena-table-publisher`: seven staging tables in place of the published ones.

What has to change is planned in `pipeline`; here it is done, and then what is no longer needed is
deleted. Where the catalog has transactions it is one. Where it has none, what is about to change is
written down first, so that whoever comes next completes what was interrupted.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.errors import Failed, InvalidPayload, NewerPublished
from otel_analytics.names import S3Address, history_table_name, parse_date, table_name
from otel_analytics.operations.catalog import (
    Catalog,
    EntityNotFound,
    Partition,
    Table,
    to_nobody,
)
from otel_analytics.operations.cleaning import delete_versions
from otel_analytics.pipeline.cleaning import CatalogReferences
from otel_analytics.pipeline.publication import (
    Entry,
    NotPublishable,
    TablePlan,
    TableState,
    is_due,
    plan_publication,
)
from otel_analytics.pipeline.publication_payload import parse_publication
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_analytics.config import Settings
    from otel_analytics.operations.publications import Publications
    from otel_analytics.operations.store import Store
    from otel_analytics.pipeline.publication_payload import Publication, Staged

__all__ = ["Publisher"]


@dataclass(frozen=True, slots=True)
class Publisher:
    """What the Lambda works with.

    `show` is given the names of the tables that have changed, before what they were goes.
    """

    settings: Settings
    catalog: Catalog
    store: Store
    publications: Publications
    show: Callable[[Iterable[TableName]], None] = to_nobody

    def publish(self, event: Any) -> dict[str, Any]:
        """Put the staging tables of a service in place of its published ones.

        Repeating it gives the same answer and changes nothing. What could not be deleted afterwards
        is in the answer, and goes with a later publication or `clean`.

        Shape:  status, execution_date, tables, deleted_objects, deleted_bytes, not_deleted
        Raises: InvalidPayload naming the field; Failed if a staging table is not there;
            NewerPublished, once the tables are in the history, if a later execution date is
            published
        """
        publication = parse_publication(event)
        prefix, execution = publication.prefix, publication.execution
        if self.publications.find(prefix, execution) is None:
            self._make_durable(publication.tables)
        with self.publications.alone(prefix):
            self._complete(prefix)
            done = self.publications.find(prefix, execution)
            if done is None:
                self._publish(event, publication)
                done = self.publications.find(prefix, execution)
            self._drop_staging(publication)
        assert done is not None  # noqa: S101 - it was written just before
        reply = done.reply
        if reply is None:
            self.show(self._changed(publication))
            reply = self._finish(publication)
        if done.newer is not None:
            raise NewerPublished(
                f"the tables of {publication.service_name} are published as of {done.newer}: those "
                f"of {publication.execution_date} entered the history only; to publish them over "
                'the later ones, run with --replace-newer, or with "replace_newer": true in the '
                "payload" + self._of_missing(publication, done.newer)
            )
        return reply

    def _changed(self, publication: Publication) -> list[TableName]:
        """Return the published tables and the histories, whichever have changed."""
        return [
            self._name(name(publication.prefix, one.query_type))
            for one in publication.tables
            for name in (table_name, history_table_name)
        ]

    def _complete(self, prefix: str) -> None:
        """Complete a publication that was interrupted, unless what it needs is gone."""
        event = self.publications.unfinished(prefix)
        if event is not None:
            # otherwise, what it left is replaced by the one that comes now
            with suppress(NotPublishable, InvalidPayload):
                self._publish(event, parse_publication(event))

    def _publish(self, event: Mapping[str, Any], publication: Publication) -> None:
        """Plan and do what has to change in the catalog."""
        tables = {one.query_type: self._tables(one) for one in publication.tables}
        plan = plan_publication(
            publication,
            {query_type: of_type.state for query_type, of_type in tables.items()},
            history_days=self.settings.publish.history_days,
        )
        superseded = [
            (table.staged.query_type, location)
            for table in plan.tables
            for location in table.superseded
        ]
        self.publications.add(event, publication, newer=plan.newer, superseded=superseded)
        for table in plan.tables:
            self._change(table, tables[table.staged.query_type])
        self.publications.changed(publication.prefix)

    def _tables(self, staged: Staged) -> _Tables:
        leaf = staged.leaf
        names = (
            leaf.staging_table,
            table_name(leaf.prefix, leaf.query_type),
            history_table_name(leaf.prefix, leaf.query_type),
        )
        return _Tables(*(self.catalog.find(self._name(name)) for name in names))

    def _name(self, table: str) -> TableName:
        return TableName(table, self.publications.database)

    def _change(self, plan: TablePlan, tables: _Tables) -> None:
        # the history first: a reader who finds a table published finds its date there too
        keys = (Column("execution_date", "date"),)
        history = self.catalog.put_table(
            self._table(plan.history_name, plan.history, keys), over=tables.history
        )
        partition = Partition((plan.execution_date.isoformat(),), plan.staged.leaf.location)
        self.catalog.replace_partitions(history, [partition])
        if plan.published is not None:
            self.catalog.put_table(self._table(plan.name, plan.published), over=tables.published)
        self.catalog.drop_partitions(history, [(day.isoformat(),) for day in plan.expired])

    def _table(self, name: str, entry: Entry, partition_keys: tuple[Column, ...] = ()) -> Table:
        return Table(
            database=self.publications.database,
            name=name,
            columns=entry.columns,
            location=entry.location,
            partition_keys=partition_keys,
            parameters=dict(entry.parameters),
        )

    def _drop_staging(self, publication: Publication) -> None:
        for staged in publication.tables:
            with suppress(EntityNotFound):
                self.catalog.drop_table(self._name(staged.leaf.staging_table))

    def _make_durable(self, tables: Iterable[Staged]) -> None:
        """Have the data of the tables safe, and the way to them, before anything refers to them.

        Raises: Failed if a table has none
        """
        found: list[S3Address] = []
        for staged in tables:
            location = staged.leaf.location
            addresses = [one.address for one in self.store.list(S3Address.parse(location))]
            if not addresses:
                raise Failed(
                    f"there are no data at {location}, so nothing is published: start a new "
                    "execution"
                )
            found += addresses
        self.store.make_durable(found)

    def _of_missing(self, publication: Publication, newer: str) -> str:
        """Return what to say of published tables that someone has dropped; '' if all are there."""
        names = [table_name(publication.prefix, one.query_type) for one in publication.tables]
        missing = [name for name in names if self.catalog.entry(self._name(name)) is None]
        if not missing:
            return ""
        return (
            f". Missing: {', '.join(missing)}; a run with --execution-date {newer} brings all back"
        )

    def _finish(self, publication: Publication) -> dict[str, Any]:
        """Delete what is no longer needed; return the answer. What fails here undoes nothing."""
        prefix, keep = publication.prefix, self.settings.publish.keep_versions
        objects = size_bytes = 0
        problems: list[str] = []
        try:
            due = [
                one.location
                for one in self.publications.superseded(prefix)
                if is_due(one.number, latest=one.latest, keep_versions=keep)
            ]
            if due:
                # to ask for these takes longer than the rest
                references = CatalogReferences.of(self.catalog.locations(beginning=f"{prefix}_"))
                unneeded = [location for location in due if not references.hold(location)]
                cleaned = delete_versions(unneeded, self.store)
                objects, size_bytes = cleaned.deletion.objects, cleaned.deletion.size_bytes
                problems += cleaned.problems
                self.publications.forget(cleaned.gone)
        except Failed as error:
            problems.append(str(error))
        reply = {
            "status": "PUBLISHED",
            "execution_date": publication.execution_date.isoformat(),
            "tables": [table_name(prefix, one.query_type) for one in publication.tables],
            "deleted_objects": objects,
            "deleted_bytes": size_bytes,
            "not_deleted": problems,
        }
        with suppress(Failed):  # repeating it will say what it finds then
            self.publications.finish(prefix, publication.execution, reply)
        return reply


@dataclass(frozen=True, slots=True)
class _Tables:
    """What the catalog has for one query type of a service."""

    staging: Table | None
    published: Table | None
    history: Table | None

    @property
    def state(self) -> TableState:
        """What a plan needs of these."""
        return TableState(
            staging=_entry(self.staging),
            published=_entry(self.published),
            history_entry=_entry(self.history),
            history={
                parse_date(partition.values[0], field="execution_date"): partition.location
                for partition in (self.history.partitions if self.history else ())
            },
        )


def _entry(table: Table | None) -> Entry | None:
    return Entry(table.location, table.columns, table.parameters) if table else None
