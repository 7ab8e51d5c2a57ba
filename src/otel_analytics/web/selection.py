"""What is looked at: which services, which days, and whether the period before stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from otel_analytics.errors import Refused

__all__ = ["Selection"]

# As many as there are colours to tell them apart.
_MOST_SERVICES: Final = 6


@dataclass(frozen=True, slots=True)
class Selection:
    """Services, a range of days with both ends in it, and whether to compare.

    `first` or `last` of None leaves that end open; then there is no previous period to compare.

    Raises: Refused if the range holds no day, or there are too many services
    """

    services: tuple[str, ...]
    first: date | None = None
    last: date | None = None
    compare: bool = False

    def __post_init__(self) -> None:
        if self.first and self.last and self.first > self.last:
            raise Refused(
                f"the range {self.first} to {self.last} holds no day: begin it before it ends"
            )
        if len(self.services) > _MOST_SERVICES:
            raise Refused(
                f"{len(self.services)} services cannot be told apart in one chart: name "
                f"{_MOST_SERVICES} or fewer"
            )

    @property
    def shift(self) -> timedelta | None:
        """How far the previous period lies behind: the range's length; None if none is shown."""
        if not self.compare or self.first is None or self.last is None:
            return None
        return self.last - self.first + timedelta(days=1)

    @property
    def first_read(self) -> date | None:
        """The first day that is read, which is the previous period's if that is shown."""
        if self.first is None or self.shift is None:
            return self.first
        return self.first - self.shift
