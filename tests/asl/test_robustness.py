"""Whatever the document and the input: it ends, and with documented errors only."""

# ruff: noqa: S311 - chance that can be repeated is the point
from __future__ import annotations

import dataclasses
import json
from collections import deque
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machines import TASK, flow, machine, one, run

from otel_analytics import asl

from otel_analytics.asl.interpreter import Interpreter, start_execution
from otel_analytics.errors import InvalidDocument, InvalidPayload

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
PATHS = st.sampled_from(
    ["$", "$.a", "$.a[0]", "$.a[*]", "$..b", "$$.State", "$v", "$.a[?(@.b)]", "x"]
)
CALLS = st.sampled_from(
    ["States.UUID()", "States.Array($.a, 1)", "States.MathAdd($.a, 1)", "States.Format('{}', $.a)"]
)
EXPRESSIONS = st.sampled_from(
    [
        "{% $states.input %}",
        "{% $states.input.a + 1 %}",
        "{% $v %}",
        "{% [$states.input.*] %}",
        "{% $map($states.input.a, function($x) { $x & '!' }) %}",
        "{% $sum($states.input.a) > 1 %}",
        "{% 1 %}",
        "{% ( %}",
    ]
)
TEMPLATES = st.one_of(
    JSON,
    EXPRESSIONS,
    st.dictionaries(st.sampled_from(["a", "b", "v"]), EXPRESSIONS | JSON, max_size=2),
    st.dictionaries(st.sampled_from(["a.$", "b.$", "v.$"]), PATHS | CALLS, max_size=2),
)
NAMES = st.sampled_from(["A", "B", "C"])
RETRY = st.fixed_dictionaries(
    {"ErrorEquals": st.sampled_from([["States.ALL"], ["E"], ["States.TaskFailed"]])},
    optional={"MaxAttempts": st.integers(0, 3), "BackoffRate": st.sampled_from([1, 1.5, 99])},
)


