"""Publication as data: what stands in a catalog, and what has to change there.

Must not know any catalog, nor how an object is deleted: who carries a plan out does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from otel_analytics.errors import Failed
from otel_analytics.names import (
    EXECUTION_DATE_PARAMETER,
    EXECUTION_PARAMETER,
    ROW_COUNT_PARAMETER,
    SERVICE_NAME_PARAMETER,
    history_table_name,
    parse_date,
    table_location,
    table_name,
)
from otel_analytics.pipeline.leaves import find_leaf, with_slash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from otel_analytics.pipeline.publication_payload import Publication, Staged
    from otel_analytics.query.statements import Column

__all__ = [
    "Entry",
    "NotPublishable",
    "PublicationPlan",
    "TablePlan",
    "TableState",
    "is_due",
    "plan_publication",
]


class NotPublishable(Failed):
    """The tables of an execution cannot be published, now or later."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a catalog says of a table."""

    location: str
    columns: tuple[Column, ...]
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TableState:
    """What stands in a catalog for one query type of a service.

    `history` gives the location of each execution date's partition, and `history_entry` the table.
    """

    staging: Entry | None
    published: Entry | None
    history_entry: Entry | None
    history: Mapping[date, str]


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What has to change for one query type; doing it twice is doing it once.

    `published` is None if the published table stays as it is. The partition `execution_date` of the
    history goes to the data of `staged`, `expired` ones go, and so does the staging table's entry.
    To `superseded` addresses nothing of this table refers afterwards.
    """

    staged: Staged
    name: str
    published: Entry | None
    history_name: str
    history: Entry
    execution_date: date
    expired: tuple[date, ...]
    superseded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublicationPlan:
    """What has to change, and the later execution date that stays published, if one does."""

    tables: tuple[TablePlan, ...]
    newer: date | None


def plan_publication(
    publication: Publication, states: Mapping[str, TableState], *, history_days: int
) -> PublicationPlan:
    """Return what has to change in a catalog in which each query type's state is as given.

    Raises: NotPublishable if a staging table is not there or lies elsewhere, or if a table that
        would be replaced is another service's
    """
    for staged in publication.tables:
        _check_staging(staged, states[staged.query_type].staging)
        _check_owner(publication, states[staged.query_type])
    dates = [_published_date(states[one.query_type].published) for one in publication.tables]
    newest = max((one for one in dates if one is not None), default=None)
    stays = newest is not None and newest > publication.execution_date
    newer = newest if stays and not publication.replace_newer else None
    plans = (
        _plan_table(publication, staged, states[staged.query_type], newer, history_days)
        for staged in publication.tables
    )
    return PublicationPlan(tuple(plans), newer)


def _check_staging(staged: Staged, staging: Entry | None) -> None:
    name, location = staged.leaf.staging_table, staged.leaf.location
    if staging is None:
        raise NotPublishable(
            f"the staging table {name} does not exist, so nothing is published: start a new "
            "execution (otel-analytics clean removes what is left of those that ended)"
        )
    if with_slash(staging.location) != location:
        raise NotPublishable(
            f"the staging table {name} lies at {staging.location} and not at {location}, so "
            "nothing is published: start a new execution"
        )


def _check_owner(publication: Publication, state: TableState) -> None:
    for entry in (state.published, state.history_entry):
        owner = entry.parameters.get(SERVICE_NAME_PARAMETER) if entry else None
        if owner not in (None, publication.service_name):
            raise NotPublishable(
                f"the tables {publication.prefix}_… are those of the service {owner}, and "
                f"{publication.service_name} would overwrite them, so nothing is published: give "
                "each of the two a database of its own (athena.database), or drop the tables of "
                "the one that has ended"
            )


def _published_date(published: Entry | None) -> date | None:
    if published is None or EXECUTION_DATE_PARAMETER not in published.parameters:
        return None
    text = published.parameters[EXECUTION_DATE_PARAMETER]
    return parse_date(text, field=EXECUTION_DATE_PARAMETER)


def _plan_table(
    publication: Publication,
    staged: Staged,
    state: TableState,
    newer: date | None,
    history_days: int,
) -> TablePlan:
    assert state.staging is not None  # noqa: S101 - seen in `_check_staging`
    prefix, query_type, day = publication.prefix, staged.query_type, publication.execution_date
    root = table_location(publication.s3_base, prefix, query_type)
    parameters = {
        "classification": "parquet",
        EXECUTION_PARAMETER: publication.execution,
        EXECUTION_DATE_PARAMETER: day.isoformat(),
        ROW_COUNT_PARAMETER: str(staged.row_count),
        SERVICE_NAME_PARAMETER: publication.service_name,
    }
    columns = state.staging.columns
    published = Entry(staged.leaf.location, columns, parameters) if newer is None else None
    expired = _expired({*state.history, day}, history_days, kept=day)
    history = {one: with_slash(location) for one, location in state.history.items()}
    kept = {one: at for one, at in history.items() if one not in expired and one != day}
    after = {*kept.values(), staged.leaf.location}
    # whose the data at any other address are is not known
    before = {at for at in history.values() if at == root or _is_leaf(at, prefix, query_type)}
    if state.published is not None:
        location = with_slash(state.published.location)
        if published is None:
            after.add(location)
        elif location == root or _is_own(state.published, prefix, query_type):
            before.add(location)
    return TablePlan(
        staged=staged,
        name=table_name(prefix, query_type),
        published=published,
        history_name=history_table_name(prefix, query_type),
        history=Entry(
            # no object lies there: each partition has its own address
            f"{root}history/",
            tuple(column for column in columns if column.name != "execution_date"),
            _without(parameters, EXECUTION_DATE_PARAMETER, ROW_COUNT_PARAMETER),
        ),
        execution_date=day,
        expired=expired,
        superseded=tuple(sorted(before - after)),
    )


def _expired(days: set[date], history_days: int, *, kept: date) -> tuple[date, ...]:
    if history_days == 0:
        return ()
    first = max(days) - timedelta(days=history_days)
    return tuple(sorted(day for day in days if day < first and day != kept))


def _is_leaf(location: str, prefix: str, query_type: str) -> bool:
    """Return whether an execution built a table of this kind at an address."""
    leaf = find_leaf(location)
    return leaf is not None and (leaf.prefix, leaf.query_type) == (prefix, query_type)


def _is_own(published: Entry, prefix: str, query_type: str) -> bool:
    """Return whether a published table lies where its execution built it."""
    location = with_slash(published.location)
    leaf = find_leaf(location)
    return (
        _is_leaf(location, prefix, query_type)
        and leaf is not None
        and leaf.execution == published.parameters.get(EXECUTION_PARAMETER)
    )


def _without(parameters: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name not in names}


def is_due(number: int, *, latest: int, keep_versions: int) -> bool:
    """Return whether what version `number` superseded goes once version `latest` is published."""
    return number <= latest - keep_versions
