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
            "$.States.S.Choices[0]",
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
            "$.States.S",
        ),
    ],
)
def test_a_field_that_jsonata_does_not_have_is_refused(fields: Any, place: str) -> None:
    assert where(state(fields, "JSONata")) == place


def test_a_field_of_the_other_language_comes_with_the_field_to_use() -> None:
    text = message(state({**PASS, "Parameters": {}}, "JSONata"))

    assert "$.States.S.Parameters" in text
    assert "use Arguments" in text


@pytest.mark.parametrize(
    ("retry", "place"),
    [
        ({}, "$.States.S.Retry[0]"),
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


def test_a_state_may_use_the_other_language() -> None:
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
