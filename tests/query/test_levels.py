"""The periods of a level."""

from __future__ import annotations

from datetime import date

import pytest

from otel_analytics.query.levels import Grain, periods_of, whole_periods

DAYS = ["2024-12-30", "2024-12-31", "2025-01-01"]


@pytest.mark.parametrize(
    ("first", "last", "grain", "periods", "whole"),
    [
        (date(2024, 12, 30), date(2025, 1, 1), "day", DAYS, DAYS),
        (date(2024, 11, 30), date(2025, 1, 31), "month", ["2024-11", "2024-12", "2025-01"], 2),
        (date(2024, 2, 1), date(2024, 2, 28), "month", ["2024-02"], 0),
        # a window that min_data_date leaves nothing of
        (date(2025, 4, 20), date(2025, 4, 9), "month", [], 0),
        (date(2025, 4, 20), date(2025, 4, 9), "day", [], []),
    ],
)
def test_periods_are_those_in_which_the_days_lie(
    first: date, last: date, grain: Grain, periods: list[str], whole: int | list[str]
) -> None:
    assert periods_of(first, last, grain) == periods
    # of months, the last ones
    expected = periods[len(periods) - whole :] if isinstance(whole, int) else whole
    assert whole_periods(first, last, grain) == expected
