"""What AWS bills: of queries, of state transitions, of calls of Lambdas; and its estimate in USD.

The state machine computes the same in its summary, so each rule stands here twice: in Python, and
in the JSONata that `summary_fields` puts into the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.pipeline.tasks import INVOKE, States, jsonata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_analytics.config import Prices
    from otel_analytics.pipeline.refresh import RefreshPlan

__all__ = ["SERVICE_USE", "Usage", "billed_bytes", "planned_usage", "summary_fields"]

# https://aws.amazon.com/athena/pricing/: to the next megabyte, and 10 of them at least. The page
# does not say whether its units are decimal; these give the higher bill.
MEGABYTE: Final = 1_000_000
TERABYTE: Final = 1_000_000_000_000
MIN_BILLED_MEGABYTES: Final = 10
_USD_DIGITS: Final = 6

# JSONata for `billed_bytes`, as a function.
_BILLED: Final = (
    f"function($bytes) {{ $max([{MIN_BILLED_MEGABYTES}, $ceil($bytes / {MEGABYTE})]) "
    f"* {MEGABYTE} }}"
)
# JSONata for what the queries of a service used; of one that failed, those that were over before.
SERVICE_USE: Final = f"""(
  $scanned := [$states.input.tables.scanned_bytes, $states.input.verified_bytes];
  {{
    'queries': $count($scanned),
    'scanned_bytes': $sum($scanned),
    'billed_bytes': $sum([$map($scanned, {_BILLED})])
  }}
)"""


def billed_bytes(scanned_bytes: int) -> int:
    """Return what Athena bills for one query that scanned so much."""
    megabytes = -(-scanned_bytes // MEGABYTE)
    return max(MIN_BILLED_MEGABYTES, megabytes) * MEGABYTE


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used of what AWS bills."""

    queries: int = 0
    scanned_bytes: int = 0
    billed_bytes: int = 0
    transitions: int = 0
    lambda_calls: int = 0

    @classmethod
    def of_queries(cls, scanned: Iterable[int]) -> Usage:
        """Return what queries used that scanned so many bytes each."""
        each = list(scanned)
        return cls(len(each), sum(each), sum(map(billed_bytes, each)))

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.queries + other.queries,
            self.scanned_bytes + other.scanned_bytes,
            self.billed_bytes + other.billed_bytes,
            self.transitions + other.transitions,
            self.lambda_calls + other.lambda_calls,
        )

    def __mul__(self, times: int) -> Usage:
        return Usage(
            self.queries * times,
            self.scanned_bytes * times,
            self.billed_bytes * times,
            self.transitions * times,
            self.lambda_calls * times,
        )

    def usd(self, prices: Prices) -> float:
        """Return the estimated cost in USD, without what is free of charge each month."""
        usd = (
            self.billed_bytes / TERABYTE * prices.athena_usd_per_tb
            + self.transitions / 1000 * prices.step_functions_usd_per_1000_transitions
            + self.lambda_calls * _usd_per_call(prices)
        )
        return round(usd, _USD_DIGITS)


def _usd_per_call(prices: Prices) -> float:
    duration = prices.lambda_gb_seconds_per_call * prices.lambda_usd_per_million_gb_seconds
    return (prices.lambda_usd_per_million_requests + duration) / 1_000_000


def planned_usage(
    document: Mapping[str, Any], *, services: int, parts: int = 0, plans: Sequence[RefreshPlan] = ()
) -> Usage:
    """Return the transitions and the calls of an execution in which nothing fails.

    `plans` are those of its refresh; there are none if it reads the raw logs. `parts` are the
    executions that it is split into.
    """
    ways = _ways_of(document["States"])
    return (
        ways.once * (1 + parts)
        + ways.part * parts
        + ways.plan * len(plans)
        + ways.stage * sum(len(plan.stages) for plan in plans)
        + ways.step * sum(len(plan.steps) for plan in plans)
        + ways.service * services
    )


