"""The checks of a user's own, read before any work begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_analytics.config import Settings

__all__ = ["check_own_checks"]


def check_own_checks(settings: Settings) -> None:
    """Check that each file of the folder `checks.folder` is a check.

    Raises: Refused naming file and line
    """
    from otel_analytics.checks import load_checks
    from otel_analytics.errors import CheckError, Refused
    from otel_analytics.query.checks import parse_check

    if not settings.checks.folder:
        return
    try:
        for check in load_checks(settings.checks.folder).values():
            parse_check(check)
    except CheckError as error:
        raise Refused(error.message, where=error.where) from error
