"""The seven questions in Polars: `python -m bench.peers.polars …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bench.peers.ask import MAX_NAMES, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from bench.peers.ask import Question

__all__: list[str] = []

VIEW, CART = "commerce.product.view", "commerce.cart.add"


def rate(part: str, whole: str, factor: int = 100) -> pl.Expr:
    """Return factor · part / whole, rounded half away from zero to 2 decimals, null for 0."""
    a, b = pl.col(part).cast(pl.Int64), pl.col(whole).cast(pl.Int64)
    # it divides by a constant as a product, which is off in the last digit
    return pl.when(b > 0).then((200 * factor * a + b) // (2 * b) / 100).round(2)


def has(column: str) -> pl.Expr:
    """Return whether an event has a user, a session or a name."""
    return pl.col(column).is_not_null() & (pl.col(column) != "")


def events_of(question: Question, lake: Path) -> pl.LazyFrame:
    """Return the window's events of the service; files outside of it are not opened."""
    partition = {"year": pl.Int32, "month": pl.Int32, "day": pl.Int32}
    event_date = pl.date("year", "month", "day")
    return (
        pl.scan_parquet(lake / "**/*.parquet", hive_schema=partition)
        .filter(
            event_date.is_between(question.first_day, question.last_day),
            pl.col("service_name") == question.service,
        )
        .with_columns(event_date=event_date)
    )


def mau(question: Question, events: pl.LazyFrame) -> pl.LazyFrame:
    """Answer with a row a month."""
    month = pl.col("month")
    return (
        events.filter(has("user_key"))
        .group_by(month=pl.col("event_date").dt.truncate("1mo"))
        .agg(
            users=pl.col("user_key").n_unique(),
            sessions=pl.col("session_id").filter(has("session_id")).n_unique(),
            events=pl.len(),
        )
        .select(
            year_month=month.dt.strftime("%Y-%m"),
            year=month.dt.strftime("%Y"),
            month_of_year=month.dt.strftime("%m"),
            users="users",
            sessions="sessions",
            events="events",
            is_partial=(month.dt.month_end() > question.last_day) | (month < question.first_day),
        )
    )


def dau(_: Question, events: pl.LazyFrame) -> pl.LazyFrame:
    """Answer with a row a day."""
    day = pl.col("event_date")
    return (
        events.filter(has("user_key"))
        .group_by("event_date")
        .agg(
            users=pl.col("user_key").n_unique(),
            sessions=pl.col("session_id").filter(has("session_id")).n_unique(),
            events=pl.len(),
        )
        .select(
            "event_date",
            day.dt.strftime("%Y").alias("year"),
            day.dt.strftime("%m").alias("month"),
            day.dt.strftime("%d").alias("day"),
            "users",
            "sessions",
            "events",
            rate("events", "users", 1).alias("events_per_user"),
        )
    )


def retention(question: Question, events: pl.LazyFrame) -> pl.LazyFrame:
    """Answer with a row a base day and type; a user's return is a semi-join on the day."""
    active = events.filter(has("user_key")).select("user_key", "event_date").unique()
    base = active.join(pl.LazyFrame({"n": [1, 7, 30]}), how="cross").with_columns(
        return_date=pl.col("event_date") + pl.duration(days=pl.col("n"))
    )
    returned = active.select("user_key", return_date="event_date", has_returned=pl.lit(True))
    return (
        base.filter(pl.col("return_date") <= question.last_day)
        .join(returned, on=["user_key", "return_date"], how="left")
        .group_by("event_date", "n", "return_date")
        .agg(base_users=pl.len(), retained_users=pl.col("has_returned").count())
        .select(
            pl.format("D+{}", "n").alias("retention_type"),
            "base_users",
            "retained_users",
            rate("retained_users", "base_users").alias("retention_rate"),
            pl.col("event_date").alias("calculation_date"),
            "return_date",
        )
    )


