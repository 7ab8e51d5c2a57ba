"""The Lambda `athena-table-publisher` over the embedded catalog: seven tables, one transaction.

What has to change is planned in `pipeline`; here it is done, and then what is no longer needed is
deleted. Whatever interrupts this, readers find all tables of one publication.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from otel_analytics.errors import Failed, NewerPublished
from otel_analytics.local.catalog import Catalog, Partition, Table
from otel_analytics.local.cleaning import delete_versions
from otel_analytics.local.publications import Publications
from otel_analytics.names import S3Address, history_table_name, parse_date, table_name
from otel_analytics.pipeline.cleaning import CatalogReferences
from otel_analytics.pipeline.publication import (
    Entry,
    TablePlan,
    TableState,
    is_due,
    plan_publication,
)
from otel_analytics.pipeline.publication_payload import parse_publication
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_analytics.config import Settings
    from otel_analytics.local.s3 import ObjectStore
    from otel_analytics.pipeline.publication_payload import Publication, Staged

__all__ = ["publish_tables"]


def publish_tables(
    event: Any,
    *,
    settings: Settings,
    catalog: Catalog,
    store: ObjectStore,
    show: Callable[[Iterable[TableName]], None],
) -> dict[str, Any]:
    """Put the staging tables of a service in place of its published ones, all at one moment.

    `show` is given the names of the tables that have changed, before what they were goes.

    Repeating it gives the same answer and changes nothing. What could not be deleted afterwards is
    in the answer, and goes with a later publication or `clean`.

    Shape:  status, execution_date, tables, deleted_objects, deleted_bytes, not_deleted
    Raises: InvalidPayload naming the field; Failed if a staging table is not there;
        NewerPublished, once the tables are in the history, if a later execution date is published
    """
    publication = parse_publication(event)
    publications = Publications(catalog.home, settings.athena.database)
    prefix, execution = publication.prefix, publication.execution
    if publications.find(prefix, execution) is None:
        _make_durable(publication.tables, store)
    # durable, since what it supersedes may be deleted afterwards
    with catalog.home.transaction(durable=True):
        done = publications.find(prefix, execution)
        if done is None:
            _publish(publication, settings, catalog, publications)
            done = publications.find(prefix, execution)
    assert done is not None  # noqa: S101 - it was written in the transaction
    reply = done.reply
    if reply is None:
        show(_names(publication, publications.database))
        reply = _finish(publication, settings, catalog, store, publications)
    if done.newer is not None:
        raise NewerPublished(
            f"the tables of {publication.service_name} are published as of {done.newer}: those of "
            f"{publication.execution_date} entered the history only; to publish them over the "
            'later ones, run with --replace-newer, or with "replace_newer": true in the payload'
            + _of_missing(publication, done.newer, catalog, publications.database)
        )
    return reply


def _names(publication: Publication, database: str) -> list[TableName]:
    """Return the published tables and the histories, whichever have changed."""
    return [
        TableName(name(publication.prefix, one.query_type), database)
        for one in publication.tables
        for name in (table_name, history_table_name)
    ]


def _of_missing(publication: Publication, newer: str, catalog: Catalog, database: str) -> str:
    """Return what to say of published tables that someone has dropped; '' if all are there."""
    names = [table_name(publication.prefix, one.query_type) for one in publication.tables]
    missing = [name for name in names if catalog.find(TableName(name, database)) is None]
    if not missing:
        return ""
    return f". Missing: {', '.join(missing)}; a run with --execution-date {newer} brings all back"


def _make_durable(tables: Iterable[Staged], store: ObjectStore) -> None:
    """Have the data of the tables on disk, and the way to them, before anything refers to them.

    Raises: Failed if a table has none
    """
    files = []
    for staged in tables:
        location = S3Address.parse(staged.leaf.location)
        paths = [store.path(one.address) for one in store.list(location)]
        if not paths:
            raise Failed(
                f"there are no data at {location}, so nothing is published: start a new execution"
            )
        files += paths
    store.make_durable(files)


def _publish(
    publication: Publication, settings: Settings, catalog: Catalog, publications: Publications
) -> None:
    """Plan and do what has to change in the catalog, inside a transaction."""
    database = publications.database
    plan = plan_publication(
        publication,
        {one.query_type: _state(one, catalog, database) for one in publication.tables},
        history_days=settings.publish.history_days,
    )
    for table in plan.tables:
        _change(table, catalog, database)
    publications.add(
        publication.prefix,
        publication.execution,
        newer=plan.newer,
        superseded=[
            (table.staged.query_type, location)
            for table in plan.tables
            for location in table.superseded
        ],
    )


def _state(staged: Staged, catalog: Catalog, database: str) -> TableState:
    leaf = staged.leaf
    staging = catalog.find(TableName(leaf.staging_table, database))
    published = catalog.find(TableName(table_name(leaf.prefix, leaf.query_type), database))
    history = catalog.find(TableName(history_table_name(leaf.prefix, leaf.query_type), database))
    return TableState(
        staging=_entry(staging),
        published=_entry(published),
        history_entry=_entry(history),
        history={
            parse_date(partition.values[0], field="execution_date"): partition.location
            for partition in (history.partitions if history else ())
        },
    )


def _entry(table: Table | None) -> Entry | None:
    return Entry(table.location, table.columns, table.parameters) if table else None


def _change(plan: TablePlan, catalog: Catalog, database: str) -> None:
    if plan.published is not None:
        catalog.put_table(_table(plan.name, plan.published, database))
    history = catalog.put_table(
        _table(plan.history_name, plan.history, database, Column("execution_date", "date"))
    )
    catalog.drop_partitions(history, [(day.isoformat(),) for day in plan.expired])
    partition = Partition((plan.execution_date.isoformat(),), plan.staged.leaf.location)
    catalog.replace_partitions(history, [partition])
    catalog.drop_table(TableName(plan.staged.leaf.staging_table, database))


def _table(name: str, entry: Entry, database: str, *partition_keys: Column) -> Table:
    return Table(
        database=database,
        name=name,
        columns=entry.columns,
        location=entry.location,
        partition_keys=partition_keys,
        parameters=dict(entry.parameters),
    )


def _finish(
    publication: Publication,
    settings: Settings,
    catalog: Catalog,
    store: ObjectStore,
    publications: Publications,
) -> dict[str, Any]:
    """Delete what is no longer needed, and return the answer. What fails here undoes nothing."""
    keep = settings.publish.keep_versions
    objects = size_bytes = 0
    problems: list[str] = []
    try:
        references = CatalogReferences.of(catalog.locations())
        cleaned = delete_versions(
            [
                one.location
                for one in publications.superseded(publication.prefix)
                if is_due(one.number, latest=one.latest, keep_versions=keep)
                and not references.hold(one.location)
            ],
            store,
        )
        objects, size_bytes = cleaned.deletion.objects, cleaned.deletion.size_bytes
        problems += cleaned.problems
        publications.forget(cleaned.gone)
    except Failed as error:
        problems.append(str(error))
    reply = {
        "status": "PUBLISHED",
        "execution_date": publication.execution_date.isoformat(),
        "tables": [table_name(publication.prefix, one.query_type) for one in publication.tables],
        "deleted_objects": objects,
        "deleted_bytes": size_bytes,
        "not_deleted": problems,
    }
    with suppress(Failed):  # repeating it will say what it finds then
        publications.finish(publication.prefix, publication.execution, reply)
    return reply
