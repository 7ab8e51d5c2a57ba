"""What each state type does."""

from __future__ import annotations

from typing import Any

import pytest
from machines import BEGIN, TASK, flow, jsonata, machine, one, run, types

from otel_analytics import asl
from otel_analytics.errors import InvalidDocument

PASS = {"Type": "Pass", "End": True}


def test_pass_hands_its_input_on() -> None:
    assert one({"Type": "Pass"}, {"a": 1}).output == {"a": 1}


@pytest.mark.parametrize("result", [None, 0, "", [], {"a": 1}])
def test_pass_gives_its_result_even_if_it_is_null(result: Any) -> None:
    assert one({"Type": "Pass", "Result": result}, {"in": 1}).output == result


def test_a_task_gets_its_arguments_and_its_result_is_the_output() -> None:
    seen = []

    def task(arguments: Any, context: asl.TaskContext) -> Any:
        seen.append((arguments, context.resource, context.state, context.retry_count))
        return {"rows": 3}

    execution = one(
        {"Type": "Task", "Resource": TASK, "Parameters": {"q.$": "$.query"}},
        {"query": "SELECT"},
        task,
    )

    assert execution.output == {"rows": 3}
    assert seen == [({"q": "SELECT"}, TASK, "Only", 0)]


def test_a_task_cannot_change_the_data_of_the_execution() -> None:
    def task(arguments: Any, _context: asl.TaskContext) -> Any:
        arguments["a"].append(2)
        return "done"

    execution = one({"Type": "Task", "Resource": TASK, "ResultPath": "$.r"}, {"a": [1]}, task)

    assert execution.output == {"a": [1], "r": "done"}


def test_tasks_are_found_by_name_before_pattern() -> None:
    document = machine({"T": {"Type": "Task", "Resource": TASK, "End": True}})
    tasks = {"arn:*": lambda *_: "pattern", TASK: lambda *_: "name"}

    assert asl.run(asl.parse(document), None, tasks).output == "name"


def test_a_machine_with_a_task_that_nothing_does_is_refused_before_it_begins() -> None:
    document = machine({"T": {"Type": "Task", "Resource": TASK, "End": True}})

    with pytest.raises(InvalidDocument, match=r"\$\.States\.T\.Resource.*give a task"):
        asl.run(asl.parse(document), None, {"arn:aws:lambda:*": lambda *_: None})


def choose(rule: dict[str, Any], value: Any) -> str:
    document = machine(
        {
            "C": {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"},
            "Yes": {"Type": "Pass", "Result": "yes", "End": True},
            "No": {"Type": "Pass", "Result": "no", "End": True},
        }
    )
    return str(run(document, value).output)


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ({"Variable": "$.s", "StringEquals": "b"}, "yes"),
        ({"Variable": "$.s", "StringLessThan": "b"}, "no"),
        ({"Variable": "$.s", "StringMatches": "*"}, "yes"),
        ({"Variable": "$.star", "StringMatches": "a\\**"}, "yes"),
        ({"Variable": "$.s", "StringMatches": "\\*"}, "no"),
        ({"Variable": "$.n", "NumericGreaterThanEquals": 2}, "yes"),
        ({"Variable": "$.n", "NumericEqualsPath": "$.m"}, "yes"),
        ({"Variable": "$.s", "NumericEquals": 2}, "no"),
        ({"Variable": "$.b", "BooleanEquals": False}, "yes"),
        ({"Variable": "$.b", "NumericEquals": 0}, "no"),
        ({"Variable": "$.t", "TimestampEquals": "2020-01-01T01:00:00+01:00"}, "yes"),
        ({"Variable": "$.t", "TimestampLessThan": "2020-01-01T00:00:00Z"}, "no"),
        ({"Variable": "$.t", "IsTimestamp": True}, "yes"),
        ({"Variable": "$.none", "IsPresent": False}, "yes"),
        ({"Variable": "$.null", "IsNull": True}, "yes"),
        ({"Not": {"Variable": "$.s", "IsString": True}}, "no"),
        (
            {
                "And": [
                    {"Variable": "$.s", "IsString": True},
                    {"Variable": "$.n", "IsNumeric": True},
                ]
            },
            "yes",
        ),
        (
            {"Or": [{"Variable": "$.s", "IsNull": True}, {"Variable": "$.b", "IsBoolean": True}]},
            "yes",
        ),
    ],
)
def test_a_comparison_holds_or_not(rule: dict[str, Any], answer: str) -> None:
    value = {
        "s": "b",
        "star": "a*c",
        "n": 2,
        "m": 2.0,
        "b": False,
        "null": None,
        "t": "2020-01-01T00:00:00Z",
    }

    assert choose(rule, value) == answer


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("log-*.txt", "log-.txt", "log-.txt.gz"),
        ("*.log", "a.log.log", "a.log.gz"),
        ("a*a", "aa", "a"),
        ("*b*b*", "abab", "ab"),
        ("foo*bar*baz", "foobarbarbaz", "foobazbar"),
        ("plain", "plain", "plainer"),
        ("a\\\\*", "a\\b", "ab"),
        ("", "", "x"),
    ],
)
def test_a_star_stands_for_any_text(pattern: str, matching: str, other: str) -> None:
    rule = {"Variable": "$", "StringMatches": pattern}

    assert choose(rule, matching) == "yes"
    assert choose(rule, other) == "no"


