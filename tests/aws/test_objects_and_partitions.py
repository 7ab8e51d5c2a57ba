"""What S3 and Glue take and give in pieces: listings, deletions, batches of partitions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from otel_analytics.aws.catalog import GlueCatalog
from otel_analytics.aws.clients import Client
from otel_analytics.aws.store import S3Store
from otel_analytics.errors import AwsFailed, CatalogChanged, Failed, InvalidName
from otel_analytics.names import S3Address
from otel_analytics.operations.catalog import EntityNotFound, Partition, Table
from otel_analytics.query.statements import Column, TableName
from tests.aws.accounts import BUCKET, OnAws, open_account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGS = f"s3://{BUCKET}/lake/logs"
NAME = TableName("daily", "log_db")
DAILY = Table(
    database="log_db",
    name="daily",
    columns=(Column("n", "bigint"), Column("tags", "map<string,string>")),
    location=f"s3://{BUCKET}/daily/",
    partition_keys=(Column("day", "string"),),
    parameters={"classification": "parquet", "own": "x"},
)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[OnAws]:
    with open_account(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What is asked of AWS, and how often."""
    asked: Counter[str] = Counter()
    call, pages = Client.call, Client.pages

    def counted(self: Client, operation: str, /, **arguments: Any) -> Any:
        asked[operation] += 1
        return call(self, operation, **arguments)

    def counted_pages(self: Client, operation: str, /, **arguments: Any) -> Any:
        asked[operation] += 1
        return pages(self, operation, **arguments)

    monkeypatch.setattr(Client, "call", counted)
    monkeypatch.setattr(Client, "pages", counted_pages)
    return asked


def put(account: OnAws, *keys: str) -> None:
    for key in keys:
        account.aws.store.s3.call("put_object", Bucket=BUCKET, Key=key, Body=key.encode())


def day(number: int, *, month: int = 3) -> S3Address:
    return S3Address.parse(f"{LOGS}/month={month:02}/day={number:02}/")


def test_days_beside_each_other_are_listed_in_one_call(account: OnAws, calls: Counter[str]) -> None:
    put(account, "lake/logs/month=03/day=01/a", "lake/logs/month=03/day=02/hour=1/b",
        "lake/logs/month=04/day=01/c", "lake/logs/month=03/day=09/not-asked-for")  # fmt: skip
    folders = {f"march {n}": day(n) for n in range(1, 8)} | {"april 1": day(1, month=4)}
    found = account.aws.store.raw_files(folders)
    assert {name: [file.key for file in files] for name, files in found.items()} == {
        "march 1": ["a"],
        "march 2": ["hour=1/b"],
        "april 1": ["c"],
    }
    assert calls["list_objects_v2"] == 2


def test_a_file_written_anew_has_another_version(account: OnAws) -> None:
    put(account, "lake/logs/month=03/day=01/a")
    (before,) = account.aws.store.raw_files({"day": day(1)})["day"]
    account.aws.store.s3.call(
        "put_object",
        Bucket=BUCKET,
        Key="lake/logs/month=03/day=01/a",
        Body=b"another content",
    )
    (after,) = account.aws.store.raw_files({"day": day(1)})["day"]
    assert before.key == after.key
    assert before.version != after.version


def test_hidden_files_and_the_marks_of_folders_are_no_logs(account: OnAws) -> None:
    folder = "lake/logs/month=03/day=01/"
    put(account, folder, f"{folder}_SUCCESS", f"{folder}.tmp/a", f"{folder}sub/", f"{folder}real")
    found = account.aws.store.raw_files({"day": day(1)})
    assert [file.key for file in found["day"]] == ["real"]


def test_a_prefix_of_more_than_a_thousand_objects_is_deleted_whole(
    account: OnAws, calls: Counter[str]
) -> None:
    put(account, *(f"summary/x/{number:04}" for number in range(1001)), "summary/xy")
    deletion = account.aws.store.delete_prefix(S3Address.parse(f"s3://{BUCKET}/summary/x/"))
    assert deletion.objects == 1001
    assert deletion.size_bytes == 1001 * len("summary/x/0000")
    assert calls["delete_objects"] == 2
    assert account.keys("summary/") == ["summary/xy"]


def test_only_what_is_directly_under_a_root_is_deleted_where_that_is_asked(account: OnAws) -> None:
    put(account, "t/a", "t/run/0/b")
    deletion = account.aws.store.delete_directly_under(S3Address.parse(f"s3://{BUCKET}/t/"))
    assert deletion.objects == 1
    assert account.keys("t/") == ["t/run/0/b"]


@pytest.mark.parametrize("key", ["", "summary"])
def test_what_is_no_folder_is_not_deleted(account: OnAws, key: str) -> None:
    put(account, "summary/x")
    with pytest.raises(InvalidName, match="is not a prefix to delete"):
        account.aws.store.delete_prefix(S3Address(BUCKET, key))
    assert account.keys() == ["summary/x"]


