"""The arguments of an `aws-sdk:…` task: read by name, and none left unread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otel_analytics.asl import TaskFailed

__all__ = ["Arguments"]

_REQUIRED: Any = object()


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call of `service`; what is wrong with them fails the task."""

    service: str
    data: Any
    asked: set[str] = field(default_factory=set)

    def value(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return an argument, or its default where it has one.

        Raises: TaskFailed if it is missing
        """
        self.asked.add(name)
        found = self.data.get(name, default) if isinstance(self.data, dict) else default
        if found is _REQUIRED:
            raise self._invalid(f"The argument {name} is missing")
        return found

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """Return an argument that is a text.

        Raises: TaskFailed if it is missing, or is none
        """
        found = self.value(name, default)
        if not isinstance(found, str) or (default is _REQUIRED and not found):
            raise self._invalid(f"The argument {name} must be a text that is not empty")
        return found

    def number(self, name: str, default: int) -> int:
        """Return an argument that is a whole number.

        Raises: TaskFailed if it is none
        """
        found = self.value(name, default)
        if isinstance(found, bool) or not isinstance(found, int) or found < 0:
            raise self._invalid(f"The argument {name} must be a whole number, 0 or more")
        return found

    def ignore(self, *names: str) -> None:
        """Take arguments that mean nothing here."""
        self.asked.update(names)

    def refuse_the_rest(self) -> None:
        """Refuse the arguments that nobody asked for.

        Raises: TaskFailed naming one
        """
        for name in self.data:
            if name not in self.asked:
                raise self._invalid(f"The argument {name} is not supported here: leave it out")

    def _invalid(self, text: str) -> TaskFailed:
        return TaskFailed(f"{self.service}.InvalidArgumentException", text)