def test_many_stars_are_matched_at_once() -> None:
    rule = {"Variable": "$", "StringMatches": "*a" * 50 + "b"}

    assert choose(rule, "a" * 5_000) == "no"


def test_and_looks_no_further_than_the_first_that_does_not_hold() -> None:
    rule = {
        "And": [
            {"Variable": "$.absent", "IsPresent": True},
            {"Variable": "$.absent", "StringEquals": "x"},
        ]
    }

    assert choose(rule, {}) == "no"


def test_a_comparison_with_what_is_not_there_fails_the_execution() -> None:
    document = machine(
        {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "P"}]},
            "P": PASS,
        }
    )

    assert run(document, {}).error == "States.Runtime"


def test_a_choice_without_a_match_and_without_default_fails() -> None:
    document = machine(
        {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "P"}]},
            "P": PASS,
        }
    )

    execution = run(document, 1)

    assert execution.error == "States.Runtime"
    assert (execution.cause or "").endswith("The state does not point to a next state.")


def test_a_jsonata_choice_assigns_by_rule_or_by_default() -> None:
    document = machine(
        {
            "C": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $type($states.input.names) != 'array' %}",
                        "Assign": {"problem": "names must be a list"},
                        "Next": "P",
                    },
                    {
                        "Condition": "{% $count($states.input.names) = 0 %}",
                        "Output": "none",
                        "Next": "P",
                    },
                ],
                "Default": "P",
                "Assign": {"problem": "no problem"},
            },
            "P": {"Type": "Pass", "Output": "{% [$states.input, $problem] %}", "End": True},
        },
        language="JSONata",
    )

    assert run(document, {"names": 3}).output == [{"names": 3}, "names must be a list"]
    assert run(document, {"names": ["a"]}).output == [{"names": ["a"]}, "no problem"]
    assert run(document, {"names": []}).error is None


def test_a_condition_that_is_no_boolean_fails_the_evaluation() -> None:
    document = machine(
        {"C": {"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "P"}]}, "P": PASS},
        language="JSONata",
    )

    execution = run(document)

    assert execution.error == "States.QueryEvaluationError"
    assert "Expected 'boolean', but was 'number' for value: 1" in (execution.cause or "")


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"Seconds": 90}, 90),
        ({"SecondsPath": "$.s"}, 30),
        ({"Timestamp": "2001-09-09T01:47:40Z"}, 60),
        ({"Timestamp": "2001-09-09T02:47:40.5+01:00"}, 60.5),
        ({"TimestampPath": "$.t"}, 10),
        ({"Timestamp": "2000-01-01T00:00:00Z"}, 0),
    ],
)
def test_wait_waits_on_the_clock_of_the_execution(fields: dict[str, Any], seconds: float) -> None:
    execution = one({"Type": "Wait", **fields}, {"s": 30, "t": "2001-09-09T01:46:50Z"})

    assert execution.stop == BEGIN + seconds
    assert execution.output == {"s": 30, "t": "2001-09-09T01:46:50Z"}


def test_a_jsonata_wait_computes_its_seconds() -> None:
    assert jsonata({"Type": "Wait", "Seconds": "{% $states.input * 2 %}"}, 4).stop == BEGIN + 8


@pytest.mark.parametrize("seconds", ["'x'", "-1", "1.5", "true"])
def test_seconds_that_are_no_whole_number_fail_the_evaluation(seconds: str) -> None:
    execution = jsonata({"Type": "Wait", "Seconds": f"{{% {seconds} %}}"})

    assert execution.error == "States.QueryEvaluationError"


def test_succeed_ends_the_execution() -> None:
    execution = run(machine({"S": {"Type": "Succeed", "OutputPath": "$.a"}}), {"a": 1})

    assert (execution.status, execution.output) == ("SUCCEEDED", 1)


def test_fail_fails_with_its_error_and_cause() -> None:
    execution = run(machine({"F": {"Type": "Fail", "Error": "Mine", "Cause": "so it is"}}))

    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Mine", "so it is")
    assert types(execution) == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]