def test_an_object_that_could_not_be_deleted_is_an_error() -> None:
    boto = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="x",
                        aws_secret_access_key="y")  # fmt: skip  # noqa: S106
    stubber = Stubber(boto)
    content = {"Key": "t/a", "Size": 1}
    stubber.add_response("list_objects_v2", {"Contents": [content], "IsTruncated": False})
    denied = {"Key": "t/a", "Code": "AccessDenied", "Message": "no"}
    stubber.add_response("delete_objects", {"Errors": [denied]})
    stubber.activate()
    with pytest.raises(Failed, match="s3://b-u-c/t/a was not deleted: AccessDenied: no"):
        S3Store(Client(boto)).delete_prefix(S3Address("b-u-c", "t/"))


def store_that_deletes(*answers: list[str]) -> tuple[S3Store, list[Any], list[float]]:
    """Return a store over two objects, and what it asks to delete and how long it sleeps.

    Each answer has an error as `key code` for each object that stays.
    """
    boto = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="x",
                        aws_secret_access_key="y")  # fmt: skip  # noqa: S106
    stubber, asked, waits = Stubber(boto), list[Any](), list[float]()
    contents = [{"Key": "t/a", "Size": 1}, {"Key": "t/b", "Size": 2}]
    stubber.add_response("list_objects_v2", {"Contents": contents, "IsTruncated": False})
    for answer in answers:
        errors = [dict(zip(("Key", "Code"), one.split(), strict=True)) for one in answer]
        stubber.add_response("delete_objects", {"Errors": errors} if errors else {})
    stubber.activate()

    def keep(params: Any, **_: Any) -> None:
        asked.append([one["Key"] for one in params["Delete"]["Objects"]])

    boto.meta.events.register("provide-client-params.s3.DeleteObjects", keep)
    return S3Store(Client(boto), sleep=waits.append, random=lambda: 0.5), asked, waits


def test_an_object_that_s3_could_not_delete_for_a_moment_is_deleted_again() -> None:
    store, asked, waits = store_that_deletes(
        ["t/a SlowDown", "t/b InternalError"], ["t/b InternalError"], []
    )
    deletion = store.delete_prefix(S3Address("b-u-c", "t/"))
    assert (deletion.objects, deletion.size_bytes) == (2, 3)
    assert asked == [["t/a", "t/b"], ["t/a", "t/b"], ["t/b"]]
    assert waits == [0.5, 1.0]


def test_an_object_that_s3_cannot_delete_for_long_is_an_error() -> None:
    store, asked, waits = store_that_deletes(*[["t/b SlowDown"]] * 4)
    with pytest.raises(Failed, match="s3://b-u-c/t/b was not deleted: SlowDown"):
        store.delete_prefix(S3Address("b-u-c", "t/"))
    assert (len(asked), waits) == (4, [0.5, 1.0, 2.0])


def test_an_object_that_is_not_there_is_told_by_its_address(account: OnAws) -> None:
    with pytest.raises(Failed, match=f"NoSuchKey: s3://{BUCKET}/nowhere does not exist"):
        account.aws.store.get(S3Address(BUCKET, "nowhere"))


