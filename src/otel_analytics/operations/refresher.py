"""The Lambda `athena-activity-refresher`: plan, build, register.

What has to be built is planned in `pipeline`, and how in `query`; this looks and changes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import ActivityChanged, Failed
from otel_analytics.names import S3Address
from otel_analytics.operations.catalog import (
    Catalog,
    EntityNotFound,
    Partition,
    Table,
    to_nobody,
)
from otel_analytics.operations.raw_files import find_raw_files
from otel_analytics.pipeline.level_leaves import find_level_leaf, level_location
from otel_analytics.pipeline.refresh import (
    IS_EMPTY,
    LEVEL,
    PREVIOUS,
    VERSION,
    plan_refresh,
    versions_of,
)
from otel_analytics.pipeline.refresh_payload import parse_build, parse_fields
from otel_analytics.query.handler import check_attempts, execution_date_of
from otel_analytics.query.level_queries import build_level_table
from otel_analytics.query.levels import (
    PERIOD,
    Level,
    input_periods,
    load_levels,
)
from otel_analytics.query.statements import Column, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import date, datetime

    from otel_analytics.config import Settings
    from otel_analytics.operations.store import Store
    from otel_analytics.pipeline.refresh_payload import LevelBuild

__all__ = ["activity_refresher", "registered_versions"]

_HIVE_TYPES: Final = {"VARCHAR": "string"}


def activity_refresher(
    settings: Settings,
    catalog: Catalog,
    store: Store,
    *,
    now: Callable[[], datetime],
    show: Callable[[Iterable[TableName]], None] = to_nobody,
) -> Callable[[Any], dict[str, Any]]:
    """Return the function: an event with an action in, what came of it out.

    `show` is given the names of the tables that have changed, before what they were goes.
    """
    refresher = _Refresher(settings, catalog, store, now, show)
    return refresher.answer


@dataclass(frozen=True, slots=True)
class _Refresher:
    """What the Lambda works with."""

    settings: Settings
    catalog: Catalog
    store: Store
    now: Callable[[], datetime]
    show: Callable[[Iterable[TableName]], None]

    def answer(self, event: Any) -> dict[str, Any]:
        """Return what came of an event.

        Raises: InvalidPayload naming the field; ActivityChanged if a step is no longer what it was
            planned to be; Failed if what it builds on is not there
        """
        action = parse_fields(event)
        if action == "plan":
            return self._plan(execution_date_of(event, settings=self.settings, now=self.now))
        build = parse_build(event)
        if action == "build":
            return self._build(build)
        return self._register(build, str(event["inputs"]))

    def _plan(self, execution_date: date) -> dict[str, Any]:
        """Make the levels' tables known, drop what nothing is left of, say what is to be built.

        Shape:  stages with their steps, each with its level and the version of each period;
            dropped, has_more
        """
        settings = self.settings
        source = self._find(settings.source.table)
        if source is None:
            raise Failed(
                f"there is no table {settings.athena.database}.{settings.source.table}: put logs "
                "into it with otel-analytics ingest PATH…, or create it"
            )
        self.show([TableName(source.name, source.database)])
        files = find_raw_files(source, execution_date, store=self.store, settings=settings)
        with self.catalog.change():
            tables = {name: self._level_table(level) for name, level in load_levels().items()}
            plan = plan_refresh(
                execution_date,
                files=files,
                registered={name: registered_versions(table) for name, table in tables.items()},
                settings=settings,
            )
            for name, period in plan.gone:
                self.catalog.drop_partitions(tables[name], [(period,)])
        return {
            "stages": [
                {"steps": [{"level": one.level, "periods": dict(one.periods)} for one in stage]}
                for stage in plan.stages
            ],
            "dropped": len(plan.gone),
            "has_more": plan.has_more,
        }

    def _level_table(self, level: Level) -> Table:
        """Return the table of a level, made if it is not there or has other columns."""
        wanted = Table(
            database=self.settings.athena.database,
            name=level.name,
            columns=tuple(
                Column(name, _HIVE_TYPES.get(kind, kind.lower())) for name, kind in level.columns
            ),
            location=level_location(self.settings.lake, level.name),
            partition_keys=(Column(PERIOD, "string"),),
            parameters={"classification": "parquet", LEVEL: level.name},
        )
        there = self._find(level.name)
        if (
            there is not None
            and (there.columns, there.location) == (wanted.columns, wanted.location)
            and wanted.parameters.items() <= there.parameters.items()
        ):
            return there
        return self.catalog.put_table(wanted, over=there)

    def _build(self, build: LevelBuild) -> dict[str, Any]:
        """Return the query that builds a step's partitions, and of what.

        Shape:  query_string, inputs
        """
        inputs = self._inputs(build)
        query = build_level_table(
            build.level,
            list(build.periods),
            table=build.leaf.table,
            location=build.leaf.location(self.settings.lake),
            settings=self.settings,
        )
        check_attempts(query)
        return {"query_string": query, "inputs": inputs}

    def _inputs(self, build: LevelBuild) -> str:
        """Return what identifies the partitions that a step builds on, as they stand now.

        Raises: ActivityChanged if they are not those that it was planned for
        """
        level = build.level
        if level.source is None:
            return ""
        there = self._find(level.source)
        versions = registered_versions(there)
        if versions_of(level, build.periods, versions, self.settings) != build.periods:
            raise ActivityChanged(
                f"partitions of {level.source} are others than those that a step of {level.name} "
                "was planned for: it is planned anew"
            )
        names = {
            name for period in build.periods for name in input_periods(level, period, self.settings)
        }
        partitions = (
            sorted((one.values[0], one.location) for one in there.partitions) if there else []
        )
        lines = (f"{name} {location}" for name, location in partitions if name in names)
        return sha256("\n".join(lines).encode()).hexdigest()

    def _register(self, build: LevelBuild, inputs: str) -> dict[str, Any]:
        """Put what a step has built in place of the partitions that stood, all at one moment.

        What another execution has built the same stays: others may read it, and build on it.
        Repeating it gives the same answer and changes nothing.

        Shape:  partitions, not_deleted
        """
        location = S3Address.parse(build.leaf.location(self.settings.lake))
        addresses = [one.address for one in self.store.list(location)]
        self.store.make_durable(addresses)
        folders = {one.key.removeprefix(location.key).rpartition("/")[0] for one in addresses}
        with self.catalog.change(durable=True):
            # where an earlier call was interrupted, the next plan has the rest built again
            is_registered = self._is_registered(build)
            is_current = is_registered or self._are_inputs(build, inputs)
            changes = is_current and not is_registered
            superseded = self._change(build, folders) if changes else []
            with suppress(EntityNotFound):
                self.catalog.drop_table(TableName(build.leaf.table, self.settings.athena.database))
        if not is_current:
            self.store.delete_prefix(location)
            raise ActivityChanged(
                f"partitions of {build.level.source} changed while a step of {build.level.name} "
                "read them: it is planned anew"
            )
        self.show([TableName(build.level.name, self.settings.athena.database)])
        return {"partitions": len(build.periods), "not_deleted": self._delete(superseded)}

    def _are_inputs(self, build: LevelBuild, inputs: str) -> bool:
        try:
            return self._inputs(build) == inputs
        except ActivityChanged:
            return False

    def _is_registered(self, build: LevelBuild) -> bool:
        """Return whether an earlier call has registered a step, be it replaced again since.

        What it is built from may be another by now, and readers read what it has built.
        """
        table = self._find(build.level.name)
        lake = self.settings.lake
        return any(
            build.leaf.partition(lake, one.values[0])
            in (one.location, one.parameters.get(PREVIOUS))
            for one in (table.partitions if table else ())
        )

    def _change(self, build: LevelBuild, folders: Collection[str]) -> list[str]:
        """Register what was built; return the addresses that nothing refers to any more.

        Raises: Failed if it was not built
        """
        lake = self.settings.lake
        table = self._find(build.level.name)
        if table is None:
            raise Failed(f"the table {build.level.name} is not there: start a new execution")
        there = {one.values[0]: one for one in table.partitions}
        due = {
            period: version
            for period, version in build.periods.items()
            if period not in there or there[period].parameters[VERSION] != version
        }
        if due and self._find(build.leaf.table) is None:
            raise Failed(
                f"the table {build.leaf.table} does not exist, so nothing is registered: start a "
                "new execution"
            )
        changed = []
        superseded = [build.leaf.partition(lake, period) for period in build.periods.keys() - due]
        for period, version in due.items():
            parameters = {VERSION: version}
            if f"{PERIOD}={period}" not in folders:
                parameters[IS_EMPTY] = "true"
            if period in there:
                parameters[PREVIOUS] = there[period].location
                superseded.append(there[period].parameters.get(PREVIOUS, ""))
            changed.append(Partition((period,), build.leaf.partition(lake, period), parameters))
        self.catalog.replace_partitions(table, changed)
        return [address for address in superseded if address]

    def _delete(self, locations: Iterable[str]) -> list[str]:
        """Delete the data at addresses of partitions; return what could not go, and why."""
        problems = []
        for location in locations:
            try:
                if find_level_leaf(location) is None:
                    raise Failed("it is no address of a partition")
                self.store.delete_prefix(S3Address.parse(location))
            except (Failed, OSError) as error:
                problems.append(f"{location}: {error}")
        return problems

    def _find(self, name: str) -> Table | None:
        return self.catalog.find(TableName(name, self.settings.athena.database))


def registered_versions(table: Table | None) -> dict[str, str]:
    """Return the version of each partition of a level's table, by its period."""
    return {one.values[0]: one.parameters[VERSION] for one in (table.partitions if table else ())}
