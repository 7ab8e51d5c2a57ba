"""Hypothesis strategies for what the tables are computed from: records and their definition.

Days are drawn where the windows begin and end, times of day where days do, and names from few, so
that small data sets meet every edge often. Knows the oracle's types and nothing of the package.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.oracle.seven_tables import Definition, Event

__all__ = [
    "MOMENTS",
    "SERVICES",
    "clock_change_events",
    "definitions",
    "event_lists",
]

SERVICES = ("theshop", "theshop-brand", "TheShop.Brand-kr")

# Most of these moments lie just after a zone's clocks changed.
MOMENTS = (
    ("UTC", date(2024, 3, 1)),  # after a leap day
    ("UTC", date(2024, 1, 1)),
    ("Asia/Seoul", date(2024, 3, 1)),
    ("Asia/Kathmandu", date(2025, 2, 28)),
    ("America/New_York", date(2024, 3, 12)),  # forward on the 10th, at 2 o'clock
    ("America/New_York", date(2023, 11, 7)),  # back on the 5th
    ("America/Santiago", date(2024, 4, 8)),  # back on the 6th, at midnight
    ("America/Santiago", date(2024, 9, 10)),  # forward on the 8th, a day that begins at 1 o'clock
    ("Pacific/Apia", date(2021, 4, 6)),  # back on the 4th
    ("Pacific/Apia", date(2012, 1, 2)),  # there was no 30 December 2011
)
ZONES = tuple(dict.fromkeys(zone for zone, _ in MOMENTS))
EXECUTION_DATES = (date(2023, 3, 1), date(2024, 2, 29), date(2024, 7, 15), date(2024, 12, 31))

# Days before E at which a window, a retention pair or a cohort begins or ends, or just misses to.
EDGES = (-400, -1, 0, 1, 2, 7, 8, 9, 14, 15, 29, 30, 31, 32, 37, 60, 61, 89, 90, 91, 364, 365, 366)

AROUND_MIDNIGHT_S = (0, 1, -1, -3_600, 3_600, 86_399, 43_200)

EVENT_NAMES = (
    "commerce.session.start",
    "commerce.product.view",
    "commerce.cart.add",
    "ping",
    "Ping",
    "(other)",
    "it's; -- DROP TABLE",
    'a "quoted" /* name */',
    "장바구니 🛒",
    "עגלה",
    "Z\u0301",
    "Ź",
)
USERS = ("u1", "u2", "u3", "U1", "u1 ", "o'brien", "사용자", "👩‍👩‍👧", "مستخدم", "%", "\\")
SESSIONS = ("x1", "x2", "x3", "x'4", "X1", "세션 -- 5")


def _names(*likely: str) -> st.SearchStrategy[tuple[str, ...]]:
    some = st.lists(
        st.sampled_from((*likely, *EVENT_NAMES)), min_size=1, max_size=3, unique=True
    ).map(tuple)
    return st.one_of(st.just(likely), some)


def _few(values: tuple[str, ...], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True)


def _or_missing(values: list[str]) -> st.SearchStrategy[str | None]:
    missing: tuple[str | None, ...] = (None, "")
    return st.sampled_from((*values * 3, *missing))


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Draw an execution date, a zone, and settings: the defaults as often as not."""
    anywhere = st.tuples(st.sampled_from(ZONES), st.sampled_from(EXECUTION_DATES))
    zone, execution_date = draw(st.one_of(st.sampled_from(MOMENTS), anywhere))
    cut = draw(st.one_of(st.none(), st.none(), st.sampled_from((1, 5, 8, 31, 60, 91, 200, 400))))
    every: st.SearchStrategy[tuple[str, ...]] = st.just(())
    return Definition(
        execution_date=execution_date,
        timezone=zone,
        min_data_date=None if cut is None else execution_date - timedelta(days=cut),
        active=draw(st.one_of(every, _names("commerce.product.view", "ping"))),
        session_start=draw(st.one_of(every, _names("commerce.session.start"))),
        product_view=draw(_names("commerce.product.view")),
        cart_add=draw(_names("commerce.cart.add")),
        max_names=draw(st.sampled_from((1000, 1000, 1, 2, 3))),
    )


def _days(execution_date: date) -> st.SearchStrategy[date]:
    """Days near the windows' edges, the edges of months, and anywhere in fourteen months."""
    last = execution_date - timedelta(days=1)
    month_edges = [date(last.year - 1, last.month, 1), last.replace(day=1)]
    edges = [execution_date - timedelta(days=days) for days in EDGES]
    edges += [edge - timedelta(days=k) for edge in month_edges for k in (0, 1)]
    recent = st.integers(1, 9).map(lambda days: execution_date - timedelta(days=days))
    anywhere = st.integers(-5, 425).map(lambda days: execution_date - timedelta(days=days))
    return st.one_of(recent, st.sampled_from(edges), anywhere)


