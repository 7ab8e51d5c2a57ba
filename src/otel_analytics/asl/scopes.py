"""Which variables a flow may assign: none that a flow around it has assigned before.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["check_scopes"]

_Names = frozenset[str]


def check_scopes(document: Mapping[str, Any]) -> None:
    """Check every flow inside another one; all else in the document must be valid.

    Raises: InvalidDocument if a flow assigns a variable that is already there when it begins
    """
    shared = _assigned_in_many(document)
    pending: list[tuple[Mapping[str, Any], str, _Names]] = [(document, "$", frozenset())]
    while shared and pending:
        flow, where, outer = pending.pop()
        for name, state in flow["States"].items():
            _check_state(state, f"{where}.States.{name}", outer)
        if any(True for state in flow["States"].values() for _ in _nested(state)):
            before = _assigned_before(flow, outer, shared)
            pending += [
                (inner, f"{where}.States.{name}.{part}", before[name])
                for name, state in flow["States"].items()
                for inner, part in _nested(state)
            ]


def _assigned_in_many(document: Mapping[str, Any]) -> _Names:
    """Return the variables that more than one flow assigns: seldom any."""
    flows = [document]
    count: Counter[str] = Counter()
    for flow in flows:
        states = flow["States"].values()
        flows += [inner for state in states for inner, _ in _nested(state)]
        count.update(
            {name for state in states for part, _ in _parts(state) for name in _assigned(part)}
        )
    return frozenset(name for name, flows_with_it in count.items() if flows_with_it > 1)


def _nested(state: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for index, branch in enumerate(state.get("Branches", ())):
        yield branch, f"Branches[{index}]"
    for name in ("ItemProcessor", "Iterator"):
        if name in state:
            yield state[name], name


def _parts(state: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield what can assign variables: the state, its rules and its catchers."""
    yield state, ""
    for name in ("Choices", "Catch"):
        for index, part in enumerate(state.get(name) or ()):
            yield part, f".{name}[{index}]"


def _assigned(part: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that a part assigns, each with how it is written there."""
    return {name.removesuffix(".$"): name for name in part.get("Assign") or ()}


def _check_state(state: Mapping[str, Any], where: str, outer: _Names) -> None:
    for part, place in _parts(state):
        for variable, name in _assigned(part).items():
            if variable in outer:
                raise InvalidDocument(
                    f"the variable '{variable}' belongs to a flow around this one, where it can "
                    "be read but not changed: use another name",
                    where=f"{where}{place}.Assign.{name}",
                )


def _assigned_before(flow: Mapping[str, Any], outer: _Names, shared: _Names) -> dict[str, _Names]:
    """Return, for each state, which of the shared variables can be there when it begins."""
    before: dict[str, _Names] = {flow["StartAt"]: outer}
    changed = deque([flow["StartAt"]])
    while changed:
        name = changed.popleft()
        for part, _ in _parts(flow["States"][name]):
            known = before[name] | (shared & _assigned(part).keys())
            for target in (part.get("Next"), part.get("Default")):
                if target is None or (target in before and known <= before[target]):
                    continue
                before[target] = known | before.get(target, frozenset())
                changed.append(target)
    return before