def conversion(_: Question, events: pl.LazyFrame) -> pl.LazyFrame:
    """Answer with a row a day that has a session."""
    found = events.select(
        "event_date",
        "session_id",
        "user_key",
        viewed=pl.col("event_name") == VIEW,
        carted=pl.col("event_name") == CART,
    )
    of_sessions = (
        found.filter(has("session_id"))
        .group_by("event_date", "session_id")
        .agg(pl.col("viewed").any(), pl.col("carted").any())
        .group_by("event_date")
        .agg(
            sessions=pl.len(),
            views=pl.col("viewed").sum(),
            carts=pl.col("carted").sum(),
            both=(pl.col("viewed") & pl.col("carted")).sum(),
        )
    )
    of_users = (
        found.filter(has("user_key"))
        .group_by("event_date")
        .agg(
            users=pl.col("user_key").n_unique(),
            buyers=pl.col("user_key").filter(pl.col("carted")).n_unique(),
        )
    )
    counts = ("sessions", "views", "carts", "both", "users", "buyers")
    return (
        of_sessions.join(of_users, on="event_date", how="left")
        .with_columns(pl.col("users", "buyers").fill_null(0))
        .select(
            "event_date",
            *counts,
            rate("views", "sessions").alias("product_view_rate"),
            rate("carts", "views").alias("cart_conversion_rate"),
            rate("carts", "sessions").alias("overall_conversion_rate"),
            rate("buyers", "users").alias("user_conversion_rate"),
            rate("both", "views").alias("view_to_cart_rate"),
        )
    )


def user_cohort(question: Question, events: pl.LazyFrame) -> pl.LazyFrame:
    """Answer with four rows."""
    age = pl.col("age")
    bands = {
        "New (0-7d)": age <= 7,
        "Recent (8-30d)": age.is_between(8, 30),
        "Active (31-90d)": age.is_between(31, 90),
        "Veteran (90d+)": age > 90,
    }
    return (
        events.filter(has("user_key"))
        .group_by("user_key")
        .agg(first_day=pl.col("event_date").min())
        .select(age=(pl.lit(question.execution_date) - pl.col("first_day")).dt.total_days())
        .select(**{band: condition.sum() for band, condition in bands.items()}, users=pl.len())
        .filter(pl.col("users") > 0)
        .unpivot(list(bands), variable_name="cohort_type", value_name="user_count")
        .with_columns(calculation_date=question.execution_date)
    )


def session_metrics(_: Question, events: pl.LazyFrame) -> pl.LazyFrame:
    """Answer with a row a day that has a session."""
    size, count = pl.col("size"), pl.len()
    return (
        events.filter(has("session_id"))
        .group_by("event_date", "session_id", "event_name")
        .agg(size=count)
        .group_by("event_date", "session_id")
        .agg(size=size.sum(), names=has("event_name").sum())
        .group_by("event_date")
        .agg(
            sessions=count,
            events=size.cast(pl.Int64).sum(),
            names=pl.col("names").cast(pl.Int64).sum(),
            largest=size.max(),
            # the smallest size whose cumulative count reaches half, and nine tenths
            median=size.sort().get((count + 1) // 2 - 1),
            p90=size.sort().get((9 * count + 9) // 10 - 1),
        )
        .select(
            "event_date",
            "sessions",
            rate("events", "sessions", 1).alias("avg_events_per_session"),
            rate("names", "sessions", 1).alias("avg_event_types_per_session"),
            "largest",
            "median",
            "p90",
        )
    )


def event_distribution(question: Question, events: pl.LazyFrame) -> pl.LazyFrame:
    """Answer with a row an event name, the rarest together."""
    named = events.filter(has("event_name"))
    places = (
        named.group_by("event_name")
        .agg(events=pl.len())
        .sort(["events", "event_name"], descending=[True, False])
        .with_row_index("place")
        .select(
            "event_name",
            event_type=pl.when(pl.col("place") < MAX_NAMES)
            .then("event_name")
            .otherwise(pl.lit("(other)")),
        )
    )
    return (
        named.join(places, on="event_name")
        .group_by("event_type")
        .agg(
            events=pl.len(),
            users=pl.col("user_key").filter(has("user_key")).n_unique(),
            sessions=pl.col("session_id").filter(has("session_id")).n_unique(),
        )
        .with_columns(all_events=pl.col("events").sum())
        .select(
            "event_type",
            "events",
            "users",
            "sessions",
            rate("events", "all_events").alias("percentage_of_total"),
            pl.lit(question.execution_date).alias("calculation_date"),
        )
    )


ANSWERS: dict[str, Callable[[Question, pl.LazyFrame], pl.LazyFrame]] = {
    one.__name__: one
    for one in (mau, dau, retention, conversion, user_cohort, session_metrics, event_distribution)
}


def opened(lake: Path) -> Callable[[Question], pa.Table]:
    """Return what answers from a lake."""

    def answer(question: Question) -> pa.Table:
        events = events_of(question, lake)
        return ANSWERS[question.name](question, events).collect(engine="streaming").to_arrow()

    return answer


if __name__ == "__main__":
    main(opened)
