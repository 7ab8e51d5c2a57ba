"""Publication in Glue and S3: the scenarios of the embedded catalog, and what is Glue's own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from otel_analytics.aws.clients import Client
from otel_analytics.config import Publish, Settings
from otel_analytics.errors import AwsFailed, CatalogChanged, Failed, NewerPublished
from otel_analytics.names import S3Address, table_name
from otel_analytics.operations.publisher import Publisher
from otel_analytics.pipeline.publication_payload import parse_publication
from otel_analytics.query.statements import TableName
from tests.aws.accounts import BUCKET, OnAws, open_account
from tests.local.publishing import QUERY_TYPES, Shop
from tests.local.test_publication import (
    test_a_history_without_end_keeps_all,
    test_a_publication_whose_process_died_before_deleting_deletes_when_repeated,
    test_a_staging_table_that_is_missing_lets_nothing_be_published,
    test_an_older_execution_date_is_refused_again_when_repeated,
    test_an_older_execution_date_replaces_a_newer_one_where_that_is_asked_for,
    test_as_many_superseded_versions_stay_as_the_setting_says,
    test_columns_may_come_go_and_change_their_type,
    test_each_execution_date_stays_in_the_history_without_a_copy,
    test_published_tables_that_someone_dropped_are_named_where_an_older_date_comes,
    test_repeating_a_publication_gives_the_same_answer_and_changes_nothing,
    test_the_answer_says_what_was_deleted,
    test_the_history_reaches_back_as_many_days_as_the_setting_says,
    test_the_last_publication_of_an_execution_date_wins_and_one_version_is_kept,
    test_the_staging_tables_become_the_published_ones,
    test_what_enters_the_history_alone_does_not_push_a_version_out,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_analytics.aws.publications import S3Publications

# Collected here too, over this module's `shop` and `account`.
SCENARIOS = (
    test_a_history_without_end_keeps_all,
    test_a_publication_whose_process_died_before_deleting_deletes_when_repeated,
    test_a_staging_table_that_is_missing_lets_nothing_be_published,
    test_an_older_execution_date_is_refused_again_when_repeated,
    test_an_older_execution_date_replaces_a_newer_one_where_that_is_asked_for,
    test_as_many_superseded_versions_stay_as_the_setting_says,
    test_columns_may_come_go_and_change_their_type,
    test_each_execution_date_stays_in_the_history_without_a_copy,
    test_published_tables_that_someone_dropped_are_named_where_an_older_date_comes,
    test_repeating_a_publication_gives_the_same_answer_and_changes_nothing,
    test_the_answer_says_what_was_deleted,
    test_the_history_reaches_back_as_many_days_as_the_setting_says,
    test_the_last_publication_of_an_execution_date_wins_and_one_version_is_kept,
    test_the_staging_tables_become_the_published_ones,
    test_what_enters_the_history_alone_does_not_push_a_version_out,
)


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class ShopOnAws(Shop):
    """A service's tables in an account."""

    on: OnAws | None = None
    clock: Clock = field(default_factory=Clock)

    @property
    def publications(self) -> S3Publications:
        """What one call of the Lambda has, which may last a minute."""
        assert self.on is not None
        return replace(
            self.on.aws.publications,
            clock=self.clock,
            sleep=self.clock.sleep,
            remaining_s=lambda: 60.0,
            owner=uuid4().hex,
        )

    @property
    def publisher(self) -> Publisher:
        assert self.on is not None
        return Publisher(self.settings, self.on.aws.catalog, self.on.aws.store, self.publications)

    def leaves(self, query_type: str = "mau") -> list[str]:
        assert self.on is not None
        root = f"{self.prefix}_{query_type}/"
        keys = self.on.keys(f"summary/{root}")
        return sorted({key.removeprefix(f"summary/{root}").split("/")[0] for key in keys})

    def journal(self) -> Any:
        assert self.on is not None
        key = f"summary/publications/log_db/{self.prefix}.json"
        return json.loads(self.on.aws.store.get(S3Address(BUCKET, key)))


@dataclass(frozen=True)
class Account:
    """What the scenarios look at."""

    on: OnAws

    @property
    def catalog(self) -> Any:
        return self.on.aws.catalog

    @property
    def store(self) -> Any:
        return self.on.aws.store

    @property
    def athena(self) -> Any:
        return self.on.athena

    @property
    def home(self) -> Any:
        return self.on.home.home

    def objects(self, prefix: str) -> list[str]:
        return self.on.keys(prefix.removeprefix(f"s3://{BUCKET}/"))


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path / "home") as opened:
        yield Account(opened)


@pytest.fixture
def shop(account: Account) -> ShopOnAws:
    return ShopOnAws(account.athena, on=account.on)


class Died(BaseException):
    """Ends a Lambda as a time-out does: nothing after it is done."""


