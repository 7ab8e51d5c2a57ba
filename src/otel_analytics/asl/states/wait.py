"""Wait: sleeps for a number of seconds or until a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import evaluation_error, runtime_error
from otel_analytics.asl.fields import STATES_INPUT, Number
from otel_analytics.asl.queries.templates import is_expression
from otel_analytics.asl.states.state import Head, targets_of
from otel_analytics.asl.turn import WaitUntil
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.queries.jsonpath import Path
    from otel_analytics.asl.queries.scope import Template
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
    """A Wait state: one of its fields is set."""

    head: Head
    seconds: Number | None
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
            raise InvalidDocument(f"a Wait needs one of {', '.join(names)}", where=fields.where)
        at, expression = _timestamp(fields)
        path = None if fields.jsonata else fields.path("TimestampPath")
        return cls(head, fields.number("Seconds"), at, expression, path)

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
            return turn.now() + self.seconds.evaluate(scope)
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
        found = Number.path_value(self.path, scope)
        at = parse_timestamp(found)
        if at is None:
            raise runtime_error(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
                f"date-time format string: {self.path.text} == {found}"
            )
        return at


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
