"""Every record of an exported object is in the lake once, however its events come."""

from __future__ import annotations

import gzip
import io
import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from otel_analytics.aws.clients import Client, connect
from otel_analytics.aws.lambdas import log_processor, log_sweep, packaged
from otel_analytics.aws.object_events import (
    CreatedObject,
    created_objects,
    message_of,
    object_name,
)
from otel_analytics.aws.object_lake import ObjectLake, Taken
from otel_analytics.aws.sweep import Sweep
from otel_analytics.config import Aws, Keys
from otel_analytics.errors import AwsFailed, Failed
from otel_analytics.lake import parquet
from otel_analytics.names import S3Address
from tests.lake.lake_files import (
    DAY,
    NOON,
    files_in,
    json_message,
    quarantine,
    record,
    rows,
    take_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "shop-analytics"
LAKE = S3Address(BUCKET, "lake")
LOGS = S3Address(BUCKET, "otlp/")
WRITTEN = datetime(2024, 1, 1, 12, tzinfo=UTC)


@dataclass
class Account:
    """S3 and SQS of an account, with one bucket and the processor's queue."""

    s3: Client
    sqs: Client
    queue_url: str
    folder: Path

    @property
    def lake(self) -> ObjectLake:
        return ObjectLake(s3=self.s3, address=LAKE, keys=Keys(), scratch=self.folder)

    def put(self, key: str, content: str | bytes) -> CreatedObject:
        self.s3.call("put_object", Bucket=BUCKET, Key=key, Body=content)
        return CreatedObject(BUCKET, (key,))

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.pages("list_objects_v2", Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def downloaded(self) -> Path:
        """Return a folder with what is in the lake."""
        folder = self.folder / "downloaded"
        for key in self.keys("lake/"):
            file = folder / key.removeprefix("lake/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.s3.call("get_object", Bucket=BUCKET, Key=key)["Body"].read())
        return folder

    def bodies(self) -> list[str]:
        return sorted(row["body"] for row in rows(self.downloaded()))

    def sweep(self, *, age: timedelta = timedelta(hours=1), has_time: bool = True) -> Sweep:
        return Sweep(
            s3=self.s3,
            sqs=self.sqs,
            logs=LOGS,
            lake=LAKE,
            queue_url=self.queue_url,
            now=lambda: datetime.now(UTC) + age,
            has_time=lambda: has_time,
        )

    def queued(self) -> list[dict[str, Any]]:
        """Take the messages of the queue."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.call(
            "receive_message", QueueUrl=self.queue_url, MaxNumberOfMessages=10
        ).get("Messages"):
            found += messages
        return found


@cache
def _clients(service: str) -> Client:
    """Return a client, of which making one takes longer than the tests."""
    return connect(Aws(region="us-east-1"))(service)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = _clients
        client("s3").call("create_bucket", Bucket=BUCKET)
        url = client("sqs").call("create_queue", QueueName="objects")["QueueUrl"]
        yield Account(client("s3"), client("sqs"), url, tmp_path)


def from_s3(key: str, **more: str) -> dict[str, Any]:
    s3 = {"bucket": {"name": BUCKET}, "object": {"key": key, **more}}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}
    return {"Records": [record]}


def from_event_bridge(key: str, **more: str) -> dict[str, Any]:
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key, **more}}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


# ── Events ─────────────────────────────────────────────────────────────────────────────────────


def test_a_notification_of_s3_has_its_key_encoded() -> None:
    event = from_s3("otlp/web+app%2Ba/%EC%83%81%EC%A0%90.json", versionId="v1")
    assert list(created_objects(event)) == [
        CreatedObject(BUCKET, ("otlp/web app+a/상점.json",), "v1")
    ]


def test_an_event_of_eventbridge_may_have_its_key_encoded_or_not() -> None:
    event = from_event_bridge("otlp/a+b.json", **{"version-id": "v1"})
    assert list(created_objects(event)) == [
        CreatedObject(BUCKET, ("otlp/a+b.json", "otlp/a b.json"), "v1")
    ]
    (plain,) = created_objects(from_event_bridge("otlp/a.json"))
    assert plain == CreatedObject(BUCKET, ("otlp/a.json",))


@pytest.mark.parametrize(
    "event",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET},
        {"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}},
        {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete", "s3": {}}]},
    ],
)
def test_an_event_that_says_something_else_has_no_objects(event: dict[str, Any]) -> None:
    assert list(created_objects(event)) == []


@pytest.mark.parametrize("key", ["otlp/a+b c%20.json", "otlp/상점.json", 'otlp/"quoted".json'])
def test_a_message_of_the_sweep_means_its_object(key: str) -> None:
    (found,) = created_objects(json.loads(message_of(BUCKET, key)))
    assert (found.bucket, found.keys[0]) == (BUCKET, key)


# ── One object ─────────────────────────────────────────────────────────────────────────────────


def test_the_records_of_an_object_are_in_the_partitions_of_their_days(account: Account) -> None:
    created = account.put(
        "otlp/a.json.gz",
        gzip.compress(json_message(record("a"), record("b", time=str(NOON + DAY))).encode()),
    )
    taken = account.lake.take(created)
    assert taken == Taken("s3://shop-analytics/otlp/a.json.gz", "ingested", written=2)
    found = [
        (row["body"], row["year"], row["month"], row["day"]) for row in rows(account.downloaded())
    ]
    assert found == [("a", "2024", "01", "01"), ("b", "2024", "01", "02")]


def test_a_source_is_noted_under_its_address_in_s3(account: Account) -> None:
    account.lake.take(
        account.put("otlp/a.json", json_message(record("a"), record("bad", time="x")))
    )
    folder = account.downloaded()
    (source,) = (json.loads(file.read_text()) for file in (folder / "sources").iterdir())
    assert source["source"] == "s3://shop-analytics/otlp/a.json"
    assert [line["source"] for line in quarantine(folder)] == ["s3://shop-analytics/otlp/a.json"]


def test_the_lake_is_that_of_ingest_but_for_the_notes(account: Account, tmp_path: Path) -> None:
    content = json_message(record("a"), record("bad", time="x"))
    account.lake.take(account.put("otlp/a.json", content))
    (tmp_path / "logs").write_text(content)
    take_in(tmp_path / "lake", tmp_path / "logs")
    ours, theirs = files_in(account.downloaded()), files_in(tmp_path / "lake")
    rows_of = [name for name in theirs if name.startswith("logall/")]
    assert rows_of
    assert {name: ours[name] for name in rows_of} == {name: theirs[name] for name in rows_of}
    assert {name for name in ours if not name.startswith("objects/")} == set(theirs)


def test_an_object_comes_again_and_nothing_is_written(account: Account) -> None:
    created = account.put("otlp/a.json", json_message(record("a")))
    account.lake.take(created)
    before = account.keys("lake/")
    assert account.lake.take(created).outcome == "already ingested"
    assert account.keys("lake/") == before


def test_the_same_content_under_two_keys_counts_once(account: Account) -> None:
    content = json_message(record("a"))
    first = account.lake.take(account.put("otlp/a.json", content))
    second = account.lake.take(account.put("otlp/b.json", content))
    assert (first.outcome, second.outcome) == ("ingested", "already ingested")
    assert account.bodies() == ["a"]
    assert len(account.keys("lake/objects/")) == 2


def test_an_object_that_was_overwritten_counts_with_both_contents(account: Account) -> None:
    account.lake.take(account.put("otlp/a.json", json_message(record("old"))))
    account.lake.take(account.put("otlp/a.json", json_message(record("new"))))
    assert account.bodies() == ["new", "old"]


def test_a_version_is_read_where_the_event_names_one(account: Account) -> None:
    account.s3.call(
        "put_bucket_versioning",
        Bucket=BUCKET,
        VersioningConfiguration={"Status": "Enabled"},
    )
    first = account.s3.call(
        "put_object", Bucket=BUCKET, Key="otlp/a.json", Body=json_message(record("old"))
    )
    account.put("otlp/a.json", json_message(record("new")))
    account.lake.take(CreatedObject(BUCKET, ("otlp/a.json",), first["VersionId"]))
    assert account.bodies() == ["old"]


def test_an_object_that_is_gone_is_no_failure(account: Account) -> None:
    taken = account.lake.take(CreatedObject(BUCKET, ("otlp/a+b.json", "otlp/a b.json")))
    assert taken == Taken("s3://shop-analytics/otlp/a+b.json", "gone")
    assert account.keys("lake/") == []


def test_the_second_meaning_of_a_key_is_tried(account: Account) -> None:
    account.put("otlp/a b.json", json_message(record("a")))
    taken = account.lake.take(CreatedObject(BUCKET, ("otlp/a+b.json", "otlp/a b.json")))
    assert (taken.address, taken.written) == ("s3://shop-analytics/otlp/a b.json", 1)


@pytest.mark.parametrize("key", ["lake/logall/year=2024/x.parquet", "otlp/folder/"])
def test_what_the_lake_holds_and_what_stands_for_a_folder_are_left_alone(
    account: Account, key: str
) -> None:
    created = account.put(key, json_message(record("a")))
    before = account.keys("")
    assert account.lake.take(created).outcome == "not ours"
    assert account.keys("") == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty: there is no log record in it"),
        (gzip.compress(json_message(record("a")).encode())[:-9], "cannot be read to its end"),
        (b"hello", "is no OTLP"),
        (json_message(record("a", time="x")).encode(), "no log record in it could be read"),
        (b'{"resourceSpans":[]}', "no log record"),
    ],
)
def test_what_cannot_be_read_is_in_quarantine_with_the_reason_and_does_not_come_again(
    account: Account, content: bytes, why: str
) -> None:
    created = account.put("otlp/a", content)
    taken = account.lake.take(created)
    assert taken.outcome == "unreadable"
    assert why in str(taken.error)
    lines = quarantine(account.downloaded())
    assert [line["source"] for line in lines] == ["s3://shop-analytics/otlp/a"]
    assert account.keys("lake/logall/") == []
    assert account.lake.take(created).outcome == "already ingested"


def test_a_full_disk_is_a_failure_that_is_tried_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = account.put("otlp/a.json", json_message(record("a")))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(parquet.pq, "ParquetWriter", full)
        with pytest.raises(Exception, match="the disk is full"):
            account.lake.take(created)
    assert account.keys("lake/") == []
    assert account.lake.take(created).outcome == "ingested"


# ── Any order, any number of times, with failures ──────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Failing:
    """A client of S3 of which calls that write fail now and then, before or after they wrote.

    One call at a time, which is all that moto bears.
    """

    client: Client
    chance: random.Random
    lock: Any

    def call(self, operation: str, /, **arguments: Any) -> Any:
        with self.lock:
            fate = self.chance.random() if operation == "put_object" else 1.0
            if fate < 0.15:
                raise AwsFailed("S3:PutObject: SlowDown", code="SlowDown")
            answer = self.client.call(operation, **arguments)
            if operation == "get_object":
                answer["Body"] = io.BytesIO(answer["Body"].read())
        if fate < 0.3:
            raise AwsFailed("S3:PutObject: the answer was lost")
        return answer

    def pages(self, operation: str, /, **arguments: Any) -> Any:
        with self.lock:
            return list(self.client.pages(operation, **arguments))


@pytest.mark.parametrize("seed", range(6))
def test_every_record_is_there_once_whatever_happens(account: Account, seed: int) -> None:
    chance = random.Random(seed)
    expected: Counter[str] = Counter()
    deliveries = []
    for number in range(8):
        bodies = [f"{number}-{line}" for line in range(chance.randint(1, 4))]
        days = [str(NOON + chance.randint(0, 3) * DAY) for _ in bodies]
        records = [record(body, time=day) for body, day in zip(bodies, days, strict=True)]
        unreadable = [record("bad", time="x")] * chance.randint(0, 1)
        key = f"otlp/{number} +상점.json"
        account.put(key, json_message(*records, *unreadable))
        expected.update(bodies)
        shapes = [from_s3(quote_plus(key, safe="/")), from_event_bridge(key)]
        deliveries += [chance.choice(shapes) for _ in range(3)]
    chance.shuffle(deliveries)
    # A sweep while they run: what it queues comes as well.
    for place in sorted(chance.sample(range(len(deliveries)), 3)):
        deliveries.insert(place, {"sweep": True})

    failing: Any = Failing(account.s3, random.Random(seed + 1000), threading.Lock())
    lake = replace(account.lake, s3=failing)

    def deliver(event: dict[str, Any]) -> int:
        if "sweep" in event:
            replace(account.sweep(), s3=failing).run()
            return sum(deliver(json.loads(one["Body"])) for one in account.queued())
        failures = 0
        for created in created_objects(event):
            while True:  # as the queue does, which gives the message again
                try:
                    lake.take(created)
                    break
                except AwsFailed:
                    failures += 1
        return failures

    with ThreadPoolExecutor(4) as threads:
        failures = sum(threads.map(deliver, deliveries))
    assert failures > 0
    assert Counter(account.bodies()) == expected
    assert account.sweep().run() == {"queued": 0, "is_complete": True}


# ── The sweep ──────────────────────────────────────────────────────────────────────────────────


def test_the_sweep_queues_what_was_missed_and_nothing_else(account: Account) -> None:
    account.lake.take(account.put("otlp/known.json", json_message(record("known"))))
    for number in range(12):
        account.put(f"otlp/{number}.json", json_message(record(f"missed {number}")))
    account.put("otlp/folder/", "")
    account.put("elsewhere/a.json", json_message(record("elsewhere")))
    assert account.sweep().run() == {"queued": 12, "is_complete": True}
    for message in account.queued():
        for created in created_objects(json.loads(message["Body"])):
            account.lake.take(created)
    assert account.bodies() == sorted(["known", *(f"missed {number}" for number in range(12))])
    assert account.sweep().run() == {"queued": 0, "is_complete": True}


def test_the_sweep_leaves_objects_whose_event_may_be_on_its_way(account: Account) -> None:
    account.put("otlp/a.json", json_message(record("a")))
    assert account.sweep(age=timedelta(minutes=10)).run()["queued"] == 0
    assert account.sweep(age=timedelta(minutes=20)).run()["queued"] == 1


def test_an_object_that_was_overwritten_is_swept_again(account: Account) -> None:
    account.lake.take(account.put("otlp/a.json", json_message(record("old"))))
    account.put("otlp/a.json", json_message(record("new")))
    assert account.sweep().run()["queued"] == 1


def test_the_sweep_waits_while_the_queue_is_full(account: Account) -> None:
    account.put("otlp/a.json", json_message(record("a")))
    for _ in range(3):
        account.sqs.call("send_message", QueueUrl=account.queue_url, MessageBody="{}")
    waits, goes_on = replace(account.sweep(), max_queued=2), replace(account.sweep(), max_queued=3)
    assert waits.run() == {"queued": 0, "is_complete": False}
    assert goes_on.run() == {"queued": 1, "is_complete": True}


def test_the_sweep_ends_when_its_time_is_over(account: Account) -> None:
    account.put("otlp/a.json", json_message(record("a")))
    assert account.sweep(has_time=False).run() == {"queued": 0, "is_complete": False}


@dataclass
class Slow:
    """S3 whose pages hold two objects, and take a second each."""

    client: Client
    seconds: int = 0
    listed: list[str] = field(default_factory=list)

    def call(self, operation: str, /, **arguments: Any) -> Any:
        return self.client.call(operation, **arguments)

    def pages(self, operation: str, /, **arguments: Any) -> Iterator[Any]:
        self.listed.append(arguments["Prefix"])
        for page in self.client.pages(operation, **arguments, PaginationConfig={"PageSize": 2}):
            self.seconds += 1
            yield page


def write_on(day: datetime, key: str) -> None:
    """Have moto say that an object was written on a day."""
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys[key].last_modified = day


def swept_keys(account: Account) -> list[str]:
    bodies = (json.loads(message["Body"]) for message in account.queued())
    return [created.keys[0] for body in bodies for created in created_objects(body)]


def test_what_one_sweep_has_no_time_for_the_next_ones_go_on_with(account: Account) -> None:
    keys = [f"otlp/day={day}/{number}.json" for day in range(6) for number in range(4)]
    missed = [keys[0], keys[11], keys[22], keys[23]]
    for place, key in enumerate(keys):
        created = account.put(key, json_message(record(key)))
        write_on(WRITTEN + timedelta(days=place // 4), key)
        if key not in missed:
            account.lake.take(created)
    slow, ends = Slow(account.s3), []
    while not (ends and ends[-1]):
        until = slow.seconds + 9
        sweep = replace(account.sweep(), s3=slow, has_time=lambda: slow.seconds < until)  # type: ignore[arg-type]  # noqa: B023
        ends.append(sweep.run()["is_complete"])
    # two pages of a day's objects and two of its notes: nine seconds are enough for two days
    assert ends == [False, False, True]
    assert sorted(swept_keys(account)) == missed
    assert json.loads(account.downloaded().joinpath("sweep.json").read_text()) == {"reached": ""}
    # and then from the beginning
    assert replace(account.sweep(), s3=slow).run() == {"queued": 4, "is_complete": True}  # type: ignore[arg-type]


def test_a_sweep_lists_the_notes_of_the_days_that_it_comes_by_and_each_once(
    account: Account,
) -> None:
    for number, day in enumerate((1, 2, 1)):
        account.lake.take(account.put(f"otlp/{number}.json", json_message(record(str(number)))))
        write_on(WRITTEN.replace(day=day), f"otlp/{number}.json")
    slow = Slow(account.s3)
    # what was noted was noted of another day, and is queued once more
    assert replace(account.sweep(), s3=slow).run() == {"queued": 3, "is_complete": True}  # type: ignore[arg-type]
    assert slow.listed == ["otlp/", "lake/objects/2024-01-01/", "lake/objects/2024-01-02/"]


# ── The functions ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def functions(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """The account, with functions that work in it."""
    environment = {
        "AWS_REGION": "us-east-1",
        "OTEL_ANALYTICS_AWS_REGION": "us-east-1",
        "OTEL_ANALYTICS_LAKE": str(LAKE),
        "LOGS_BUCKET": BUCKET,
        "LOGS_PREFIX": LOGS.key,
        "OBJECT_QUEUE_URL": account.queue_url,
        "LAMBDA_TASK_ROOT": str(account.folder),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for cached in (packaged.settings, packaged.client, log_processor._lake):
        cached.cache_clear()
    yield account
    for cached in (packaged.settings, packaged.client, log_processor._lake):
        cached.cache_clear()


@pytest.mark.parametrize("shape", [from_s3, from_event_bridge])
def test_the_processor_takes_an_event_directly(functions: Account, shape: Any) -> None:
    functions.put("otlp/a.json", json_message(record("a")))
    assert log_processor.handler(shape("otlp/a.json"), None) == [
        {
            "object": "s3://shop-analytics/otlp/a.json",
            "outcome": "ingested",
            "written": 1,
            "quarantined": 0,
            "error": None,
        }
    ]


def test_of_a_batch_only_the_messages_that_failed_come_again(functions: Account) -> None:
    functions.put("otlp/a.json", json_message(record("a")))
    functions.put("otlp/b.json", json_message(record("b")))
    bodies = {
        "good": json.dumps(from_s3("otlp/a.json")),
        "no JSON": "{",
        "no bucket": json.dumps({"detail-type": "Object Created", "detail": {"object": {}}}),
        "also good": json.dumps(from_event_bridge("otlp/b.json")),
    }
    records = [
        {"eventSource": "aws:sqs", "messageId": name, "body": body} for name, body in bodies.items()
    ]
    assert log_processor.handler({"Records": records}, None) == {
        "batchItemFailures": [{"itemIdentifier": "no JSON"}, {"itemIdentifier": "no bucket"}]
    }
    assert functions.bodies() == ["a", "b"]


def test_the_sweep_function_queues_old_objects_and_logs_how_far_it_came(
    functions: Account, caplog: pytest.LogCaptureFixture
) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 300_000

    functions.put("otlp/a.json", json_message(record("a")))
    # It was written this moment, and its event may be on its way.
    assert log_sweep.handler({}, Context()) == {"queued": 0, "is_complete": True}
    assert 'swept: {"queued": 0, "is_complete": true}' in caplog.messages


def test_an_access_that_is_denied_is_no_missing_object(account: Account) -> None:
    s3, answers = stubbed("s3")
    answers.add_client_error("get_object", "AccessDenied", "no")
    answers.add_response("list_objects_v2", {"Contents": [{"Key": "otlp/a.json"}]})
    with pytest.raises(AwsFailed, match="S3:GetObject: AccessDenied"):
        replace(account.lake, s3=s3).take(CreatedObject(BUCKET, ("otlp/a.json",)))


def test_a_missing_object_is_gone_where_s3_says_that_it_is_denied(account: Account) -> None:
    """As it does to a role that may list some prefixes alone."""
    s3, answers = stubbed("s3")
    asked = {"Bucket": BUCKET, "Prefix": "otlp/a.json", "MaxKeys": 1}
    answers.add_client_error("get_object", "AccessDenied", "no")
    # another object's key begins with that of the missing one
    answers.add_response("list_objects_v2", {"Contents": [{"Key": "otlp/a.json.gz"}]}, asked)
    taken = replace(account.lake, s3=s3).take(CreatedObject(BUCKET, ("otlp/a.json",)))
    assert taken == Taken("s3://shop-analytics/otlp/a.json", "gone")
    answers.assert_no_pending_responses()


def test_an_object_is_noted_by_bucket_key_and_content() -> None:
    names = {
        object_name("a", "b", '"1"'),
        object_name("a", "b", "1"),
        object_name("a", "b", "2"),
        object_name("a", "c", "1"),
        object_name("b", "b", "1"),
    }
    assert len(names) == 4


# ── What AWS refuses ───────────────────────────────────────────────────────────────────────────


def stubbed(service: str) -> tuple[Client, Stubber]:
    client = boto3.client(
        service,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - no secret
    )
    stubber = Stubber(client)
    stubber.activate()
    return Client(client), stubber


def test_a_note_that_may_not_be_looked_for_is_no_missing_note(tmp_path: Path) -> None:
    s3, answers = stubbed("s3")
    body = StreamingBody(io.BytesIO(b""), 0)
    answers.add_response("get_object", {"Body": body, "ETag": '"1"', "LastModified": WRITTEN})
    answers.add_client_error("list_objects_v2", "AccessDenied")
    lake = ObjectLake(s3=s3, address=LAKE, keys=Keys(), scratch=tmp_path)
    with pytest.raises(AwsFailed, match="S3:ListObjectsV2: AccessDenied"):
        lake.take(CreatedObject(BUCKET, ("otlp/a.json",)))


@pytest.mark.parametrize("code", ["SlowDown", "AccessDenied"])
def test_an_object_that_cannot_be_written_is_a_failure(tmp_path: Path, code: str) -> None:
    s3, answers = stubbed("s3")
    content = json_message(record("a")).encode()
    body = StreamingBody(io.BytesIO(content), len(content))
    answers.add_response("get_object", {"Body": body, "ETag": '"1"', "LastModified": WRITTEN})
    answers.add_response("list_objects_v2", {})
    answers.add_response("list_objects_v2", {})
    answers.add_client_error("put_object", code)
    lake = ObjectLake(s3=s3, address=LAKE, keys=Keys(), scratch=tmp_path)
    with pytest.raises(AwsFailed, match=f"S3:PutObject: {code}"):
        lake.take(CreatedObject(BUCKET, ("otlp/a.json",)))
    answers.assert_no_pending_responses()


def test_a_message_that_the_queue_does_not_take_fails_the_sweep(account: Account) -> None:
    account.put("otlp/a.json", json_message(record("a")))
    sqs, answers = stubbed("sqs")
    counts = dict.fromkeys(
        ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"), "0"
    )
    answers.add_response("get_queue_attributes", {"Attributes": counts})
    refused = {"Id": "0", "SenderFault": False, "Code": "InternalError", "Message": "later"}
    answers.add_response("send_message_batch", {"Successful": [], "Failed": [refused]})
    with pytest.raises(Failed, match=r"did not take 1 messages \(InternalError: later\)"):
        replace(account.sweep(), sqs=sqs).run()


@pytest.mark.parametrize("code", ["RequestThrottled", "AccessDenied"])
def test_a_queue_that_does_not_answer_fails_the_sweep(account: Account, code: str) -> None:
    sqs, answers = stubbed("sqs")
    answers.add_client_error("get_queue_attributes", code)
    with pytest.raises(AwsFailed, match=f"SQS:GetQueueAttributes: {code}"):
        replace(account.sweep(), sqs=sqs).run()
