"""How data comes into a state and out of it."""

from __future__ import annotations

from typing import Any

import pytest
from machines import TASK, jsonata, machine, one, run, types

INPUT = {"a": 1, "b": {"c": [10, 20]}}


def result(_arguments: Any, _context: Any) -> Any:
    return {"x": 5, "y": 6}


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"InputPath": "$.b"}, {"c": [10, 20]}),
        ({"InputPath": None}, {}),
        ({"OutputPath": "$.b.c[1]"}, 20),
        ({"OutputPath": None}, {}),
        ({"Parameters": {"k": {"v.$": "$.b.c[0]"}, "l": 1}}, {"k": {"v": 10}, "l": 1}),
        ({"InputPath": "$.b", "Parameters": {"v.$": "$.c"}}, {"v": [10, 20]}),
        ({"Result": 7, "ResultPath": "$.a"}, {"a": 7, "b": {"c": [10, 20]}}),
        ({"Result": 7, "ResultPath": "$.b.d.e"}, {"a": 1, "b": {"c": [10, 20], "d": {"e": 7}}}),
        ({"Result": 7, "ResultPath": "$.b.c[1]"}, {"a": 1, "b": {"c": [10, 7]}}),
        ({"Result": 7, "ResultPath": "$"}, 7),
        ({"Result": 7, "ResultPath": None}, INPUT),
        ({"InputPath": "$.a", "ResultPath": "$.r"}, {**INPUT, "r": 1}),
    ],
)
def test_pass_moves_data(fields: dict[str, Any], output: Any) -> None:
    assert one({"Type": "Pass", **fields}, INPUT).output == output


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, {"x": 5, "y": 6}),
        ({"ResultSelector": {"z.$": "$.y"}}, {"z": 6}),
        ({"ResultSelector": {"z.$": "$.y"}, "ResultPath": "$.r"}, {**INPUT, "r": {"z": 6}}),
        ({"ResultPath": "$.r", "OutputPath": "$.r.x"}, 5),
        ({"ResultPath": None}, INPUT),
    ],
)
def test_a_task_puts_its_result_where_it_should(fields: dict[str, Any], output: Any) -> None:
    assert one({"Type": "Task", "Resource": TASK, **fields}, INPUT, result).output == output


def test_a_result_path_through_something_else_than_an_object_fails() -> None:
    execution = one({"Type": "Pass", "Result": 7, "ResultPath": "$.a.b"}, INPUT)

    assert execution.error == "States.ResultPathMatchFailure"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"InputPath": "$.none"}, "Invalid path '$.none' : No results for path: $['none']"),
        ({"Parameters": {"v.$": "$.none"}}, "The JSONPath '$.none' specified for the field 'v.$'"),
        ({"Parameters": {"v.$": "$nothing"}}, "The JSONPath '$nothing' specified for the field"),
    ],
)
def test_a_path_to_nothing_says_which_state_and_field(fields: dict[str, Any], said: str) -> None:
    execution = one({"Type": "Pass", **fields}, INPUT)

    assert execution.error == "States.Runtime"
    assert execution.cause is not None
    assert execution.cause.startswith(
        f"An error occurred while executing the state 'Only' (entered at the event id #2). {said}"
    )


def test_the_context_object_names_execution_machine_and_state() -> None:
    execution = one({"Type": "Pass", "Parameters": {"c.$": "$$"}}, {"a": 1})

    assert execution.output["c"] == {
        "Execution": {
            "Id": "arn:aws:states:us-east-1:000000000000:execution:state-machine:execution",
            "Input": {"a": 1},
            "Name": "execution",
            "RoleArn": "arn:aws:iam::000000000000:role/state-machine",
            "StartTime": "2001-09-09T01:46:40.000Z",
            "RedriveCount": 0,
        },
        "StateMachine": {
            "Id": "arn:aws:states:us-east-1:000000000000:stateMachine:state-machine",
            "Name": "state-machine",
        },
        "State": {"Name": "Only", "EnteredTime": "2001-09-09T01:46:40.000Z"},
    }


def test_jsonata_reads_input_result_and_context() -> None:
    execution = jsonata(
        {
            "Type": "Task",
            "Resource": TASK,
            "Arguments": {"q": "{% $states.input.a + 1 %}", "text": "plain"},
            "Output": {
                "sum": "{% $states.result.x + $states.input.a %}",
                "began": "{% $states.context.Execution.StartTime %}",
                "list": ["{% $states.result.y %}", 1],
            },
        },
        INPUT,
        result,
    )

    assert execution.output == {"sum": 6, "began": "2001-09-09T01:46:40.000Z", "list": [6, 1]}
    scheduled = next(e for e in execution.history if e["type"] == "TaskScheduled")
    details = scheduled["taskScheduledEventDetails"]
    assert details["parameters"] == '{"q":2,"text":"plain"}'


def test_without_output_a_jsonata_task_gives_its_result_and_a_pass_its_input() -> None:
    task = jsonata({"Type": "Task", "Resource": TASK}, INPUT, result)

    assert task.output == {"x": 5, "y": 6}
    assert jsonata({"Type": "Pass"}, INPUT).output == INPUT


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_null_and_empty_values_are_values(value: Any) -> None:
    template = {"v": "{% $states.input.v %}"}

    assert jsonata({"Type": "Pass", "Output": template}, {"v": value}).output == {"v": value}
    assert one({"Type": "Pass", "Parameters": {"v.$": "$.v"}}, {"v": value}).output == {"v": value}


def test_a_variable_that_is_null_is_not_undefined() -> None:
    document = machine(
        {
            "A": {"Type": "Pass", "Assign": {"n": None}, "Next": "B"},
            "B": {"Type": "Pass", "Output": {"n": "{% $n %}"}, "End": True},
        },
        language="JSONata",
    )

    assert run(document).output == {"n": None}


def test_undefined_fails_the_evaluation_and_says_where() -> None:
    execution = jsonata({"Type": "Pass", "Output": {"a": [1, "{% $states.input.none %}"]}}, INPUT)

    assert execution.error == "States.QueryEvaluationError"
    assert execution.cause == (
        "An error occurred while executing the state 'Only' (entered at the event id #2). The "
        "JSONata expression '$states.input.none' specified for the field 'Output/a[1]' returned "
        "nothing (undefined)."
    )
    assert types(execution)[2] == "EvaluationFailed"
    assert execution.history[2]["evaluationFailedEventDetails"]["location"] == "Output/a[1]"


def test_only_a_whole_text_in_braces_is_an_expression() -> None:
    template = {"a": " {% 1 %}", "b": "{% 1", "c": "{%1%}"}

    assert jsonata({"Type": "Pass", "Output": template}).output == {
        "a": " {% 1 %}",
        "b": "{% 1",
        "c": 1,
    }


def test_jsonpath_and_jsonata_states_share_variables() -> None:
    document = machine(
        {
            "A": {"Type": "Pass", "Assign": {"v.$": "$.b.c"}, "Next": "B"},
            "B": {
                "Type": "Pass",
                "QueryLanguage": "JSONata",
                "Assign": {"w": "{% $sum($v) %}"},
                "Next": "C",
            },
            "C": {"Type": "Pass", "Parameters": {"w.$": "$w", "first.$": "$v[0]"}, "End": True},
        }
    )

    assert run(document, INPUT).output == {"w": 30, "first": 10}


def test_a_payload_above_256_kib_fails_the_state() -> None:
    state = {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}}

    assert one(state, "x" * 100_000).status == "SUCCEEDED"
    assert one(state, "x" * 140_000).error == "States.DataLimitExceeded"
