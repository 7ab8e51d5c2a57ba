"""Whatever the document and the input: it ends, and with documented errors only."""

from __future__ import annotations

import dataclasses
import json
from collections import deque
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machines import TASK, endless, flow, machine, one, run

from otel_analytics import asl
from otel_analytics.asl.begin import start_execution
from otel_analytics.asl.interpreter import Interpreter
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
PATHS = st.sampled_from(["$", "$.a", "$.a[0]", "$.a[*]", "$..b", "$$.State", "$v", "$.a[?(@.b)]"])
PLACES = st.sampled_from(["$", "$.a", "$.b.c", "$.a[0]"]) | st.none()
CALLS = st.sampled_from(
    ["States.UUID()", "States.Array($.a, 1)", "States.MathAdd($.a, 1)", "States.Format('{}', $.a)"]
)
EXPRESSIONS = st.sampled_from(
    [
        "{% $states.input %}",
        "{% $states.input.a + 1 %}",
        "{% $exists($v) ? $v : [] %}",
        "{% [$states.input.*] %}",
        "{% $map($states.input.a, function($x) { $x & '!' }) %}",
        "{% $sum($states.input.a) > 1 %}",
        "{% true %}",
        "{% 1 %}",
    ]
)
RETRY = st.fixed_dictionaries(
    {"ErrorEquals": st.sampled_from([["States.ALL"], ["E"], ["States.TaskFailed"]])},
    optional={"MaxAttempts": st.integers(0, 3), "BackoffRate": st.sampled_from([1, 1.5, 99])},
)


class Language:
    """The fields of one query language, as strategies."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "JSONPath":
            computed = st.dictionaries(st.sampled_from(["a.$", "v.$"]), PATHS | CALLS, max_size=2)
            self.template = computed | st.dictionaries(
                st.sampled_from(["a", "v"]), JSON, max_size=2
            )
            self.assign = {"Assign": self.template}
            self.passing = {"InputPath": PATHS | st.none(), "OutputPath": PATHS, **self.assign}
            self.working = {**self.passing, "ResultPath": PLACES, "ResultSelector": self.template}
            self.arguments = "Parameters"
            self.seconds = st.fixed_dictionaries({"SecondsPath": PATHS})
            self.test = st.fixed_dictionaries({"Variable": PATHS, "IsPresent": st.booleans()})
        else:
            computed = st.dictionaries(st.sampled_from(["a", "v"]), EXPRESSIONS | JSON, max_size=2)
            self.template = computed
            self.assign = {"Assign": computed}
            self.passing = {"Output": computed | EXPRESSIONS, **self.assign}
            self.working = self.passing
            self.arguments = "Arguments"
            self.seconds = st.fixed_dictionaries({"Seconds": EXPRESSIONS})
            self.test = st.fixed_dictionaries({"Condition": EXPRESSIONS})


@st.composite
def flows(draw: st.DrawFn, language: Language, depth: int) -> dict[str, Any]:
    """Return a flow whose states follow one another, with jumps by Catch and Choice."""
    count = draw(st.integers(1, 4))
    states = {f"S{i}": draw(state(language, depth, i, count)) for i in range(count)}
    return flow(states)


@st.composite
def state(draw: st.DrawFn, language: Language, depth: int, at: int, count: int) -> dict[str, Any]:
    last = at == count - 1
    following = {"End": True} if last else {"Next": f"S{at + 1}"}
    # Forward only, or most documents would run in a circle until their history is full.
    anywhere = st.integers(min(at + 1, count - 1), count - 1).map(lambda index: f"S{index}")
    kinds = ["Pass", "Task", "Wait"]
    kinds += ["Succeed", "Fail"] if last else ["Choice"]
    kinds += ["Map", "Parallel"] if depth else []
    kind = draw(st.sampled_from(kinds))
    if kind in ("Succeed", "Fail"):
        return {"Type": kind}
    if kind == "Choice":
        rules = [
            {**draw(language.test), "Next": draw(anywhere)} for _ in range(draw(st.integers(1, 2)))
        ]
        extra = draw(st.fixed_dictionaries({}, optional=language.assign))
        return {"Type": kind, "Choices": rules, "Default": f"S{at + 1}", **extra}
    if kind in ("Pass", "Wait"):
        fixed = st.fixed_dictionaries({"Seconds": st.integers(0, 10**8)})
        fields = draw(some(language.passing) if kind == "Pass" else language.seconds | fixed)
        return {"Type": kind, **fields, **following}
    fields = {"Type": kind, **draw(some(language.working)), **following}
    fields["Retry"] = draw(st.lists(RETRY, max_size=1))
    if draw(st.booleans()):
        fields["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": draw(anywhere)}]
    if kind == "Task":
        return {**fields, "Resource": TASK, language.arguments: draw(language.template)}
    if kind == "Map":
        return {**fields, "ItemProcessor": draw(flows(language, depth - 1))}
    branches = [draw(flows(language, depth - 1)) for _ in range(draw(st.integers(1, 2)))]
    return {**fields, "Branches": branches}


def some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return at most one of the fields: more would seldom make a document that runs far."""
    return st.one_of(
        st.just({}), *(st.fixed_dictionaries({name: value}) for name, value in fields.items())
    )


def document_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return flows(Language(name), 2).map(lambda made: {**made, "QueryLanguage": name})


DOCUMENTS = document_of("JSONPath") | document_of("JSONata")


def failing(arguments: Any, context: asl.TaskContext) -> Any:
    """Fail the first time, then return the arguments."""
    if context.retry_count == 0 and arguments:
        raise asl.TaskFailed("E", json.dumps(arguments))
    return arguments


def parse_or_refuse(document: dict[str, Any]) -> asl.StateMachine | None:
    """Return the machine, or None if it was refused as it should be, with a place."""
    try:
        return asl.parse(document)
    except InvalidDocument as refused:
        if not refused.where:
            raise
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
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


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS, JSON | st.fixed_dictionaries({"a": st.lists(st.integers(), max_size=3)}))
def test_any_execution_can_be_kept_between_two_steps_and_redriven_from_there(
    document: dict[str, Any], value: Any
) -> None:
    parsed = parse_or_refuse(document)
    if parsed is None:
        return
    rests: list[str] = []

    def keep(execution: asl.Execution) -> None:
        if execution.status != "SUCCEEDED" and execution.events < 1_000:
            rests.append(json.dumps(asl.dump_execution(execution)))

    whole = asl.run(
        parsed,
        value,
        {"*": failing},
        clock=asl.VirtualClock(),
        random=Random(1),
        on_rest=keep,
    )
    if whole.events > 1_000:
        return  # a loop, whose history is full
    for kept in [*rests[:2], *rests[-1:]]:
        execution = asl.load_execution(json.loads(kept))
        assert json.dumps(asl.dump_execution(execution)) == kept
        before = execution.events
        asl.redrive(parsed, execution, {"*": failing}, clock=asl.VirtualClock(1e6))
        assert execution.status in {"SUCCEEDED", "FAILED", "TIMED_OUT"}
        ids = [event["id"] for event in execution.history]
        assert ids == list(range(before + 1, execution.events + 1))


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
    deeper = {"Condition": True, "Output": ["{% $states.input %}"], "Next": "A"}
    document = machine(
        {
            "A": {"Type": "Pass", "Output": ["{% $states.input %}"], "Next": "B"},
            "B": {"Type": "Choice", "Choices": [deeper], "Default": "C"},
            "C": {"Type": "Succeed"},
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
    wait = {"Type": "Wait", "Seconds": 10_000_000, "Next": "Again"}

    execution = run(machine(endless({"A": wait})))

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
