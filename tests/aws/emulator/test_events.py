"""The Lambdas run on real events, each under its own role's policies."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from otel_analytics.metrics import load_catalog
from otel_analytics.names import Leaf, S3Address
from otel_analytics.pipeline.level_leaves import LevelLeaf
from tests.aws.emulator.conftest import BUCKET
from tests.lake.lake_files import DAY, NOON, json_message, record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws.emulator.conftest import Emulator


def put(stack: Emulator, folder: Path, key: str, content: bytes) -> None:
    (folder / "exported").write_bytes(content)
    stack.aws("s3", "cp", str(folder / "exported"), f"s3://{BUCKET}/{key}")


def notes(stack: Emulator) -> dict[str, dict[str, Any]]:
    """Return what is noted of the objects that were taken in, by their address."""
    s3 = stack.client("s3")
    found = [
        json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        for key in stack.keys("lake/objects/")
    ]
    return {note["object"]: note for note in found}


def bodies(stack: Emulator, source_id: str) -> list[str]:
    """Return the bodies of a source's rows in logall."""
    s3 = stack.client("s3")
    rows = [
        row
        for key in stack.keys("lake/logall/")
        for row in pq.read_table(
            io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()), partitioning=None
        ).to_pylist()
    ]
    return sorted(row["body"] for row in rows if row["source_id"] == source_id)


def invoke(stack: Emulator, folder: Path, function: str, event: Any) -> Any:
    (folder / "event.json").write_text(json.dumps(event))
    answer = folder / "answer.json"
    reply = stack.aws(
        *("lambda", "invoke", "--function-name", function),
        *("--payload", f"fileb://{folder / 'event.json'}", str(answer)),
    )
    assert "FunctionError" not in reply, answer.read_text()
    return json.loads(answer.read_text())


@pytest.mark.parametrize("key", ["otlp/2024/web +app%20상점.json.gz", "otlp/plain.json"])
def test_an_exported_object_comes_into_logall(stack: Emulator, tmp_path: Path, key: str) -> None:
    records = [record(f"a of {key}"), record(f"b of {key}", time=str(NOON + DAY))]
    content = json_message(*records).encode()
    put(stack, tmp_path, key, gzip.compress(content) if key.endswith(".gz") else content)
    address = f"s3://{BUCKET}/{key}"
    note = stack.eventually(lambda: notes(stack).get(address))
    assert note["outcome"] == "ingested"
    assert bodies(stack, note["source_id"]) == [f"a of {key}", f"b of {key}"]


def test_an_object_that_cannot_be_read_is_in_quarantine(stack: Emulator, tmp_path: Path) -> None:
    put(stack, tmp_path, "otlp/broken", b"hello")
    note = stack.eventually(lambda: notes(stack).get(f"s3://{BUCKET}/otlp/broken"))
    assert note["outcome"] == "unreadable"
    found = stack.client("s3").get_object(
        Bucket=BUCKET, Key=f"lake/quarantine/{note['source_id']}.jsonl"
    )
    assert json.loads(found["Body"].read())["source"] == f"s3://{BUCKET}/otlp/broken"


def test_a_message_that_no_one_understands_ends_with_the_dead(
    stack: Emulator, resources: dict[str, str]
) -> None:
    sqs = stack.client("sqs")
    # It comes again five times, at once here.
    sqs.set_queue_attributes(
        QueueUrl=resources["ObjectQueue"], Attributes={"VisibilityTimeout": "0"}
    )
    sqs.send_message(QueueUrl=resources["ObjectQueue"], MessageBody="no event")
    dead = stack.eventually(
        lambda: sqs.receive_message(QueueUrl=resources["DeadObjectQueue"]).get("Messages")
    )
    assert [one["Body"] for one in dead] == ["no event"]


def test_the_sweep_runs(stack: Emulator, tmp_path: Path) -> None:
    answer = invoke(stack, tmp_path, "otel-log-sweep", {})
    assert answer == {"queued": 0, "is_complete": True}


def test_the_query_builder_builds_and_empties_a_location(stack: Emulator, tmp_path: Path) -> None:
    leaf = f"s3://{BUCKET}/summary/theshop_brand_mau/run_5f0c3a9e/0/"
    put(stack, tmp_path, "summary/theshop_brand_mau/run_5f0c3a9e/0/left.parquet", b"left")
    answer = invoke(
        stack,
        tmp_path,
        "athena-query-builder",
        {
            "query_type": "mau",
            "table_prefix": "theshop_brand",
            "s3_base": f"s3://{BUCKET}/summary",
            "service_names": ["theshop-brand"],
            "execution": "run_5f0c3a9e",
            "attempt": 0,
            # 02:00 of the next day in the packaged settings' time zone, Asia/Seoul.
            "execution_time": "2025-10-27T17:00:00Z",
        },
    )
    assert answer["execution_date"] == "2025-10-28"
    assert answer["s3_location"] == leaf
    assert answer["cleanup_result"]["deleted_objects"] == 1
    assert '"log_db"."theshop_brand_mau_run_5f0c3a9e_0"' in answer["query_string"]
    assert stack.keys("summary/theshop_brand_mau/run_5f0c3a9e/") == []


