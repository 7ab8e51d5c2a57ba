"""Executions inside executions, each of them recorded in the home."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl
from otel_analytics.errors import InvalidDocument, InvalidName
from otel_analytics.local.step_functions import StepFunctions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.conftest import Account

START = "arn:aws:states:::states:startExecution"
LAMBDA = "arn:aws:lambda:local:000000000000:function"


def task(resource: str, arguments: Any, **fields: Any) -> dict[str, Any]:
    ending = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, **ending, **fields}


def document(*states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    named = {f"S{number}": state for number, state in enumerate(states)}
    return {"QueryLanguage": "JSONata", "StartAt": "S0", "States": named, **fields}


def start(mode: str = ".sync:2", machine: str = "child", **arguments: Any) -> dict[str, Any]:
    return task(START + mode, {"StateMachineArn": machine, **arguments})


DOUBLE = document({"Type": "Pass", "Output": {"n": "{% $states.input.n * 2 %}"}, "End": True})
WAIT = document({"Type": "Wait", "Seconds": 60, "End": True})


def step_functions(
    account: Account, machines: Mapping[str, dict[str, Any]], **options: Any
) -> StepFunctions:
    parsed = {name: asl.parse(one) for name, one in machines.items()}
    functions = options.pop("functions", {})
    return StepFunctions(account.athena, account.executions, functions, parsed, **options)


def statuses(account: Account) -> dict[str, str]:
    return {one["name"]: one["status"] for one in account.executions.list_executions()}


def test_a_nested_execution_is_one_of_its_own_with_history_and_definition(
    account: Account,
) -> None:
    machine = step_functions(account, {"child": DOUBLE})
    parent = machine.start_execution(
        document(start(Input={"n": 21}, Name="two")), {}, name="one", state_machine="parent"
    )
    assert parent["status"] == "SUCCEEDED"
    told = json.loads(parent["output"])
    assert (told["Output"], told["Status"]) == ({"n": 42}, "SUCCEEDED")
    child = account.executions.describe_execution(told["ExecutionArn"])
    assert child["executionArn"] == "arn:aws:states:local:000000000000:execution:child:two"
    assert (child["input"], child["output"]) == ('{"n":21}', '{"n":42}')
    assert account.executions.definition("two") == DOUBLE
    types = [event["type"] for event in account.executions.get_execution_history("two")]
    assert types == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert statuses(account) == {"one": "SUCCEEDED", "two": "SUCCEEDED"}


def test_nested_executions_use_athena_and_the_functions_and_nest_further(account: Account) -> None:
    query = "arn:aws:states:::athena:startQueryExecution.sync"
    machines = {
        "middle": document(start(machine="child", Input="{% $states.input %}", Name="inner")),
        "child": document(
            task(query, {"QueryString": "SELECT 1 AS n"}, Next="S1"),
            task(f"{LAMBDA}:double", {"n": 4}),
        ),
    }
    machine = step_functions(account, machines, functions={"double": lambda event: event["n"] * 2})
    outer = document(start(machine="middle", Name="middle"))
    output = json.loads(machine.start_execution(outer, {}, name="outer")["output"])
    assert output["Output"]["Output"] == 8
    assert set(statuses(account)) == {"outer", "middle", "inner"}


def test_an_execution_for_which_no_state_waits_has_ended_when_the_start_returns(
    account: Account,
) -> None:
    told = threading.Event()
    # the child ends only after the parent has
    functions = {"late": lambda _event: told.wait(30)}
    machine = step_functions(
        account, {"child": document(task(f"{LAMBDA}:late", {}))}, functions=functions
    )

    def tell(event: dict[str, Any]) -> None:
        if event["type"] == "ExecutionSucceeded":
            told.set()

    parent = machine.start_execution(document(start("", Name="two")), {}, name="one", on_event=tell)
    assert "Output" not in json.loads(parent["output"])
    assert account.executions.describe_execution("two")["output"] == "true"


def test_a_nested_execution_that_fails_fails_its_state_and_is_redriven_by_its_own_name(
    account: Account,
) -> None:
    broken = True

    def function(_event: Any) -> str:
        if broken:
            raise LookupError("not yet")
        return "mended"

    child = document(task(f"{LAMBDA}:f", {}))
    machine = step_functions(account, {"child": child}, functions={"f": function})
    parent = machine.start_execution(document(start(Name="two")), {}, name="one")
    assert parent["error"] == "States.TaskFailed"
    assert json.loads(parent["cause"])["Error"] == "LookupError"
    assert statuses(account) == {"one": "FAILED", "two": "FAILED"}
    broken = False
    assert machine.redrive_execution("two")["output"] == '"mended"'


def test_a_redrive_starts_the_nested_execution_anew(account: Account) -> None:
    runs: list[int] = []

    def function(_event: Any) -> int:
        runs.append(1)
        if len(runs) == 1:
            raise LookupError("not yet")
        return len(runs)

    child = document(task(f"{LAMBDA}:f", {}))
    machine = step_functions(account, {"child": child}, functions={"f": function})
    machine.start_execution(document(start()), {}, name="one")
    parent = machine.redrive_execution("one")
    assert json.loads(parent["output"])["Output"] == 2
    assert sorted(statuses(account).values()) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]


def test_a_name_that_is_taken_in_the_home_or_not_allowed_fails_the_state(account: Account) -> None:
    machine = step_functions(account, {"child": DOUBLE})
    machine.start_execution(DOUBLE, {"n": 1}, name="taken")
    for mode in ("", ".sync"):
        taken = machine.start_execution(document(start(mode, Name="taken")), {})
        assert taken["error"] == "StepFunctions.ExecutionAlreadyExistsException"
        assert "choose another name" in taken["cause"]
    wrong = machine.start_execution(document(start(Name="not allowed!")), {})
    assert wrong["error"] == "StepFunctions.InvalidNameException"
    assert len(statuses(account)) == 4


def test_what_a_nested_machine_lacks_is_refused_before_anything_runs(account: Account) -> None:
    machine = step_functions(
        account, {"child": document(task("arn:aws:states:::sqs:sendMessage", {}))}
    )
    with pytest.raises(InvalidDocument, match=r"state machine child: .*nothing here does"):
        machine.start_execution(document(start("")), {})
    with pytest.raises(InvalidName):
        step_functions(account, {}).start_execution(DOUBLE, {}, name="not allowed!")
    assert statuses(account) == {}


def test_a_state_that_times_out_stops_its_nested_execution(account: Account) -> None:
    machine = step_functions(account, {"child": WAIT})
    timed = {**start(Name="two"), "TimeoutSeconds": 1}
    parent = machine.start_execution(document(timed), {}, name="one")
    assert parent["error"] == "States.Timeout"
    child = account.executions.describe_execution("two")
    assert child["status"] == "ABORTED"
    assert ":execution:otel-analytics-pipeline:one]" in child["cause"]


def test_an_interrupt_is_recorded_in_all_executions(account: Account) -> None:
    def interrupt(event: dict[str, Any]) -> None:
        if event["type"] == "ParallelStateExited":
            raise KeyboardInterrupt

    both = [document(start("", Name=name)) for name in ("two", "three")]
    for branch in both:
        del branch["QueryLanguage"]
    parallel = {"Type": "Parallel", "Branches": both, "End": True}
    machine = step_functions(account, {"child": WAIT})
    with pytest.raises(KeyboardInterrupt):
        machine.start_execution(document(parallel), {}, name="one", on_event=interrupt)
    assert statuses(account) == {"one": "ABORTED", "two": "ABORTED", "three": "ABORTED"}


def test_what_one_execution_skips_is_no_time_of_another(account: Account) -> None:
    waited = threading.Event()

    def work(_event: Any) -> bool:
        return waited.wait(30)

    def tell(_event: Any) -> bool:
        waited.set()
        return True

    machines = {
        "waits": document({"Type": "Wait", "Seconds": 86_400, "Next": "S1"},
                          task(f"{LAMBDA}:tell", {})),
        "works": document({**task(f"{LAMBDA}:work", {}), "TimeoutSeconds": 60}),
    }  # fmt: skip
    branches = [document(start(machine=name, Name=name)) for name in machines]
    for branch in branches:
        del branch["QueryLanguage"]
    machine = step_functions(
        account, machines, functions={"work": work, "tell": tell}, clock=asl.SkippingClock()
    )
    parallel = {"Type": "Parallel", "Branches": branches, "End": True}
    machine.start_execution(document(parallel), {}, name="one")
    assert statuses(account) == {"one": "SUCCEEDED", "waits": "SUCCEEDED", "works": "SUCCEEDED"}


def test_a_map_starts_as_many_executions_as_it_has_items(account: Account) -> None:
    item = start(machine="child", Input={"n": "{% $states.input %}"},
                 Name="{% 'item-' & $states.input %}")  # fmt: skip
    flow = document({**item, "Output": "{% $states.result.Output.n %}"})
    del flow["QueryLanguage"]
    each = {"Type": "Map", "ItemProcessor": flow, "End": True}
    machine = step_functions(account, {"child": DOUBLE})
    execution = machine.start_execution(document(each), list(range(100)), name="all")
    assert json.loads(execution["output"]) == [2 * n for n in range(100)]
    assert len(statuses(account)) == 101
