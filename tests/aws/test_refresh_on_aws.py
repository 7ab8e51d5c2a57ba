"""Refreshes at the same time in Glue and S3: the scenarios of the embedded catalog."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.aws.catalog import GlueCatalog
from otel_analytics.aws.clients import Client
from otel_analytics.names import S3Address
from otel_analytics.query.levels import days_between
from otel_analytics.query.statements import TableName
from tests.aws.accounts import BUCKET, OnAws, open_account
from tests.refresh.lakes import Lake, _raw_logs, partitions_of
from tests.refresh.test_interleaved import (
    DAY,
    SETTINGS,
    E,
    assert_as_raw,
    event,
    stage_of,
    test_a_registration_that_is_repeated_changes_nothing,
    test_a_registration_whose_answer_was_lost_stands_though_its_base_is_another_since,
    test_a_step_whose_query_has_read_what_another_replaced_is_not_registered,
    test_the_address_before_the_last_is_deleted_and_the_last_one_is_kept,
    test_two_refreshes_that_plan_the_same_both_succeed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from otel_analytics.operations.catalog import Table
    from tests.oracle.seven_tables import Event

# Collected here too, over this module's `lake`.
SCENARIOS = (
    test_a_registration_that_is_repeated_changes_nothing,
    test_a_registration_whose_answer_was_lost_stands_though_its_base_is_another_since,
    test_a_step_whose_query_has_read_what_another_replaced_is_not_registered,
    test_the_address_before_the_last_is_deleted_and_the_last_one_is_kept,
    test_two_refreshes_that_plan_the_same_both_succeed,
)


class Glue(GlueCatalog):
    """Glue, whose tables can also be listed by a pattern."""

    def tables(self, database: str, pattern: str = "*") -> list[Table]:
        begin, *inside = pattern.split("*")
        found = super().tables(database)
        return [
            one
            for one in found
            if one.name.startswith(begin) and all(part in one.name for part in inside)
        ]


@dataclass(frozen=True)
class LakeOnAws(Lake):
    """Raw logs and activity tables in an account."""

    on: OnAws

    def folder(self, partition: date) -> Path:
        """Return the folder of a partition in the home, which is made what the account has."""
        self.on.athena.fetch(set(), with_objects=True)
        key = f"lake/logall/year={partition:%Y}/month={partition:%m}/day={partition:%d}/"
        return self.on.home.store.path(S3Address(BUCKET, key))

    def write(self, partition: date, name: str, events: Sequence[Event]) -> Path:
        file = super().write(partition, name, events)
        key = self.on.home.store.address(file).key
        reply = self.on.aws.store.s3.call(
            "put_object", Bucket=BUCKET, Key=key, Body=file.read_bytes()
        )
        self.on.athena.etags[key] = reply["ETag"]
        return file


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeOnAws]:
    """Three days, refreshed; after that one more file has come for the last of them."""
    with open_account(tmp_path / "home", SETTINGS) as on:
        catalog = Glue(on.aws.catalog.glue, "log_db")
        settings = on.aws.settings
        catalog.put_table(_raw_logs(settings), over=None)
        aws = replace(on.home, catalog=catalog, store=on.aws.store)  # type: ignore[arg-type]
        opened = LakeOnAws(aws, settings, on)
        for day in days_between(date(2025, 3, 8), DAY):
            opened.write(day, "in-time", [event("u1", day)])
        opened.refresh(E, "before")
        opened.write(DAY, "late-1", [event("u2")])
        yield opened


def test_a_registration_that_was_interrupted_is_completed_by_the_next_refresh(
    lake: LakeOnAws,
) -> None:
    """Glue takes a hundred partitions at a time; here it takes one, and then the Lambda dies."""
    day_before = date(2025, 3, 9)
    lake.write(day_before, "late-1", [event("u4", day_before)])
    number, both = stage_of(lake.plan(E), "activity")
    assert sorted(both["periods"]) == ["2025-03-09", "2025-03-10"]
    inputs = lake.build(both, execution="slow", number=number)
    call, made = Client.call, 0

    def dying(self: Client, operation: str, /, **arguments: Any) -> Any:
        nonlocal made
        made += operation == "batch_update_partition"
        if made > 1:
            raise KeyboardInterrupt
        return call(self, operation, **arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otel_analytics.aws.catalog._CREATED_PER_CALL", 1)
        patch.setattr(Client, "call", dying)
        with pytest.raises(KeyboardInterrupt):
            lake.register(both, inputs, execution="slow", number=number)
    places = {period: one.location for period, one in partitions_of(lake, "activity").items()}
    assert [period for period, place in places.items() if "/slow/" in place] == ["2025-03-09"]
    # the Task's retry takes what it registered for done, and deletes nothing of it
    answer = lake.register(both, inputs, execution="slow", number=number)
    assert answer == {"partitions": 2, "not_deleted": []}
    assert lake.aws.catalog.find(TableName(f"activity_slow_{number}_0", "log_db")) is None
    lake.refresh(E, "next")
    assert_as_raw(lake)


def test_a_day_whose_files_are_gone_leaves_the_catalog(lake: LakeOnAws) -> None:
    key = "lake/logall/year=2025/month=03/day=08/in-time.parquet"
    lake.on.aws.store.s3.call("delete_object", Bucket=BUCKET, Key=key)
    assert lake.plan(E)["dropped"] > 0
    assert "2025-03-08" not in partitions_of(lake, "activity")
    lake.refresh(E, "next")
    assert_as_raw(lake)
