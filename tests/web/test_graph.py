"""Where states stand: apart from each other, in the flow's order, inner ones in their frame."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Settings
from otel_analytics.pipeline import build_definition
from otel_analytics.web.graph import Graph, Node, happy_way, lay_out
from tests.asl.machines import endless, flow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PASS = {"Type": "Pass"}


def states_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each state, and that in which it is."""
    for name, state in document["States"].items():
        yield name, ""
        for inner in (*state.get("Branches", ()), state.get("ItemProcessor")):
            if inner:
                yield from ((one, parent or name) for one, parent in states_of(inner))


def by_name(graph: Graph) -> dict[str, Node]:
    return {node.name: node for node in graph.nodes}


def is_inside(inner: Node, outer: Node) -> bool:
    return (
        outer.x < inner.x
        and outer.y < inner.y
        and inner.x + inner.width < outer.x + outer.width
        and inner.y + inner.height < outer.y + outer.height
    )


def are_apart(one: Node, other: Node) -> bool:
    return (
        one.x + one.width < other.x
        or other.x + other.width < one.x
        or one.y + one.height < other.y
        or other.y + other.height < one.y
    )


@pytest.mark.parametrize("shows_all", [True, False])
def test_in_the_pipeline_states_stand_apart_and_inner_ones_in_their_frames(
    shows_all: bool,
) -> None:
    document = build_definition(Settings())
    parents = dict(states_of(document))
    shown = set(parents) if shows_all else set(happy_way(document))
    graph = lay_out(document, shown)
    nodes = by_name(graph)
    assert set(nodes) == shown
    for name, node in nodes.items():
        assert node.x >= 0
        assert node.y >= 0
        assert node.x + node.width <= graph.width
        assert node.y + node.height <= graph.height
        if parents[name]:
            assert is_inside(node, nodes[parents[name]])
    leaves = [node for node in graph.nodes if not node.is_frame]
    for one, other in combinations(leaves, 2):
        assert are_apart(one, other), (one.name, other.name)


def test_the_happy_way_is_that_on_which_nothing_fails() -> None:
    way = list(happy_way(build_definition(Settings())))
    assert way[:2] == ["CheckInput", "TransformServiceNames"]
    assert way[-2:] == ["AllCompleted", "Completed"]
    assert "CreateMAUTable" in way
    assert not [name for name in way if name.startswith("WaitFor") or name.endswith("Failed")]


def test_what_follows_stands_below_and_what_is_beside_the_way_to_the_right() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]
    document = flow(
        {
            "First": {"Type": "Task", "Catch": catch, "Next": "Second"},
            "Second": {**PASS, "End": True},
            "Failed": {"Type": "Fail"},
        }
    )
    graph = lay_out(document, {"First", "Second", "Failed"})
    first, second, failed = (by_name(graph)[name] for name in ("First", "Second", "Failed"))
    assert first.y + first.height < second.y
    assert first.x + first.width / 2 == second.x + second.width / 2
    assert failed.x > first.x + first.width
    assert [(line.source, line.target, line.kind) for line in graph.lines] == [
        ("First", "Second", "next"),
        ("First", "Failed", "catch"),
    ]


def test_a_state_that_is_not_shown_has_no_lines() -> None:
    document = flow({"First": {**PASS, "Next": "Second"}, "Second": {**PASS, "End": True}})
    graph = lay_out(document, {"First"})
    assert [node.name for node in graph.nodes] == ["First"]
    assert graph.lines == ()


def test_a_loop_without_an_end_and_a_very_long_flow_are_laid_out() -> None:
    loop = flow(endless({"Go": {**PASS, "Next": "Again"}}))
    assert {node.name for node in lay_out(loop, set(loop["States"])).nodes} == set(loop["States"])
    names = [f"S{number}" for number in range(3000)]
    states: dict[str, Any] = {
        name: {**PASS, "Next": following} for name, following in pairwise(names)
    }
    states[names[-1]] = {**PASS, "End": True}
    long = lay_out(flow(states), set(states))
    assert [node.name for node in sorted(long.nodes, key=lambda node: node.y)] == names


def test_branches_stand_beside_each_other() -> None:
    branches = [flow({name: {**PASS, "End": True}}) for name in ("Left", "Right")]
    document = flow({"Both": {"Type": "Parallel", "Branches": branches, "End": True}})
    nodes = by_name(lay_out(document, {"Both", "Left", "Right"}))
    assert nodes["Both"].is_frame
    assert nodes["Left"].y == nodes["Right"].y
    assert nodes["Left"].x + nodes["Left"].width < nodes["Right"].x


def test_a_long_name_is_shortened_to_what_fits() -> None:
    name = "a" * 80
    (node,) = lay_out(flow({name: {**PASS, "End": True}}), {name}).nodes
    assert (node.name, node.label) == (name, "a" * 39 + "…")
