"""Days of a zone, without a time zone database in SQL."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from otel_analytics.query.zone import OffsetSpan, offset_spans, utc_span

ZONES = ["UTC", "Asia/Seoul", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]


def test_a_zone_without_daylight_saving_is_one_span() -> None:
    spans = offset_spans(date(2025, 1, 1), date(2025, 12, 31), ZoneInfo("Asia/Seoul"))
    assert spans == (OffsetSpan(None, 9 * 3600),)


def test_daylight_saving_changes_at_its_instant() -> None:
    # New York went from -5 h to -4 h on 2025-03-09 at 02:00 local time, which is 07:00 UTC.
    spans = offset_spans(date(2025, 3, 1), date(2025, 3, 31), ZoneInfo("America/New_York"))
    assert spans == (
        OffsetSpan(datetime(2025, 3, 9, 7), -5 * 3600),
        OffsetSpan(None, -4 * 3600),
    )


def test_a_day_that_never_was_is_skipped() -> None:
    # Samoa had no 2011-12-30: it went from UTC-10 to UTC+14 at the end of the 29th.
    spans = offset_spans(date(2011, 12, 28), date(2012, 1, 2), ZoneInfo("Pacific/Apia"))
    assert [span.offset_s // 3600 for span in spans] == [-10, 14]


@given(
    st.sampled_from(ZONES),
    st.dates(date(2000, 1, 1), date(2035, 1, 1)),
    st.integers(0, 400),
    st.integers(0, 86_400 * 400),
)
def test_the_spans_give_the_zones_own_date(zone: str, first: date, days: int, second: int) -> None:
    tz, last = ZoneInfo(zone), first + timedelta(days=days)
    begin, end = utc_span(first, last, tz)
    instant = begin + timedelta(seconds=second % int((end - begin).total_seconds()))
    spans = offset_spans(first, last, tz)
    offset_s = next(s.offset_s for s in spans if s.until is None or instant < s.until)
    expected = instant.replace(tzinfo=UTC).astimezone(tz).date()
    assert (instant + timedelta(seconds=offset_s)).date() == expected
    assert first <= expected <= last