@st.composite
def _instants(draw: st.DrawFn, definition: Definition, pool: list[date]) -> int:
    """Draw a time in nanoseconds, most likely near a midnight of the reporting zone or of UTC."""
    day = draw(st.sampled_from(pool))
    seconds = draw(st.one_of(st.sampled_from(AROUND_MIDNIGHT_S), st.integers(0, 86_399)))
    zone = ZoneInfo(draw(st.sampled_from((definition.timezone, "UTC"))))
    # Added to the instant, not to the wall clock: a day of 23 or 25 hours is met as it is.
    start = int(datetime.combine(day, time(), zone).timestamp())
    below_second = st.sampled_from((0, 999_999_999, 1_000_000, 999_000_000, 123_456_789))
    return (start + seconds) * 10**9 + draw(below_second)


@st.composite
def event_lists(draw: st.DrawFn, definition: Definition) -> tuple[Event, ...]:
    """Draw some dozens of records of up to three services, out of order, some of them twice."""
    services = draw(_few(SERVICES, 3))
    pool = draw(st.lists(_days(definition.execution_date), min_size=1, max_size=6))
    pool += [day + timedelta(days=n) for day in pool[:2] for n in (1, 7, 30)]
    service_names = st.sampled_from((*services * 3, None))
    names = _or_missing([*EVENT_NAMES[:3], *draw(_few(EVENT_NAMES[3:], 3))])
    event = st.builds(
        Event,
        service_name=service_names,
        time_unix_nano=_instants(definition, pool),
        event_name=names,
        user_key=_or_missing(draw(_few(USERS, 4))),
        session_id=_or_missing(draw(_few(SESSIONS, 4))),
    )
    least = draw(st.sampled_from((30, 15, 0)))
    events = draw(st.lists(event, min_size=least, max_size=36))
    again = draw(st.lists(st.sampled_from(events), max_size=6)) if events else []
    crowd = draw(_crowds(definition, services[0]))
    visitors = draw(_visitors(definition, services[0]))
    return (*events, *again, *crowd, *visitors, *clock_change_events(definition, services[0]))


@st.composite
def _crowds(draw: st.DrawFn, definition: Definition, service_name: str) -> list[Event]:
    """Draw nothing, or ten sessions of one day: as many as a 90th percentile can tell apart."""
    if draw(st.booleans()):
        return []
    time_unix_nano = draw(_instants(definition, [definition.last_day]))
    lengths = draw(st.lists(st.sampled_from((1, 1, 1, 2, 3)), min_size=10, max_size=10))
    return [
        Event(service_name, time_unix_nano, "ping", None, f"crowd {number}")
        for number, length in enumerate(lengths)
        for _ in range(length)
    ]


@st.composite
def _visitors(draw: st.DrawFn, definition: Definition, service_name: str) -> list[Event]:
    """Draw users who came once where a cohort begins or ends, and users who came back in time."""
    once = draw(st.lists(st.sampled_from((7, 8, 30, 31, 90, 91, 365, 366)), max_size=4))
    again = draw(st.lists(st.sampled_from((1, 7, 30, 31)), max_size=2))
    last = draw(st.integers(0, 2))
    visits = [(f"once {n}", n) for n in once]
    visits += [(f"again {n}", days) for n in again for days in (last, last + n)]
    return [
        Event(
            service_name,
            draw(_instants(definition, [definition.days_before(days)])),
            "commerce.product.view",
            user_key,
        )
        for user_key, days in visits
    ]


def clock_change_events(definition: Definition, service_name: str) -> list[Event]:
    """Return events of users who were up when the clocks changed, if in the last ten days."""
    return [
        Event(service_name, (change_s + seconds) * 10**9, "ping", f"owl {seconds}")
        for change_s in _clock_changes(definition)
        for seconds in (-3_600, -1, 0, 3_600)
    ]


def _clock_changes(definition: Definition) -> list[int]:
    """Return, in seconds since 1970, the full hours before E at which the offset is a new one."""
    end = int(datetime.combine(definition.execution_date, time(), UTC).timestamp())
    zone = ZoneInfo(definition.timezone)

    def offset(instant_s: int) -> timedelta | None:
        return datetime.fromtimestamp(instant_s, zone).utcoffset()

    hours = range(end - 10 * 86_400, end, 3_600)
    return [hour for hour in hours if offset(hour) != offset(hour - 1)]
