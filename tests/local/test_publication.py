"""Publication over the embedded catalog: seven tables at once, their versions and their history."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from otel_analytics.config import Publish, Settings
from otel_analytics.errors import Failed, InvalidPayload, NewerPublished
from otel_analytics.local.catalog import Partition
from otel_analytics.local.publication import publish_tables
from otel_analytics.names import S3Address
from otel_analytics.query.handler import build_query
from otel_analytics.query.statements import Column, TableName
from tests.local.publishing import BASE, QUERY_TYPES, Shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.local.conftest import Account


@pytest.fixture
def shop(account: Account) -> Shop:
    return Shop(account.athena)


def _keeping(shop: Shop, **publish: int) -> Shop:
    return replace(shop, settings=Settings(publish=Publish(**publish)))


def test_the_staging_tables_become_the_published_ones(shop: Shop, account: Account) -> None:
    shop.stage("run_1", "2025-01-02", rows=3)
    reply = shop.publish("run_1", "2025-01-02")
    assert reply == {
        "status": "PUBLISHED",
        "execution_date": "2025-01-02",
        "tables": [
            "theshop_web_mau_summary",
            "theshop_web_dau_summary",
            "theshop_web_retention_summary",
            "theshop_web_conversion_summary",
            "theshop_web_user_cohort_summary",
            "theshop_web_session_metrics_summary",
            "theshop_web_event_distribution_summary",
        ],
        "deleted_objects": 0,
        "deleted_bytes": 0,
        "not_deleted": [],
    }
    assert shop.published_by() == {"run_1"}
    assert shop.history() == [("2025-01-02", "run_1")] * 3
    names = {table.name for table in account.catalog.tables("log_db")}
    assert names == {f"theshop_web_{q}_summary{h}" for q in QUERY_TYPES for h in ("", "_history")}


def test_a_published_table_says_of_which_execution_it_is(shop: Shop, account: Account) -> None:
    shop.stage("run_1", "2025-01-02")
    payload = shop.payload("run_1", "2025-01-02")
    payload["tables"][0]["row_count"] = "17"  # as the result of a query says it
    shop.publish("run_1", "2025-01-02", tables=payload["tables"])
    table = account.catalog.table(TableName("theshop_web_mau_summary", "log_db"))
    assert table.location == f"{BASE}/theshop_web_mau/run_1/0/"
    assert table.columns == (Column("built_by", "varchar"), Column("execution_date", "date"))
    assert table.parameters == {
        "classification": "parquet",
        "otel_analytics.execution": "run_1",
        "otel_analytics.execution_date": "2025-01-02",
        "otel_analytics.row_count": "17",
        "otel_analytics.service_name": "theshop-web",
    }
    history = account.catalog.table(TableName("theshop_web_mau_summary_history", "log_db"))
    assert history.columns == (Column("built_by", "varchar"),)
    assert history.partition_keys == (Column("execution_date", "date"),)


def test_columns_may_come_go_and_change_their_type(shop: Shop) -> None:
    shop.stage("run_1", "2025-01-02", columns=", 1 AS users, 'x' AS label")
    shop.publish("run_1", "2025-01-02")
    shop.stage("run_2", "2025-01-03", columns=", CAST(2.5 AS DOUBLE) AS users, 7 AS days")
    shop.publish("run_2", "2025-01-03")
    assert shop.execute("SELECT users, days FROM theshop_web_mau_summary") == [(2.5, 7)]
    assert shop.execute(
        "SELECT CAST(execution_date AS VARCHAR), users, days "
        "FROM theshop_web_mau_summary_history ORDER BY 1"
    ) == [("2025-01-02", 1.0, None), ("2025-01-03", 2.5, 7)]


def test_each_execution_date_stays_in_the_history_without_a_copy(shop: Shop) -> None:
    shop.stage_and_publish("run_1", "2025-01-02")
    shop.stage_and_publish("run_2", "2025-01-03")
    shop.stage_and_publish("run_3", "2025-01-04")
    assert shop.published_by() == {"run_3"}
    assert shop.history() == [
        ("2025-01-02", "run_1"),
        ("2025-01-03", "run_2"),
        ("2025-01-04", "run_3"),
    ]
    assert shop.leaves() == ["run_1", "run_2", "run_3"]


def test_the_last_publication_of_an_execution_date_wins_and_one_version_is_kept(
    shop: Shop,
) -> None:
    for number in (1, 2, 3, 4):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    assert shop.published_by() == {"run_4"}
    assert shop.history() == [("2025-01-02", "run_4")]
    assert shop.leaves() == ["run_3", "run_4"]


def test_the_answer_says_what_was_deleted(shop: Shop) -> None:
    shop.stage_and_publish("run_1", "2025-01-02")
    assert shop.stage_and_publish("run_2", "2025-01-02")["deleted_objects"] == 0
    assert shop.stage_and_publish("run_3", "2025-01-02")["deleted_objects"] == 7


@pytest.mark.parametrize(
    ("keep", "left"), [(0, [4]), (1, [3, 4]), (2, [2, 3, 4]), (9, [1, 2, 3, 4])]
)
def test_as_many_superseded_versions_stay_as_the_setting_says(
    shop: Shop, keep: int, left: list[int]
) -> None:
    shop = _keeping(shop, keep_versions=keep)
    for number in (1, 2, 3, 4):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    assert shop.leaves() == [f"run_{number}" for number in left]


def test_the_history_reaches_back_as_many_days_as_the_setting_says(shop: Shop) -> None:
    shop = _keeping(shop, keep_versions=0, history_days=2)
    for day in range(1, 6):
        shop.stage_and_publish(f"run_{day}", f"2025-01-0{day}")
    assert [day for day, _ in shop.history()] == ["2025-01-03", "2025-01-04", "2025-01-05"]
    assert shop.leaves() == ["run_3", "run_4", "run_5"]


def test_a_history_without_end_keeps_all(shop: Shop) -> None:
    shop = _keeping(shop, history_days=0)
    shop.stage_and_publish("run_1", "1999-01-01")
    shop.stage_and_publish("run_2", "2025-01-01")
    assert [day for day, _ in shop.history()] == ["1999-01-01", "2025-01-01"]


def test_an_older_execution_date_enters_the_history_alone(shop: Shop, account: Account) -> None:
    shop.stage_and_publish("run_1", "2025-01-05")
    shop.stage("run_2", "2025-01-03")
    with pytest.raises(NewerPublished, match=r"as of 2025-01-05.*--replace-newer.*replace_newer"):
        shop.publish("run_2", "2025-01-03")
    assert shop.published_by() == {"run_1"}
    assert shop.history() == [("2025-01-03", "run_2"), ("2025-01-05", "run_1")]
    assert not [t.name for t in account.catalog.tables("log_db") if "run_2" in t.name]


def test_an_older_execution_date_is_refused_again_when_repeated(shop: Shop) -> None:
    shop.stage_and_publish("run_1", "2025-01-05")
    shop.stage("run_2", "2025-01-03")
    for _ in range(2):
        with pytest.raises(NewerPublished, match="as of 2025-01-05"):
            shop.publish("run_2", "2025-01-03")


def test_published_tables_that_someone_dropped_are_named_where_an_older_date_comes(
    shop: Shop,
) -> None:
    shop.stage_and_publish("run_1", "2025-01-05")
    shop.execute("DROP TABLE theshop_web_dau_summary")
    said = (
        r"as of 2025-01-05.*\. Missing: theshop_web_dau_summary; a run with --execution-date "
        "2025-01-05 brings all back"
    )
    with pytest.raises(NewerPublished, match=said):
        shop.stage_and_publish("run_2", "2025-01-03")
    shop.stage_and_publish("run_3", "2025-01-05")
    assert shop.published_by() == {"run_3"}


def test_an_older_execution_date_replaces_a_newer_one_where_that_is_asked_for(shop: Shop) -> None:
    shop.stage_and_publish("run_1", "2025-01-05")
    shop.stage_and_publish("run_2", "2025-01-03", replace_newer=True)
    assert shop.published_by() == {"run_2"}
    assert shop.history() == [("2025-01-03", "run_2"), ("2025-01-05", "run_1")]


def test_what_enters_the_history_alone_does_not_push_a_version_out(shop: Shop) -> None:
    shop.stage_and_publish("run_1", "2025-01-05")
    shop.stage_and_publish("run_2", "2025-01-05")
    for number in (3, 4, 5):
        shop.stage(f"run_{number}", "2025-01-03")
        with pytest.raises(NewerPublished):
            shop.publish(f"run_{number}", "2025-01-03")
    # run_1 is for readers who found it published; 3 and 4 for readers of the history
    assert shop.leaves() == ["run_1", "run_2", "run_3", "run_4", "run_5"]
    shop.stage_and_publish("run_6", "2025-01-05")
    assert shop.leaves() == ["run_2", "run_5", "run_6"]


def test_repeating_a_publication_gives_the_same_answer_and_changes_nothing(shop: Shop) -> None:
    for number in (1, 2, 3):
        reply = shop.stage_and_publish(f"run_{number}", "2025-01-02")
    assert reply["deleted_objects"] == 7
    assert shop.publish("run_3", "2025-01-02") == reply
    shop.stage_and_publish("run_4", "2025-01-02")
    assert shop.publish("run_3", "2025-01-02") == reply
    assert shop.published_by() == {"run_4"}


def test_a_publication_whose_process_died_before_deleting_deletes_when_repeated(
    shop: Shop, account: Account
) -> None:
    for number in (1, 2):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    _die_before_deleting(shop, "run_3")
    assert shop.published_by() == {"run_3"}
    assert shop.leaves() == ["run_1", "run_2", "run_3"]
    assert shop.publish("run_3", "2025-01-02")["deleted_objects"] == 7
    assert shop.leaves() == ["run_2", "run_3"]


def test_what_a_dead_process_did_not_delete_goes_with_the_next_publication(shop: Shop) -> None:
    for number in (1, 2):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    _die_before_deleting(shop, "run_3")
    assert shop.stage_and_publish("run_4", "2025-01-02")["deleted_objects"] == 14
    assert shop.leaves() == ["run_3", "run_4"]


class _Died(BaseException):
    """Stands for the death of the process."""


def _die_before_deleting(shop: Shop, execution: str) -> None:
    def die(*_: object) -> None:
        raise _Died

    shop.stage(execution, "2025-01-02")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otel_analytics.local.publication.delete_versions", die)
        with pytest.raises(_Died):
            shop.publish(execution, "2025-01-02")


def test_a_table_that_lies_directly_at_its_root_is_taken_over(shop: Shop, account: Account) -> None:
    for query_type in QUERY_TYPES:
        shop.execute(
            f"CREATE TABLE theshop_web_{query_type}_summary WITH (external_location = "
            f"'{BASE}/theshop_web_{query_type}/') AS SELECT 'before' AS built_by"
        )
    shop.stage("run_1", "2025-01-02")
    # what is built below it is not part of it
    assert shop.published_by() == {"before"}
    shop.publish("run_1", "2025-01-02")
    assert shop.published_by() == {"run_1"}
    assert shop.history() == [("2025-01-02", "run_1")]
    (file,) = [f for f in account.path(f"{BASE}/theshop_web_mau/").iterdir() if f.is_file()]
    other = file.parent / "not_ours" / "file"
    other.parent.mkdir()
    other.write_text("")
    assert shop.stage_and_publish("run_2", "2025-01-03")["deleted_objects"] == 7
    assert not file.exists()
    assert other.exists()
    assert shop.history() == [("2025-01-02", "run_1"), ("2025-01-03", "run_2")]


def test_data_that_another_table_reads_are_not_deleted(shop: Shop) -> None:
    shop.stage_and_publish("run_1", "2025-01-02")
    shop.execute(
        "CREATE EXTERNAL TABLE mine (built_by string) STORED AS PARQUET "
        f"LOCATION '{BASE}/theshop_web_mau/run_1/0/'"
    )
    for number in (2, 3, 4):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    assert shop.leaves("mau") == ["run_1", "run_3", "run_4"]
    assert shop.leaves("dau") == ["run_3", "run_4"]
    assert shop.execute("SELECT built_by FROM mine") == [("run_1",)]
    shop.execute("DROP TABLE mine")
    shop.stage_and_publish("run_5", "2025-01-02")
    assert shop.leaves("mau") == ["run_4", "run_5"]


def test_a_table_that_somebody_put_under_the_name_loses_no_data(
    shop: Shop, account: Account
) -> None:
    theirs = f"{BASE}/theshop_web_mau/archive/1/"  # looks like the leaf of an execution
    shop.execute(
        f"CREATE TABLE theshop_web_mau_summary WITH (external_location = '{theirs}') AS "
        "SELECT 'theirs' AS built_by"
    )
    for number in (1, 2, 3):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    assert shop.published_by() == {"run_3"}
    assert len(account.objects(theirs)) == 1


@pytest.mark.parametrize("left", ["published and history", "history"])
def test_a_service_of_the_same_prefix_does_not_overwrite_anothers_tables(
    account: Account, left: str
) -> None:
    shop, other = Shop(account.athena, "theshop-web"), Shop(account.athena, "TheShop.web")
    shop.stage_and_publish("run_1", "2025-01-02")
    if left == "history":
        for query_type in QUERY_TYPES:
            shop.execute(f"DROP TABLE theshop_web_{query_type}_summary")
    other.stage("run_2", "2025-01-03")
    before = _everything(account)
    message = r"are those of the service theshop-web, and TheShop\.web would overwrite them"
    with pytest.raises(Failed, match=message):
        other.publish("run_2", "2025-01-03")
    assert _everything(account) == before
    for query_type in QUERY_TYPES:
        shop.execute(f"DROP TABLE IF EXISTS theshop_web_{query_type}_summary")
        shop.execute(f"DROP TABLE theshop_web_{query_type}_summary_history")
    other.publish("run_2", "2025-01-03")
    assert other.published_by() == {"run_2"}


def test_a_partition_that_somebody_moved_loses_no_data_and_fails_no_publication(
    shop: Shop, account: Account
) -> None:
    shop.stage_and_publish("run_1", "2025-01-02")
    theirs = "s3://archive/theirs/"
    account.store.put(S3Address.parse(f"{theirs}file"), b"data")
    history = account.catalog.table(TableName("theshop_web_mau_summary_history", "log_db"))
    account.catalog.replace_partitions(history, [Partition(("2025-01-02",), theirs)])
    for number in (2, 3):
        assert shop.stage_and_publish(f"run_{number}", "2025-01-02")["not_deleted"] == []
    assert shop.published_by() == {"run_3"}
    assert account.objects(theirs) == [f"{theirs}file"]


def test_a_superseded_address_that_is_no_leaf_is_a_problem_and_no_failure(
    shop: Shop, account: Account
) -> None:
    for number in (1, 2):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    with account.home.transaction() as connection:
        connection.execute("UPDATE superseded SET location = 's3://x/y' WHERE query_type = 'mau'")
    reply = shop.stage_and_publish("run_3", "2025-01-02")
    assert (reply["status"], reply["deleted_objects"]) == ("PUBLISHED", 6)
    assert len(reply["not_deleted"]) == 1
    assert shop.published_by() == {"run_3"}


def test_the_data_and_every_folder_on_the_way_to_them_are_on_disk_before_they_are_published(
    shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.stage("run_1", "2025-01-02")
    synced: set[int] = set()

    def note(descriptor: int) -> None:
        assert account.catalog.tables("log_db", "*_summary") == []
        synced.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", note)
    shop.publish("run_1", "2025-01-02")
    for query_type in QUERY_TYPES:
        (file,) = account.path(f"{BASE}/theshop_web_{query_type}/run_1/0/").iterdir()
        way = file
        while way != account.home.path.parent:
            assert way.stat().st_ino in synced, way
            way = way.parent


def test_services_do_not_touch_each_other(account: Account) -> None:
    shop, brand = Shop(account.athena, "theshop-brand"), Shop(account.athena, "theshop-brand-dau")
    brand.stage_and_publish("run_1", "2025-01-02")
    for number in (1, 2, 3):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    assert brand.published_by() == {"run_1"}
    assert shop.published_by() == {"run_3"}
    assert brand.leaves() == ["run_1"]


def _without(payload: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != name}


def _with_table(payload: dict[str, Any], number: int, **changes: Any) -> dict[str, Any]:
    tables = [dict(table) for table in payload["tables"]]
    tables[number].update(changes)
    return {**payload, "tables": tables}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: [], "the event must be an object with service_name"),
        (lambda p: _without(p, "execution"), "the event lacks execution"),
        (lambda p: {**p, "more": 1}, "unknown fields more"),
        (lambda p: {**p, "service_name": "a b"}, "service_name 'a b' is not allowed"),
        (lambda p: {**p, "table_prefix": "theshop"}, "table_prefix 'theshop' is not that of"),
        (lambda p: {**p, "table_prefix": ""}, "table_prefix '' is not that of"),
        (lambda p: {**p, "s3_base": "s3://otel-analytics"}, "is a bare bucket"),
        (lambda p: {**p, "s3_base": "s3://otel-analytics/a/../summary"}, "s3_base"),
        (lambda p: {**p, "execution": "Run-1"}, "execution 'Run-1' is not allowed"),
        (lambda p: {**p, "execution": "../run_1"}, "execution '../run_1' is not allowed"),
        (lambda p: {**p, "execution_date": "2025-02-30"}, "execution_date '2025-02-30' is not"),
        (lambda p: {**p, "replace_newer": "yes"}, "replace_newer must be true or false"),
        (lambda p: {**p, "tables": {}}, "tables must be a list"),
        (lambda p: {**p, "tables": p["tables"][:-1]}, "tables lacks event_distribution"),
        (lambda p: {**p, "tables": [*p["tables"], p["tables"][0]]}, r"tables\[7\]: mau is given"),
        (lambda p: _with_table(p, 1, query_type="wau"), r"tables\[1\].query_type 'wau' is unknown"),
        (lambda p: _with_table(p, 0, row_count=-1), r"tables\[0\].row_count must be"),
        (lambda p: _with_table(p, 0, row_count=True), r"tables\[0\].row_count must be"),
        (lambda p: _with_table(p, 0, row_count=1.5), r"tables\[0\].row_count must be"),
        (lambda p: _with_table(p, 0, row_count=None), r"tables\[0\].row_count must be"),
        (lambda p: _with_table(p, 0, table="theshop_web_mau_summary"), r"tables\[0\].table"),
        (lambda p: _with_table(p, 2, location=None), r"tables\[2\]: location None is not"),
        *(
            (lambda p, at=at: _with_table(p, 0, location=at), r"tables\[0\]")
            for at in (
                BASE,
                f"{BASE}/",
                f"{BASE}/theshop_web_mau/",
                f"{BASE}/theshop_web_mau/run_1/",
                f"{BASE}/theshop_web_mau/run_1/0",
                f"{BASE}/theshop_web_mau/run_1/0//",
                f"{BASE}/theshop_web_mau/run_1/../0/",
                f"{BASE}/theshop_web_mau/../theshop_web_mau/run_1/0/",
                f"{BASE}/theshop_web_dau/run_1/0/",
                f"{BASE}/theshop_web_mau2/run_1/0/",
                f"{BASE}/theshop_mau/run_1/0/",
                f"{BASE}/theshop_web_mau/run_2/0/",
                f"{BASE}/theshop_web_mau/run_1/00/",
                f"{BASE}/theshop_web_mau/run_1/-1/",
                "s3://otel-analytics/",
                "s3://otel-analytics/lake/theshop_web_mau/run_1/0/",
            )
        ),
    ],
)
def test_a_payload_that_is_not_what_its_execution_built_changes_nothing(
    shop: Shop, account: Account, change: Callable[[Any], Any], message: str
) -> None:
    shop.stage_and_publish("run_0", "2025-01-02")
    shop.stage("run_1", "2025-01-02")
    before = _everything(account)
    with pytest.raises(InvalidPayload, match=message):
        publish_tables(
            change(shop.payload("run_1", "2025-01-02")),
            settings=shop.settings,
            catalog=account.catalog,
            store=account.store,
            show=account.athena.show,
        )
    assert _everything(account) == before


def test_a_staging_table_that_is_missing_lets_nothing_be_published(
    shop: Shop, account: Account
) -> None:
    shop.stage_and_publish("run_0", "2025-01-02")
    shop.stage("run_1", "2025-01-02")
    shop.execute("DROP TABLE theshop_web_event_distribution_run_1_0")
    before = _everything(account)
    with pytest.raises(Failed, match="theshop_web_event_distribution_run_1_0 does not exist"):
        shop.publish("run_1", "2025-01-02")
    assert _everything(account) == before


def test_a_staging_table_that_lies_elsewhere_lets_nothing_be_published(
    shop: Shop, account: Account
) -> None:
    shop.stage("run_1", "2025-01-02")
    shop.execute("DROP TABLE theshop_web_mau_run_1_0")
    shop.execute(
        "CREATE TABLE theshop_web_mau_run_1_0 WITH (external_location = 's3://other/place/') AS "
        "SELECT 1 AS a"
    )
    before = _everything(account)
    with pytest.raises(Failed, match="lies at s3://other/place/ and not at"):
        shop.publish("run_1", "2025-01-02")
    assert _everything(account) == before


def test_a_staging_table_without_data_lets_nothing_be_published(
    shop: Shop, account: Account
) -> None:
    shop.stage("run_1", "2025-01-02")
    for file in account.path(f"{BASE}/theshop_web_dau/run_1/0/").iterdir():
        file.unlink()
    before = _everything(account)
    with pytest.raises(Failed, match=r"there are no data at .*theshop_web_dau/run_1/0/"):
        shop.publish("run_1", "2025-01-02")
    assert _everything(account) == before


def _everything(account: Account) -> tuple[Any, ...]:
    tables = account.catalog.tables("log_db")
    full = [account.catalog.table(TableName(table.name, "log_db")) for table in tables]
    return full, account.objects("s3://otel-analytics/")


def test_data_that_cannot_be_deleted_do_not_undo_a_publication(
    shop: Shop, account: Account
) -> None:
    for number in (1, 2):
        shop.stage_and_publish(f"run_{number}", "2025-01-02")
    leaf = account.path(f"{BASE}/theshop_web_mau/run_1")
    elsewhere = account.home.path / "elsewhere"
    leaf.rename(elsewhere)
    leaf.symlink_to(elsewhere)
    reply = shop.stage_and_publish("run_3", "2025-01-02")
    assert reply["deleted_objects"] == 6
    (problem,) = reply["not_deleted"]
    assert "theshop_web_mau/run_1/0/ is not written or deleted" in problem
    assert shop.published_by() == {"run_3"}
    assert len(list((elsewhere / "0").iterdir())) == 1
    leaf.unlink()
    elsewhere.rename(leaf)
    assert shop.stage_and_publish("run_4", "2025-01-02")["deleted_objects"] == 8


def test_an_event_of_the_old_shape_leaves_what_was_published_and_its_history(
    shop: Shop, account: Account
) -> None:
    shop.stage_and_publish("run_1", "2025-01-02")
    shop.stage_and_publish("run_2", "2025-01-03")
    account.store.put(S3Address.parse(f"{BASE}/theshop_web_mau/direct"), b"of the table before")
    answer = build_query(
        {
            "query_type": "mau",
            "table_prefix": shop.prefix,
            "s3_base": BASE,
            "service_names": [shop.service],
        },
        settings=shop.settings,
        delete_prefix=account.store.delete_prefix,
        delete_directly_under=account.store.delete_directly_under,
        now=lambda: datetime(2025, 1, 4, tzinfo=UTC),
    )
    assert answer["cleanup_result"]["deleted_objects"] == 1
    assert shop.leaves() == ["run_1", "run_2"]
    assert shop.published_by() == {"run_2"}
    assert [who for _, who in shop.history()] == ["run_1", "run_2"]
