"""From a document to a state machine, or to the error that says which field is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.dataflow import parse_flow
from otel_analytics.asl.fields import JSONATA, JSONPATH, Fields
from otel_analytics.asl.json_text import parse_json_once, to_json
from otel_analytics.asl.machine import Flow, StateMachine
from otel_analytics.asl.retry import parse_catchers, parse_retriers
from otel_analytics.asl.scopes import check_scopes
from otel_analytics.asl.states import STATE_TYPES
from otel_analytics.asl.states.state import Head
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_analytics.asl.states.state import State

__all__ = ["parse", "parse_head"]

_LANGUAGES = (JSONPATH, JSONATA)
_ENDING = {"Succeed", "Fail"}
_RETRYING = {"Task", "Parallel", "Map"}
MAX_NAME_CHARACTERS = 80


def parse(document: str | Mapping[str, Any]) -> StateMachine:
    """Return the state machine of a document in the Amazon States Language.

    Raises: InvalidDocument, whose `where` is the full path of the field that is wrong
    """
    data = _load(document)
    fields = Fields(data, "$", "a state machine", _language(data, "$", JSONPATH))
    fields.optional("QueryLanguage")
    if fields.optional("Version", str) not in (None, "1.0"):
        raise fields.invalid("Version", "must be 1.0")
    timeout = _timeout(fields)
    flows = _Flows(fields.language)
    flows.add({name: data[name] for name in ("StartAt", "States") if name in data}, "$")
    fields.asked.update(("StartAt", "States"))
    fields.refuse_the_rest()
    machine = StateMachine(data, flows.parse_all(), timeout)
    check_scopes(data)
    return machine


def _timeout(fields: Fields) -> int | None:
    timeout = fields.timeout("TimeoutSeconds") if "TimeoutSeconds" in fields else None
    if timeout is None:
        return None
    if timeout.value is None:
        raise fields.invalid(
            "TimeoutSeconds", "must be a whole number: there is nothing to compute from"
        )
    return int(timeout.value)


def _load(document: str | Mapping[str, Any]) -> dict[str, Any]:
    try:
        # A copy, so that the machine stays as it is whatever the caller does with its document.
        data, doubled = parse_json_once(
            document if isinstance(document, str) else to_json(dict(document))
        )
    except json.JSONDecodeError as error:
        raise InvalidDocument(
            f"the document is not JSON: {error.msg}", where=f"line {error.lineno}"
        ) from error
    except (TypeError, ValueError) as error:
        raise InvalidDocument(f"the document is not JSON: {error}", where="$") from error
    if not isinstance(data, dict):
        raise InvalidDocument("the document must be a JSON object", where="$")
    if doubled is not None:
        raise InvalidDocument("stands twice in its object: remove one of them", where=doubled)
    return data


class _Flows:
    """The flows of one document, met one by one so that nesting costs no recursion."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._pending: list[tuple[Any, str]] = []

    def add(self, data: Any, where: str) -> int:
        """Return the number that the flow will have."""
        self._pending.append((data, where))
        return len(self._pending) - 1

    def parse_all(self) -> tuple[Flow, ...]:
        """Return all flows; those that are met on the way are added at the end."""
        flows: list[Flow] = []
        while len(flows) < len(self._pending):
            flows.append(self._parse(*self._pending[len(flows)]))
        return tuple(flows)

    def _parse(self, data: Any, where: str) -> Flow:
        if not isinstance(data, dict):
            raise InvalidDocument("must be an object with StartAt and States", where=where)
        fields = Fields(data, where, "a flow of states", self._language)
        start_at = fields.text("StartAt")
        states = fields.required("States", dict)
        fields.refuse_the_rest()
        if not states:
            raise fields.invalid("States", "must hold one or more states")
        flow = Flow(
            where,
            start_at,
            {name: self._parse_state(name, state, where) for name, state in states.items()},
        )
        _check_targets(flow)
        return flow

    def _parse_state(self, name: str, data: Any, where: str) -> State:
        where = f"{where}.States.{name}"
        if not isinstance(data, dict):
            raise InvalidDocument("must be an object", where=where)
        if not name or len(name) > MAX_NAME_CHARACTERS:
            raise InvalidDocument(
                f"a state's name has 1 to {MAX_NAME_CHARACTERS} characters", where=where
            )
        language = _language(data, where, self._language)
        if self._language == JSONATA and language != JSONATA:
            raise InvalidDocument(
                "a state of a JSONata machine is in JSONata: remove it, or give it to the states "
                "of a JSONPath machine one by one",
                where=f"{where}.QueryLanguage",
            )
        fields = Fields(data, where, "a state", language)
        state_type = fields.text("Type")
        if state_type not in STATE_TYPES:
            raise fields.invalid(
                "Type", f"'{state_type}' is not a state type; use one of {', '.join(STATE_TYPES)}"
            )
        fields.kind = f"a {state_type} state"
        fields.optional("QueryLanguage")
        try:
            state = STATE_TYPES[state_type](fields, parse_head(fields, name, state_type), self.add)
        except RecursionError:
            raise InvalidDocument("nests too deeply", where=where) from None
        fields.refuse_the_rest()
        return state


def parse_head(fields: Fields, name: str, state_type: str) -> Head:
    """Return what every state has.

    Raises: InvalidDocument
    """
    # A Fail state has no output, so it has no data flow to speak of.
    flow = parse_flow(
        Fields({}, fields.where, fields.kind, fields.language) if state_type == "Fail" else fields,
        state_type,
    )
    retries = state_type in _RETRYING
    return Head(
        name,
        state_type,
        fields.where,
        fields.language,
        flow,
        _next(fields, state_type),
        parse_retriers(fields) if retries else (),
        parse_catchers(fields) if retries else (),
    )


def _next(fields: Fields, state_type: str) -> str | None:
    if state_type in _ENDING or state_type == "Choice":
        return None
    end = fields.optional("End", bool)
    following = fields.optional("Next", str)
    if bool(end) == (following is not None):
        raise InvalidDocument("needs either Next or End: true", where=fields.where)
    return None if following is None else str(following)


def _language(data: Mapping[str, Any], where: str, default: str) -> str:
    language = data.get("QueryLanguage", default)
    if language not in _LANGUAGES:
        raise InvalidDocument(f"must be {' or '.join(_LANGUAGES)}", where=f"{where}.QueryLanguage")
    return str(language)


def _check_targets(flow: Flow) -> None:
    targets = {name: list(state.targets()) for name, state in flow.states.items()}
    targets[""] = [(flow.start_at, f"{flow.where}.StartAt")]
    reached, pending = set(), [""]
    while pending:
        for target, where in targets[pending.pop()]:
            if target not in flow.states:
                raise InvalidDocument(f"there is no state '{target}' in this flow", where=where)
            if target not in reached:
                reached.add(target)
                pending.append(target)
    for name in flow.states:
        if name not in reached:
            raise InvalidDocument(
                "no state leads here: remove it, or point a Next at it",
                where=f"{flow.where}.States.{name}",
            )
    if not any(_ends(state.head) for state in flow.states.values()):
        raise InvalidDocument(
            "no state ends this flow: give one of them End: true, or add a Succeed or a Fail",
            where=f"{flow.where}.States",
        )


def _ends(head: Head) -> bool:
    return head.next is None and head.type != "Choice"
