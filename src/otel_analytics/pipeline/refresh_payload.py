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
from otel_analytics.query.handler import ATTEMPT_TO_COME
from otel_analytics.query.levels import PERIOD, Level, days_of, load_levels, period_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LevelBuild", "is_partition", "level_location", "parse_build", "parse_fields"]

_ACTIONS: Final = {
    "plan": ("execution_time", "execution_date"),
    "build": ("level", "periods", "execution", "step"),
    "register": ("level", "periods", "execution", "step", "attempt", "inputs"),
}
_FOLDER: Final = "activity"

_STEP: Final = re.compile(r"[0-9]{1,9}(_[0-9]{1,9}){2}")
_ATTEMPT: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_TOKEN: Final = re.compile(r"[a-z0-9_]{1,100}")
_VERSION: Final = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class LevelBuild:
    """Some partitions of a level, as one attempt of one step of an execution builds them.

    `periods` gives the version of each. `attempt` is a number, or `{attempt}` in a query that is
    built once for several.
    """

    level: Level
    periods: Mapping[str, str]
    execution: str
    step: str
    attempt: str

    @property
    def table(self) -> str:
        """The name of the table that the query creates."""
        return f"{self.level.name}_{self.execution}_{self.step}_{self.attempt}"

    def location(self, lake: str) -> str:
        """Return the S3 prefix of its data, with its closing slash."""
        root = f"{level_location(lake, self.level)}{self.execution}/{self.step}"
        return f"{root}/{self.attempt}/"

    def partition(self, lake: str, period: str) -> str:
        """Return the S3 prefix of one partition's data, with its closing slash."""
        return f"{self.location(lake)}{PERIOD}={period}/"


def level_location(lake: str, level: Level) -> str:
    """Return the S3 prefix under which all data of a level lie, with its closing slash."""
    return f"{lake.rstrip('/')}/{_FOLDER}/{level.name}/"


def is_partition(location: str) -> bool:
    """Return whether an address is one at which a step builds a partition of a level."""
    folder, level, execution, step, attempt, period, end = ("", *location.rsplit("/", 7))[-7:]
    return (
        folder == _FOLDER
        and level in load_levels()
        and _TOKEN.fullmatch(execution) is not None
        and _STEP.fullmatch(step) is not None
        and _ATTEMPT.fullmatch(attempt) is not None
        and period.startswith(f"{PERIOD}=")
        and not end
    )


def parse_fields(event: Any) -> str:
    """Return the action of an event that has the fields of that, no more and no fewer.

    Raises: InvalidPayload
    """
    if not isinstance(event, dict) or event.get("action") not in _ACTIONS:
        raise InvalidPayload(f"the event must have an action: {', '.join(_ACTIONS)}")
    action = str(event["action"])
    allowed = ("action", *_ACTIONS[action])
    if missing := [name for name in allowed if name not in event]:
        raise InvalidPayload(f"the event of {action} lacks {', '.join(missing)}")
    if unknown := sorted(str(name)[:80] for name in event if name not in allowed):
        raise InvalidPayload(
            f"the event of {action} has unknown fields {', '.join(unknown)}; "
            f"it may have {', '.join(allowed)}"
        )
    return action


def parse_build(event: Mapping[str, Any]) -> LevelBuild:
    """Return what `build` or `register` is asked for.

    Raises: InvalidPayload naming the field and what is allowed
    """
    level = load_levels().get(str(event["level"]))
    if level is None:
        raise InvalidPayload(f"level must be one of {', '.join(load_levels())}")
    step, attempt = event["step"], event.get("attempt", ATTEMPT_TO_COME)
    if not isinstance(step, str) or not _STEP.fullmatch(step):
        raise InvalidPayload(f"step must be three numbers with _ between, not {str(step)[:80]!r}")
    is_number = isinstance(attempt, str) and _ATTEMPT.fullmatch(attempt)
    if "attempt" in event and not is_number:
        raise InvalidPayload(f"attempt must be a whole number, not {str(attempt)[:80]!r}")
    try:
        execution = parse_execution_token(event["execution"])
    except InvalidName as error:
        raise InvalidPayload(str(error)) from error
    return LevelBuild(level, _parse_periods(event["periods"], level), execution, step, attempt)


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
