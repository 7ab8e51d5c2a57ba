"""Staging tables as an execution builds them, and what is published of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_analytics.config import Settings
from otel_analytics.local.publications import Publications
from otel_analytics.metrics import load_catalog
from otel_analytics.names import Leaf, S3Address, table_name, table_prefix
from otel_analytics.operations.publisher import Publisher

if TYPE_CHECKING:
    from otel_analytics.local.athena import Athena

__all__ = ["BASE", "QUERY_TYPES", "Shop"]

BASE = "s3://otel-analytics/summary"
QUERY_TYPES = tuple(load_catalog())


@dataclass(frozen=True)
class Shop:
    """One service's tables in an account; what a row holds says of which execution it is."""

    athena: Athena
    service: str = "theshop-web"
    settings: Settings = field(default_factory=Settings)

    @property
    def prefix(self) -> str:
        return table_prefix(self.service)

    def leaf(self, execution: str, query_type: str, attempt: int = 0) -> Leaf:
        return Leaf(BASE, self.prefix, query_type, execution, str(attempt))

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        done = self.athena.start_query_execution(sql, database="log_db")
        done.raise_if_failed()
        return list(done.rows.rows) if done.rows else []

    def stage(self, execution: str, day: str, *, columns: str = "", rows: int = 1) -> None:
        """Build the staging tables; each row says the execution's token."""
        for query_type in QUERY_TYPES:
            leaf = self.leaf(execution, query_type)
            self.execute(
                f"CREATE TABLE {leaf.staging_table} WITH (format = 'PARQUET', "
                f"external_location = '{leaf.location}') AS SELECT '{execution}' AS built_by"
                f"{columns}, DATE '{day}' AS execution_date "
                f"FROM UNNEST(sequence(1, {rows})) AS t(n)"
            )

    def payload(self, execution: str, day: str, **changes: Any) -> dict[str, Any]:
        leaves = [self.leaf(execution, query_type) for query_type in QUERY_TYPES]
        return {
            "service_name": self.service,
            "table_prefix": self.prefix,
            "s3_base": BASE,
            "execution": execution,
            "execution_date": day,
            "replace_newer": False,
            "tables": [
                {
                    "query_type": leaf.query_type,
                    "table": leaf.staging_table,
                    "location": leaf.location,
                    "row_count": 1,
                }
                for leaf in leaves
            ],
            **changes,
        }

    @property
    def publisher(self) -> Publisher:
        catalog = self.athena.catalog
        publications = Publications(catalog.home, self.settings.athena.database)
        return Publisher(
            self.settings, catalog, self.athena.store, publications, show=self.athena.show_published
        )

    def publish(self, execution: str, day: str, **changes: Any) -> dict[str, Any]:
        """Publish what was staged."""
        return self.publisher.publish(self.payload(execution, day, **changes))

    def stage_and_publish(self, execution: str, day: str, **changes: Any) -> dict[str, Any]:
        self.stage(execution, day)
        return self.publish(execution, day, **changes)

    def published_by(self) -> set[str]:
        """Return the executions of which the published tables are; all seven must be there."""
        names = [table_name(self.prefix, query_type) for query_type in QUERY_TYPES]
        union = " UNION ALL ".join(
            f"SELECT '{name}' AS name, built_by FROM {name}" for name in names
        )
        rows = self.execute(union)
        assert {name for name, _ in rows} == set(names)
        return {execution for _, execution in rows}

    def history(self, query_type: str = "mau") -> list[tuple[str, str]]:
        """Return the execution dates of a history table, and who built them."""
        rows = self.execute(
            "SELECT CAST(execution_date AS VARCHAR), built_by "
            f"FROM {self.prefix}_{query_type}_summary_history ORDER BY 1"
        )
        return [(day, execution) for day, execution in rows]

    def leaves(self, query_type: str = "mau") -> list[str]:
        """Return of which executions there are data, and objects directly at the root."""
        root = f"{BASE}/{self.prefix}_{query_type}/"
        objects = self.athena.store.list(S3Address.parse(root))
        found = {str(one.address).removeprefix(root).split("/")[0] for one in objects}
        return sorted(found)