def summary_fields(states: States, prices: Prices, *, of_parts: bool = False) -> dict[str, str]:
    """Return what the summary says of the cost, for the states before it; `of_parts` with these.

    The machine cannot count its transitions: `least_transitions` are those of the services that
    completed, and of the states around them, without any retry.

    Shape:  queries, scanned_bytes, billed_bytes, least_transitions, estimated_cost_usd
    """
    ways = _ways_of(states)
    parts, refreshed = "$states.input.parts", "$states.input.refreshed.scanned_bytes"
    use = f"{parts}.execution_summary" if of_parts else "$states.input.results.use"
    refresh_billed = f"$sum([$map([{refreshed}], {_BILLED})])"
    billed = f"($sum([{use}.billed_bytes]) + {refresh_billed})"
    times = [
        (ways.once, "1"),
        (ways.plan, "$states.input.plans"),
        (ways.stage, "$states.input.stages"),
        (ways.step, f"$count([{refreshed}])"),
        (ways.part, f"$count({parts})")
        if of_parts
        else (ways.service, "$count($states.input.results[status = 'COMPLETED'])"),
    ]
    transitions = " + ".join(f"{way.transitions} * {count}" for way, count in times)
    calls = " + ".join(f"{way.lambda_calls} * {count}" for way, count in times)
    # what the parts say of themselves is added to what is this execution's own
    of_them = {
        name: f" + $sum([{use}.{name}])" if of_parts else ""
        for name in ("least_transitions", "estimated_cost_usd")
    }
    return {
        "queries": jsonata(f"$sum([{use}.queries]) + $count([{refreshed}])"),
        "scanned_bytes": jsonata(f"$sum([{use}.scanned_bytes, {refreshed}])"),
        "billed_bytes": jsonata(billed),
        "least_transitions": jsonata(transitions + of_them["least_transitions"]),
        "estimated_cost_usd": jsonata(
            f"$round({refresh_billed if of_parts else billed} / {TERABYTE} "
            f"* {_number(prices.athena_usd_per_tb)} "
            f"+ ({transitions}) / 1000 * {_number(prices.step_functions_usd_per_1000_transitions)} "
            f"+ ({calls}) * {_number(_usd_per_call(prices))}{of_them['estimated_cost_usd']}"
            f", {_USD_DIGITS})"
        ),
    }


@dataclass(frozen=True, slots=True)
class _Ways:
    """What is used where nothing fails.

    That is once, for each plan of the refresh, for each stage and step of these, each service, and
    each part that an execution of many services is split into.
    """

    once: Usage
    plan: Usage
    stage: Usage
    step: Usage
    service: Usage
    part: Usage


def _ways_of(states: States) -> _Ways:
    first, refresh, services = next(iter(states)), "PlanRefresh", "ProcessEachService"
    stage = states["RefreshActivity"]["ItemProcessor"]
    return _Ways(
        once=_way_of(states, first, until=refresh) + _way_of(states, services),
        plan=_way_of(states, refresh, until=services),
        stage=_way_through(stage),
        step=_way_through(stage["States"][stage["StartAt"]]["ItemProcessor"]),
        service=_way_through(states[services]["ItemProcessor"]),
        part=_way_through(states["RunParts"]["ItemProcessor"]),
    )


def _way_through(flow: Mapping[str, Any]) -> Usage:
    return _way_of(flow["States"], flow["StartAt"])


def _way_of(states: States, first: str, *, until: str | None = None) -> Usage:
    """Return the transitions and calls of the way on which no state fails and no rule holds.

    Those of a Map's iterations are not among them.
    """
    usage = Usage()
    name: str | None = first
    while name is not None and name != until:
        state = states[name]
        usage += Usage(transitions=1, lambda_calls=int(state.get("Resource") == INVOKE))
        for branch in state.get("Branches", ()):
            usage += _way_through(branch)
        name = state.get("Next") or state.get("Default")
    return usage


def _number(value: float) -> str:
    """Return a number as JSONata takes it, without an exponent."""
    return f"{value:.15f}".rstrip("0").rstrip(".")
