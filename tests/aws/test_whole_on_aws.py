"""The state machine with the Lambdas of AWS over Glue and S3, beside the same on a laptop."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow.parquet as pq
import pytest

from otel_analytics.aws.clients import Client
from otel_analytics.aws.lambdas import (
    activity_refresher,
    checks_builder,
    packaged,
    query_builder,
    table_publisher,
)
from otel_analytics.errors import AwsFailed, Failed
from otel_analytics.local.step_functions import StepFunctions
from otel_analytics.metrics import load_catalog
from otel_analytics.names import table_name
from otel_analytics.operations.catalog import Partition, Table
from otel_analytics.pipeline import build_definition
from otel_analytics.query.levels import load_levels
from otel_analytics.query.statements import Column, TableName
from tests.aws.accounts import BUCKET, REGION, OnAws, open_account
from tests.oracle.seven_tables import Event
from tests.refresh.lakes import _rows, at, open_lake

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from otel_analytics import asl
    from otel_analytics.config import Settings

E = date(2025, 3, 3)
NEXT = date(2025, 3, 4)
SERVICES = ["shop", "brand.kr"]
COLUMNS = ("timestamp", "service_name", "event_name", "user_key", "session_id")


def events_of(day: int, service: str, users: int) -> list[Event]:
    """Return visits of a day, each of which views, and every second of which also buys."""
    found = []
    for user in range(users):
        session = f"{service}-{day}-{user}"
        names = ["commerce.session.start", "commerce.product.view"]
        names += ["commerce.cart.add"] * (user % 2)
        for minute, name in enumerate(names):
            time = at(f"2025-03-{day:02} 10:{minute:02}")
            found.append(Event(service, time, name, f"u{user}", session))
    return found


DAY_1 = [*events_of(1, "shop", 5), *events_of(1, "brand.kr", 3)]
DAY_2 = [*events_of(2, "shop", 4), *events_of(2, "brand.kr", 2)]
DAY_3 = [*events_of(3, "shop", 3), *events_of(3, "brand.kr", 1)]
LATE = events_of(1, "shop", 7)


class Context:
    """What Lambda tells a function of its call."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass(frozen=True)
class Deployed:
    """The state machine in an account: its Lambdas over moto, DuckDB in Athena's place."""

    on: OnAws

    def put(self, day: int, name: str, events: Sequence[Event]) -> None:
        file = io.BytesIO()
        pq.write_table(_rows(events), file)
        key = f"lake/logall/year=2025/month=03/day={day:02}/{name}.parquet"
        self.on.aws.store.s3.call("put_object", Bucket=BUCKET, Key=key, Body=file.getvalue())

    def definition(self) -> Any:
        """Return the document as Step Functions gives it back once it is deployed."""
        client = boto3.client("stepfunctions", region_name=REGION)
        client.create_state_machine(
            name="otel-analytics-pipeline",
            definition=json.dumps(build_definition(self.on.aws.settings)),
            roleArn="arn:aws:iam::123456789012:role/pipeline",
        )
        arn = client.list_state_machines()["stateMachines"][0]["stateMachineArn"]
        return json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])

    def run(self, payload: Any, *, name: str | None = None) -> dict[str, Any]:
        names = self.on.aws.settings.athena
        handlers = {
            names.query_builder_function: query_builder.handler,
            names.checks_builder_function: checks_builder.handler,
            names.table_publisher_function: table_publisher.handler,
            names.activity_refresher_function: activity_refresher.handler,
        }
        functions = {
            name: lambda event, handler=handler: handler(event, Context())
            for name, handler in handlers.items()
        }
        step_functions = StepFunctions(
            self.on.athena, self.on.home.executions, functions, around=self._with_s3
        )
        return step_functions.start_execution(self.definition(), payload, name=name)

    def _with_s3(self, tasks: Any) -> Any:
        def put_object(arguments: Any, _context: asl.TaskContext) -> Any:
            body = json.dumps(arguments["Body"]).encode()
            self.on.aws.store.s3.call("put_object", **{**arguments, "Body": body})
            return {}

        return {**tasks, "arn:aws:states:::aws-sdk:s3:putObject": put_object}

    def done(self, payload: Any) -> Any:
        execution = self.run(payload)
        assert execution["status"] == "SUCCEEDED", (execution["error"], execution["cause"])
        return json.loads(execution["output"])

    def tables(self, prefix: str) -> dict[str, list[str]]:
        found = {}
        for query_type in load_catalog():
            done = self.on.athena.start_query_execution(
                f'SELECT * FROM "{table_name(prefix, query_type)}"', database="log_db"
            )
            done.raise_if_failed()
            assert done.rows is not None
            found[query_type] = sorted(map(repr, done.rows.rows))
        return found