def publish_and_die(shop: ShopOnAws, execution: str, day: str, *, changes: int) -> None:
    """Publish in a process that is killed once it has made so many changes of Glue."""
    call, made = Client.call, 0

    def counted(self: Client, operation: str, /, **arguments: Any) -> Any:
        nonlocal made
        made += operation.startswith(("create_", "update_", "delete_", "batch_"))
        if made > changes:
            raise Died  # and so does whatever it would still do
        return call(self, operation, **arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "call", counted)
        with pytest.raises(Died):
            shop.publish(execution, day)


def of(shop: ShopOnAws) -> set[str | None]:
    """Return the executions that the published tables say they are of."""
    assert shop.on is not None
    found = set()
    for query_type in QUERY_TYPES:
        table = shop.on.aws.catalog.find(TableName(table_name(shop.prefix, query_type), "log_db"))
        found.add(table.parameters["otel_analytics.execution"] if table else None)
    return found


# Seven tables, each with its history's entry and partition.
CHANGES = 3 * len(QUERY_TYPES)


@pytest.mark.parametrize("changes", [0, 2, 4, CHANGES - 1, CHANGES + 3])
@pytest.mark.parametrize("completed_by", ["itself", "the next"])
def test_a_publication_that_was_interrupted_anywhere_is_completed(
    shop: ShopOnAws, changes: int, completed_by: str
) -> None:
    shop.stage_and_publish("run_1", "2025-01-01")
    shop.stage("run_2", "2025-01-02")
    publish_and_die(shop, "run_2", "2025-01-02", changes=changes)
    if completed_by == "the next":
        shop.stage_and_publish("run_3", "2025-01-03")
        assert shop.published_by() == {"run_3"}
        assert shop.history() == [
            ("2025-01-01", "run_1"),
            ("2025-01-02", "run_2"),
            ("2025-01-03", "run_3"),
        ]
    assert shop.publish("run_2", "2025-01-02")["status"] == "PUBLISHED"
    assert shop.published_by() == {"run_2" if completed_by == "itself" else "run_3"}
    assert shop.history()[:2] == [("2025-01-01", "run_1"), ("2025-01-02", "run_2")]
    assert shop.journal()["open"] is None
    names = {table.name for table in shop.publisher.catalog.tables("log_db")}
    assert not {name for name in names if "_run_" in name}


def test_readers_find_each_table_whole_while_they_are_switched_one_after_the_other(
    shop: ShopOnAws,
) -> None:
    """After the first table is published the six others still are of the execution before."""
    shop.stage_and_publish("run_1", "2025-01-01")
    shop.stage("run_2", "2025-01-02")
    publish_and_die(shop, "run_2", "2025-01-02", changes=3)
    assert shop.published_by() == {"run_1", "run_2"}
    assert of(shop) == {"run_1", "run_2"}
    shop.stage("run_3", "2025-01-03")
    publish_and_die(shop, "run_3", "2025-01-03", changes=CHANGES + 4)
    assert shop.published_by() == {"run_2", "run_3"}


def test_what_an_interrupted_publication_supersedes_is_kept_and_goes_as_any_other(
    shop: ShopOnAws,
) -> None:
    for number in (1, 2):
        shop.stage_and_publish(f"run_{number}", "2025-01-01")
    shop.stage("run_3", "2025-01-01")
    publish_and_die(shop, "run_3", "2025-01-01", changes=4)
    shop.publish("run_3", "2025-01-01")
    assert [shop.leaves(query_type) for query_type in QUERY_TYPES] == [["run_2", "run_3"]] * 7


def test_an_interrupted_publication_whose_staging_tables_are_gone_is_replaced_by_the_next(
    shop: ShopOnAws,
) -> None:
    shop.stage_and_publish("run_1", "2025-01-01")
    shop.stage("run_2", "2025-01-02")
    publish_and_die(shop, "run_2", "2025-01-02", changes=3)
    for query_type in QUERY_TYPES:
        shop.execute(f"DROP TABLE theshop_web_{query_type}_run_2_0")
    shop.stage_and_publish("run_3", "2025-01-03")
    assert shop.published_by() == {"run_3"}


def test_who_comes_while_another_publishes_waits_until_its_lease_has_run_out(
    shop: ShopOnAws,
) -> None:
    shop.stage("run_1", "2025-01-01")
    publish_and_die(shop, "run_1", "2025-01-01", changes=1)
    begun = shop.clock()
    shop.publish("run_1", "2025-01-01")
    assert shop.clock() - begun == pytest.approx(65, abs=1)  # a minute, and the grace of 5 s


def test_who_cannot_wait_so_long_fails_and_says_that_nothing_is_lost(shop: ShopOnAws) -> None:
    shop.stage("run_1", "2025-01-01")
    publish_and_die(shop, "run_1", "2025-01-01", changes=1)
    ends = shop.clock() + 10
    hurried = replace(shop.publications, remaining_s=lambda: ends - shop.clock())
    with pytest.raises(Failed, match="another execution publishes the tables theshop_web_…"):
        replace(shop.publisher, publications=hurried).publish(shop.payload("run_1", "2025-01-01"))


