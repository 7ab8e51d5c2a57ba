"""JSONPath, intrinsic functions and JSONata, expression by expression."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from machines import jsonata, one

STORE = {
    "book": [
        {"title": "A", "price": 5, "isbn": "1"},
        {"title": "B", "price": 12.5},
        {"title": "C", "price": 20, "isbn": "3"},
    ],
    "odd name": {"it's": 1, "a.b": 2},
    "max": 12.5,
}


def path(text: str, value: Any = STORE) -> Any:
    execution = one({"Type": "Pass", "Parameters": {"v.$": text}}, value)
    assert execution.status == "SUCCEEDED", execution.cause
    return execution.output["v"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$.max", 12.5),
        ("$['max']", 12.5),
        ("$.book[0].title", "A"),
        ("$.book[-1].title", "C"),
        ("$.book[*].title", ["A", "B", "C"]),
        ("$.book[:2].price", [5, 12.5]),
        ("$.book[1:].price", [12.5, 20]),
        ("$.book[::2].title", ["A", "C"]),
        ("$.book[0,2].title", ["A", "C"]),
        ("$.book[-2:].title", ["B", "C"]),
        ("$..price", [5, 12.5, 20]),
        ("$..book[0].title", ["A"]),
        ("$['odd name']['a.b']", 2),
        ('$["odd name"]["it\'s"]', 1),
        ("$.book[0]['title','price']", [{"title": "A", "price": 5}]),
        ("$.book[?(@.price > 10)].title", ["B", "C"]),
        ("$.book[?(@.isbn)].title", ["A", "C"]),
        ("$.book[?(!@.isbn)].title", ["B"]),
        ("$.book[?(@.price == $.max)].title", ["B"]),
        ("$.book[?(@.price < 6 || @.title == 'C')].title", ["A", "C"]),
        ("$.book[?(@.isbn && @.price >= 20)].title", ["C"]),
        ("$.book[?((@.price < 6) || (@.price > 19))].title", ["A", "C"]),
        ("$.book[?(@.title =~ /[ab]/i)].title", ["A", "B"]),
        ("$.book[?(@['title'] != 'A')].price", [12.5, 20]),
        ("$.book[?(@.title > 3)].title", []),
        ("$.nothing[*].x", []),
    ],
)
def test_a_path_finds_what_it_names(text: str, found: Any) -> None:
    assert path(text) == found


@pytest.mark.parametrize(
    "text", ["$.nothing", "$.book[7].title", "$.nothing[0]", "$.max.deeper", "$$.Nothing"]
)
def test_a_definite_path_to_nothing_fails(text: str) -> None:
    assert one({"Type": "Pass", "Parameters": {"v.$": text}}, STORE).error == "States.Runtime"


def test_an_index_past_the_end_is_null_in_a_template_but_fails_in_a_function() -> None:
    assert path("$.book[7]") is None

    execution = one({"Type": "Pass", "Parameters": {"v.$": "States.Array($[7])"}}, [1])
    assert execution.error == "States.Runtime"
    assert execution.cause == (
        "An error occurred while executing the state 'Only' (entered at the event id #2). The "
        "function 'States.Array($[7])' had the following error: The JsonPath argument for the "
        "field '$[7]' could not be found in the input '[1]'"
    )


def test_a_failing_function_inside_another_is_told_as_the_whole() -> None:
    call = "States.Format('{}', States.MathAdd('x', 1))"

    execution = one({"Type": "Pass", "Parameters": {"v.$": call}}, 1)

    assert f"while evaluating the intrinsic function: {call}." in (execution.cause or "")


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("States.Format('{}-{}', 'a', $.n)", "a-3"),
        (r"States.Format('\{\} it\'s {}', $.b)", "{} it's true"),
        ("States.Format('{}', $.o)", "{k=[1, x], z=null}"),
        ("States.StringToJson('{\"a\": [1]}')", {"a": [1]}),
        ("States.JsonToString($.o)", '{"k":[1,"x"],"z":null}'),
        ("States.Array()", []),
        ("States.Array(1, 'two', $.n, null, true, -1.5)", [1, "two", 3, None, True, -1.5]),
        ("States.ArrayPartition($.l, 2)", [[1, 2], [2, 3]]),
        ("States.ArrayContains($.l, 2.5)", False),
        ("States.ArrayContains($.l, 3)", True),
        ("States.ArrayRange(1, 9, 4)", [1, 5, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayGetItem($.l, 3)", 3),
        ("States.ArrayLength($.l)", 4),
        ("States.ArrayUnique($.l)", [1, 2, 3]),
        ("States.ArrayUnique(States.Array(1, true, '1', 1))", [1, "1", True]),
        ("States.Base64Encode('Hi')", "SGk="),
        ("States.Base64Decode('SGk=')", "Hi"),
        ("States.Hash('abc', 'MD5')", "900150983cd24fb0d6963f7d28e17f72"),
        ("States.Hash('abc', 'SHA-1')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("States.JsonMerge($.o, $.p, false)", {"k": 2, "z": None}),
        ("States.MathAdd(2, -5)", -3),
        ("States.MathAdd(1.5, -1.5)", 1),  # 2 and -1: half goes up
        ("States.StringSplit('a-b_c--d', '-_')", ["a", "b", "c", "d"]),
        ("States.StringSplit('a.b', '.')", ["a", "b"]),
        ("States.ArrayGetItem(States.StringSplit('x-y', '-'), States.MathAdd(0, 1))", "y"),
        ("States.ArrayLength($.many[?(@.id == 1)])", 2),
    ],
)
def test_an_intrinsic_function_gives_its_value(call: str, value: Any) -> None:
    data = {
        "n": 3,
        "b": True,
        "o": {"k": [1, "x"], "z": None},
        "p": {"k": 2},
        "l": [1, 2, 2, 3],
        "many": [{"id": 1}, {"id": 2}, {"id": 1}],
    }

    assert path(call, data) == value


@pytest.mark.parametrize(
    "call",
    [
        "States.Format('{} {}', 1)",
        "States.Format('{}', 1, 2)",
        "States.StringToJson('{')",
        "States.ArrayGetItem(States.Array(1), 1)",
        "States.ArrayPartition(States.Array(1), 0)",
        "States.ArrayRange(0, 5000, 1)",
        "States.ArrayRange(0, 5, 0)",
        "States.ArrayLength('x')",
        "States.Hash('x', 'CRC')",
        "States.JsonMerge($, $, true)",
        "States.MathAdd('1', 2)",
        "States.MathRandom(5, 5)",
        "States.StringSplit(1, 2)",
    ],
)
def test_a_wrong_argument_fails_the_state_past_catching(call: str) -> None:
    execution = one({"Type": "Pass", "Parameters": {"v.$": call}}, {})

    assert execution.error == "States.Runtime"
    assert execution.cause is not None
    assert call in execution.cause


def test_chance_is_the_one_that_is_given() -> None:
    state = {
        "Type": "Pass",
        "Parameters": {"u.$": "States.UUID()", "n.$": "States.MathRandom(0, 1000000)"},
    }
    expressions = {"Type": "Pass", "Output": "{% [$uuid(), $random()] %}"}

    for run_state, fields in ((one, state), (jsonata, expressions)):
        first = run_state(fields, random=Random(7)).output
        assert run_state(fields, random=Random(7)).output == first
        assert run_state(fields, random=Random(8)).output != first


def test_a_seeded_math_random_is_always_the_same() -> None:
    assert path("States.MathRandom(0, 1000000, 4)") == path("States.MathRandom(0, 1000000, 4)")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$states.input.list[n > 1].n", [2, 3]),
        ("$states.input.list[n = 2]", {"n": 2}),
        ("$sum($states.input.list.n)", 6),
        ("10 / 4", 2.5),
        ("10 / 5", 2),
        ("[1..3]", [1, 2, 3]),
        ("$partition([1,2,3], 2)", [[1, 2], [3]]),
        ("$range(1, 7, 3)", [1, 4, 7]),
        ("$hash('abc', 'MD5')", "900150983cd24fb0d6963f7d28e17f72"),
        ("$parse('{\"a\": null}')", {"a": None}),
        ("$now()", "2001-09-09T01:46:40.000Z"),
        ("$millis()", 1_000_000_000_000),
        ("$random(3) = $random(3)", True),
        ("$replace($lowercase('The-Shop.kr'), /[^a-z0-9]/, '_')", "the_shop_kr"),
        ("($f := function($x) { $x <= 1 ? 1 : $x * $f($x - 1) }; $f(5))", 120),
        ("$states.input.nothing = null", True),
    ],
)
def test_a_jsonata_expression_gives_its_value(expression: str, value: Any) -> None:
    data = {"list": [{"n": 1}, {"n": 2}, {"n": 3}], "nothing": None}

    output = jsonata({"Type": "Pass", "Output": f"{{% {expression} %}}"}, data).output

    assert output == value
    assert type(output) is type(value)


@pytest.mark.parametrize(
    "expression",
    [
        "$undefined",
        "$states.input.none.x",
        "$sum('a')",
        "$nosuch(1)",
        "1 / 0",
        "$error('mine')",
        "$parse('{')",
        "$range(1, 2, 0)",
        "$power(10, 5000)",
        "function($x) { $x }",
        "[$sum]",
        "($f := function($x) { 1 + $f($x) }; $f(1))",
    ],
)
def test_an_expression_that_cannot_be_evaluated_is_a_catchable_error(expression: str) -> None:
    execution = jsonata({"Type": "Pass", "Output": f"{{% {expression} %}}"}, {})

    assert execution.error == "States.QueryEvaluationError"
    assert f"'{expression}' specified for the field 'Output'" in (execution.cause or "")


def test_the_input_of_an_expression_is_never_changed() -> None:
    execution = jsonata(
        {
            "Type": "Pass",
            "Output": {
                "sorted": "{% $sort($states.input.list) %}",
                "changed": "{% $states.input ~> |o|{'a': 2}| %}",
            },
            "Assign": {"same": "{% $states.input %}"},
        },
        {"list": [3, 1, 2], "o": {"a": 1}},
    )

    assert execution.output == {
        "sorted": [1, 2, 3],
        "changed": {"list": [3, 1, 2], "o": {"a": 2}},
    }
    assigned = execution.history[2]["stateExitedEventDetails"]["assignedVariables"]
    assert assigned == {"same": '{"list":[3,1,2],"o":{"a":1}}'}
