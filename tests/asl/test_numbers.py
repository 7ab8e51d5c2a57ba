"""Fields that hold a number, given in each of the ways that there are."""

from __future__ import annotations

from typing import Any

import pytest
from machines import BEGIN, TASK, flow, jsonata, one

PASS = {"Type": "Pass", "End": True}
MAP = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": flow({"P": PASS})}
FAILING_MAP = {**MAP, "ItemProcessor": flow({"F": {"Type": "Fail", "Error": "E"}})}
BEFORE = "An error occurred while executing the state 'Only' (entered at the event id #2). "


def cause(fields: dict[str, Any], value: Any) -> str:
    """Return why a JSONPath state ends the execution, without how AWS begins the text."""
    execution = one(fields, value)
    assert execution.error == "States.Runtime"
    assert (execution.cause or "").startswith(BEFORE)
    return (execution.cause or "").removeprefix(BEFORE)


@pytest.mark.parametrize(
    ("found", "shown"),
    [("many", "many"), (1.5, "1.5"), (True, "true"), (None, "null"), ([1], "[1]")],
)
def test_a_path_to_what_is_no_whole_number_says_what_it_found(found: Any, shown: str) -> None:
    fields = {**MAP, "MaxConcurrencyPath": "$.n"}

    assert cause(fields, {"n": found, "items": []}) == (
        f'The MaxConcurrencyPath field refers to value "{shown}" which is not a valid integer: $.n'
    )


def test_a_path_to_what_is_no_percentage_says_what_it_found() -> None:
    fields = {**MAP, "ToleratedFailurePercentagePath": "$.n"}

    assert cause(fields, {"n": "half", "items": []}) == (
        'The ToleratedFailurePercentagePath field refers to value "half" which is not a valid '
        "float: $.n"
    )


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        ("ToleratedFailureCount", -1, "ToleratedFailureCount cannot be negative."),
        (
            "ToleratedFailurePercentage",
            100.5,
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
        ("ToleratedFailurePercentage", -1, "ToleratedFailurePercentage must be between 0 and 100."),
    ],
)
def test_a_number_outside_its_limits_is_refused(name: str, number: float, text: str) -> None:
    assert cause({**MAP, f"{name}Path": "$.n"}, {"n": number, "items": []}) == text


def test_a_text_that_holds_a_number_is_one_where_a_path_leads_to_it() -> None:
    value = {"n": "2", "items": [1, 2]}

    assert one({**MAP, "MaxConcurrencyPath": "$.n"}, value).output == [1, 2]
    assert one({**FAILING_MAP, "ToleratedFailureCountPath": "$.n"}, value).status == "SUCCEEDED"
    waited = one({"Type": "Wait", "SecondsPath": "$.n"}, value)
    assert waited.stop == BEGIN + 2


@pytest.mark.parametrize(("percentage", "status"), [(33.4, "SUCCEEDED"), (33.3, "FAILED")])
def test_a_percentage_may_have_a_fraction(percentage: float, status: str) -> None:
    # One of three fails: 3 x 33.4% is 1.002, and 3 x 33.3% is 0.999.
    fails = {"Variable": "$", "NumericEquals": 2, "Next": "F"}
    processor = flow(
        {
            "C": {"Type": "Choice", "Choices": [fails], "Default": "S"},
            "F": {"Type": "Fail", "Error": "E"},
            "S": {"Type": "Succeed"},
        }
    )
    fields = {"Type": "Map", "ItemProcessor": processor, "ToleratedFailurePercentage": percentage}

    assert one(fields, [1, 2, 3]).status == status


@pytest.mark.parametrize(
    ("fields", "value", "text"),
    [
        (
            {"SecondsPath": "$.n"},
            {},
            "The SecondsPath parameter does not reference an input value: $.n",
        ),
        (
            {"SecondsPath": "$.n"},
            {"n": -1},
            "The SecondsPath parameter references a negative value: $.n == -1",
        ),
        (
            {"SecondsPath": "$.n"},
            {"n": "soon"},
            'The SecondsPath parameter cannot be parsed as a long value: $.n == "soon"',
        ),
        ({"SecondsPath": "$.n"}, {"n": 10**400}, "Wait state delay is too long."),
        (
            {"TimestampPath": "$.n"},
            {},
            "The TimestampPath parameter does not reference an input value: $.n",
        ),
        (
            {"TimestampPath": "$.n"},
            {"n": {"a": 1}},
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
            'date-time format string: $.n == {"a":1}',
        ),
    ],
)
def test_a_wait_that_finds_no_time_says_what_it_found(
    fields: dict[str, Any], value: Any, text: str
) -> None:
    assert cause({"Type": "Wait", **fields}, value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.5, "The TimeoutSeconds field cannot be parsed as an integer: 1.5"),
        (-1, "TimeoutSeconds must be between 0 and 99999999 but was: -1"),
    ],
)
def test_a_computed_time_out_that_is_none_says_what_it_was(seconds: float, text: str) -> None:
    fields = {"Type": "Task", "Resource": TASK, "TimeoutSeconds": "{% $states.input %}"}

    execution = jsonata(fields, seconds)

    assert execution.error == "States.QueryEvaluationError"
    assert execution.cause == BEFORE + text