@contextmanager
def deployed(folder: Path, settings: Settings | None = None) -> Iterator[Deployed]:
    with open_account(folder / "home", settings) as on:
        columns = {"timestamp": "timestamp"} | dict.fromkeys(COLUMNS[1:], "string")
        on.aws.catalog.put_table(
            Table(
                database="log_db",
                name="logall",
                columns=tuple(Column(*item) for item in columns.items()),
                partition_keys=tuple(Column(key, "string") for key in ("year", "month", "day")),
                location=f"s3://{BUCKET}/lake/logall/",
                parameters={"projection.enabled": "true"},
            ),
            over=None,
        )
        for cached in (packaged.settings, packaged.client):
            cached.cache_clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LAMBDA_TASK_ROOT", str(folder))
            patch.setenv("AWS_DEFAULT_REGION", REGION)
            yield Deployed(on)
        for cached in (packaged.settings, packaged.client):
            cached.cache_clear()


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Deployed]:
    with deployed(tmp_path) as opened:
        opened.put(1, "a", DAY_1)
        opened.put(2, "a", DAY_2)
        yield opened


def local_tables(folder: Path, files: dict[tuple[int, str], Sequence[Event]], day: date) -> Any:
    """Return the tables that the same document builds on a laptop."""
    with open_lake(folder) as lake:
        for (of_day, name), events in files.items():
            lake.write(date(2025, 3, of_day), name, events)
        payload = {"service_names": SERVICES, "execution_date": day.isoformat()}
        execution = lake.aws.run(payload, name=None, on_event=lambda _: None)
        assert execution["status"] == "SUCCEEDED"
        found = {}
        for prefix in ("shop", "brand_kr"):
            for query_type in load_catalog():
                rows = lake.rows(f'SELECT * FROM "{table_name(prefix, query_type)}"')
                found[prefix, query_type] = sorted(map(repr, rows))
        return found


def test_the_deployed_document_builds_the_tables_of_the_local_one_run_after_run(
    account: Deployed, tmp_path: Path
) -> None:
    summary = account.done({"service_names": SERVICES, "execution_date": E.isoformat()})
    assert {one["level"] for one in summary["refreshed"]} >= {"activity", "activity_visits"}
    files: dict[tuple[int, str], Sequence[Event]] = {(1, "a"): DAY_1, (2, "a"): DAY_2}
    expected = local_tables(tmp_path / "first", files, E)
    for prefix in ("shop", "brand_kr"):
        for query_type, rows in account.tables(prefix).items():
            assert rows == expected[prefix, query_type], (prefix, query_type)
            assert rows, query_type

    # nothing has changed: no query builds anything
    summary = account.done({"service_names": ["shop"], "execution_date": E.isoformat()})
    assert summary["refreshed"] == []

    account.put(1, "late", LATE)
    account.put(3, "a", DAY_3)
    summary = account.done({"service_names": SERVICES, "execution_date": NEXT.isoformat()})
    built = {one["level"]: one["partitions"] for one in summary["refreshed"]}
    assert built["activity"] == 2
    files |= {(1, "late"): LATE, (3, "a"): DAY_3}
    expected = local_tables(tmp_path / "second", files, NEXT)
    for prefix in ("shop", "brand_kr"):
        for query_type, rows in account.tables(prefix).items():
            assert rows == expected[prefix, query_type], (prefix, query_type)
    names = {table.name for table in account.on.aws.catalog.tables("log_db")}
    assert names == {
        "logall",
        *load_levels(),
        *(
            f"{prefix}_{query_type}_summary{history}"
            for prefix in ("shop", "brand_kr")
            for query_type in load_catalog()
            for history in ("", "_history")
        ),
    }


