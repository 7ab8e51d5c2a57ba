"""State machines here, their history kept in SQLite, beside moto's Step Functions.

The same documents in one run, in turn. A history is kept to be read, so there are two ratios of
transitions a second:

- run: from the document's text to the end of one execution; its history is kept by then, here in
  SQLite, in moto in memory
- run and history read: until `get_execution_history` of either has given all events, too

They are of medians, and caches are warm: moto's parser is twice as fast on a text that it has read
before; here some executions follow each other, as one takes no longer than to fill a processor's
cache. What is not the work of a run is left out on both sides: imports, opening a home, making a
client and its first call. So that nothing slows moto down, it logs nothing, and its threads are
joined instead of polling for the end.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
import time
import tracemalloc
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from otel_analytics.config import load_settings
from otel_analytics.local.embedded import EmbeddedAws, open_embedded_aws
from otel_analytics.local.step_functions import StepFunctions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["main"]

RUNS = 7
RUNS_HERE = 5
ROUNDS = (1_000, 5_000)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from a document's text to the end of its execution, and until its history is read."""

    run: float
    read: float


def main() -> None:
    """Run every document in both, and print the transitions a second and their ratios."""
    columns = f"{'here/s':>10}{'moto/s':>8}{'ratio':>7}"
    print(f"{'':<32}{'run':^25}   {'run and history read':^25}")
    print(f"{'document':<20}{'transitions':>12}{columns}   {columns}")
    with new_home() as aws:
        machine = StepFunctions(aws.athena, aws.executions, {})
        for name, (document, value, transitions) in documents().items():
            text = json.dumps(document)
            ours, peer = [], []
            for _ in range(RUNS):
                ours += [run_here(machine, text, value, transitions) for _ in range(RUNS_HERE)]
                peer.append(run_in_moto(text, value))
            print(f"{name:<20}{transitions:>12,}", end="")
            for moment, end in (("run", "   "), ("read", "\n")):
                seconds = [median(getattr(one, moment) for one in side) for side in (ours, peer)]
                here, moto = (transitions / one for one in seconds)
                print(f"{here:>10,.0f}{moto:>8,.0f}{here / moto:>7.0f}", end=end)
        for rounds in ROUNDS:
            print_memory(machine, rounds)


@contextmanager
def new_home() -> Iterator[EmbeddedAws]:
    """Open a home in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(environment={}, flags={"home": folder})
        with open_embedded_aws(settings) as aws:
            yield aws


def documents() -> dict[str, tuple[dict[str, Any], Any, int]]:
    """Return documents, inputs, and how many transitions they take."""
    item = chain(pass_states(4))
    sums = pass_states(1_000)
    for state in sums.values():
        state["Parameters"] = {"n.$": "States.MathAdd($.n, 1)"}
    map_state = {"Type": "Map", "ItemProcessor": item, "End": True}
    branches = [chain(pass_states(20)) for _ in range(10)]
    parallel = {"Type": "Parallel", "Branches": branches, "End": True}
    return {
        "1,000 Pass": (chain(pass_states(1_000)), {"n": 1}, 1_000),
        "1,000 Pass that add": (chain(sums), {"n": 1}, 1_000),
        "Map of 200": (chain({"Map": map_state}), list(range(200)), 1 + 200 * 4),
        "Parallel of 10": (chain({"Parallel": parallel}), {"n": 1}, 1 + 10 * 20),
        "500 Choice": (chain(choice_states(500)), {"n": 1}, 501),
    }


def chain(states: dict[str, Any]) -> dict[str, Any]:
    """Return the flow that begins at the first of the states."""
    return {"StartAt": next(iter(states)), "States": states}


def pass_states(count: int) -> dict[str, Any]:
    """Return Pass states, each leading to the next."""
    names = [f"Pass{number}" for number in range(count)]
    following: Iterable[dict[str, Any]] = [
        *({"Next": name} for name in names[1:]),
        {"End": True},
    ]
    return {name: {"Type": "Pass", **one} for name, one in zip(names, following, strict=True)}


def choice_states(count: int) -> dict[str, Any]:
    """Return Choice states, of whose three rules the last holds, and where they end."""
    names = [f"Choice{number}" for number in range(count)] + ["Done"]
    states: dict[str, Any] = {}
    for name, following in pairwise(names):
        rules = [{"Variable": "$.n", "NumericEquals": n, "Next": following} for n in (3, 2, 1)]
        states[name] = {"Type": "Choice", "Choices": rules}
    return {**states, "Done": {"Type": "Succeed"}}


def counting_loop(rounds: int) -> dict[str, Any]:
    """Return a short document that takes two transitions a round, and one at its end."""
    add = {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Again"}
    rule = {"Variable": "$.n", "NumericLessThan": rounds, "Next": "Add"}
    again = {"Type": "Choice", "Choices": [rule], "Default": "Done"}
    return chain({"Add": add, "Again": again, "Done": {"Type": "Succeed"}})


def run_here(machine: StepFunctions, document: str, value: Any, transitions: int) -> Times:
    """Return the times of one execution here."""
    began = time.perf_counter()
    execution = machine.start_execution(document, value, state_machine="bench")
    ended = time.perf_counter()
    history = machine.executions.get_execution_history(execution["name"])
    read = time.perf_counter()
    assert history[-1]["type"] == "ExecutionSucceeded"
    assert machine.executions.transitions(execution["name"]) == transitions
    return Times(ended - began, read - began)


def run_in_moto(document: str, value: Any) -> Times:
    """Return the times of one execution in moto."""
    logging.disable(logging.CRITICAL)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[variable] = "unused"
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        client = boto3.client("stepfunctions", region_name="us-east-1")
        client.list_state_machines()
        others = set(threading.enumerate())
        began = time.perf_counter()
        machine = client.create_state_machine(
            name="bench", definition=document, roleArn="arn:aws:iam::123456789012:role/bench"
        )
        started = client.start_execution(
            stateMachineArn=machine["stateMachineArn"], input=json.dumps(value)
        )
        while alive := [t for t in threading.enumerate() if t not in others and t.is_alive()]:
            alive[0].join()
        ended = time.perf_counter()
        # It knows no pages: all events come at once.
        history = client.get_execution_history(executionArn=started["executionArn"])
        read = time.perf_counter()
    assert "nextToken" not in history
    assert history["events"][-1]["type"] == "ExecutionSucceeded"
    return Times(ended - began, read - began)


def print_memory(machine: StepFunctions, rounds: int) -> None:
    """Print what an execution holds at most, and how much of that is its history."""
    history: list[dict[str, Any]] = []
    machine.start_execution(counting_loop(1), {"n": 0})
    tracemalloc.start()
    machine.start_execution(counting_loop(rounds), {"n": 0}, on_event=history.append)
    held, peak = tracemalloc.get_traced_memory()
    events = len(history)
    history.clear()
    of_history = held - tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(
        f"memory at {events:,} events: at most {peak / 1e6:.1f} MB, of which the history is "
        f"{of_history / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
