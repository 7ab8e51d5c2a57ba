"""The queries that build partitions of the levels."""

from __future__ import annotations

import pytest

from otel_analytics.config import Settings, Source
from otel_analytics.query.level_queries import build_level_table
from otel_analytics.query.levels import load_levels
from otel_analytics.query.statements import CreateTableAs, parse_statement
from tests.query.rewriting import rewritten_for_athena

SETTINGS = (
    Settings(),
    Settings(timezone="Asia/Seoul"),
    Settings(source=Source(event_name="body")),
)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", load_levels())
def test_a_query_of_one_partition_says_it_as_a_constant(name: str, settings: Settings) -> None:
    level = load_levels()[name]
    periods = ("2025-04", "2025-05") if level.grain == "month" else ("2025-04-15", "2025-04-16")
    for some, partition in ((periods[:1], periods[:1]), (periods, ())):
        sql = build_level_table(
            level, some, table="t", location="s3://bucket/t/", settings=settings
        )
        statement = parse_statement(sql)
        assert isinstance(statement, CreateTableAs)
        assert statement.partitioned_by == ("period",)
        assert statement.partition == partition


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", load_levels())
def test_our_own_sql_has_nothing_that_athena_lacks(name: str, settings: Settings) -> None:
    level = load_levels()[name]
    period = "2025-04" if level.grain == "month" else "2025-04-15"
    sql = build_level_table(
        level, [period], table="t", location="s3://bucket/t/", settings=settings
    )
    assert rewritten_for_athena(sql, pretty=True) == sql
