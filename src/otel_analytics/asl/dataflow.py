"""How data comes into a state and out of it, in either query language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import StateError
from otel_analytics.asl.fields import STATES_INPUT
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.queries.jsonpath import (
    NoResult,
    ReferencePath,
    find_or_fail,
    parse_reference_path,
)

if TYPE_CHECKING:
    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.queries.jsonpath import Path
    from otel_analytics.asl.queries.scope import Scope, Template
    from otel_analytics.asl.turn import DataFlow, Turn

__all__ = ["JsonPathFlow", "JsonataFlow", "parse_catch_flow", "parse_flow", "parse_rule_flow"]

INPUT = STATES_INPUT
RESULT = INPUT | {"result"}
ERROR = INPUT | {"errorOutput"}

_PARAMETERS = {"Pass", "Task", "Parallel"}
_ARGUMENTS = {"Task", "Parallel"}
_RESULT_PATH = {"Pass", "Task", "Parallel", "Map"}
_RESULT_SELECTOR = {"Task", "Parallel", "Map"}
_FIELDS = {
    "InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath",
    "Arguments", "Output", "Assign",
}  # fmt: skip
_ASSIGN = {"Pass", "Task", "Parallel", "Map", "Wait", "Choice"}


@dataclass(frozen=True, slots=True)
class Selection:
    """InputPath or OutputPath; without a path it is null, and selects the empty object."""

    path: Path | None

    def select(self, scope: Scope) -> Any:
        """Return the selected data.

        Raises: StateError (States.Runtime) if there is nothing
        """
        if self.path is None:
            return {}
        return find_or_fail(self.path, scope)


@dataclass(frozen=True, slots=True)
class JsonPathFlow:
    """InputPath, Parameters, ResultSelector, ResultPath, OutputPath and Assign."""

    input_path: Selection | None = None
    parameters: Template | None = None
    result_selector: Template | None = None
    result_path: ReferencePath | None = None
    keeps_result: bool = True
    output_path: Selection | None = None
    assign: Template | None = None

    def input(self, turn: Turn) -> Any:
        """Return the raw input after InputPath."""
        if self.input_path is None:
            return turn.input
        return self.input_path.select(turn.scope(turn.input))

    def arguments(self, turn: Turn, value: Any) -> Any:
        """Return Parameters, or the effective input where there are none."""
        return value if self.parameters is None else self.parameters.evaluate(turn.scope(value))

    def leave(self, turn: Turn, result: Any) -> tuple[Any, dict[str, Any]]:
        """Return the result after ResultSelector, ResultPath and OutputPath, and Assign."""
        if self.result_selector is not None:
            result = self.result_selector.evaluate(turn.scope(result))
        return self._placed(turn, result)

    def leave_failed(self, turn: Turn, error: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the input with the error output at ResultPath, and Assign."""
        return self._placed(turn, error)

    def _placed(self, turn: Turn, result: Any) -> tuple[Any, dict[str, Any]]:
        assigned = {} if self.assign is None else self.assign.evaluate(turn.scope(result))
        if not self.keeps_result:
            output = turn.input
        elif self.result_path is None:
            output = result
        else:
            output = self._put(self.result_path, turn.input, result)
        if self.output_path is not None:
            output = self.output_path.select(turn.scope(output))
        return output, assigned

    @staticmethod
    def _put(path: ReferencePath, data: Any, result: Any) -> Any:
        try:
            return path.put(data, result)
        except NoResult as blocked:
            raise StateError(
                "States.ResultPathMatchFailure",
                f"Unable to apply step '{blocked.path}' of ResultPath '{path.text}' to input "
                f"{to_json(data)}",
                in_state=True,
            ) from None


