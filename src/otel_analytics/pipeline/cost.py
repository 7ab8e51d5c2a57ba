"""What one execution used, query by query, read from its history."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from otel_analytics.metrics import load_catalog
from otel_analytics.pipeline.billing import Usage
from otel_analytics.pipeline.level_leaves import find_level_leaf
from otel_analytics.pipeline.trail import Place, Trail, details_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_analytics.config import Prices

__all__ = [
    "CHECKS",
    "REDRIVEN",
    "ExecutionCost",
    "QueryCost",
    "ScannedQuery",
    "cost_of",
    "nested_executions",
    "table_documents",
]

CHECKS: Final = "checks"
# no event says of which state a task is that goes on after a redrive
REDRIVEN: Final = "redriven"

# https://aws.amazon.com/athena/pricing/: statements that only change the catalog are free.
_FREE: Final = re.compile(
    r"\s*(ALTER|CREATE\s+EXTERNAL|DESC|DESCRIBE|DROP|MSCK|SHOW)\b", re.IGNORECASE
)
_LOCATION: Final = re.compile(r"external_location\s*=\s*'([^']*)'")


@dataclass(frozen=True, slots=True)
class QueryCost:
    """What one query scanned; `name` is the query type, `checks`, or the level that it built.

    `service_name` is '' for what serves all of them, and after a redrive.
    """

    service_name: str
    name: str
    scanned_bytes: int


class ScannedQuery(Protocol):
    """What a query scanned, or would scan; named as in `QueryCost`."""

    @property
    def service_name(self) -> str:
        """The service that it is of."""

    @property
    def name(self) -> str:
        """What it is for."""

    @property
    def scanned_bytes(self) -> int:
        """The bytes."""


@dataclass(frozen=True, slots=True)
class ExecutionCost:
    """What an execution used."""

    queries: tuple[QueryCost, ...]
    transitions: int
    lambda_calls: int

    def __add__(self, other: ExecutionCost) -> ExecutionCost:
        return ExecutionCost(
            self.queries + other.queries,
            self.transitions + other.transitions,
            self.lambda_calls + other.lambda_calls,
        )

    @property
    def usage(self) -> Usage:
        """All of it together."""
        scanned = Usage.of_queries(query.scanned_bytes for query in self.queries)
        return scanned + Usage(transitions=self.transitions, lambda_calls=self.lambda_calls)


def cost_of(history: Iterable[Mapping[str, Any]]) -> ExecutionCost:
    """Return what an execution of the pipeline used, as its events tell.

    Failed queries and statements that only change the catalog cost nothing. A cancelled query is
    billed for what it had scanned, which no event tells: it is not counted.

    Source: https://aws.amazon.com/athena/pricing/, https://aws.amazon.com/step-functions/pricing/
    """
    trail, queries, transitions, calls = Trail(), [], 0, 0
    for event in history:
        place, kind, details = trail.follow(event), event["type"], details_of(event)
        if kind.endswith("StateEntered") or kind == "ExecutionRedriven":
            transitions += 1
        elif kind.endswith("Scheduled"):
            transitions += place.is_retry
            calls += details.get("resourceType") == "lambda"
        elif kind == "TaskSucceeded" and details["resourceType"] == "athena":
            queries += _billed(details, place)
    return ExecutionCost(tuple(queries), transitions, calls)


def nested_executions(history: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ARNs of the executions that one has started, as its events tell."""
    found = []
    for event in history:
        details = details_of(event)
        if event["type"] == "TaskSubmitted" and details["resourceType"] == "states":
            found.append(str(json.loads(details["output"])["ExecutionArn"]))
    return found


def table_documents(queries: Iterable[ScannedQuery], prices: Prices) -> list[dict[str, Any]]:
    """Return what was used for each service and table, in the order of their first queries."""
    scanned: dict[tuple[str, str], list[int]] = {}
    for query in queries:
        scanned.setdefault((query.service_name, query.name), []).append(query.scanned_bytes)
    documents = []
    for (service, name), each in scanned.items():
        usage = Usage.of_queries(each)
        documents.append(
            {
                "service_name": service,
                "name": name,
                "queries": usage.queries,
                "scanned_bytes": usage.scanned_bytes,
                "billed_bytes": usage.billed_bytes,
                "estimated_cost_usd": usage.usd(prices),
            }
        )
    return documents


def _billed(details: Mapping[str, Any], place: Place) -> list[QueryCost]:
    execution = json.loads(details.get("output") or "{}").get("QueryExecution")
    if execution is None or _FREE.match(execution.get("Query", "")):
        return []
    scanned = int(execution["Statistics"]["DataScannedInBytes"])
    location = _LOCATION.search(execution["Query"])
    leaf = find_level_leaf(location[1]) if location else None
    name = leaf.level if leaf else _names().get(place.state, place.state or REDRIVEN)
    return [QueryCost(place.service_name, name, scanned)]


def _names() -> dict[str, str]:
    """Return what each state's query is for."""
    tables = {f"Create{metric.label}Table": name for name, metric in load_catalog().items()}
    return {**tables, "VerifyTables": CHECKS}