def states_of(flows: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return states of every type, right and wrong, whose nested flows are `flows`."""
    following = st.one_of(
        st.fixed_dictionaries({"Next": NAMES}), st.fixed_dictionaries({"End": st.just(True)})
    )
    optional = {
        "QueryLanguage": st.sampled_from(["JSONPath", "JSONata"]),
        "InputPath": PATHS,
        "ResultPath": PATHS | st.none(),
        "OutputPath": PATHS,
        "Parameters": TEMPLATES,
        "Output": TEMPLATES,
        "Assign": TEMPLATES,
        "Retry": st.lists(RETRY, max_size=2),
        "Catch": st.lists(
            st.fixed_dictionaries({"ErrorEquals": st.just(["States.ALL"]), "Next": NAMES}),
            max_size=1,
        ),
    }

    def of(kind: str, **fields: Any) -> st.SearchStrategy[Any]:
        chosen = st.fixed_dictionaries({"Type": st.just(kind), **fields})
        few = st.fixed_dictionaries({}, optional=optional).map(
            lambda extra: dict(list(extra.items())[:1])
        )
        return st.tuples(chosen, few, following).map(
            lambda parts: {**parts[0], **parts[1], **parts[2]}
        )

    rule = st.one_of(
        st.fixed_dictionaries({"Condition": EXPRESSIONS, "Next": NAMES}),
        st.fixed_dictionaries({"Variable": PATHS, "IsPresent": st.booleans(), "Next": NAMES}),
    )
    choice = st.fixed_dictionaries(
        {"Type": st.just("Choice"), "Choices": st.lists(rule, min_size=1, max_size=2)},
        optional={"Default": NAMES},
    )
    return st.one_of(
        of("Pass"),
        of("Task", Resource=st.just(TASK)),
        of("Wait", Seconds=st.integers(0, 10**8) | EXPRESSIONS),
        of("Map", ItemProcessor=flows),
        of("Parallel", Branches=st.lists(flows, min_size=1, max_size=2)),
        choice,
        st.just({"Type": "Succeed"}),
        st.just({"Type": "Fail", "Error": "E"}),
    )


def flows_of(nested: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    states = st.dictionaries(NAMES, states_of(nested), min_size=1, max_size=3)
    return states.map(flow)


SIMPLE = st.just(flow({"A": {"Type": "Pass", "End": True}}))
DOCUMENTS = st.tuples(flows_of(flows_of(SIMPLE)), st.sampled_from(["JSONPath", "JSONata"])).map(
    lambda parts: {**parts[0], "QueryLanguage": parts[1]}
)


def parse_or_refuse(document: dict[str, Any]) -> asl.StateMachine | None:
    """Return the machine, or None if it was refused as it should be, with a place."""
    try:
        return asl.parse(document)
    except InvalidDocument as refused:
        if not refused.where:
            raise
        return None


def failing(arguments: Any, context: asl.TaskContext) -> Any:
    if context.retry_count == 0:
        raise asl.TaskFailed("E", json.dumps(arguments))
    return arguments


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS, JSON | st.fixed_dictionaries({"a": st.lists(st.integers(), max_size=3)}))
def test_any_document_is_refused_or_runs_to_its_end_the_same_way_twice(
    document: dict[str, Any], value: Any
) -> None:
    parsed = parse_or_refuse(document)
    if parsed is None:
        return

    def history() -> list[dict[str, Any]]:
        execution = asl.run(
            parsed, value, {"*": failing}, clock=asl.VirtualClock(), random=Random(1)
        )
        assert execution.status in {"SUCCEEDED", "FAILED", "TIMED_OUT"}
        return execution.history

    assert history() == history()


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_passes_through_unchanged(value: Any) -> None:
    assert one({"Type": "Pass"}, value).output == value


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20))
def test_any_text_as_a_path_or_an_expression_is_refused_or_evaluated(text: str) -> None:
    for state in (
        {"Type": "Pass", "Parameters": {"v.$": f"${text}"}},
        {"Type": "Pass", "Parameters": {"v.$": f"States.Array({text})"}},
        {"Type": "Pass", "QueryLanguage": "JSONata", "Output": f"{{% {text} %}}"},
    ):
        parsed = parse_or_refuse(machine({"Only": {"End": True, **state}}))
        if parsed is not None:
            assert asl.run(parsed, {"a": 1}, {}).stop is not None


def nested(levels: int) -> dict[str, Any]:
    document = flow({"P": {"Type": "Pass", "End": True}})
    for level in range(levels):
        if level % 2:
            document = flow({"M": {"Type": "Map", "ItemProcessor": document, "End": True}})
        else:
            document = flow({"B": {"Type": "Parallel", "Branches": [document], "End": True}})
    return document


def test_a_thousand_levels_of_maps_and_parallels_run() -> None:
    value: Any = 7
    for _ in range(500):
        value = [value]

    execution = run(nested(1000), value)

    assert execution.status == "SUCCEEDED"
    assert execution.transitions == 1001


def test_a_thousand_levels_fail_as_one() -> None:
    document = flow({"F": {"Type": "Fail", "Error": "Deep"}})
    for _ in range(1000):
        document = flow({"B": {"Type": "Parallel", "Branches": [document], "End": True}})

    assert run(document).error == "Deep"


def test_data_that_nests_ever_deeper_ends_with_an_error() -> None:
    document = machine(
        {
            "A": {"Type": "Pass", "Output": ["{% $states.input %}"], "Next": "B"},
            "B": {"Type": "Pass", "Output": ["{% $states.input %}"], "Next": "A"},
        },
        language="JSONata",
    )

    # Close to what JSON in Python can nest, since growing up to there takes long.
    value: Any = 1
    for _ in range(9_800):
        value = [value]

    assert run(document, value).status == "FAILED"


def test_an_input_of_256_kib_runs_and_one_above_is_refused() -> None:
    assert one({"Type": "Pass"}, "x" * (256 * 1024 - 2)).status == "SUCCEEDED"
    with pytest.raises(InvalidPayload, match="262,144 bytes"):
        one({"Type": "Pass"}, "x" * (256 * 1024 - 1))


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, {"a": object()}])
def test_an_input_that_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(InvalidPayload, match="must be JSON"):
        one({"Type": "Pass"}, value)


def test_half_a_surrogate_pair_does_no_harm() -> None:
    execution = one({"Type": "Pass"}, {"a": "\ud83d"})

    assert execution.output == {"a": "\ud83d"}
    assert json.dumps(execution.history, ensure_ascii=False).encode()


def test_an_execution_runs_for_a_year_at_most() -> None:
    document = machine(
        {
            "A": {"Type": "Wait", "Seconds": 10_000_000, "Next": "B"},
            "B": {"Type": "Wait", "Seconds": 10_000_000, "Next": "A"},
        }
    )

    execution = run(document)

    assert execution.status == "TIMED_OUT"
    assert (execution.stop or 0) - execution.start == 365 * 86_400


def test_an_execution_between_two_steps_is_json() -> None:
    document = machine(
        {
            "M": {
                "Type": "Map",
                "ItemProcessor": flow({"T": {"Type": "Task", "Resource": TASK, "End": True}}),
                "End": True,
            }
        }
    )
    parsed = asl.parse(document)
    identity = asl.Identity.of("m", "e")
    execution = start_execution(parsed, [1, 2], identity=identity, now=0.0)
    interpreter = Interpreter(
        parsed, execution, now=lambda: 0.0, chance=Random(1), on_event=lambda _event: None
    )

    asked = interpreter.step()

    assert [request.arguments for request in asked.start] == [1, 2]
    plain = dataclasses.asdict(execution)
    plain["ready"] = list(plain["ready"])
    assert isinstance(execution.ready, deque)
    assert json.loads(json.dumps(plain))["status"] == "RUNNING"
