"""Wait: sleeps for a number of seconds or until a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import evaluation_error, runtime_error
from otel_analytics.asl.fields import STATES_INPUT
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.number import WHOLE
from otel_analytics.asl.queries.jsonpath import NoResult
from otel_analytics.asl.queries.templates import is_expression
from otel_analytics.asl.states.state import Head, targets_of
from otel_analytics.asl.turn import WaitUntil
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.number import Number
    from otel_analytics.asl.queries.jsonpath import Path
    from otel_analytics.asl.queries.scope import Scope, Template
    from otel_analytics.asl.states.state import NestFlow
    from otel_analytics.asl.turn import Turn

__all__ = ["Wait", "parse_timestamp"]

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)")
# Above this AWS refuses to wait (recorded between 24,855 and 24,856 days).
MAX_DELAY_S = 2**31 - 1


def parse_timestamp(value: Any) -> float | None:
    """Return the seconds since 1970 of an ISO-8601 text with an offset, or None."""
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return None
    try:
        # Python reads at most microseconds.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value)).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Wait:
    """A Wait state: one of the fields that say how long is set."""

    head: Head
    seconds: Number | None
    seconds_path: Path | None
    at: float | None
    expression: Template | None
    path: Path | None

    @classmethod
    def parse(cls, fields: Fields, head: Head, _nest: NestFlow) -> Wait:
        """Return the state.

        Raises: InvalidDocument unless exactly one of the fields that say how long is given
        """
        names = ["Seconds", "Timestamp"]
        if not fields.jsonata:
            names += ["SecondsPath", "TimestampPath"]
        if fields.at_most_one(*names) is None:
            fields.refuse_the_rest()
            raise InvalidDocument(f"a Wait needs one of {', '.join(names)}", where=fields.where)
        seconds = fields.number("Seconds") if "Seconds" in fields else None
        at, expression = _timestamp(fields)
        seconds_path, path = (
            None if fields.jsonata else fields.path(name)
            for name in ("SecondsPath", "TimestampPath")
        )
        return cls(head, seconds, seconds_path, at, expression, path)

    def start(self, turn: Turn) -> WaitUntil:
        """Sleep.

        Raises: StateError if the time cannot be read, or is too far away
        """
        value = self.head.flow.input(turn)
        until = self._until(turn, value)
        if until - turn.now() > MAX_DELAY_S:
            raise runtime_error("Wait state delay is too long.")
        return WaitUntil(until, value)

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield where the state leads."""
        return targets_of(self.head)

    def _until(self, turn: Turn, value: Any) -> float:
        scope = turn.scope(value)
        if self.seconds is not None:
            return _after(turn, self.seconds.whole(scope))
        if self.seconds_path is not None:
            return _after(turn, _seconds(self.seconds_path, scope))
        if self.at is not None:
            return self.at
        if self.expression is not None:
            found = self.expression.evaluate(scope)
            at = parse_timestamp(found)
            if at is None:
                raise evaluation_error(
                    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time "
                    f"format string: {found}",
                    location="Timestamp",
                )
            return at
        assert self.path is not None  # noqa: S101 - parse made sure
        found = _referred(self.path, scope, "TimestampPath")
        at = parse_timestamp(found)
        if at is None:
            raise runtime_error(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
                f"date-time format string: {self.path.text} == "
                f"{found if isinstance(found, str) else to_json(found)}"
            )
        return at


def _after(turn: Turn, seconds: int) -> float:
    # A whole number can be larger than any time.
    return turn.now() + min(seconds, MAX_DELAY_S + 1)


def _referred(path: Path, scope: Scope, field: str) -> Any:
    try:
        return path.find(scope)
    except NoResult:
        raise runtime_error(
            f"The {field} parameter does not reference an input value: {path.text}"
        ) from None


def _seconds(path: Path, scope: Scope) -> int:
    found = _referred(path, scope, "SecondsPath")
    seconds = WHOLE.read(found)
    shown = f"{path.text} == {to_json(found)}"
    if seconds is None:
        raise runtime_error(f"The SecondsPath parameter cannot be parsed as a long value: {shown}")
    if seconds < 0:
        raise runtime_error(f"The SecondsPath parameter references a negative value: {shown}")
    return int(seconds)


def _timestamp(fields: Fields) -> tuple[float | None, Template | None]:
    value = fields.optional("Timestamp", str)
    if value is None:
        return None, None
    if fields.jsonata and is_expression(value):
        return None, fields.jsonata_template("Timestamp", states=STATES_INPUT)
    at = parse_timestamp(value)
    if at is None:
        raise fields.invalid("Timestamp", "must be like 2026-01-31T12:00:00Z")
    return at, None
