"""Tasks that call S3 and Glue as `aws-sdk:…`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics import asl
from otel_analytics.local.step_functions import StepFunctions

if TYPE_CHECKING:
    from local.conftest import Account

BUCKET = "a-bucket"


def call(account: Account, action: str, **arguments: Any) -> Any:
    """Return the output of a machine of one such task, or its error and cause."""
    document = {
        "QueryLanguage": "JSONata",
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": f"arn:aws:states:::aws-sdk:{action}",
                "Arguments": arguments,
                "End": True,
            }
        },
    }
    machine = StepFunctions(account.athena, account.executions, {}, clock=asl.VirtualClock(0))
    execution = machine.start_execution(document, {})
    if execution["status"] == "SUCCEEDED":
        return json.loads(execution["output"])
    return execution["error"], execution["cause"]


def s3(account: Account, action: str, **arguments: Any) -> Any:
    return call(account, f"s3:{action}", Bucket=BUCKET, **arguments)


def keys(page: dict[str, Any]) -> list[str]:
    return [one["Key"] for one in page.get("Contents", [])]


@pytest.mark.parametrize(
    ("body", "text"), [("a,b\n", "a,b\n"), ({"n": [1]}, '{"n":[1]}'), (None, "null")]
)
def test_an_object_that_was_put_is_got_as_text(account: Account, body: Any, text: str) -> None:
    put = s3(account, "putObject", Key="folder/one.csv", Body=body)
    got = s3(account, "getObject", Key="folder/one.csv")
    assert (got["Body"], got["ContentLength"]) == (text, len(text))
    assert got["ETag"] == put["ETag"]
    assert account.path(f"s3://{BUCKET}/folder/one.csv").read_text() == text


def test_an_object_is_copied_and_the_other_stays(account: Account) -> None:
    s3(account, "putObject", Key="from", Body="body")
    result = s3(account, "copyObject", Key="to/there", CopySource=f"/{BUCKET}/from")
    assert set(result["CopyObjectResult"]) == {"ETag", "LastModified"}
    assert s3(account, "getObject", Key="to/there")["Body"] == "body"
    assert keys(s3(account, "listObjectsV2")) == ["from", "to/there"]


def test_a_listing_has_the_sdks_shape_and_no_empty_lists(account: Account) -> None:
    assert s3(account, "listObjectsV2", Prefix="none/") == {
        "IsTruncated": False,
        "KeyCount": 0,
        "MaxKeys": 1000,
        "Name": BUCKET,
        "Prefix": "none/",
    }
    s3(account, "putObject", Key="one", Body="123")
    (one,) = s3(account, "listObjectsV2")["Contents"]
    assert (one["Key"], one["Size"], one["StorageClass"]) == ("one", 3, "STANDARD")
    assert one["LastModified"].endswith("Z")


def test_a_listing_comes_in_pages_in_the_order_of_the_keys(account: Account) -> None:
    for key in ("a", "b/1", "b/2", "b0", "c"):
        s3(account, "putObject", Key=key, Body="")
    first = s3(account, "listObjectsV2", MaxKeys=3)
    assert (keys(first), first["IsTruncated"]) == (["a", "b/1", "b/2"], True)
    token = first["NextContinuationToken"]
    rest = s3(account, "listObjectsV2", MaxKeys=3, ContinuationToken=token)
    assert (keys(rest), rest["IsTruncated"]) == (["b0", "c"], False)
    assert keys(s3(account, "listObjectsV2", StartAfter="b/2")) == ["b0", "c"]
    assert keys(s3(account, "listObjectsV2", Prefix="b")) == ["b/1", "b/2", "b0"]


def test_a_delimiter_shows_folders(account: Account) -> None:
    for key in ("x/a/1", "x/a/2", "x/b", "x/c/1"):
        s3(account, "putObject", Key=key, Body="")
    page = s3(account, "listObjectsV2", Prefix="x/", Delimiter="/")
    assert page["CommonPrefixes"] == [{"Prefix": "x/a/"}, {"Prefix": "x/c/"}]
    assert (keys(page), page["KeyCount"]) == (["x/b"], 3)
    first = s3(account, "listObjectsV2", Prefix="x/", Delimiter="/", MaxKeys=1)
    token = first["NextContinuationToken"]
    rest = s3(account, "listObjectsV2", Prefix="x/", Delimiter="/", ContinuationToken=token)
    assert rest["CommonPrefixes"] == [{"Prefix": "x/c/"}]


def test_objects_are_deleted_and_those_that_are_not_there_are_no_error(account: Account) -> None:
    for key in ("a", "b", "c"):
        s3(account, "putObject", Key=key, Body="")
    assert s3(account, "deleteObject", Key="a") == {}
    assert s3(account, "deleteObject", Key="a") == {}
    deleted = s3(account, "deleteObjects", Delete={"Objects": [{"Key": "b"}, {"Key": "none"}]})
    assert deleted == {"Deleted": [{"Key": "b"}, {"Key": "none"}]}
    assert keys(s3(account, "listObjectsV2")) == ["c"]
    quiet = {"Objects": [{"Key": "c"}], "Quiet": True}
    assert s3(account, "deleteObjects", Delete=quiet) == {}
    assert s3(account, "listObjectsV2")["KeyCount"] == 0


@pytest.mark.parametrize("action", ["getObject", "copyObject"])
def test_an_object_that_is_not_there_is_no_such_key(account: Account, action: str) -> None:
    more = {"CopySource": f"{BUCKET}/nowhere"} if action == "copyObject" else {}
    error, cause = s3(account, action, Key="nowhere", **more)
    assert error == "S3.NoSuchKeyException"
    assert f"s3://{BUCKET}/nowhere" in cause


@pytest.mark.parametrize(
    ("action", "arguments", "said"),
    [
        ("getObject", {}, "The argument Key is missing"),
        ("getObject", {"Key": 1}, "The argument Key must be a text"),
        ("getObject", {"Key": "../../catalog.sqlite"}, "is not an S3 address"),
        ("deleteObject", {"Key": "a/../../b"}, "is not an S3 address"),
        ("deleteObjects", {"Delete": {"Objects": [{"Key": "../x"}]}}, "is not an S3 address"),
        ("copyObject", {"Key": "a", "CopySource": "b-ucket/../x"}, "is not an S3 address"),
        ("listObjectsV2", {"Prefix": "../"}, "is not an S3 address"),
        ("listObjectsV2", {"MaxKeys": "3"}, "MaxKeys must be a whole number"),
        ("putObject", {"Key": "a", "ACL": "private"}, "The argument ACL is not supported here"),
    ],
)
def test_wrong_arguments_fail_the_task(
    account: Account, action: str, arguments: dict[str, Any], said: str
) -> None:
    error, cause = s3(account, action, **arguments)
    assert error == "S3.InvalidArgumentException"
    assert said in cause


TABLE = {
    "Name": "Visits",
    "StorageDescriptor": {
        "Columns": [{"Name": "day", "Type": "date"}, {"Name": "n", "Type": "bigint"}],
        "Location": f"s3://{BUCKET}/visits/",
    },
    "PartitionKeys": [{"Name": "year", "Type": "string"}],
    "TableType": "EXTERNAL_TABLE",
    "Parameters": {"classification": "parquet"},
}


def test_a_table_is_made_got_moved_and_forgotten(account: Account) -> None:
    account.catalog.create_database("log_db")
    name = {"DatabaseName": "log_db", "Name": "visits"}
    assert call(account, "glue:createTable", DatabaseName="log_db", TableInput=TABLE) == {}
    table = call(account, "glue:getTable", **name)["Table"]
    assert (table["DatabaseName"], table["Name"]) == ("log_db", "visits")
    assert table["StorageDescriptor"]["Columns"] == TABLE["StorageDescriptor"]["Columns"]  # type: ignore[index]
    assert table["PartitionKeys"] == TABLE["PartitionKeys"]
    assert table["CreateTime"] == "2023-11-14T22:13:20Z"
    # What getTable gives goes back into updateTable, without what only Glue says.
    moved = {k: v for k, v in table.items() if not k.endswith("Time") and k != "DatabaseName"}
    moved["StorageDescriptor"] = {
        **table["StorageDescriptor"],
        "Location": f"s3://{BUCKET}/elsewhere/",
    }
    assert call(account, "glue:updateTable", DatabaseName="log_db", TableInput=moved) == {}
    table = call(account, "glue:getTable", **name)["Table"]
    assert table["StorageDescriptor"]["Location"] == f"s3://{BUCKET}/elsewhere/"
    assert call(account, "glue:deleteTable", **name) == {}
    error, cause = call(account, "glue:getTable", **name)
    assert (error, "log_db.visits" in cause) == ("Glue.EntityNotFoundException", True)


def test_glue_and_athena_see_the_same_tables(account: Account) -> None:
    account.done(
        f"CREATE TABLE n WITH (external_location = 's3://{BUCKET}/n/') AS SELECT 7 AS seven"
    )
    table = call(account, "glue:getTable", DatabaseName="log_db", Name="n")["Table"]
    copy = {
        "Name": "m",
        "StorageDescriptor": table["StorageDescriptor"],
        "Parameters": table["Parameters"],
    }
    call(account, "glue:createTable", DatabaseName="log_db", TableInput=copy)
    assert account.rows("SELECT seven FROM m") == [(7,)]


@pytest.mark.parametrize(
    ("action", "arguments", "error"),
    [
        ("createTable", {"TableInput": TABLE}, "Glue.AlreadyExistsException"),
        ("createTable", {"DatabaseName": "no", "TableInput": TABLE}, "EntityNotFoundException"),
        ("updateTable", {"TableInput": {**TABLE, "Name": "no"}}, "EntityNotFoundException"),
        ("deleteTable", {"Name": "no"}, "Glue.EntityNotFoundException"),
        ("createTable", {"TableInput": {**TABLE, "Name": "no-such"}}, "InvalidInputException"),
        ("createTable", {"TableInput": {"Name": "x"}}, "Glue.InvalidArgumentException"),
        ("createTable", {"TableInput": {**TABLE, "Odd": 1}}, "Glue.InvalidArgumentException"),
    ],
)
def test_what_glue_refuses_fails_the_task(
    account: Account, action: str, arguments: dict[str, Any], error: str
) -> None:
    account.catalog.create_database("log_db")
    call(account, "glue:createTable", DatabaseName="log_db", TableInput=TABLE)
    found, _ = call(account, f"glue:{action}", **{"DatabaseName": "log_db", **arguments})
    assert error in found
