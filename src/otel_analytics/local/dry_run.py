"""What a run would read, query by query: the statements that it would build, and estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from otel_analytics.local.estimate import Estimator, TableRead, Unbuilt, open_estimator
from otel_analytics.local.planned_refresh import planned_refresh
from otel_analytics.metrics import load_catalog
from otel_analytics.names import Leaf, table_prefix
from otel_analytics.pipeline.cost import CHECKS
from otel_analytics.pipeline.level_leaves import level_location
from otel_analytics.query.handler import build_query
from otel_analytics.query.level_queries import build_level_table
from otel_analytics.query.levels import ACTIVITY, PERIOD, load_levels
from otel_analytics.query.scans import TableColumns
from otel_analytics.query.source import mapped_columns, of_source
from otel_analytics.query.statements import Column, TableName
from otel_analytics.query.verification import CatalogTable, build_verification

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.pipeline.refresh import RefreshPlan, Step

__all__ = ["QueryEstimate", "RunEstimate", "estimate_run"]

# stands where an execution has its own
_EXECUTION: Final = "dry_run"
_ATTEMPT: Final = 0


@dataclass(frozen=True, slots=True)
class QueryEstimate:
    """What one query would read; `name` as in `pipeline.cost.QueryCost`."""

    service_name: str
    name: str
    reads: tuple[TableRead, ...]

    @property
    def scanned_bytes(self) -> int:
        """The bytes of all that it reads."""
        return sum(read.scanned_bytes for read in self.reads)


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """What a run would read, and the plans that its refresh would make."""

    queries: tuple[QueryEstimate, ...]
    plans: tuple[RefreshPlan, ...]


def estimate_run(
    aws: EmbeddedAws, service_names: Sequence[str], execution_date: date, source: str
) -> RunEstimate:
    """Return what a run would read, its queries in the order in which it makes them.

    A partition of a level that is still to be built is taken to be as large as the others of that
    level. Before the first build, a column is taken to be as large as what it is made of in the
    raw logs, which is more than it will be; facts and staging tables hold few rows, and count as
    nothing where they are not there.

    Raises: QueryFailed if a table is not known, or its files cannot be read; Failed if the raw
        logs are not partitioned as the settings say
    """
    settings = aws.settings
    leaves = {name: _leaves(name, settings) for name in service_names}
    plans = planned_refresh(aws, execution_date) if source == ACTIVITY else []
    steps = [step for plan in plans for step in plan.steps]
    with open_estimator(aws.catalog, aws.store) as estimator:
        for leaf in (leaf for each in leaves.values() for leaf in each):
            estimator.unbuilt[_named(leaf.staging_table, settings)] = Unbuilt(_columns_of(leaf))
        if source == ACTIVITY:
            estimator.unbuilt.update(_unbuilt_levels(estimator, steps, settings))
        queries = [
            QueryEstimate("", step.level, estimator.reads_of(_level_query(step, settings)))
            for step in steps
        ]
        queries += [
            QueryEstimate(service, name, estimator.reads_of(sql))
            for service, each in leaves.items()
            for name, sql in _statements(aws, service, each, execution_date, source)
        ]
    return RunEstimate(tuple(queries), tuple(plans))


def _unbuilt_levels(
    estimator: Estimator, steps: Sequence[Step], settings: Settings
) -> dict[TableName, Unbuilt]:
    """Return the levels as far as they are still to be built."""
    is_first = estimator.count_partitions(_named(ACTIVITY, settings)) == 0
    sizes = _raw_sizes(estimator, settings) if is_first else {}
    levels = {}
    for level in load_levels().values():
        periods = [
            (period,) for step in steps if step.level == level.name for period, _ in step.periods
        ]
        columns = tuple(Column(name, kind.lower()) for name, kind in level.columns)
        levels[_named(level.name, settings)] = Unbuilt(
            TableColumns(columns, (Column(PERIOD, "string"),)),
            tuple(periods),
            {} if level.query_type else sizes,
        )
    return levels


def _raw_sizes(estimator: Estimator, settings: Settings) -> dict[str, int]:
    """Return the bytes that each column of `activity` is made of, of a raw partition on average."""
    partitions = estimator.count_partitions(_named(settings.source.table, settings))
    sizes = {}
    for name, expression in mapped_columns(settings).items():
        sql = of_source(settings, value=expression).sql(dialect="athena")
        scanned = sum(read.scanned_bytes for read in estimator.reads_of(sql))
        sizes[name] = scanned // max(1, partitions)
    return sizes


def _level_query(step: Step, settings: Settings) -> str:
    level = load_levels()[step.level]
    location = f"{level_location(settings.lake, level.name)}{_EXECUTION}/"
    return build_level_table(
        level,
        [period for period, _ in step.periods],
        table=_EXECUTION,
        location=location,
        settings=settings,
    )


def _named(table: str, settings: Settings) -> TableName:
    return TableName(table, settings.athena.database)


def _leaves(service_name: str, settings: Settings) -> list[Leaf]:
    prefix = table_prefix(service_name)
    return [
        Leaf(settings.athena.s3_base, prefix, query_type, _EXECUTION, str(_ATTEMPT))
        for query_type in load_catalog()
    ]


def _columns_of(leaf: Leaf) -> TableColumns:
    columns = load_catalog()[leaf.query_type].columns
    return TableColumns(tuple(Column(column.name, column.type.lower()) for column in columns))


def _statements(
    aws: EmbeddedAws,
    service_name: str,
    leaves: Sequence[Leaf],
    execution_date: date,
    source: str,
) -> Iterator[tuple[str, str]]:
    """Yield name and text of each query of a service, as the run's Lambdas would build them."""
    shared: dict[str, Any] = {
        "table_prefix": leaves[0].prefix,
        "s3_base": leaves[0].s3_base,
        "execution": _EXECUTION,
        "execution_date": execution_date.isoformat(),
        "source": source,
    }
    for leaf in leaves:
        event = {
            **shared,
            "query_type": leaf.query_type,
            "service_names": [service_name],
            "attempt": _ATTEMPT,
            "cleanup_s3": False,
        }
        built = build_query(
            event,
            settings=aws.settings,
            delete_prefix=_never,
            delete_directly_under=_never,
            now=_never,
        )
        yield leaf.query_type, built["query_string"]
    tables = [
        {"query_type": leaf.query_type, "table": leaf.staging_table, "location": leaf.location}
        for leaf in leaves
    ]
    event = {**shared, "service_name": service_name, "tables": tables}
    yield CHECKS, _checks_query(aws, event)


def _checks_query(aws: EmbeddedAws, event: dict[str, Any]) -> str:
    """Return the query of the checks, as if the staging tables were there."""
    staged = {table["table"]: CatalogTable(table["location"], {}) for table in event["tables"]}

    def get_table(name: str) -> CatalogTable | None:
        if name in staged:
            return staged[name]
        table = aws.catalog.find(_named(name, aws.settings))
        return CatalogTable(table.location, table.parameters) if table else None

    built = build_verification(event, settings=aws.settings, get_table=get_table)
    return str(built["query_string"])


def _never(*_: object) -> NoReturn:
    raise AssertionError("nothing is deleted for an estimate, and its date is given")
