"""Whoever knows Trino alone finds the published tables, all of one publication, as views."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.errors import NewerPublished, QueryFailed
from otel_analytics.names import S3Address, table_name
from otel_analytics.query.statements import CreateTableAs, parse_statement
from otel_analytics.query.trino_dialect import trino_create_table_as
from otel_analytics.trino.opening import open_trino
from tests.local.publishing import QUERY_TYPES, Shop
from tests.trino.homes import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_analytics.config import Settings


@pytest.fixture
def shop(new_settings: Callable[..., Settings]) -> Iterator[Shop]:
    settings = new_settings()
    with open_trino(settings) as aws:
        yield Shop(aws.athena, settings=settings)


def seen_by_all(shop: Shop) -> set[str]:
    """Return of which executions the views are."""
    union = " UNION ALL ".join(
        f"SELECT built_by FROM {{schema}}.{table_name(shop.prefix, query_type)}"
        for query_type in QUERY_TYPES
    )
    return {execution for (execution,) in ask(shop.settings, union)}


def history_seen_by_all(shop: Shop) -> list[tuple[str, str]]:
    sql = "SELECT CAST(execution_date AS VARCHAR), built_by FROM {schema}.{table} ORDER BY 1"
    table = f"{shop.prefix}_mau_summary_history"
    return [(day, by) for day, by in ask(shop.settings, sql.replace("{table}", table))]


def files_tables(shop: Shop) -> list[str]:
    sql = "SHOW TABLES FROM {schema}_files".replace(
        "{schema}", f"hive.{shop.settings.trino.schema}"
    )
    return [name for (name,) in ask(shop.settings, sql)]


def test_what_is_published_is_seen_with_and_without_the_catalog(shop: Shop) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    assert shop.published_by() == {"first_1"}
    assert seen_by_all(shop) == {"first_1"}
    shop.stage_and_publish("second_2", "2025-03-02")
    assert shop.published_by() == {"second_2"}
    assert seen_by_all(shop) == {"second_2"}
    both = [("2025-03-01", "first_1"), ("2025-03-02", "second_2")]
    assert shop.history() == both
    assert history_seen_by_all(shop) == both


def test_a_date_that_is_published_again_is_replaced_in_the_history(shop: Shop) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    shop.stage_and_publish("again_2", "2025-03-01")
    assert shop.history() == [("2025-03-01", "again_2")]
    assert history_seen_by_all(shop) == [("2025-03-01", "again_2")]


def test_an_earlier_date_enters_the_history_and_is_not_published(shop: Shop) -> None:
    shop.stage_and_publish("late_1", "2025-03-02")
    shop.stage("early_2", "2025-03-01")
    with pytest.raises(NewerPublished):
        shop.publish("early_2", "2025-03-01")
    assert seen_by_all(shop) == {"late_1"}
    assert history_seen_by_all(shop) == [("2025-03-01", "early_2"), ("2025-03-02", "late_1")]


def test_a_column_that_is_new_is_null_in_what_was_published_before(shop: Shop) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    shop.stage("second_2", "2025-03-02", columns=", 7 AS more")
    shop.publish("second_2", "2025-03-02")
    table = f"{shop.prefix}_mau_summary_history"
    sql = f"SELECT built_by, more FROM {table} ORDER BY 1"
    assert shop.execute(sql) == [("first_1", None), ("second_2", 7)]
    assert ask(shop.settings, sql.replace(table, f"{{schema}}.{table}")) == (
        ("first_1", None),
        ("second_2", 7),
    )


def test_an_interruption_before_the_views_leaves_those_that_stood_and_repeating_heals(
    shop: Shop,
) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    shop.stage("second_2", "2025-03-02")

    def gone(_names: Any) -> None:
        raise QueryFailed("GENERIC_INTERNAL_ERROR: Trino does not answer")

    with pytest.raises(QueryFailed):
        replace(shop.publisher, show=gone).publish(shop.payload("second_2", "2025-03-02"))
    # the catalog has the new ones already, and whoever asks Trino the old ones, whole
    assert shop.published_by() == {"second_2"}
    assert seen_by_all(shop) == {"first_1"}
    shop.publish("second_2", "2025-03-02")
    assert seen_by_all(shop) == {"second_2"}


def test_a_publication_that_was_not_shown_is_healed_by_the_next(shop: Shop) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    shop.stage("second_2", "2025-03-02")
    broken = replace(shop.athena, engine=_BlindEngine(shop.athena.engine))
    with pytest.raises(QueryFailed):
        replace(shop, athena=broken).publish("second_2", "2025-03-02")
    shop.stage_and_publish("third_3", "2025-03-03")
    assert seen_by_all(shop) == {"third_3"}
    assert [by for _, by in history_seen_by_all(shop)] == ["first_1", "second_2", "third_3"]


class _BlindEngine:
    """An engine that builds, and cannot show."""

    def __init__(self, engine: Any) -> None:
        self.select, self.create_table_as = engine.select, engine.create_table_as
        self.sweep = engine.sweep

    def show(self, _find: Any) -> None:
        raise QueryFailed("GENERIC_INTERNAL_ERROR: Trino does not answer")


def test_later_tables_that_another_shows_meanwhile_stay_in_the_view(shop: Shop) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    shop.stage("second_2", "2025-03-02")
    shop.stage("third_3", "2025-03-03")
    slow = replace(shop.athena, engine=_SlowEngine(shop.athena.engine, meanwhile=lambda: (
        shop.publish("third_3", "2025-03-03")
    )))  # fmt: skip
    replace(shop, athena=slow).publish("second_2", "2025-03-02")
    assert shop.published_by() == {"third_3"}
    assert seen_by_all(shop) == {"third_3"}


class _SlowEngine(_BlindEngine):
    """An engine that shows what it has found when another has found and shown something else."""

    def __init__(self, engine: Any, meanwhile: Callable[[], object]) -> None:
        super().__init__(engine)
        self._show, self._meanwhile = engine.show, meanwhile

    def show(self, find: Any) -> None:
        found = [find()]
        self._meanwhile()
        self._show(lambda: found.pop() if found else find())


def test_the_metastore_forgets_tables_whose_data_are_gone(shop: Shop) -> None:
    for number in range(1, 6):
        shop.stage_and_publish(f"run_{number}", f"2025-03-0{number}")
        shop.published_by()
    # of each execution the history still refers to the data: they are all there
    tables = files_tables(shop)
    again = [f"again_{number}" for number in range(1, 4)]
    for execution in again:
        shop.stage_and_publish(execution, "2025-03-05")
    left = files_tables(shop)
    assert len([name for name in left if "run_5" in name]) == 0
    assert len([name for name in left if "again_3" in name]) == len(QUERY_TYPES)
    assert len([name for name in tables if "run_5" in name]) == len(QUERY_TYPES)


def test_the_metastore_forgets_what_a_query_that_was_killed_has_left(shop: Shop) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    prefix = S3Address.parse("s3://otel-analytics/t/killed/")
    statement = trino_create_table_as(
        create_table_as(f"CREATE TABLE t WITH (external_location = '{prefix}') AS SELECT 1 AS a"),
        {},
        table=f"hive.{shop.settings.trino.schema}_files.ctas_killed",
        comment=str(prefix),
        location=f"{shop.settings.trino.storage}otel-analytics/t/killed/",
    )
    ask(shop.settings, statement.text)
    shop.stage_and_publish("second_2", "2025-03-02")
    assert "ctas_killed" in files_tables(shop)  # whose data are there
    shop.athena.store.delete_prefix(prefix)
    shop.stage_and_publish("third_3", "2025-03-03")
    assert "ctas_killed" not in files_tables(shop)


def create_table_as(sql: str) -> CreateTableAs:
    statement = parse_statement(sql)
    assert isinstance(statement, CreateTableAs)
    return statement


@pytest.mark.parametrize("process", ["this", "another"])
def test_the_whole_mirror_can_be_dropped_and_is_made_again(shop: Shop, process: str) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    ask(shop.settings, f"DROP SCHEMA hive.{shop.settings.trino.schema}_files CASCADE")
    with open_trino(shop.settings) as aws:
        again = replace(shop, athena=aws.athena) if process == "another" else shop
        assert again.published_by() == {"first_1"}
        ask(shop.settings, f"DROP SCHEMA hive.{shop.settings.trino.schema}_files CASCADE")
        again.stage_and_publish("second_2", "2025-03-02")
        assert seen_by_all(again) == {"second_2"}
        assert [by for _, by in history_seen_by_all(again)] == ["first_1", "second_2"]


def test_another_home_does_not_touch_what_is_published(shop: Shop, tmp_path: Path) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    tables = files_tables(shop)
    with open_trino(replace(shop.settings, home=str(tmp_path / "other"))) as aws:
        other = replace(shop, athena=aws.athena)
        with pytest.raises(QueryFailed, match=r"is of another home, .*: set trino\.schema"):
            other.stage_and_publish("theirs_2", "2025-03-02")
    assert (seen_by_all(shop), files_tables(shop)) == ({"first_1"}, tables)


def test_a_table_that_is_dropped_is_no_view_any_more(shop: Shop) -> None:
    shop.stage_and_publish("first_1", "2025-03-01")
    shop.execute(f"DROP TABLE {shop.prefix}_mau_summary")
    with pytest.raises(QueryFailed, match="TABLE_NOT_FOUND"):
        seen_by_all(shop)
