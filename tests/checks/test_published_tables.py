"""What `verify_published` makes of published tables: whose, as of when, and at one moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.errors import Refused
from otel_analytics.metrics import load_catalog
from otel_analytics.operations.verification import verify_published
from otel_analytics.query.statements import TableName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_analytics.operations.verification import RunQuery, Verification
    from tests.checks.conftest import Shop

TODAY = date(2024, 6, 1)


def publish(shop: Shop, **parameters: str) -> None:
    for query_type in load_catalog():
        shop.say_published(query_type, execution="run_1", **parameters)


def verify(
    shop: Shop, service_name: str | None = None, run_query: RunQuery | None = None
) -> Verification:
    return verify_published(
        "shop",
        service_name=service_name,
        today=TODAY,
        settings=shop.settings,
        catalog=shop.aws.catalog,
        run_query=run_query or shop.aws.rows,
    )


def errors(verification: Verification) -> set[tuple[str, str]]:
    return {(c.check_name, c.query_type) for c in verification.checks if c.status == "error"}


def test_the_rows_say_whose_they_are_and_as_of_when_where_the_entry_does_not(shop: Shop) -> None:
    publish(shop)
    verification = verify(shop)
    assert verification.service_name == "shop"
    assert {table.last_execution for table in verification.tables} == {date(2024, 3, 4)}
    assert [table.record_count for table in verification.tables] == [1, 3, 2, 3, 4, 3, 2]
    assert errors(verification) == set()


def test_the_entry_counts_before_the_rows(shop: Shop) -> None:
    publish(shop, service_name="depot", execution_date="2024-03-05")
    verification = verify(shop)
    assert verification.service_name == "depot"
    assert errors(verification) >= {("rows_of_execution", q) for q in load_catalog()}


def test_empty_tables_that_say_nothing_need_the_services_name(shop: Shop) -> None:
    for query_type in load_catalog():
        shop.rewrite(query_type, "SELECT * FROM old WHERE false")
    publish(shop)
    with pytest.raises(Refused, match=r"the tables shop_… do not say of which service .* verify S"):
        verify(shop)
    # Without a date they are taken to be of today, when the logs have long ended.
    assert ("lake_gap", "") in errors(verify(shop, "shop"))


def test_what_is_published_meanwhile_is_what_counts(shop: Shop) -> None:
    publish(shop, execution_date="2024-03-04")
    calls: list[str] = []

    def publish_meanwhile(sql: str) -> Sequence[tuple[Any, ...]]:
        calls.append(sql)
        if len(calls) == 1:
            for query_type in load_catalog():
                name = TableName(f"shop_{query_type}_summary", "log_db")
                table = shop.aws.catalog.table(name)
                parameters = table.parameters | {"otel_analytics.execution": "run_2"}
                shop.aws.catalog.update_table(replace(table, parameters=parameters))
        return shop.aws.rows(sql)

    assert errors(verify(shop, run_query=publish_meanwhile)) == set()
    # Twice the rows are counted, and twice the checks are made.
    assert len(calls) == 4
    assert "'run_1'" not in calls[3]
    assert "'run_2'" in calls[3]