def test_what_an_execution_left_that_failed_is_found_and_cleaned(account: Deployed) -> None:
    on = account.on
    account.done({"service_names": ["shop"], "execution_date": E.isoformat()})
    # a service that no log knows fails after its seven staging tables were built
    execution = account.run({"service_names": ["nobody"], "execution_date": E.isoformat()})
    assert execution["error"] == "ServicesFailed"
    aws = replace(on.aws, executions=on.home.executions)  # type: ignore[arg-type]
    leftovers, cleaned = aws.cleaner.delete()
    staging = [one for one in leftovers if one.kind == "staging"]
    assert len(staging) == 7
    assert all(len(one.tables) == 1 for one in staging)
    assert cleaned.problems == ()
    assert on.keys("summary/nobody_") == []
    assert not [t.name for t in on.aws.catalog.tables("log_db") if t.name.startswith("nobody")]
    assert len(on.keys("summary/shop_")) == 7
    assert aws.cleaner.find() == ()
    assert account.tables("shop")["mau"]


def test_cleaning_leaves_what_an_interrupted_publication_still_needs(account: Deployed) -> None:
    on = account.on
    account.done({"service_names": ["shop"], "execution_date": E.isoformat()})
    account.run({"service_names": ["nobody"], "execution_date": E.isoformat()})
    keys = on.keys("summary/nobody_")
    tables = [{"location": f"s3://{BUCKET}/{key.rpartition('/')[0]}/"} for key in keys]
    journal = {"number": 0, "lease": None, "done": {}, "superseded": []}
    on.aws.store.s3.call(
        "put_object",
        Bucket=BUCKET,
        Key="summary/publications/log_db/nobody.json",
        Body=json.dumps({**journal, "open": {"event": {"tables": tables}}}).encode(),
    )
    aws = replace(on.aws, executions=on.home.executions)  # type: ignore[arg-type]
    assert [one.kind for one in aws.cleaner.find()] == []


def test_a_table_that_lies_above_what_is_built_is_told_from_before_anything_is_built(
    account: Deployed,
) -> None:
    """Athena would read the staging tables' data as the published table's."""
    columns = (Column("n", "bigint"),)
    root = f"s3://{BUCKET}/summary/shop_dau"
    table = Table(database="log_db", name="shop_dau_summary", columns=columns, location=root)
    account.on.aws.catalog.put_table(table, over=None)
    event = {
        "query_type": "dau",
        "table_prefix": "shop",
        "s3_base": f"s3://{BUCKET}/summary",
        "service_names": ["shop"],
        "execution_date": E.isoformat(),
        "execution": "run_1",
        "attempt": 0,
        "cleanup_s3": False,
    }
    with pytest.raises(Failed, match=r"shop_dau_summary lies at .* set athena\.s3_base to another"):
        query_builder.handler(event, Context())
    other = query_builder.handler({**event, "s3_base": f"s3://{BUCKET}/v2"}, Context())
    assert other["s3_location"] == f"s3://{BUCKET}/v2/shop_dau/run_1/0/"


