"""Where the states of a document stand in a picture, and how the lines between them run.

A flow is laid out in layers: the way where nothing fails goes straight down, everything else stands
to its right, and a state that holds flows (Parallel, Map) is a frame around theirs. The layouts
that need no Graphviz nest no flows. Knows nothing of how an execution went.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    Flow = Mapping[str, Any]

__all__ = ["Graph", "Line", "Node", "happy_way", "lay_out"]

Kind = Literal["next", "catch"]

# Units: pixels, with a text of 12 pixels.
_CHARACTER: Final = 7.0
_LABEL_CHARACTERS: Final = 40
_NODE_PADDING: Final = 46
_NODE_WIDTH: Final = 150
_NODE_HEIGHT: Final = 40
_GAP: Final = 24
_FRAME: Final = 14
_FRAME_HEAD: Final = 32
_LANE: Final = 12
_CORNER: Final = 6
_EMPTY: Final = 12


@dataclass(frozen=True, slots=True)
class Node:
    """A state: its upper left corner and its size; `is_frame` if it holds others."""

    name: str
    label: str
    type: str
    x: float
    y: float
    width: float
    height: float
    is_frame: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A transition as an SVG path; a `catch` is taken where a state fails."""

    source: str
    target: str
    path: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Graph:
    """A picture; frames stand before what they hold."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Box:
    """A state with its place in its flow; `inner` are the flows in it with theirs."""

    name: str
    type: str
    width: float
    height: float
    inner: list[tuple[float, float, _Layers]]
    x: float = 0
    y: float = 0

    @property
    def middle_x(self) -> float:
        return self.x + self.width / 2

    @property
    def middle_y(self) -> float:
        return self.y + (self.height / 2 if not self.inner else _FRAME_HEAD / 2)

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(slots=True)
class _Layers:
    """A flow whose boxes have their places in it; `way` are the names that go straight down."""

    boxes: dict[str, _Box]
    way: list[str]
    edges: dict[tuple[str, str], Kind]
    width: float = 0
    height: float = 0
    # where the lines run that pass boxes of the way by
    left: float = 0
    right: float = 0
    # where the boxes begin that are not of the way
    aside: float = 0
    lanes: dict[tuple[str, str], int] = field(default_factory=dict)


def lay_out(flow: Flow, shown: Container[str]) -> Graph:
    """Return the picture of a flow with those of its states that are `shown`, at any depth."""
    layers = _layers(flow, shown)
    parts = list(_drawn(layers, 0, 0))
    return Graph(
        layers.width,
        layers.height,
        tuple(part for part in parts if isinstance(part, Node)),
        tuple(part for part in parts if isinstance(part, Line)),
    )


def happy_way(flow: Flow) -> Iterator[str]:
    """Yield the states on the way where no state fails and no rule holds, inner ones as well."""
    for name in _way(flow):
        yield name
        for inner in _inner_flows(flow["States"][name]):
            yield from happy_way(inner)


def _way(flow: Flow) -> list[str]:
    way: list[str] = []
    name = flow["StartAt"]
    while name in flow["States"] and name not in way:
        way.append(name)
        state = flow["States"][name]
        name = state.get("Next") or state.get("Default")
    return way


def _inner_flows(state: Mapping[str, Any]) -> list[Flow]:
    item = state.get("ItemProcessor") or state.get("Iterator")
    return [*state.get("Branches", ()), *([item] if item else ())]


def _edges(flow: Flow, shown: Container[str]) -> dict[tuple[str, str], Kind]:
    """Return the transitions between states that are shown; one that is no catch counts first."""
    edges: dict[tuple[str, str], Kind] = {}
    for name, state in flow["States"].items():
        targets: list[tuple[str | None, Kind]] = [
            (state.get("Next"), "next"),
            (state.get("Default"), "next"),
            *((rule["Next"], "next") for rule in state.get("Choices", ())),
            *((catcher["Next"], "catch") for catcher in state.get("Catch", ())),
        ]
        for target, kind in targets:
            if name in shown and target is not None and target in shown:
                edges.setdefault((name, target), kind)
    return edges


def _layers(flow: Flow, shown: Container[str]) -> _Layers:
    boxes = {
        name: _box(name, state, shown) for name, state in flow["States"].items() if name in shown
    }
    way = [name for name in _way(flow) if name in boxes]
    layers = _Layers(boxes, way, _edges(flow, shown))
    if not boxes:
        layers.width = layers.height = _EMPTY
        return layers
    _place(layers, _ranks(layers, way))
    return layers


def _box(name: str, state: Mapping[str, Any], shown: Container[str]) -> _Box:
    width = max(_NODE_WIDTH, len(_label(name)) * _CHARACTER + _NODE_PADDING)
    flows = [_layers(inner, shown) for inner in _inner_flows(state)]
    inner: list[tuple[float, float, _Layers]] = []
    x: float = _FRAME
    for one in flows:
        inner.append((x, _FRAME_HEAD, one))
        x += one.width + _GAP
    if not inner:
        return _Box(name, state["Type"], width, _NODE_HEIGHT, [])
    height = _FRAME_HEAD + max(one.height for one in flows) + _FRAME
    return _Box(name, state["Type"], max(width, x - _GAP + _FRAME), height, inner)


def _label(name: str) -> str:
    return name if len(name) <= _LABEL_CHARACTERS else f"{name[: _LABEL_CHARACTERS - 1]}…"


def _ranks(layers: _Layers, way: Sequence[str]) -> dict[str, int]:
    """Return each state's layer: behind all that lead to it, unless by a line that goes back."""
    following: dict[str, list[str]] = {name: [] for name in layers.boxes}
    for source, target in layers.edges:
        following[source].append(target)
    order: list[str] = []
    seen: set[str] = set()
    # without recursion: a flow may be as long as its author likes
    for start in (*way[:1], *layers.boxes):
        stack = [(start, iter(following[start]))] if start not in seen else []
        seen.add(start)
        while stack:
            name, targets = stack[-1]
            fresh = next((target for target in targets if target not in seen), None)
            if fresh is None:
                order.append(name)
                stack.pop()
            else:
                seen.add(fresh)
                stack.append((fresh, iter(following[fresh])))
    position = {name: at for at, name in enumerate(reversed(order))}
    ranks = dict.fromkeys(layers.boxes, 0)
    for source in sorted(position, key=position.__getitem__):
        for target in following[source]:
            if position[target] > position[source]:
                ranks[target] = max(ranks[target], ranks[source] + 1)
    return ranks


