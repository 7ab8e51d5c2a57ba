"""What a document must be before anything runs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from machines import TASK, flow, machine

from otel_analytics import asl
from otel_analytics.errors import InvalidDocument

PASS = {"Type": "Pass", "End": True}


def where(document: Any) -> str:
    with pytest.raises(InvalidDocument) as refused:
        asl.parse(document)
    return refused.value.where or ""


def message(document: Any) -> str:
    with pytest.raises(InvalidDocument) as refused:
        asl.parse(document)
    return str(refused.value)


def state(fields: dict[str, Any], language: str = "JSONPath") -> dict[str, Any]:
    return machine({"S": fields}, language=language)


def test_a_document_can_be_text_or_an_object() -> None:
    text = '{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}'

    assert len(asl.parse(text).flows) == 1
    assert len(asl.parse({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}).flows) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "NaN", "[" * 100_000, "1" * 10_000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument):
        asl.parse(text)


@pytest.mark.parametrize("part", [float("nan"), {1}, object()])
def test_an_object_that_is_no_json_is_refused(part: Any) -> None:
    with pytest.raises(InvalidDocument, match="not JSON"):
        asl.parse(machine({"S": {"Type": "Pass", "Result": part, "End": True}}))


def test_broken_json_is_refused_with_its_line() -> None:
    assert where('{\n"StartAt": }') == "line 2"


def test_the_document_is_not_changed_by_parsing() -> None:
    document = machine(
        {"M": {"Type": "Map", "ItemProcessor": flow({"P": PASS}), "End": True}}, Comment="kept"
    )
    before = copy.deepcopy(document)

    asl.parse(document)

    assert document == before


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"Type": "Pass"}, "$.States.S"),
        ({"Type": "Pass", "End": True, "Next": "S"}, "$.States.S"),
        ({"Type": "Pass", "End": False}, "$.States.S"),
        ({"Type": "Pass", "End": "yes"}, "$.States.S.End"),
        ({"Type": "Pass", "Next": "Nowhere"}, "$.States.S.Next"),
        ({"Type": "Pas", "End": True}, "$.States.S.Type"),
        ({"End": True}, "$.States.S"),
        ([], "$.States.S"),
        ({**PASS, "Resource": TASK}, "$.States.S.Resource"),
        ({**PASS, "Output": 1}, "$.States.S.Output"),
        ({**PASS, "InputPath": "x"}, "$.States.S.InputPath"),
        ({**PASS, "InputPath": 3}, "$.States.S.InputPath"),
        ({**PASS, "ResultPath": "$.a[*]"}, "$.States.S.ResultPath"),
        ({**PASS, "ResultPath": "$$.a"}, "$.States.S.ResultPath"),
        ({**PASS, "OutputPath": "$.a[?("}, "$.States.S.OutputPath"),
        ({**PASS, "OutputPath": "$.a[0:9:0]"}, "$.States.S.OutputPath"),
        ({**PASS, "OutputPath": f"$.a[{'9' * 5000}]"}, "$.States.S.OutputPath"),
        ({**PASS, "Parameters": {"a": {"b.$": "no path"}}}, "$.States.S.Parameters.a.b.$"),
        ({**PASS, "Parameters": {"a": [{"b.$": 3}]}}, "$.States.S.Parameters.a[0].b.$"),
        ({**PASS, "Parameters": {"a.$": "States.Nope()"}}, "$.States.S.Parameters.a.$"),
        ({**PASS, "Parameters": {"a.$": "States.UUID("}}, "$.States.S.Parameters.a.$"),
        ({**PASS, "Parameters": {"a.$": "States.UUID(1)"}}, "$.States.S.Parameters.a.$"),
        ({**PASS, "Parameters": {"a": 1, "a.$": "$"}}, "$.States.S.Parameters"),
        ({**PASS, "Assign": {"states": 1}}, "$.States.S.Assign.states"),
        ({**PASS, "Assign": {"a b": 1}}, "$.States.S.Assign.a b"),
        ({**PASS, "Assign": []}, "$.States.S.Assign"),
        ({"Type": "Task", "End": True}, "$.States.S"),
        ({"Type": "Task", "Resource": "x", "End": True}, "$.States.S.Resource"),
        ({"Type": "Succeed", "End": True}, "$.States.S.End"),
        ({"Type": "Fail", "Error": 3}, "$.States.S.Error"),
        ({"Type": "Fail", "Error": "a", "ErrorPath": "$.b"}, "$.States.S.ErrorPath"),
        ({"Type": "Wait", "End": True}, "$.States.S"),
        ({"Type": "Wait", "Seconds": 1, "Timestamp": "x", "End": True}, "$.States.S.Timestamp"),
        ({"Type": "Wait", "Seconds": -1, "End": True}, "$.States.S.Seconds"),
        ({"Type": "Wait", "Seconds": 1.5, "End": True}, "$.States.S.Seconds"),
        ({"Type": "Wait", "Timestamp": "2020-01-01", "End": True}, "$.States.S.Timestamp"),
        ({"Type": "Choice", "Choices": []}, "$.States.S.Choices"),
        ({"Type": "Choice", "Choices": [3]}, "$.States.S.Choices[0]"),
        ({"Type": "Parallel", "Branches": [], "End": True}, "$.States.S.Branches"),
        ({"Type": "Parallel", "Branches": [3], "End": True}, "$.States.S.Branches[0]"),
        ({"Type": "Map", "End": True}, "$.States.S"),
    ],
)
def test_a_wrong_field_is_refused_with_its_full_path(fields: Any, place: str) -> None:
    assert where(state(fields)) == place


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({**PASS, "Parameters": {}}, "$.States.S.Parameters"),
        ({**PASS, "Result": 1}, "$.States.S.Result"),
        ({**PASS, "InputPath": "$"}, "$.States.S.InputPath"),
        ({**PASS, "Output": {"a": ["{% 1 + %}"]}}, "$.States.S.Output.a[0]"),
        ({**PASS, "Output": "{% $states.result %}"}, "$.States.S.Output"),
        ({**PASS, "Output": "{% $states.errorOutput %}"}, "$.States.S.Output"),
        ({**PASS, "Output": "{% $eval('1') %}"}, "$.States.S.Output"),
        (
            {"Type": "Task", "Resource": TASK, "Arguments": "{% $states.result %}", "End": True},
            "$.States.S.Arguments",
        ),
        (
            {"Type": "Choice", "Choices": [{"Variable": "$.a", "Next": "S"}]},
            "$.States.S.Choices[0].Variable",
        ),
        (
            {"Type": "Choice", "Choices": [{"Condition": "yes", "Next": "S"}]},
            "$.States.S.Choices[0].Condition",
        ),
        (
            {"Type": "Map", "Items": {"a": 1}, "ItemProcessor": flow({"P": PASS}), "End": True},
            "$.States.S.Items",
        ),
        (
            {"Type": "Map", "Iterator": flow({"P": PASS}), "End": True},
            "$.States.S.Iterator",
        ),
    ],
)
def test_a_field_that_jsonata_does_not_have_is_refused(fields: Any, place: str) -> None:
    assert where(state(fields, "JSONata")) == place


@pytest.mark.parametrize(
    ("fields", "language", "field", "instead"),
    [
        ({**PASS, "Parameters": {}}, "JSONata", "Parameters", "Output"),
        (
            {"Type": "Task", "Resource": TASK, "Parameters": {}, "End": True},
            "JSONata",
            "Parameters",
            "Arguments",
        ),
        (
            {"Type": "Map", "ItemProcessor": flow({"P": PASS}), "Parameters": {}, "End": True},
            "JSONata",
            "Parameters",
            "ItemSelector",
        ),
        ({"Type": "Wait", "SecondsPath": "$.s", "End": True}, "JSONata", "SecondsPath", "Seconds"),
        ({**PASS, "Output": {}}, "JSONPath", "Output", "OutputPath or ResultPath"),
    ],
)
def test_a_field_of_the_other_language_comes_with_the_field_to_use(
    fields: Any, language: str, field: str, instead: str
) -> None:
    text = message(state(fields, language))

    assert f"$.States.S.{field}: " in text
    assert f"use {instead}, or remove it" in text


@pytest.mark.parametrize(
    ("retry", "place"),
    [
        ({}, "$.States.S.Retry[0]"),
        ({"ErrorEquals": 5}, "$.States.S.Retry[0].ErrorEquals"),
        ({"ErrorEquals": []}, "$.States.S.Retry[0].ErrorEquals"),
        ({"ErrorEquals": ["States.ALL", "A"]}, "$.States.S.Retry[0].ErrorEquals"),
        ({"ErrorEquals": ["A"], "MaxAttempts": -1}, "$.States.S.Retry[0].MaxAttempts"),
        ({"ErrorEquals": ["A"], "IntervalSeconds": 0}, "$.States.S.Retry[0].IntervalSeconds"),
        ({"ErrorEquals": ["A"], "IntervalSeconds": 1.5}, "$.States.S.Retry[0].IntervalSeconds"),
        ({"ErrorEquals": ["A"], "BackoffRate": 0.5}, "$.States.S.Retry[0].BackoffRate"),
        ({"ErrorEquals": ["A"], "JitterStrategy": "HALF"}, "$.States.S.Retry[0].JitterStrategy"),
        ({"ErrorEquals": ["A"], "Next": "S"}, "$.States.S.Retry[0].Next"),
    ],
)
def test_a_wrong_retrier_is_refused_with_its_full_path(retry: Any, place: str) -> None:
    fields = {"Type": "Task", "Resource": TASK, "End": True, "Retry": [retry]}

    assert where(state(fields)) == place


def test_states_all_must_come_last() -> None:
    retry = [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}]

    assert (
        where(state({"Type": "Task", "Resource": TASK, "End": True, "Retry": retry}))
        == "$.States.S.Retry[0].ErrorEquals"
    )


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"Variable": "$.a", "StringEquals": 3}, ".StringEquals"),
        ({"Variable": "$.a", "NumericEquals": True}, ".NumericEquals"),
        ({"Variable": "$.a", "TimestampEquals": "yesterday"}, ".TimestampEquals"),
        ({"Variable": "$.a", "IsNull": "true"}, ".IsNull"),
        ({"Variable": "$.a", "BooleanGreaterThan": True}, ""),
        ({"Variable": "$.a"}, ""),
        ({"StringEquals": "x"}, ""),
        ({"Variable": "$.a", "IsNull": True, "IsString": True}, ""),
        ({"And": []}, ".And"),
        ({"And": [{"Variable": "$.a", "IsNull": True, "Next": "S"}]}, ".And[0].Next"),
        ({"Not": []}, ".Not"),
    ],
)
def test_a_wrong_comparison_is_refused_with_its_full_path(rule: Any, place: str) -> None:
    document = state({"Type": "Choice", "Choices": [{**rule, "Next": "S"}]})

    assert where(document) == f"$.States.S.Choices[0]{place}"


def test_a_state_that_nothing_leads_to_is_refused() -> None:
    assert where(machine({"A": PASS, "B": PASS})) == "$.States.B"


@pytest.mark.parametrize(
    "states",
    [
        {"A": {"Type": "Pass", "Next": "A"}},
        {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}},
        {"A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "A"}]}},
    ],
)
def test_a_flow_that_nothing_ends_is_refused(states: dict[str, Any]) -> None:
    assert where(machine(states)) == "$.States"
    inner = {"Type": "Parallel", "Branches": [flow({"P": PASS}), flow(states)], "End": True}
    assert where(state(inner)) == "$.States.S.Branches[1].States"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"StartAt": "A", "States": {"A": {"Type": "Fail"}, "A": {"Type": "Fail"}}}', "A"),
        ('{"StartAt": "A", "States": {"A": {"Type": "Fail", "Type": "Fail"}}}', "A.Type"),
    ],
)
def test_a_name_that_stands_twice_is_refused(text: str, place: str) -> None:
    assert where(text) == f"$.States.{place}"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"Label": ""}, "Label"),
        ({"Label": "x" * 41}, "Label"),
        ({"Label": "two words"}, "Label"),
        ({"MaxConcurrencyPath": "$$.Execution.Input.n"}, "MaxConcurrencyPath"),
        ({"MaxConcurrency": 1, "MaxConcurrencyPath": "$.n"}, "MaxConcurrencyPath"),
        ({"ToleratedFailureCount": -1}, "ToleratedFailureCount"),
        ({"ToleratedFailurePercentage": 100.5}, "ToleratedFailurePercentage"),
    ],
)
def test_a_wrong_field_of_a_map_is_refused(fields: dict[str, Any], place: str) -> None:
    plain = {"Type": "Map", "ItemProcessor": flow({"P": PASS}), "End": True}

    assert where(state({**plain, **fields})) == f"$.States.S.{place}"


def test_a_map_may_have_a_label_and_half_a_percentage() -> None:
    plain = {"Type": "Map", "ItemProcessor": flow({"P": PASS}), "End": True}

    asl.parse(state({**plain, "Label": "Shops_1", "ToleratedFailurePercentage": 12.5}))


INNER = flow({"I": {"Type": "Pass", "Assign": {"x": 1}, "End": True}})
ASSIGN = {"Type": "Pass", "Assign": {"x.$": "$.x"}, "Next": "M"}


@pytest.mark.parametrize(
    "states",
    [
        {"A": ASSIGN, "M": {"Type": "Map", "ItemProcessor": INNER, "End": True}},
        {
            "A": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "IsNull": True, "Assign": {"x": 1}, "Next": "M"}],
                "Default": "M",
            },
            "M": {"Type": "Map", "ItemProcessor": INNER, "End": True},
        },
        {
            "M": {
                "Type": "Map",
                "ItemProcessor": INNER,
                "Catch": [{"ErrorEquals": ["E"], "Assign": {"x": 1}, "Next": "M"}],
                "End": True,
            }
        },
    ],
)
def test_an_inner_flow_cannot_assign_a_variable_from_around_it(states: dict[str, Any]) -> None:
    assert where(machine(states)) == "$.States.M.ItemProcessor.States.I.Assign.x"


def test_an_outer_variable_is_known_at_every_depth() -> None:
    nested = flow({"N": {"Type": "Map", "ItemProcessor": INNER, "End": True}})
    states = {"A": ASSIGN, "M": {"Type": "Parallel", "Branches": [nested], "End": True}}

    assert where(machine(states)) == (
        "$.States.M.Branches[0].States.N.ItemProcessor.States.I.Assign.x"
    )


def test_a_variable_of_an_inner_flow_may_be_assigned_again_when_the_flow_is_over() -> None:
    branches = [INNER, INNER]
    asl.parse(
        machine(
            {
                "M": {"Type": "Parallel", "Branches": branches, "Assign": {"x": 2}, "Next": "A"},
                "A": {"Type": "Pass", "Assign": {"x": 3}, "End": True},
            }
        )
    )


@pytest.mark.parametrize(
    "expression",
    [
        "phone",
        "$",
        "$$",
        "$x + phone",
        "[1, $sum(phone.cost)]",
        "true ? $ : 1",
        "($y := phone; $y)",
    ],
)
def test_a_reference_to_nothing_is_refused(expression: str) -> None:
    fields = {**PASS, "Output": f"{{% {expression} %}}"}

    assert where(state(fields, "JSONata")) == "$.States.S.Output"


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.phones[cost > 1].name",
        "$states.input.(price * amount)",
        "$states.input^(>price)",
        "$states.input{name: price}",
        "$states.input ~> |phones|{'seen': true}|",
        "$map($states.input.phones, function($phone) { $phone.name })",
    ],
)
def test_a_name_within_what_is_read_is_a_reference_to_that(expression: str) -> None:
    fields = {**PASS, "Output": f"{{% {expression} %}}"}

    assert asl.parse(state(fields, "JSONata")).flows


def test_a_nested_field_is_refused_with_the_path_through_all_levels() -> None:
    inner = flow({"P": {"Type": "Pass", "Next": "Q"}})
    branches = [flow({"M": {"Type": "Map", "ItemProcessor": inner, "End": True}})]
    document = machine({"A": {"Type": "Parallel", "Branches": branches, "End": True}})

    assert where(document) == "$.States.A.Branches[0].States.M.ItemProcessor.States.P.Next"


@pytest.mark.parametrize("field", ["ItemReader", "ItemBatcher", "ResultWriter"])
def test_a_distributed_map_is_refused_and_told_what_to_use(field: str) -> None:
    fields = {"Type": "Map", "ItemProcessor": flow({"P": PASS}), field: 1, "End": True}

    assert "use an inline Map" in message(state(fields))


def test_distributed_mode_is_refused() -> None:
    processor = {**flow({"P": PASS}), "ProcessorConfig": {"Mode": "DISTRIBUTED"}}

    assert (
        where(state({"Type": "Map", "ItemProcessor": processor, "End": True}))
        == "$.States.S.ItemProcessor.ProcessorConfig.Mode"
    )


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"QueryLanguage": "SQL"}, "$.QueryLanguage"),
        ({"Version": "2.0"}, "$.Version"),
        ({"TimeoutSeconds": 0}, "$.TimeoutSeconds"),
        ({"TimeoutSeconds": "{% 5 %}"}, "$.TimeoutSeconds"),
        ({"States": {}}, "$.States"),
        ({"StartAt": "B"}, "$.StartAt"),
        ({"Extra": 1}, "$.Extra"),
    ],
)
def test_a_wrong_field_of_the_machine_is_refused(fields: dict[str, Any], place: str) -> None:
    assert where({**machine({"A": PASS}), **fields}) == place


def test_a_state_of_a_jsonata_machine_cannot_be_in_jsonpath() -> None:
    fields = {**PASS, "QueryLanguage": "JSONPath"}

    assert where(state(fields, "JSONata")) == "$.States.S.QueryLanguage"


def test_a_state_of_a_jsonpath_machine_may_be_in_jsonata() -> None:
    asl.parse(
        machine(
            {
                "A": {"Type": "Pass", "Parameters": {"a.$": "$.b"}, "Next": "B"},
                "B": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 %}", "End": True},
            }
        )
    )


@pytest.mark.parametrize(
    "expression",
    ["'$states.result'", '"say \\"$states.result\\""', "/* $states.result, $eval(1) */ 1"],
)
def test_what_stands_in_a_literal_or_a_comment_is_no_variable(expression: str) -> None:
    fields = {"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True}
    assert asl.parse(state(fields, language="JSONata")).flows


@pytest.mark.parametrize("expression", ["$states.result", "'a' & $states.result & 'b'"])
def test_a_result_where_there_is_none_is_refused(expression: str) -> None:
    fields = {"Type": "Pass", "Output": {"a": [f"{{% {expression} %}}"]}, "End": True}
    assert where(state(fields, language="JSONata")) == "$.States.S.Output.a[0]"


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_a_template_that_nests_too_deeply_is_refused_with_its_state(language: str) -> None:
    template: Any = 1
    for _ in range(5_000):
        template = [template]
    field = "Parameters" if language == "JSONPath" else "Output"

    assert where(state({**PASS, field: template}, language)) == "$.States.S"
