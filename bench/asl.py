"""State machines here, their history kept in SQLite, beside moto's Step Functions.

The same documents in one run, each from its text to the end of one execution: reading the
document counts on both sides. The peer keeps its history in memory, and logs nothing.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import tempfile
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from otel_analytics.config import load_settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.local.step_functions import StepFunctions

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["main"]

RUNS = 5
PEER_PATIENCE_S = 300.0


def main() -> None:
    """Run every document in both, and print the transitions a second and their ratios."""
    print(f"{'document':<24}{'transitions':>12}{'here/s':>10}{'moto/s':>10}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as home:
        for name, (document, value, transitions) in documents().items():
            ours = [run_here(Path(home), document, value, transitions) for _ in range(RUNS)]
            peer = [run_in_moto(document, value) for _ in range(RUNS)]
            here = transitions / statistics.median(ours)
            moto = transitions / statistics.median(peer)
            print(f"{name:<24}{transitions:>12,}{here:>10,.0f}{moto:>10,.0f}{here / moto:>8.0f}")
        print_memory(Path(home))


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


def run_here(home: Path, document: dict[str, Any], value: Any, transitions: int) -> float:
    """Return the seconds of one execution, from its start until its history is kept."""
    settings = load_settings(environment={}, flags={"home": str(home)})
    with open_embedded_aws(settings) as aws:
        machine = StepFunctions(aws.athena, aws.executions, {})
        began = time.perf_counter()
        execution = machine.start_execution(document, value, state_machine="bench")
        seconds = time.perf_counter() - began
        assert execution["status"] == "SUCCEEDED", execution["cause"]
        assert aws.executions.transitions(execution["name"]) == transitions
    return seconds


def run_in_moto(document: dict[str, Any], value: Any) -> float:
    """Return the seconds of one execution in moto, from the document on."""
    logging.disable(logging.CRITICAL)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[variable] = "unused"
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        client = boto3.client("stepfunctions", region_name="us-east-1")
        began = time.perf_counter()
        arn = client.create_state_machine(
            name="bench",
            definition=json.dumps(document),
            roleArn="arn:aws:iam::123456789012:role/bench",
        )["stateMachineArn"]
        started = client.start_execution(stateMachineArn=arn, input=json.dumps(value))
        reference = {"executionArn": started["executionArn"]}
        while (status := client.describe_execution(**reference)["status"]) == "RUNNING":
            assert time.perf_counter() - began < PEER_PATIENCE_S, "moto did not come to an end"
            time.sleep(0.01)
        seconds = time.perf_counter() - began
    assert status == "SUCCEEDED", status
    return seconds


def print_memory(home: Path) -> None:
    """Print what an execution holds at its end, beside the size of its history."""
    document, value, transitions = documents()["1,000 Pass"]
    run_here(home, document, value, transitions)
    tracemalloc.start()
    run_here(home, document, value, transitions)
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"memory of 1,000 Pass: at most {peak / 1e6:.1f} MB, {left / 1e6:.1f} MB afterwards")


if __name__ == "__main__":
    main()
