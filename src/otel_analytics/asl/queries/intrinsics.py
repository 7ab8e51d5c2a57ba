"""The intrinsic functions of JSONPath states: `States.Format('…', $.x)` and the others.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import runtime_error
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.queries.functions import FUNCTIONS, IntrinsicError
from otel_analytics.asl.queries.jsonpath import NoResult, Path, PathSyntaxError, parse_path

if TYPE_CHECKING:
    from otel_analytics.asl.queries.scope import Scope

__all__ = ["Call", "IntrinsicSyntaxError", "parse_intrinsic"]

MAX_NESTING = 10

_NAME = re.compile(r"States\.([A-Za-z0-9]+)\(")
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = "'{}\\"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"(true|false|null)\b")
_WORDS = {"true": True, "false": False, "null": None}
_SPACE = re.compile(r"\s*")
_BRACKETS = {"[": "]", "(": ")"}


class IntrinsicSyntaxError(ValueError):
    """A text is not a call of an intrinsic function."""


class _MissingArgument(LookupError):  # noqa: N818 - never leaves this module
    """A path among the arguments finds nothing."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal argument; `raw` is a text with its backslashes, which Format reads itself."""

    value: Any
    raw: str | None = None

    def evaluate(self, _scope: Scope) -> Any:
        """Return the literal."""
        return self.value


@dataclass(frozen=True, slots=True)
class Reference:
    """An argument that is a path."""

    path: Path

    def evaluate(self, scope: Scope) -> Any:
        """Return what the path finds."""
        try:
            return self.path.find(scope)
        except NoResult:
            searched = scope.context if self.path.root == "$" else scope.value
            raise _MissingArgument(
                f"The JsonPath argument for the field '{self.path.text}' could not be found in the "
                f"input '{to_json(searched)}'"
            ) from None


@dataclass(frozen=True, slots=True)
class Call:
    """A compiled call."""

    text: str
    name: str
    arguments: tuple[Constant | Reference | Call, ...]

    def evaluate(self, scope: Scope) -> Any:
        """Return the function's value.

        Raises: StateError (States.Runtime) if a path finds nothing, or the arguments do not suit
            the function: AWS's own error for that, States.IntrinsicFailure, is in no recording
        """
        try:
            return self._value(scope)
        except _MissingArgument as missing:
            raise runtime_error(
                f"The function '{self.text}' had the following error: {missing}"
            ) from None
        except IntrinsicError as error:
            raise runtime_error(
                f"There was an error while evaluating the intrinsic function: {self.text}. {error}"
            ) from error

    def _value(self, scope: Scope) -> Any:
        values = [
            argument._value(scope) if isinstance(argument, Call) else argument.evaluate(scope)
            for argument in self.arguments
        ]
        first = self.arguments[0] if self.arguments else None
        if self.name == "Format" and isinstance(first, Constant) and first.raw is not None:
            values[0] = first.raw
        try:
            return FUNCTIONS[self.name].apply(values, scope.chance)
        except (ValueError, RecursionError) as error:
            said = isinstance(error, IntrinsicError) and str(error)
            raise IntrinsicError(said or f"Invalid arguments in States.{self.name}") from error


@lru_cache(maxsize=4096)
def parse_intrinsic(text: str) -> Call:
    """Return the compiled call.

    Raises: IntrinsicSyntaxError
    """
    call, end = _parse_call(text, 0, depth=1)
    if text[end:].strip():
        raise IntrinsicSyntaxError(f"'{text[end:]}' stands after the end of the function")
    return call


def _parse_call(text: str, start: int, *, depth: int) -> tuple[Call, int]:
    match = _NAME.match(text, start)
    if match is None:
        raise IntrinsicSyntaxError(f"'{text[start:]}' is not a call such as States.Format('…')")
    if match[1] not in FUNCTIONS:
        raise IntrinsicSyntaxError(
            f"there is no intrinsic function States.{match[1]}; there are: {', '.join(FUNCTIONS)}"
        )
    if depth > MAX_NESTING:
        raise IntrinsicSyntaxError(f"intrinsic functions nest at most {MAX_NESTING} deep")
    arguments: list[Constant | Reference | Call] = []
    at = _skip(text, match.end())
    while not text.startswith(")", at):
        if arguments:
            if not text.startswith(",", at):
                raise IntrinsicSyntaxError(f"a comma or a parenthesis is missing at '{text[at:]}'")
            at = _skip(text, at + 1)
        argument, at = _parse_argument(text, at, depth=depth)
        arguments.append(argument)
        at = _skip(text, at)
    call = Call(text[start : at + 1], match[1], tuple(arguments))
    _check_count(call)
    return call, at + 1


def _parse_argument(text: str, at: int, *, depth: int) -> tuple[Constant | Reference | Call, int]:
    if text.startswith("States.", at):
        return _parse_call(text, at, depth=depth + 1)
    if text.startswith("$", at):
        end = _end_of_path(text, at)
        try:
            return Reference(parse_path(text[at:end].rstrip())), end
        except PathSyntaxError as error:
            raise IntrinsicSyntaxError(str(error)) from error
    if match := _TEXT.match(text, at):
        for character in _ESCAPE.findall(match[1]):
            if character not in _ESCAPED:
                raise IntrinsicSyntaxError(
                    f"\\{character} is no escape in {match[0]}: a backslash stands before one of "
                    f"{_ESCAPED} only"
                )
        return Constant(_ESCAPE.sub(r"\1", match[1]), match[1]), match.end()
    if match := _NUMBER.match(text, at):
        number = float(match[0]) if re.search(r"[.eE]", match[0]) else int(match[0])
        return Constant(number), match.end()
    if match := _WORD.match(text, at):
        return Constant(_WORDS[match[1]]), match.end()
    raise IntrinsicSyntaxError(f"cannot read the argument at '{text[at:]}'")


def _end_of_path(text: str, at: int) -> int:
    open_brackets: list[str] = []
    quote = ""
    for index in range(at, len(text)):
        character = text[index]
        if quote:
            quote = "" if character == quote else quote
        elif open_brackets and character in "'\"":
            quote = character
        elif character in _BRACKETS:
            open_brackets.append(_BRACKETS[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        elif not open_brackets and character in ",)":
            return index
    return len(text)


def _check_count(call: Call) -> None:
    function = FUNCTIONS[call.name]
    if not function.least <= len(call.arguments) <= function.most:
        raise IntrinsicSyntaxError(
            f"States.{call.name} takes {function.counts} arguments, not {len(call.arguments)}"
        )


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
