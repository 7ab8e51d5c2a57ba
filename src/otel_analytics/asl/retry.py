"""Retriers and catchers: which error they match, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.dataflow import parse_catch_flow
from otel_analytics.asl.fields import Fields
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from otel_analytics.asl.turn import DataFlow


__all__ = [
    "FATAL",
    "TIMEOUTS",
    "Catcher",
    "Retrier",
    "matches",
    "parse_catchers",
    "parse_retriers",
]

ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")
# What no retrier and no catcher can match.
FATAL = ("States.Runtime",)


def matches(patterns: tuple[str, ...], error: str | None) -> bool:
    """Return whether an ErrorEquals list matches an error name."""
    if error in FATAL:
        return False
    if error in patterns or ALL in patterns:
        return True
    if error == "States.HeartbeatTimeout" and "States.Timeout" in patterns:
        return True
    return TASK_FAILED in patterns and error not in TIMEOUTS


@dataclass(frozen=True, slots=True)
class Retrier:
    """One entry of Retry. Units: seconds."""

    errors: tuple[str, ...]
    interval_s: float
    max_attempts: int
    backoff_rate: float
    max_delay_s: float | None
    full_jitter: bool

    def delay(self, attempt: int, chance: random.Random) -> float:
        """Return the seconds before retry number `attempt`, counted from 0."""
        try:
            delay = self.interval_s * self.backoff_rate**attempt
        except OverflowError:
            delay = float("inf")
        delay = min(delay, MAX_DELAY_S if self.max_delay_s is None else self.max_delay_s)
        return chance.uniform(0, delay) if self.full_jitter else delay


@dataclass(frozen=True, slots=True)
class Catcher:
    """One entry of Catch."""

    errors: tuple[str, ...]
    next: str
    flow: DataFlow


# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
MAX_INTERVAL = 99_999_999
MAX_DELAY_S = 31_622_400


def parse_retriers(fields: Fields) -> tuple[Retrier, ...]:
    """Return the entries of Retry.

    Raises: InvalidDocument
    """
    return tuple(_parse_retrier(entry) for entry in _entries(fields, "Retry", "a retrier"))


def parse_catchers(fields: Fields) -> tuple[Catcher, ...]:
    """Return the entries of Catch.

    Raises: InvalidDocument
    """
    catchers = []
    for entry in _entries(fields, "Catch", "a catcher"):
        errors = _errors(entry)
        catchers.append(Catcher(errors, entry.text("Next"), parse_catch_flow(entry)))
        entry.refuse_the_rest()
    return tuple(catchers)


def _entries(fields: Fields, name: str, kind: str) -> Iterator[Fields]:
    entries = fields.optional(name, list) or []
    for index, data in enumerate(entries):
        where = f"{fields.path_of(name)}[{index}]"
        if not isinstance(data, dict):
            raise InvalidDocument("must be an object", where=where)
        errors = data.get("ErrorEquals")
        if isinstance(errors, list) and ALL in errors and index < len(entries) - 1:
            raise InvalidDocument(
                f"{ALL} matches everything: the entry that has it must be the last",
                where=f"{where}.ErrorEquals",
            )
        yield Fields(data, where, kind, fields.language, prefix=f"{name}[{index}]/")


def _parse_retrier(entry: Fields) -> Retrier:
    jitter = entry.optional("JitterStrategy", str)
    if jitter not in (None, "FULL", "NONE"):
        raise entry.invalid("JitterStrategy", "must be FULL or NONE")
    retrier = Retrier(
        _errors(entry),
        _amount(entry, "IntervalSeconds", default=1, least=1, whole=True),
        int(_amount(entry, "MaxAttempts", default=3, least=0, whole=True)),
        _amount(entry, "BackoffRate", default=2.0, least=1),
        _amount(entry, "MaxDelaySeconds", default=1, least=1, whole=True)
        if "MaxDelaySeconds" in entry
        else None,
        jitter == "FULL",
    )
    entry.refuse_the_rest()
    return retrier


def _amount(entry: Fields, name: str, *, default: float, least: int, whole: bool = False) -> float:
    value: Any = entry.optional(name)
    if name not in entry:
        return default
    kinds = (int,) if whole else (int, float)
    if (
        isinstance(value, bool)
        or not isinstance(value, kinds)
        or not least <= value <= MAX_INTERVAL
    ):
        number = "a whole number" if whole else "a number"
        raise entry.invalid(name, f"must be {number} from {least} to {MAX_INTERVAL}")
    return value


def _errors(entry: Fields) -> tuple[str, ...]:
    errors = entry.required("ErrorEquals", list)
    if not errors or not all(isinstance(error, str) for error in errors):
        raise entry.invalid("ErrorEquals", "must list one or more error names")
    if ALL in errors and len(errors) > 1:
        raise entry.invalid("ErrorEquals", f"{ALL} must stand alone")
    return tuple(errors)
