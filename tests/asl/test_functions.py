"""What the functions of both languages do with arguments that are not the plain ones.

The values are those of executions recorded on AWS, or follow from them.
"""

from __future__ import annotations

from typing import Any

import pytest
from machines import jsonata, one

BEFORE = "An error occurred while executing the state 'Only' (entered at the event id #2). "


def intrinsic(call: str, data: Any = None) -> Any:
    execution = one({"Type": "Pass", "Parameters": {"v.$": call}}, data)
    assert execution.status == "SUCCEEDED", execution.cause
    return execution.output["v"]


def expression(text: str, data: Any = None) -> Any:
    execution = jsonata({"Type": "Pass", "Output": f"{{% {text} %}}"}, data)
    assert execution.status == "SUCCEEDED", execution.cause
    return execution.output


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("States.ArrayPartition(States.Array(1, 2, 3, 4, 5), 2.6)", [[1, 2], [3, 4], [5]]),
        ("States.ArrayRange(1.6, 1.4, 1)", [1]),
        ("States.ArrayRange(5.4, -0.6, -2.4)", [5, 3, 1]),
        ("States.ArrayGetItem(States.Array(10, 20), 1.9)", 20),
        ("States.MathAdd(1.4, -1.6)", -1),
        ("$range(1.4, 5.6, 2.2)", [1, 3, 5]),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$partition([1, 2, 3], 2.6)", [[1, 2], [3]]),
    ],
)
def test_a_fraction_is_cut_off_but_rounded_in_a_sum(call: str, value: Any) -> None:
    assert (expression if call.startswith("$") else intrinsic)(call) == value


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("States.MathRandom(1, 100, 42)", 63),
        ("States.MathRandom(1, 5, 42)", 3),
        ("States.MathRandom(1, 10, -10)", 1),
        ("$random(77)", 0.7240700207191966),
        ("$random(42)", 0.7275636800328681),
    ],
)
def test_a_seed_gives_the_number_that_it_gives_in_java(call: str, value: float) -> None:
    assert (expression if call.startswith("$") else intrinsic)(call) == value


@pytest.mark.parametrize(
    ("call", "data", "value"),
    [
        ("States.ArrayUnique($)", [True, False, True], [False, True]),
        ("States.ArrayUnique($)", [[1, 2], [1, 2], [2, 1]], [[2, 1], [1, 2]]),
        ("States.ArrayUnique($)", [None, None, 1], [None, 1]),
        ("States.ArrayUnique($)", [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [{"a": 1, "b": 2}]),
        ("States.ArrayContains($, 'true')", [True], True),
        ("States.ArrayContains($, 1)", ["1"], True),
        ("States.ArrayContains($, '01')", [1], False),
        ("States.ArrayGetItem($, 999)", [], None),
        ("States.StringToJson($)", "", None),
        ("States.StringToJson($)", "7", 7),
        ("States.Hash($, 'MD5')", 123, "202cb962ac59075b964b07152d234b70"),
        ("States.Base64Decode($)", " YWJj ZA== ", "abcd"),
        ("States.Base64Decode($)", "ab==cd", "i"),
        ("States.Format($)", "no braces", "no braces"),
        (r"States.Format('\{\}')", None, "{}"),
    ],
)
def test_odd_arguments_have_the_value_that_aws_gives(call: str, data: Any, value: Any) -> None:
    assert intrinsic(call, data) == value


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("States.ArrayPartition($, 0.49)", "Invalid arguments in States.ArrayPartition"),
        ("States.ArrayRange(1, 1001, 1)", "Invalid arguments in States.ArrayRange"),
        ("States.ArrayGetItem($, 3)", "Invalid arguments in States.ArrayGetItem"),
        ("States.MathAdd(2147483647, 1)", "Invalid arguments in States.MathAdd"),
        ("States.MathAdd(3000000000, -2999999999)", "Invalid arguments in States.MathAdd"),
        (
            "States.Format('Hello {', 1)",
            "Invalid template in States.Format: matching '}' not found for '{'.",
        ),
        (
            "States.Format('}')",
            "Invalid template in States.Format: matching '{' not found for '}'.",
        ),
    ],
)
def test_a_failing_call_is_told_as_a_whole_and_cannot_be_caught(call: str, reason: str) -> None:
    execution = one({"Type": "Pass", "Parameters": {"v.$": call}}, [1, 2, 3])

    assert execution.error == "States.Runtime"
    assert execution.cause == (
        f"{BEFORE}There was an error while evaluating the intrinsic function: {call}. {reason}"
    )


@pytest.mark.parametrize("number", [10**400, -(10**400)], ids=["above", "below"])
def test_a_number_beyond_all_others_fails_as_any_wrong_argument(number: int) -> None:
    execution = one({"Type": "Pass", "Parameters": {"v.$": "States.MathAdd($, 1)"}}, number)

    assert execution.error == "States.Runtime"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$partition([1], 0)", "returned nothing (undefined)."),
        ("$range(1, 5)", "returned nothing (undefined)."),
        ("$range(1, 9, 0)", "returned nothing (undefined)."),
        ("$parse()", "returned nothing (undefined)."),
        (
            "$partition([1], -1)",
            "threw an error during evaluation. D3137: Second argument must be zero or greater",
        ),
        (
            "$partition('x', 2)",
            'threw an error during evaluation. T0412: Argument 1 of function "partition" must be '
            "an array of undefined",
        ),
        (
            "$range('a', 5, 1)",
            'threw an error during evaluation. T0410: Argument 1 of function "range" does not '
            "match function signature",
        ),
        (
            "$uuid(1)",
            'threw an error during evaluation. T0410: Argument 1 of function "uuid" does not '
            "match function signature",
        ),
        (
            "$hash('data', 'CRC')",
            "threw an error during evaluation. D3137: Hash algorithm 'CRC' must be one of SHA-1, "
            "SHA-384, SHA-256, SHA-512, MD5",
        ),
        ("$parse('{')", "threw an error during evaluation. D3137: Invalid JSON"),
        (
            "$number('x')",
            'threw an error during evaluation. D3030: Unable to cast value to a number: "x"',
        ),
        (
            "$toMillis('x')",
            "threw an error during evaluation. D3110: The argument of the toMillis function must "
            'be an ISO 8601 formatted timestamp. Given "x"',
        ),
        (
            "$sum('a')",
            'threw an error during evaluation. T0412: Argument 1 of function "sum" must be an '
            'array of "numbers"',
        ),
        ("$foo()", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
    ],
)
def test_a_wrong_call_in_jsonata_is_told_as_jsonata_does(text: str, reason: str) -> None:
    execution = jsonata({"Type": "Pass", "Output": f"{{% {text} %}}"})

    assert execution.error == "States.QueryEvaluationError"
    assert execution.cause == (
        f"{BEFORE}The JSONata expression '{text}' specified for the field 'Output' {reason}"
    )


def test_a_range_of_one_number_is_that_number() -> None:
    assert expression("$range(1, 9, 9)") == 1


@pytest.mark.parametrize("text", ["$.['a']", "$.[?(@.a <= 1)]", "$['a']"])
def test_a_dot_may_stand_before_a_bracket(text: str) -> None:
    found = intrinsic(text, {"a": 1})

    assert found == ([{"a": 1}] if "?" in text else 1)