def test_checks_over_logs_with_registered_partitions_do_not_ask_for_them(
    account: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role of the checks builder has no right to, and a table may have a thousand of days."""
    catalog = account.on.aws.catalog
    logs = catalog.find(TableName("logall", "log_db"))
    assert logs is not None
    logs = catalog.put_table(replace(logs, parameters={}), over=logs)
    day = f"s3://{BUCKET}/lake/logall/year=2025/month=03/day=01"
    catalog.replace_partitions(logs, [Partition(("2025", "03", "01"), day)])
    leaf = f"s3://{BUCKET}/summary/shop_{{}}/run_1/0/"
    event = {
        "service_name": "shop",
        "table_prefix": "shop",
        "s3_base": f"s3://{BUCKET}/summary",
        "execution_date": E.isoformat(),
        "execution": "run_1",
        "source": "raw",
        "tables": [
            {"query_type": one, "table": f"shop_{one}_run_1_0", "location": leaf.format(one)}
            for one in load_catalog()
        ],
    }
    asked = []

    def pages(_self: Client, operation: str, /, **_arguments: Any) -> Any:
        asked.append(operation)
        raise AwsFailed(f"Glue:{operation}: AccessDeniedException", code="AccessDeniedException")

    monkeypatch.setattr(Client, "pages", pages)
    query = checks_builder.handler(event, Context())["query_string"]
    assert (asked, "logall" in query) == ([], True)


def test_a_lambda_empties_its_location_and_says_what_it_deleted(account: Deployed) -> None:
    for key in ("summary/shop_mau/run_1/0/x", "summary/shop_mau/run_1/0/y", "summary/shop_mau/z"):
        account.on.aws.store.s3.call("put_object", Bucket=BUCKET, Key=key, Body=b"1234")
    event = {
        "query_type": "mau",
        "table_prefix": "shop",
        "s3_base": f"s3://{BUCKET}/summary",
        "service_names": ["shop"],
        "execution_date": E.isoformat(),
        "execution": "run_1",
        "attempt": 0,
    }
    reply = query_builder.handler(event, Context())
    assert reply["cleanup_result"]["deleted_objects"] == 2
    assert reply["cleanup_result"]["deleted_size_mb"] == pytest.approx(0.000008)
    del event["execution"], event["attempt"]
    # without them the table lies at its root, and only what is directly there goes
    account.on.aws.store.s3.call(
        "put_object", Bucket=BUCKET, Key="summary/shop_mau/r/0/x", Body=b""
    )
    assert query_builder.handler(event, Context())["cleanup_result"]["deleted_objects"] == 1
    assert account.on.keys("summary/shop_mau/") == ["summary/shop_mau/r/0/x"]


def test_a_lambda_takes_its_settings_from_the_package_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "otel-analytics.toml").write_text('timezone = "Asia/Seoul"\n')
    with deployed(tmp_path):
        monkeypatch.setenv("MIN_DATA_DATE", "2025-01-15")
        settings = packaged.settings()
        assert settings.timezone == "Asia/Seoul"
        assert settings.min_data_date == date(2025, 1, 15)


def test_existing_logs_are_followed_where_their_partitions_are_registered(
    account: Deployed,
) -> None:
    """A day whose partition lies elsewhere is read there; one that is not registered is not."""
    catalog = account.on.aws.catalog
    logs = catalog.find(TableName("logall", "log_db"))
    assert logs is not None
    logs = catalog.put_table(replace(logs, parameters={}), over=logs)
    elsewhere = f"s3://{BUCKET}/lake/logall/year=2025/month=03/day=01"
    catalog.replace_partitions(logs, [Partition(("2025", "03", "02"), elsewhere)])
    event = {"action": "plan", "execution_time": None, "execution_date": E.isoformat()}
    plan = activity_refresher.handler(event, Context())
    (step,) = plan["stages"][0]["steps"]
    assert (step["level"], list(step["periods"])) == ("activity", ["2025-03-02"])
    version = step["periods"]["2025-03-02"]
    account.put(1, "more", LATE)
    (step,) = activity_refresher.handler(event, Context())["stages"][0]["steps"]
    assert step["periods"]["2025-03-02"] != version
