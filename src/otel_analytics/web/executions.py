"""One execution as its page shows it: states coloured as they went, services, checks, cost."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.pipeline import STATE_MACHINE_NAME
from otel_analytics.pipeline.cost import cost_of, table_documents
from otel_analytics.pipeline.explanations import explain, reason_of
from otel_analytics.pipeline.state_runs import runs_of
from otel_analytics.web.graph import happy_way, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_analytics.config import Prices
    from otel_analytics.pipeline.billing import Usage
    from otel_analytics.pipeline.explanations import Explanation
    from otel_analytics.pipeline.state_runs import StateRun
    from otel_analytics.web.following import Told
    from otel_analytics.web.graph import Graph

__all__ = ["ExecutionPage", "Failure", "StateLook", "read_execution"]

# Runs of states that are listed unless all are asked for, so that a page can be sent each second.
_LISTED_RUNS: Final = 300

# What a state shows whose runs went differently: the first of these that one of them has.
_WORST_FIRST: Final = ("running", "failed", "caught", "aborted", "succeeded")


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state stands in the picture; `status` is `idle` if it was not reached."""

    status: str
    runs: int
    attempts: int
    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error with its explanation; `service_name` and `state` are '' of the execution's own.

    `is_finding` if the state succeeded, and what it found made the service fail.
    """

    service_name: str
    state: str
    is_finding: bool
    error: str
    reason: str
    explanation: Explanation | None


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """What is told of one execution.

    `described` is what `describe-execution` shows. `results` are those of its services, as its
    summary has them; none of an execution that is under way, or is of another document. `taken` are
    the transitions that were taken.
    """

    described: dict[str, Any]
    started: datetime
    stopped: datetime | None
    now: datetime
    graph: Graph
    looks: dict[str, StateLook]
    taken: frozenset[tuple[str, str]]
    hidden_states: int
    runs: tuple[StateRun, ...]
    services: tuple[str, ...]
    results: tuple[dict[str, Any], ...]
    failures: tuple[Failure, ...]
    usage: Usage
    costs: tuple[dict[str, Any], ...]

    @property
    def is_of_pipeline(self) -> bool:
        """Whether it is an execution of the pipeline, or of another document."""
        return str(self.described["stateMachineArn"]).endswith(f":{STATE_MACHINE_NAME}")

    @property
    def newest_runs(self) -> tuple[StateRun, ...]:
        """The runs of states that are listed unless all are asked for."""
        return self.runs[-_LISTED_RUNS:]

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return bool(self.described["status"] == "RUNNING")

    @property
    def seconds(self) -> float:
        """How long it took, or takes since."""
        return max(0.0, ((self.stopped or self.now) - self.started).total_seconds())


def read_execution(
    told: Told,
    *,
    prices: Prices,
    now: datetime,
    service: str | None = None,
    shows_all: bool = False,
) -> ExecutionPage:
    """Return what a page shows of an execution; of its states, with `service`, only that one's.

    Unless it `shows_all`, the picture leaves out states beside the way that were not reached.
    """
    described, history, document = told.described, told.history, told.document
    all_runs = runs_of(history, is_running=described["status"] == "RUNNING")
    services = tuple(dict.fromkeys(run.service_name for run in all_runs if run.service_name))
    runs = tuple(run for run in all_runs if service is None or run.service_name in (service, ""))
    looks = _looks(runs, now)
    states = set(_states(document))
    shown = states if shows_all else {*happy_way(document), *looks} & states
    cost = cost_of(history)
    results = _results(history)
    return ExecutionPage(
        described=described,
        started=datetime.fromisoformat(described["startDate"]),
        stopped=(
            datetime.fromisoformat(described["stopDate"]) if "stopDate" in described else None
        ),
        now=now,
        graph=lay_out(document, shown),
        looks=looks,
        taken=frozenset((run.after, run.name) for run in runs),
        hidden_states=len(states - shown),
        runs=runs,
        services=services,
        results=results,
        failures=tuple(_failures(described, results, all_runs)),
        usage=cost.usage,
        costs=tuple(table_documents(cost.queries, prices)),
    )


def _states(flow: Mapping[str, Any]) -> Iterable[str]:
    for name, state in flow["States"].items():
        yield name
        item = state.get("ItemProcessor") or state.get("Iterator")
        for inner in (*state.get("Branches", ()), *([item] if item else ())):
            yield from _states(inner)


def _looks(runs: Sequence[StateRun], now: datetime) -> dict[str, StateLook]:
    """Return how each state stands that was reached; of a round that is repeated, the last."""
    latest: dict[str, dict[tuple[str, ...], StateRun]] = defaultdict(dict)
    seconds: dict[str, float] = defaultdict(float)
    attempts: dict[str, int] = defaultdict(int)
    for run in runs:
        latest[run.name][run.service_name, run.level, run.step] = run
        seconds[run.name] += run.seconds(now)
        attempts[run.name] += run.attempts
    looks = {}
    for name, of_each in latest.items():
        statuses = {run.status for run in of_each.values()}
        looks[name] = StateLook(
            status=next(status for status in _WORST_FIRST if status in statuses),
            runs=len(of_each),
            attempts=attempts[name],
            seconds=seconds[name],
            error=next((run.error for run in of_each.values() if run.error), ""),
        )
    return looks


def _results(history: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the services' results as the state that stores the summary was given them."""
    found: tuple[dict[str, Any], ...] = ()
    for event in history:
        entered = event.get("stateEnteredEventDetails", {})
        if entered.get("name") == "StoreSummary":
            summary = json.loads(entered.get("input") or "{}")
            results = summary.get("results") if isinstance(summary, dict) else None
            found = tuple(results) if isinstance(results, list) else ()
    return found


def _failures(
    described: Mapping[str, Any], results: Iterable[Mapping[str, Any]], runs: Sequence[StateRun]
) -> Iterable[Failure]:
    """Yield what failed: the services, or states, and, unless it only sums these up, the whole."""
    failed = [result for result in results if result.get("status") != "COMPLETED"]
    ended = {(run.service_name, run.name): run.status for run in runs}
    for result in failed:
        service, state = result.get("service_name"), result.get("state")
        is_finding = ended.get((str(service), str(state))) == "succeeded"
        yield _failure(service, state, result.get("error"), result.get("cause"), is_finding)
    if not failed:
        for run in runs:
            if run.status == "failed" and run.error:
                yield _failure(run.service_name, run.name, run.error, run.cause)
    error = described.get("error")
    if error and not (failed and error == "ServicesFailed"):
        yield _failure("", "", error, described.get("cause"))


def _failure(
    service_name: Any, state: Any, error: Any, cause: Any, is_finding: bool = False
) -> Failure:
    reason = reason_of(str(cause or ""))
    return Failure(
        str(service_name or ""),
        str(state or ""),
        is_finding,
        str(error or ""),
        reason,
        explain(str(error or ""), reason),
    )