@dataclass(frozen=True, slots=True)
class JsonataFlow:
    """Arguments, Output and Assign."""

    arguments_template: Template | None = None
    output: Template | None = None
    assign: Template | None = None
    has_result: bool = True

    def input(self, turn: Turn) -> Any:
        """Return the raw input: JSONata has no InputPath."""
        return turn.input

    def arguments(self, turn: Turn, value: Any) -> Any:
        """Return Arguments, or the input where there are none."""
        template = self.arguments_template
        return value if template is None else template.evaluate(turn.scope(value))

    def leave(self, turn: Turn, result: Any) -> tuple[Any, dict[str, Any]]:
        """Return Output, or the result where there is none, and Assign."""
        states = {"result": result} if self.has_result else {}
        return self._evaluated(turn.scope(None, **states), result)

    def leave_failed(self, turn: Turn, error: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return Output, or the error output where there is none, and Assign."""
        return self._evaluated(turn.scope(None, errorOutput=error), error)

    def _evaluated(self, scope: Scope, default: Any) -> tuple[Any, dict[str, Any]]:
        assigned = {} if self.assign is None else self.assign.evaluate(scope)
        return (default if self.output is None else self.output.evaluate(scope)), assigned


_PLAIN = JsonPathFlow()


def parse_flow(fields: Fields, state_type: str) -> DataFlow:
    """Return the data flow of a state.

    Raises: InvalidDocument
    """
    if fields.data.keys().isdisjoint(_FIELDS):
        # Most states of a long document; reading each field of each would take its time.
        return JsonataFlow(has_result=state_type in _RESULT_SELECTOR) if fields.jsonata else _PLAIN
    if fields.jsonata:
        states = RESULT if state_type in _RESULT_SELECTOR else INPUT
        return JsonataFlow(
            fields.jsonata_template("Arguments", states=INPUT)
            if state_type in _ARGUMENTS
            else None,
            fields.jsonata_template("Output", states=states),
            parse_assign(fields, states) if state_type in _ASSIGN else None,
            state_type in _RESULT_SELECTOR,
        )
    result_path, keeps_result = (
        parse_result_path(fields) if state_type in _RESULT_PATH else (None, True)
    )
    return JsonPathFlow(
        _selection(fields, "InputPath"),
        fields.jsonpath_template("Parameters") if state_type in _PARAMETERS else None,
        fields.jsonpath_template("ResultSelector") if state_type in _RESULT_SELECTOR else None,
        result_path,
        keeps_result,
        _selection(fields, "OutputPath"),
        parse_assign(fields, INPUT) if state_type in _ASSIGN else None,
    )


def parse_catch_flow(fields: Fields) -> DataFlow:
    """Return the data flow of a catcher.

    Raises: InvalidDocument
    """
    if fields.jsonata:
        output = fields.jsonata_template("Output", states=ERROR)
        return JsonataFlow(None, output, parse_assign(fields, ERROR))
    result_path, keeps_result = parse_result_path(fields)
    return JsonPathFlow(
        result_path=result_path, keeps_result=keeps_result, assign=parse_assign(fields, ERROR)
    )


def parse_rule_flow(fields: Fields, flow: DataFlow) -> DataFlow:
    """Return the data flow of a Choice rule, whose own Assign and Output replace the state's.

    Raises: InvalidDocument
    """
    assign = parse_assign(fields, INPUT)
    if isinstance(flow, JsonPathFlow):
        return JsonPathFlow(input_path=flow.input_path, output_path=flow.output_path, assign=assign)
    output = fields.jsonata_template("Output", states=INPUT)
    return JsonataFlow(None, output, assign, has_result=False)


def parse_assign(fields: Fields, states: frozenset[str]) -> Template | None:
    """Return Assign.

    Raises: InvalidDocument if it is no object, or a name cannot be a variable's
    """
    names = fields.optional("Assign", dict)
    for name in names or ():
        plain = name if fields.jsonata else name.removesuffix(".$")
        if not plain.isidentifier() or len(plain) > 80 or plain == "states":
            raise fields.invalid(
                f"Assign.{name}",
                "cannot be a variable's name: use letters, digits and _, not states",
            )
    return fields.template("Assign", states=states)


def parse_result_path(fields: Fields) -> tuple[ReferencePath | None, bool]:
    """Return ResultPath, and whether the result is kept at all (null drops it).

    Raises: InvalidDocument
    """
    if "ResultPath" in fields and fields.optional("ResultPath") is None:
        return None, False
    value = fields.optional("ResultPath", str)
    if value is None:
        return None, True
    try:
        return parse_reference_path(value), True
    except ValueError as error:
        raise fields.invalid("ResultPath", str(error)) from error


def _selection(fields: Fields, name: str) -> Selection | None:
    if name in fields and fields.optional(name) is None:
        return Selection(None)
    path = fields.path(name)
    return None if path is None else Selection(path)