def test_the_refresher_plans_the_days_that_have_files(stack: Emulator, tmp_path: Path) -> None:
    key = "otlp/refreshed.json"
    put(stack, tmp_path, key, json_message(record("refreshed")).encode())
    stack.eventually(lambda: notes(stack).get(f"s3://{BUCKET}/{key}"))
    plan = invoke(
        stack,
        tmp_path,
        "athena-activity-refresher",
        {"action": "plan", "execution_date": "2024-01-02", "execution_time": None},
    )
    first = plan["stages"][0]["steps"][0]
    assert (first["level"], "2024-01-01" in first["periods"]) == ("activity", True)
    tables = stack.client("glue").get_tables(DatabaseName="log_db")["TableList"]
    assert "activity" in {table["Name"] for table in tables}


def test_the_publisher_publishes_and_deletes_what_is_superseded(
    stack: Emulator, tmp_path: Path
) -> None:
    glue, s3 = stack.client("glue"), stack.client("s3")
    base = f"s3://{BUCKET}/summary"
    answers = []
    for number in range(3):
        execution = f"run_{number}_5f0c3a9e"
        tables = []
        for query_type in load_catalog():
            leaf = Leaf(base, "theshop_pharmacy", query_type, execution, "0")
            key = S3Address.parse(leaf.location).key
            s3.put_object(Bucket=BUCKET, Key=f"{key}part.parquet", Body=b"rows")
            glue.create_table(
                DatabaseName="log_db",
                TableInput={
                    "Name": leaf.staging_table,
                    "TableType": "EXTERNAL_TABLE",
                    "StorageDescriptor": {
                        "Location": leaf.location,
                        "Columns": [{"Name": "service_name", "Type": "string"}],
                    },
                },
            )
            tables.append(
                {
                    "query_type": query_type,
                    "table": leaf.staging_table,
                    "location": leaf.location,
                    "row_count": 1,
                }
            )
        event = {
            "service_name": "theshop-pharmacy",
            "table_prefix": "theshop_pharmacy",
            "s3_base": base,
            "execution": execution,
            "execution_date": "2025-10-28",
            "replace_newer": False,
            "tables": tables,
        }
        answers.append(invoke(stack, tmp_path, "athena-table-publisher", event))
    assert [answer["status"] for answer in answers] == ["PUBLISHED"] * 3
    # One version stays behind the published one: the third publication deletes the first.
    assert [answer["deleted_objects"] for answer in answers] == [0, 0, 7]
    assert [answer["not_deleted"] for answer in answers] == [[], [], []]
    published = glue.get_table(DatabaseName="log_db", Name="theshop_pharmacy_mau_summary")["Table"]
    assert published["StorageDescriptor"]["Location"] == (
        f"{base}/theshop_pharmacy_mau/run_2_5f0c3a9e/0/"
    )
    checks = invoke(
        stack,
        tmp_path,
        "athena-checks-builder",
        {
            "service_name": "theshop-pharmacy",
            "table_prefix": "theshop_pharmacy",
            "s3_base": base,
            "execution": None,
            "execution_date": "2025-10-28",
            "source": "raw",
            "tables": [
                {
                    "query_type": query_type,
                    "table": f"theshop_pharmacy_{query_type}_summary",
                    "location": f"{base}/theshop_pharmacy_{query_type}/run_2_5f0c3a9e/0/",
                }
                for query_type in load_catalog()
            ],
        },
    )
    assert "theshop_pharmacy_mau_summary" in checks["query_string"]


def test_the_refresher_registers_what_a_step_has_built(stack: Emulator, tmp_path: Path) -> None:
    put(stack, tmp_path, "otlp/registered.json", json_message(record("registered")).encode())
    stack.eventually(lambda: notes(stack).get(f"s3://{BUCKET}/otlp/registered.json"))
    plan = {"action": "plan", "execution_date": "2024-01-02", "execution_time": None}
    planned = invoke(stack, tmp_path, "athena-activity-refresher", plan)
    step = planned["stages"][0]["steps"][0]
    asked = {**step, "execution": "run_5f0c3a9e", "step": "0_0_0"}
    built = invoke(stack, tmp_path, "athena-activity-refresher", {"action": "build", **asked})
    leaf = LevelLeaf(step["level"], "run_5f0c3a9e", "0_0_0", "0")
    for period in step["periods"]:
        key = S3Address.parse(leaf.partition(f"s3://{BUCKET}/lake", period)).key
        stack.client("s3").put_object(Bucket=BUCKET, Key=f"{key}part.parquet", Body=b"rows")
    stack.client("glue").create_table(
        DatabaseName="log_db",
        TableInput={
            "Name": leaf.table,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {"Location": leaf.location(f"s3://{BUCKET}/lake")},
        },
    )
    registered = invoke(
        stack,
        tmp_path,
        "athena-activity-refresher",
        {"action": "register", **asked, "attempt": "0", "inputs": built["inputs"]},
    )
    assert registered == {"partitions": len(step["periods"]), "not_deleted": []}
    again = invoke(stack, tmp_path, "athena-activity-refresher", plan)
    levels = [one["level"] for stage in again["stages"] for one in stage["steps"]]
    assert "activity" not in levels
