"""A shop's logs and its seven staging tables, on the embedded Athena; small enough to count."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from otel_analytics.config import Settings
from otel_analytics.local.embedded import EmbeddedAws, open_embedded_aws
from otel_analytics.metrics import load_catalog
from otel_analytics.names import Leaf, S3Address, table_name
from otel_analytics.operations.verification import checks_builder
from otel_analytics.query.build import QueryRequest, build_create_table
from otel_analytics.query.statements import TableName

if TYPE_CHECKING:
    from collections.abc import Iterator

E = "2024-03-04"
EXECUTION = "run_1"
VIEW = "commerce.product.view"
# service, time in UTC, event name, user, session
EVENTS = (
    ("shop", "2024-03-01 10:00:00", "open", "ann", "a1"),
    ("shop", "2024-03-01 10:01:00", VIEW, "ann", "a1"),
    ("shop", "2024-03-01 11:00:00", "open", "bob", "b1"),
    ("shop", "2024-03-02 09:00:00", "open", "ann", "a2"),
    ("shop", "2024-03-03 12:00:00", "open", "bob", "b2"),
    ("shop", "2024-03-03 12:30:00", "open", "cid", "c1"),
    ("depot", "2024-03-01 08:00:00", "open", "dee", "d1"),
    ("depot", "2024-03-02 08:00:00", "open", "dee", "d2"),
    ("depot", "2024-03-03 08:00:00", "open", "dee", "d3"),
)

Events = tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Shop:
    """The home, and what to check in it."""

    aws: EmbeddedAws
    settings: Settings
    execution_date: str = E
    service_name: str = "shop"

    def write_logs(self, events: Events) -> None:
        """Make `logall`, partitioned by the UTC date as `ingest` writes it."""
        rows = ", ".join(
            f"({', '.join('NULL' if cell is None else repr(cell) for cell in row)})"
            for row in events
        )
        self.aws.query(
            "CREATE TABLE logall WITH (format = 'PARQUET', "
            "external_location = 's3://otel-analytics/lake/logall/', "
            "partitioned_by = ARRAY['year', 'month', 'day']) AS "
            "SELECT service_name, CAST(time AS TIMESTAMP) AS timestamp, event_name, user_key, "
            "session_id, SUBSTR(time, 1, 4) AS year, SUBSTR(time, 6, 2) AS month, "
            f"SUBSTR(time, 9, 2) AS day FROM (VALUES {rows}) "
            "AS t (service_name, time, event_name, user_key, session_id)"
        )

    def leaf(self, query_type: str) -> Leaf:
        base = self.settings.athena.s3_base
        return Leaf(base, self.service_name.replace("-", "_"), query_type, EXECUTION, "0")

    def build_tables(self) -> None:
        for query_type in load_catalog():
            day = date.fromisoformat(self.execution_date)
            leaf = self.leaf(query_type)
            self.aws.query(
                build_create_table(
                    QueryRequest(query_type, (self.service_name,), day),
                    table=leaf.staging_table,
                    location=leaf.location,
                    settings=self.settings,
                )
            )

    def rewrite(self, query_type: str, select: str) -> None:
        """Replace a staging table by a SELECT FROM `old`, at its own location."""
        leaf = self.leaf(query_type)
        self.create("old", f'SELECT * FROM "{leaf.staging_table}"')
        self.drop(query_type)
        self.aws.store.delete_prefix(S3Address.parse(leaf.location))
        self.create(leaf.staging_table, select, leaf.location)
        self.aws.query("DROP TABLE old")

    def create(self, table: str, select: str, location: str | None = None) -> None:
        location = location or f"s3://otel-analytics/tests/{uuid4()}/"
        self.aws.query(
            f"CREATE TABLE \"{table}\" WITH (external_location = '{location}') AS {select}"
        )

    def drop(self, query_type: str) -> None:
        self.aws.query(f'DROP TABLE "{self.leaf(query_type).staging_table}"')

    def say_published(self, query_type: str, **parameters: str) -> None:
        """Put a staging table's data under its published name, with these parameters."""
        catalog, database = self.aws.catalog, self.settings.athena.database
        table = catalog.table(TableName(self.leaf(query_type).staging_table, database))
        catalog.create_table(
            replace(
                table,
                name=table_name(self.leaf(query_type).prefix, query_type),
                parameters={f"otel_analytics.{k}": value for k, value in parameters.items()},
            )
        )

    def event(self, *, published: bool = False) -> dict[str, Any]:
        prefix = self.leaf("mau").prefix
        return {
            "service_name": self.service_name,
            "table_prefix": prefix,
            "s3_base": self.settings.athena.s3_base,
            "execution_date": self.execution_date,
            "execution": None if published else EXECUTION,
            "source": "raw",
            "tables": [
                {
                    "query_type": query_type,
                    "table": table_name(prefix, query_type)
                    if published
                    else self.leaf(query_type).staging_table,
                    "location": self.leaf(query_type).location,
                }
                for query_type in load_catalog()
            ],
        }

    def rows(self, *, published: bool = False) -> list[tuple[Any, ...]]:
        """Return all rows of the checks."""
        build = checks_builder(self.settings, self.aws.catalog)
        return list(self.aws.rows(build(self.event(published=published))["query_string"]))

    def found(self, *, published: bool = False) -> dict[tuple[str, str], tuple[str, int, str]]:
        """Return severity, count and findings, without the message before, of what was found."""
        return {
            (name, query_type): (severity, found, message.partition(": ")[2])
            for name, severity, query_type, found, message in self.rows(published=published)
            if found and severity != "info"
        }


@contextmanager
def open_shop(
    home: Path,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    **options: Any,
) -> Iterator[Shop]:
    settings = replace(settings, home=str(home), memory_limit="500MB")
    with open_embedded_aws(settings) as aws:
        yield Shop(aws, settings, **options)


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with `EVENTS` and the staging tables of `shop`; tests copy it."""
    home = tmp_path_factory.mktemp("built") / "home"
    with open_shop(home) as shop:
        shop.write_logs(EVENTS)
        shop.build_tables()
    return home


@pytest.fixture
def home(built_home: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    return Path(shutil.copytree(built_home, tmp_path / "home"))


@pytest.fixture
def shop(home: Path) -> Iterator[Shop]:
    with open_shop(home) as opened:
        yield opened
