"""Fields that hold a number: as itself, computed in JSONata, or found by a path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import evaluation_error, runtime_error
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.queries.jsonata import unexpected_type
from otel_analytics.asl.queries.jsonpath import find_or_fail

if TYPE_CHECKING:
    from otel_analytics.asl.queries.jsonpath import Path
    from otel_analytics.asl.queries.scope import Scope, Template

__all__ = ["TIMEOUT", "WHOLE", "Number", "NumberKind", "is_number"]


_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class NumberKind:
    """Which numbers a field takes: from `least` to `most`, whole ones or any."""

    least: int = 0
    most: int | None = None
    whole: bool = True

    @property
    def text(self) -> str:
        """What the field must be, as in `a whole number, 0 or more`."""
        limits = f"{self.least} or more" if self.most is None else f"{self.least} to {self.most}"
        return f"a {'whole ' if self.whole else ''}number, {limits}"

    def allows(self, value: float) -> bool:
        """Return whether a number is within the limits."""
        return value >= self.least and (self.most is None or value <= self.most)

    def matches(self, value: Any) -> bool:
        """Return whether a value of the document is a number of this kind."""
        return (
            is_number(value) and (not self.whole or isinstance(value, int)) and self.allows(value)
        )

    def read(self, value: Any) -> float | None:
        """Return the number that a value found by a path stands for, also as a text; or None."""
        if isinstance(value, str):
            value = float(value) if _DECIMAL.fullmatch(value) else None
        if not is_number(value):
            return None
        if self.whole and isinstance(value, float):
            return int(value) if value.is_integer() else None
        return float(value) if isinstance(value, float) else int(value)


WHOLE = NumberKind()
TIMEOUT = NumberKind(most=99_999_999)


@dataclass(frozen=True, slots=True)
class Number:
    """A number field: one of `value`, `expression` and `path` is set."""

    name: str
    kind: NumberKind
    value: float | None = None
    expression: Template | None = None
    path: Path | None = None

    def evaluate(self, scope: Scope) -> float:
        """Return the number.

        Raises: StateError if what was found is not a number that is allowed
        """
        if self.path is not None:
            return self._found(self.path, scope)
        if self.expression is not None:
            return self._computed(self.expression, scope)
        assert self.value is not None  # noqa: S101 - one of the three is set
        return self.value

    def whole(self, scope: Scope) -> int:
        """Return the number of a field that takes whole ones only."""
        return int(self.evaluate(scope))

    def _found(self, path: Path, scope: Scope) -> float:
        value = find_or_fail(path, scope)
        number = self.kind.read(value)
        if number is None:
            shown = value if isinstance(value, str) else to_json(value)
            kind = "integer" if self.kind.whole else "float"
            raise runtime_error(
                f'The {self.name}Path field refers to value "{shown}" which is not a valid '
                f"{kind}: {path.text}"
            )
        if self.kind.allows(number):
            return number
        raise runtime_error(f"{self._outside()}.")

    def _computed(self, expression: Template, scope: Scope) -> float:
        found = expression.evaluate(scope)
        if not is_number(found):
            raise unexpected_type(expression, field=self.name, expected="number", value=found)
        if self.kind.whole and found != int(found):
            raise evaluation_error(
                f"The {self.name} field cannot be parsed as an integer: {to_json(found)}",
                location=self.name,
            )
        if self.kind.allows(found):
            return float(found)
        raise evaluation_error(f"{self._outside()} but was: {to_json(found)}", location=self.name)

    def _outside(self) -> str:
        if self.kind.most is None:
            return f"{self.name} cannot be negative"
        return f"{self.name} must be between {self.kind.least} and {self.kind.most}"


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