def test_fail_computes_its_texts_with_jsonata() -> None:
    document = machine(
        {
            "F": {
                "Type": "Fail",
                "Error": "{% $states.input.e %}",
                "Cause": "{% 'no ' & $states.input.e %}",
            }
        },
        language="JSONata",
    )

    execution = run(document, {"e": "InvalidInput"})

    assert (execution.error, execution.cause) == ("InvalidInput", "no InvalidInput")


def test_parallel_gives_its_branches_results_in_their_order() -> None:
    branches = [flow({f"B{i}": {"Type": "Pass", "Result": i, "End": True}}) for i in range(3)]

    assert one({"Type": "Parallel", "Branches": branches}, "in").output == [0, 1, 2]


def test_map_gives_the_results_in_the_order_of_the_items() -> None:
    processor = flow({"W": {"Type": "Wait", "SecondsPath": "$", "End": True}})

    execution = one({"Type": "Map", "ItemProcessor": processor}, [3, 1, 2])

    assert execution.output == [3, 1, 2]
    assert execution.stop == BEGIN + 3


def test_map_runs_no_more_iterations_at_once_than_it_may() -> None:
    processor = flow({"W": {"Type": "Wait", "Seconds": 10, "End": True}})

    one_by_one = one({"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 1}, [1, 2, 3])
    two = one({"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 2}, [1, 2, 3])
    unlimited = one({"Type": "Map", "ItemProcessor": processor}, list(range(41)))

    assert one_by_one.stop == BEGIN + 30
    assert two.stop == BEGIN + 20
    assert unlimited.stop == BEGIN + 20, "AWS runs 40 at most"


def test_a_map_over_nothing_gives_nothing() -> None:
    execution = one({"Type": "Map", "ItemProcessor": flow({"P": PASS})}, [])

    assert execution.output == []
    assert types(execution)[2:5] == ["MapStateStarted", "MapStateSucceeded", "MapStateExited"]


def test_the_legacy_names_of_map_still_work() -> None:
    execution = one(
        {
            "Type": "Map",
            "ItemsPath": "$.names",
            "Parameters": {
                "name.$": "$$.Map.Item.Value",
                "at.$": "$$.Map.Item.Index",
                "base.$": "$.base",
            },
            "Iterator": flow({"P": PASS}),
        },
        {"names": ["a", "b"], "base": "s3://x"},
    )

    assert execution.output == [
        {"name": "a", "at": 0, "base": "s3://x"},
        {"name": "b", "at": 1, "base": "s3://x"},
    ]


def test_a_jsonata_map_selects_its_items() -> None:
    execution = jsonata(
        {
            "Type": "Map",
            "Items": "{% $states.input.names %}",
            "ItemSelector": {
                "name": "{% $states.context.Map.Item.Value %}",
                "base": "{% $states.input.base %}",
            },
            "ItemProcessor": flow(
                {"P": {"Type": "Pass", "Output": "{% $states.input %}", "End": True}}
            ),
            "Output": "{% $count($states.result) %}",
        },
        {"names": ["a", "b"], "base": 7},
    )

    assert execution.output == 2
    selected = [e for e in execution.history if e["type"] == "PassStateEntered"]
    assert selected[0]["stateEnteredEventDetails"]["input"] == '{"name":"a","base":7}'


def test_the_item_of_the_map_is_seen_below_a_parallel() -> None:
    branch = flow({"P": {"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index"}, "End": True}})
    processor = flow({"B": {"Type": "Parallel", "Branches": [branch], "End": True}})

    assert one({"Type": "Map", "ItemProcessor": processor}, ["x", "y"]).output == [
        [{"i": 0}],
        [{"i": 1}],
    ]


def test_variables_of_a_branch_end_with_it() -> None:
    document = machine(
        {
            "Outer": {"Type": "Pass", "Assign": {"a": 1}, "Next": "Both"},
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    flow(
                        {
                            "Set": {"Type": "Pass", "Assign": {"b": "{% $a + 1 %}"}, "Next": "Get"},
                            "Get": {"Type": "Pass", "Output": "{% [$a, $b] %}", "End": True},
                        }
                    )
                ],
                "Next": "After",
            },
            "After": {"Type": "Pass", "Output": "{% [$a, $exists($b)] %}", "End": True},
        },
        language="JSONata",
    )

    assert run(document).output == [1, False]


def test_assign_sees_the_variables_as_they_were_before() -> None:
    document = machine(
        {
            "A": {"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "B"},
            "B": {"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"}, "Next": "C"},
            "C": {"Type": "Pass", "Output": "{% [$x, $y] %}", "End": True},
        },
        language="JSONata",
    )

    assert run(document).output == [2, 1]
