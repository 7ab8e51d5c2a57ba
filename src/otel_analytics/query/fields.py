"""The fields of what a Lambda is given: those that it must have, and no others."""

from __future__ import annotations

from typing import Any

from otel_analytics.errors import InvalidPayload

__all__ = ["check_fields"]


def check_fields(
    value: Any, fields: tuple[str, ...], what: str, *, optional: tuple[str, ...] = ()
) -> None:
    """Check that a value is an object with these fields, of which some may be left out.

    Raises: InvalidPayload saying of `what` which it lacks, or may not have
    """
    if not isinstance(value, dict):
        raise InvalidPayload(f"{what} must be an object with {', '.join(fields)}")
    if missing := [name for name in fields if name not in value and name not in optional]:
        raise InvalidPayload(f"{what} lacks {', '.join(missing)}")
    if unknown := sorted(str(name)[:80] for name in value if name not in fields):
        raise InvalidPayload(
            f"{what} has unknown fields {', '.join(unknown)}; it may have {', '.join(fields)}"
        )