def test_a_writer_that_slept_over_its_lease_changes_nothing_any_more(shop: ShopOnAws) -> None:
    """Its first change comes after another has completed what it began, and published more."""
    shop.stage_and_publish("run_1", "2025-01-01")
    shop.stage("run_2", "2025-01-02")
    shop.stage("run_3", "2025-01-03")
    call = Client.call

    def asleep(self: Client, operation: str, /, **arguments: Any) -> Any:
        if operation.startswith(("create_", "update_")):
            patch.undo()
            shop.clock.sleep(100)
            shop.publish("run_3", "2025-01-03")
            assert shop.published_by() == {"run_3"}
        return call(self, operation, **arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "call", asleep)
        with pytest.raises(CatalogChanged, match="was changed by someone else at the same time"):
            shop.publish("run_2", "2025-01-02")
    assert shop.published_by() == {"run_3"}
    assert [run for _, run in shop.history()] == ["run_1", "run_2", "run_3"]


def test_a_writer_whose_lease_ran_out_before_it_began_writes_nothing(shop: ShopOnAws) -> None:
    publications = shop.publications
    with publications.alone(shop.prefix):
        shop.clock.sleep(100)
        with pytest.raises(Failed, match="took longer than it may: run again"):
            publications.changed(shop.prefix)


def test_a_write_whose_answer_was_lost_is_taken_for_what_it_is(shop: ShopOnAws) -> None:
    """The client repeats the call, and S3 then says that the object is another one."""
    call, lost = Client.call, []

    def losing(self: Client, operation: str, /, **arguments: Any) -> Any:
        answer = call(self, operation, **arguments)
        if operation == "put_object" and arguments["Key"].endswith(".json") and len(lost) < 3:
            lost.append(arguments)
            return call(self, operation, **arguments)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "call", losing)
        assert shop.stage_and_publish("run_1", "2025-01-01")["status"] == "PUBLISHED"
    assert len(lost) == 3
    assert shop.published_by() == {"run_1"}


def test_two_that_publish_at_once_come_one_after_the_other(shop: ShopOnAws) -> None:
    """The later execution date stays published, whichever of the two was first."""
    shop.stage("run_1", "2025-01-01")
    shop.stage("run_2", "2025-01-02")
    first = shop.publications
    with first.alone(shop.prefix):
        hurried = replace(shop.publications, remaining_s=lambda: 1.0)
        with pytest.raises(Failed, match="another execution publishes"):
            replace(shop.publisher, publications=hurried).publish(
                shop.payload("run_1", "2025-01-01")
            )
    shop.publish("run_2", "2025-01-02")
    with pytest.raises(NewerPublished):
        shop.publish("run_1", "2025-01-01")
    assert shop.published_by() == {"run_2"}
    assert shop.history() == [("2025-01-01", "run_1"), ("2025-01-02", "run_2")]


def test_the_answers_of_the_last_hundred_publications_are_kept(shop: ShopOnAws) -> None:
    shop = replace(shop, settings=Settings(publish=Publish(keep_versions=0)))
    publications = shop.publications
    with publications.alone(shop.prefix):
        for number in range(103):
            event = {"tables": [], "number": number}
            publication = parse_publication(shop.payload(f"run_{number}", "2025-01-01"))
            publications.add(event, publication, newer=None, superseded=[])
            publications.changed(shop.prefix)
    kept = list(shop.journal()["done"])
    assert (len(kept), kept[0], kept[-1]) == (100, "run_3", "run_102")


@pytest.mark.parametrize(("is_there", "raises"), [(False, False), (True, True)])
def test_an_object_that_is_missing_may_be_called_denied(
    shop: ShopOnAws, is_there: bool, raises: bool
) -> None:
    """S3 says so to who may list a part of the bucket alone, as the Lambda's role may."""
    if is_there:
        shop.stage_and_publish("run_0", "2025-01-01")
    shop.stage("run_1", "2025-01-02")
    call = Client.call

    def denying(self: Client, operation: str, /, **arguments: Any) -> Any:
        try:
            answer = call(self, operation, **arguments)
        except AwsFailed as error:
            if error.code != "NoSuchKey":
                raise
        else:
            if not (operation == "get_object" and is_there):
                return answer
        raise AwsFailed("S3:GetObject: AccessDenied", code="AccessDenied")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "call", denying)
        if raises:
            with pytest.raises(AwsFailed, match="AccessDenied"):
                shop.publish("run_1", "2025-01-02")
        else:
            assert shop.publish("run_1", "2025-01-02")["status"] == "PUBLISHED"


def test_a_glue_that_refuses_leaves_its_reason(shop: ShopOnAws) -> None:
    shop.stage("run_1", "2025-01-01")
    call = Client.call

    def refusing(self: Client, operation: str, /, **arguments: Any) -> Any:
        if operation == "create_table":
            raise AwsFailed("Glue:CreateTable: AccessDeniedException", code="AccessDeniedException")
        return call(self, operation, **arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "call", refusing)
        with pytest.raises(AwsFailed, match="AccessDeniedException"):
            shop.publish("run_1", "2025-01-01")
    # the lease was given back, and the next call completes it
    assert shop.publish("run_1", "2025-01-01")["status"] == "PUBLISHED"
    assert shop.clock() == Clock().now
