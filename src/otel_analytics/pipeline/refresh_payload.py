"""What the Lambda `athena-activity-refresher` is asked for, checked before anything is looked at.

Must not know any catalog. Names and addresses are never taken from a payload: they follow from the
execution, its step and the attempt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import InvalidName, InvalidPayload
from otel_analytics.names import parse_execution_token
from otel_analytics.pipeline.level_leaves import LevelLeaf, is_attempt, is_step
from otel_analytics.query.fields import check_fields
from otel_analytics.query.handler import ATTEMPT_TO_COME
from otel_analytics.query.levels import Level, days_of, load_levels, period_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LevelBuild", "parse_build", "parse_fields"]

_ACTIONS: Final = {
    "plan": ("execution_time", "execution_date"),
    "build": ("level", "periods", "execution", "step"),
    "register": ("level", "periods", "execution", "step", "attempt", "inputs"),
}
_VERSION: Final = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class LevelBuild:
    """Some partitions of a level, and where they are built; `periods` gives the version of each."""

    level: Level
    periods: Mapping[str, str]
    leaf: LevelLeaf


def parse_fields(event: Any) -> str:
    """Return the action of an event that has the fields of that, no more and no fewer.

    Raises: InvalidPayload
    """
    action = event.get("action") if isinstance(event, dict) else None
    if not isinstance(action, str) or action not in _ACTIONS:
        raise InvalidPayload(f"the event must have an action: {', '.join(_ACTIONS)}")
    allowed = ("action", *_ACTIONS[action])
    check_fields(event, allowed, f"the event of {action}")
    return action


def parse_build(event: Mapping[str, Any]) -> LevelBuild:
    """Return what `build` or `register` is asked for.

    Raises: InvalidPayload naming the field and what is allowed
    """
    level = load_levels().get(str(event["level"]))
    if level is None:
        raise InvalidPayload(f"level must be one of {', '.join(load_levels())}")
    step, attempt = event["step"], event.get("attempt", ATTEMPT_TO_COME)
    if not isinstance(step, str) or not is_step(step):
        raise InvalidPayload(f"step must be three numbers with _ between, not {str(step)[:80]!r}")
    is_number = isinstance(attempt, str) and is_attempt(attempt)
    if "attempt" in event and not is_number:
        raise InvalidPayload(f"attempt must be a whole number, not {str(attempt)[:80]!r}")
    try:
        execution = parse_execution_token(event["execution"])
    except InvalidName as error:
        raise InvalidPayload(str(error)) from error
    leaf = LevelLeaf(level.name, execution, step, attempt)
    return LevelBuild(level, _parse_periods(event["periods"], level), leaf)


def _parse_periods(given: Any, level: Level) -> dict[str, str]:
    what = f"periods must be an object with the version of each {level.grain}"
    if not isinstance(given, dict) or not given:
        raise InvalidPayload(what)
    for period, version in given.items():
        try:
            is_one = period_of(days_of(period)[0], level.grain) == period
        except ValueError:
            is_one = False
        if not is_one or not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise InvalidPayload(f"{what}, not {str(period)[:80]!r}: {str(version)[:80]!r}")
    return dict(sorted(given.items()))