def test_a_table_comes_back_as_it_was_put(account: OnAws) -> None:
    catalog = account.aws.catalog
    catalog.put_table(DAILY, over=None)
    found = catalog.table(NAME)
    assert replace(found, create_time=0, update_time=0, version="") == DAILY
    assert found.create_time > 0
    boto = boto3.client("glue", region_name="eu-central-1")
    raw = boto.get_table(DatabaseName="log_db", Name="daily")["Table"]
    assert raw["Parameters"]["EXTERNAL"] == "TRUE"
    assert "ParquetHiveSerDe" in raw["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]


def test_partitions_are_made_and_replaced_a_hundred_at_a_time(
    account: OnAws, calls: Counter[str]
) -> None:
    catalog = account.aws.catalog
    catalog.put_table(DAILY, over=None)

    def partitions(run: str, count: int) -> list[Partition]:
        place = f"s3://{BUCKET}/daily"
        return [
            Partition((f"{n:03}",), f"{place}/{run}/{n:03}/", {"run": run}) for n in range(count)
        ]

    catalog.replace_partitions(DAILY, partitions("first", 150))
    calls.clear()
    catalog.replace_partitions(DAILY, partitions("second", 230))
    # of the 230 a hundred, fifty, and none are there already
    assert calls["batch_create_partition"] == 3
    assert calls["batch_update_partition"] == 2
    assert list(catalog.table(NAME).partitions) == partitions("second", 230)
    calls.clear()
    catalog.drop_partitions(DAILY, [(f"{n:03}",) for n in range(220, 240)])
    assert calls["batch_delete_partition"] == 1
    assert list(catalog.table(NAME).partitions) == partitions("second", 220)


def test_a_partition_that_glue_refuses_is_named() -> None:
    catalog, stubber = stubbed_glue()
    detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": "try later"}
    error = {"PartitionValues": ["2025-03-01"], "ErrorDetail": detail}
    stubber.add_response("batch_create_partition", {"Errors": [error]})
    with pytest.raises(Failed, match=r"2025-03-01 of log_db\.daily could not be changed: Internal"):
        catalog.replace_partitions(DAILY, [Partition(("2025-03-01",), "s3://b/x/")])


def stubbed_glue() -> tuple[GlueCatalog, Stubber]:
    boto = boto3.client("glue", region_name="eu-central-1", aws_access_key_id="x",
                        aws_secret_access_key="y")  # fmt: skip  # noqa: S106
    stubber = Stubber(boto)
    stubber.activate()
    return GlueCatalog(Client(boto), "log_db"), stubber


@pytest.mark.parametrize("code", ["ConcurrentModificationException", "EntityNotFoundException"])
def test_a_table_that_was_changed_meanwhile_is_not_changed(code: str) -> None:
    catalog, stubber = stubbed_glue()
    stubber.add_client_error("update_table", code, "changed", expected_params=None)
    with pytest.raises(CatalogChanged, match=rf"log_db\.daily was changed by someone .*{code}"):
        catalog.put_table(DAILY, over=replace(DAILY, version="7"))


def test_a_table_that_someone_else_made_is_not_taken_for_ours(account: OnAws) -> None:
    account.aws.catalog.put_table(DAILY, over=None)
    with pytest.raises(CatalogChanged, match="AlreadyExistsException"):
        account.aws.catalog.put_table(DAILY, over=None)


def test_an_old_version_of_a_table_changes_nothing(account: OnAws) -> None:
    catalog = account.aws.catalog
    catalog.put_table(DAILY, over=None)
    read = catalog.table(NAME)
    catalog.put_table(replace(DAILY, location=f"s3://{BUCKET}/new/"), over=read)
    with pytest.raises(CatalogChanged):
        catalog.put_table(replace(DAILY, location=f"s3://{BUCKET}/late/"), over=read)
    assert catalog.table(NAME).location == f"s3://{BUCKET}/new/"


def test_an_update_keeps_no_version_and_names_that_which_it_replaces() -> None:
    catalog, stubber = stubbed_glue()
    asked: dict[str, Any] = {}
    stubber.add_response("update_table", {})
    catalog.glue.boto.meta.events.register(
        "provide-client-params.glue.UpdateTable", lambda params, **_: asked.update(params)
    )
    catalog.put_table(DAILY, over=replace(DAILY, version="7"))
    assert (asked["VersionId"], asked["SkipArchive"]) == ("7", True)


def test_a_table_that_is_not_there_is_none_and_its_drop_an_error(account: OnAws) -> None:
    assert account.aws.catalog.find(NAME) is None
    with pytest.raises(EntityNotFound, match=r"log_db\.daily does not exist"):
        account.aws.catalog.drop_table(NAME)
    assert account.aws.catalog.tables("no_such_database") == []


def test_what_may_not_be_seen_is_an_error_and_not_an_empty_catalog() -> None:
    catalog, stubber = stubbed_glue()
    stubber.add_client_error("get_table", "AccessDeniedException", "no")
    with pytest.raises(AwsFailed, match="Glue:GetTable"):
        catalog.find(NAME)


def test_addresses_are_those_of_all_databases_or_of_some_tables_of_ours(account: OnAws) -> None:
    glue = boto3.client("glue", region_name="eu-central-1")
    glue.create_database(DatabaseInput={"Name": "other"})
    catalog = account.aws.catalog
    catalog.put_table(DAILY, over=None)
    catalog.replace_partitions(DAILY, [Partition(("1",), f"s3://{BUCKET}/p1/", {"own": "y"})])
    catalog.put_table(replace(DAILY, database="other", name="daily_too"), over=None)
    catalog.put_table(replace(DAILY, name="weekly", parameters={}), over=None)
    assert {(name.database, name.name, at) for name, at in catalog.locations()} == {
        ("log_db", "daily", f"s3://{BUCKET}/daily/"),
        ("log_db", "daily", f"s3://{BUCKET}/p1/"),
        ("log_db", "weekly", f"s3://{BUCKET}/daily/"),
        ("other", "daily_too", f"s3://{BUCKET}/daily/"),
    }
    assert {name.name for name, _ in catalog.locations(beginning="dai")} == {"daily"}
    assert catalog.partition_parameter("own") == ["y"]
