"""Where a step of a refresh builds partitions of a level, and by which names it goes.

Must not know any catalog. What is deleted is decided by these addresses, so in doubt they say no.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from otel_analytics.query.levels import PERIOD, load_levels

__all__ = ["LevelLeaf", "find_level_leaf", "is_attempt", "is_step", "level_location"]

_FOLDER: Final = "activity"
_ADDRESS: Final = re.compile(
    rf"s3://[^/]+/(?:.+/)?{_FOLDER}/(?P<level>[a-z0-9_]+)/(?P<execution>[a-z0-9_]{{1,100}})/"
    rf"(?P<step>[0-9_]+)/(?P<attempt>[0-9]+)/(?:{PERIOD}=[0-9-]+/)?"
)
_STEP: Final = re.compile(r"[0-9]{1,9}(_[0-9]{1,9}){2}")
_ATTEMPT: Final = re.compile(r"0|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class LevelLeaf:
    """One attempt of one step of an execution, at a level; `step` are plan, stage and place.

    `attempt` is a number, or stands in for one in a query that is built once for several.
    """

    level: str
    execution: str
    step: str
    attempt: str

    @property
    def table(self) -> str:
        """The name of the table that the query creates."""
        return f"{self.level}_{self.execution}_{self.step}_{self.attempt}"

    def location(self, lake: str) -> str:
        """Return the S3 prefix of its data, with its closing slash."""
        return f"{level_location(lake, self.level)}{self.execution}/{self.step}/{self.attempt}/"

    def partition(self, lake: str, period: str) -> str:
        """Return the S3 prefix of one partition's data, with its closing slash."""
        return f"{self.location(lake)}{PERIOD}={period}/"


def level_location(lake: str, level: str) -> str:
    """Return the S3 prefix under which all data of a level lie, with its closing slash."""
    return f"{lake.rstrip('/')}/{_FOLDER}/{level}/"


def find_level_leaf(location: str) -> LevelLeaf | None:
    """Return what was built at an address that ends with `/`, or holds its partition there.

    None if it is no such address, whatever its lake.
    """
    found = _ADDRESS.fullmatch(location)
    if found is None or found["level"] not in load_levels():
        return None
    if ".." in location.split("/") or not (is_step(found["step"]) and is_attempt(found["attempt"])):
        return None
    return LevelLeaf(**found.groupdict())


def is_step(text: str) -> bool:
    """Return whether a text is how a step of an execution is numbered."""
    return _STEP.fullmatch(text) is not None


def is_attempt(text: str) -> bool:
    """Return whether a text is the number of an attempt."""
    return _ATTEMPT.fullmatch(text) is not None