def _place(layers: _Layers, ranks: Mapping[str, int]) -> None:
    """Give each box its place, and the lines that pass boxes by their lanes."""
    boxes, way = layers.boxes, layers.way
    on_way = {name: at for at, name in enumerate(way)}
    passing = [
        edge
        for edge in layers.edges
        if all(end in on_way for end in edge) and on_way[edge[1]] != on_way[edge[0]] + 1
    ]
    forward = [edge for edge in passing if on_way[edge[1]] > on_way[edge[0]]]
    back = [edge for edge in passing if edge not in forward]
    for edges in (forward, back):
        layers.lanes.update({edge: number for number, edge in enumerate(edges, start=1)})
    layers.left = len(forward) * _LANE + (_LANE if forward else 0)
    way_width = max((boxes[name].width for name in way), default=0)
    layers.right = layers.left + way_width
    layers.aside = layers.right + len(back) * _LANE + (_LANE if back else 0) + _GAP
    rows: dict[int, list[_Box]] = {}
    for name in sorted(boxes, key=lambda name: (ranks[name], name not in on_way)):
        rows.setdefault(ranks[name], []).append(boxes[name])
    y = 0.0
    for rank in sorted(rows):
        x = layers.aside
        for box in rows[rank]:
            box.y = y
            if box.name in on_way:
                box.x = layers.left + (way_width - box.width) / 2
            else:
                box.x = x
                x += box.width + _GAP
        y += max(box.height for box in rows[rank]) + _GAP
    layers.height = y - _GAP
    lanes_end = layers.aside - _GAP if back else layers.right
    layers.width = max(lanes_end, *(box.right for box in boxes.values()))


def _drawn(layers: _Layers, x: float, y: float) -> Iterator[Node | Line]:
    """Yield the nodes and lines of a flow whose corner is at x and y."""
    for box in layers.boxes.values():
        at = x + box.x, y + box.y
        yield Node(
            box.name, _label(box.name), box.type, *at, box.width, box.height, bool(box.inner)
        )
        for inner_x, inner_y, inner in box.inner:
            yield from _drawn(inner, at[0] + inner_x, at[1] + inner_y)
    for (source, target), kind in layers.edges.items():
        points = _points(layers, layers.boxes[source], layers.boxes[target])
        yield Line(source, target, _path([(x + px, y + py) for px, py in points]), kind)


def _points(layers: _Layers, a: _Box, b: _Box) -> list[tuple[float, float]]:
    """Return the corners of the line from one box to another, both of one flow."""
    lane = layers.lanes.get((a.name, b.name))
    if lane is not None:
        goes_on = b.y > a.y
        side = layers.left - lane * _LANE if goes_on else layers.right + lane * _LANE
        ends = (a.x, b.x) if goes_on else (a.right, b.right)
        return [
            (ends[0], a.middle_y),
            (side, a.middle_y),
            (side, b.middle_y),
            (ends[1], b.middle_y),
        ]
    if a.name in layers.way and b.name in layers.way:
        return [(a.middle_x, a.bottom), (b.middle_x, b.y)]
    if b.x >= a.right:
        if b.y <= a.middle_y <= b.bottom:
            return [(a.right, a.middle_y), (b.x, a.middle_y)]
        edge = b.y if b.y > a.middle_y else b.bottom
        return [(a.right, a.middle_y), (b.middle_x, a.middle_y), (b.middle_x, edge)]
    if b.right <= a.x and b.name in layers.way:
        between = layers.aside - _GAP / 2
        return [
            (a.x, a.middle_y),
            (between, a.middle_y),
            (between, b.middle_y),
            (b.right, b.middle_y),
        ]
    half = (a.bottom + b.y) / 2
    return [(a.middle_x, a.bottom), (a.middle_x, half), (b.middle_x, half), (b.middle_x, b.y)]


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Return a line along points, round at its corners, for the attribute `d`."""
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (before, at), (_, after) in pairwise(pairwise(points)):
        start, end = _towards(at, before), _towards(at, after)
        parts.append(f"L{start[0]:g} {start[1]:g}Q{at[0]:g} {at[1]:g} {end[0]:g} {end[1]:g}")
    parts.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(parts)


def _towards(at: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Return the point a corner's radius from `at` on the way to `other`, or half of the way."""
    dx, dy = other[0] - at[0], other[1] - at[1]
    length = max(abs(dx), abs(dy))
    if length == 0:
        return at
    part = min(_CORNER, length / 2) / length
    return at[0] + dx * part, at[1] + dy * part
