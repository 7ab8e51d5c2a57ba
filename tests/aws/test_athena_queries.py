"""Queries of Athena: started, waited for, read page by page, with the types of a table."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from otel_analytics.aws.athena import Athena
from otel_analytics.aws.clients import Client
from otel_analytics.config import Athena as AthenaSettings
from otel_analytics.errors import AwsFailed, InvalidQuery, QueryFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

SQL = "SELECT * FROM t"
STARTED_ARGS = {
    "QueryString": SQL,
    "QueryExecutionContext": {"Database": "log_db"},
    "ResultConfiguration": {"OutputLocation": "s3://otel-analytics/athena-results"},
    "WorkGroup": "primary",
}


class Stubbed:
    """Athena that answers as planned; `waits` are the seconds that were slept."""

    def __init__(self) -> None:
        boto = boto3.client(
            "athena",
            region_name="eu-central-1",
            aws_access_key_id="x",
            aws_secret_access_key="y",  # noqa: S106
        )
        self.stubber = Stubber(boto)
        self.stubber.activate()
        self.waits: list[float] = []
        self.athena = Athena(Client(boto), AthenaSettings(), sleep=self.waits.append)

    def starts(self) -> None:
        self.stubber.add_response("start_query_execution", {"QueryExecutionId": "q-1"})

    def state(self, state: str, *, kind: str = "DML", reason: str | None = None) -> None:
        status = {"State": state} | ({"StateChangeReason": reason} if reason else {})
        execution = {
            "QueryExecutionId": "q-1",
            "StatementType": kind,
            "Status": status,
            "Statistics": {"DataScannedInBytes": 1234},
        }
        self.stubber.add_response(
            "get_query_execution", {"QueryExecution": execution}, {"QueryExecutionId": "q-1"}
        )

    def page(self, columns: dict[str, str], rows: list[Any], following: str | None = None) -> None:
        cells = [
            {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]}
            for row in rows
        ]
        infos = [{"Name": name, "Type": kind} for name, kind in columns.items()]
        page: dict[str, Any] = {
            "ResultSet": {"Rows": cells, "ResultSetMetadata": {"ColumnInfo": infos}}
        }
        self.stubber.add_response(
            "get_query_results", page | ({"NextToken": following} if following else {})
        )


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    made = Stubbed()
    yield made
    made.stubber.assert_no_pending_responses()


def test_a_query_gives_its_rows_of_all_pages_without_the_head(stubbed: Stubbed) -> None:
    stubbed.stubber.add_response("start_query_execution", {"QueryExecutionId": "q-1"}, STARTED_ARGS)
    stubbed.state("QUEUED")
    stubbed.state("RUNNING")
    stubbed.state("SUCCEEDED")
    stubbed.page({"n": "bigint"}, [["n"], ["1"], ["2"]], following="more")
    stubbed.page({"n": "bigint"}, [["3"]])
    found = stubbed.athena.query(SQL)
    assert found.rows == ((1,), (2,), (3,))
    assert [(column.name, column.type) for column in found.columns] == [("n", "bigint")]
    assert found.scanned_bytes == 1234
    assert stubbed.waits == [0.2, 0.4]


def test_values_have_the_types_of_a_table(stubbed: Stubbed) -> None:
    values = {
        "integer": ("7", 7),
        "double": ("2.5", 2.5),
        "boolean": ("true", True),
        "date": ("2025-03-01", date(2025, 3, 1)),
        "timestamp": ("2025-03-01 12:30:00.250", datetime(2025, 3, 1, 12, 30, 0, 250_000)),
        "timestamp with time zone": ("2025-03-01 12:30:00.000 UTC", "2025-03-01 12:30:00.000 UTC"),
        "decimal": ("1.20", Decimal("1.20")),
        "varbinary": ("00 ff", b"\x00\xff"),
        "varchar": ("2025", "2025"),
        "row": ("{a=1}", "{a=1}"),
    }
    columns = {kind.replace(" ", "_"): kind for kind in values}
    stubbed.starts()
    stubbed.state("SUCCEEDED")
    stubbed.page(columns, [list(columns), [text for text, _ in values.values()], [None] * 10])
    first, second = stubbed.athena.query(SQL).rows
    assert first == tuple(value for _, value in values.values())
    assert second == (None,) * 10


def test_a_statement_that_lists_has_no_head(stubbed: Stubbed) -> None:
    stubbed.starts()
    stubbed.state("SUCCEEDED", kind="UTILITY")
    stubbed.page({"tab_name": "string"}, [["logall"], ["activity"]])
    assert stubbed.athena.query("SHOW TABLES").rows == (("logall",), ("activity",))


def test_a_statement_without_rows_gives_none(stubbed: Stubbed) -> None:
    stubbed.starts()
    stubbed.state("SUCCEEDED", kind="DDL")
    stubbed.page({}, [])
    assert stubbed.athena.query("DROP TABLE t").rows == ()


@pytest.mark.parametrize(
    ("state", "reason", "kind", "message"),
    [
        ("FAILED", "SYNTAX_ERROR: line 1:8: Column 'x' cannot", InvalidQuery, "line 1:8"),
        (
            "FAILED",
            "HIVE_CURSOR_ERROR: Please reduce your request rate",
            QueryFailed,
            "HIVE_CURSOR",
        ),
        ("CANCELLED", None, QueryFailed, "the query is CANCELLED"),
    ],
)
def test_a_query_that_does_not_succeed_raises_with_athenas_reason(
    stubbed: Stubbed, state: str, reason: str | None, kind: type[Exception], message: str
) -> None:
    stubbed.starts()
    stubbed.state(state, reason=reason)
    with pytest.raises(kind, match=message):
        stubbed.athena.query(SQL)


def test_what_athena_refuses_at_once_as_no_sql_is_an_invalid_query(stubbed: Stubbed) -> None:
    stubbed.stubber.add_client_error(
        "start_query_execution", "InvalidRequestException", "line 1:1: mismatched input 'SELEC'"
    )
    with pytest.raises(InvalidQuery, match="SYNTAX_ERROR: line 1:1: mismatched input"):
        stubbed.athena.query("SELEC")


def test_a_wrong_work_group_is_no_invalid_query(stubbed: Stubbed) -> None:
    stubbed.stubber.add_client_error(
        "start_query_execution", "InvalidRequestException", "WorkGroup is not found."
    )
    with pytest.raises(AwsFailed, match="WorkGroup is not found"):
        stubbed.athena.query(SQL)


def test_a_query_that_takes_too_long_is_stopped(stubbed: Stubbed) -> None:
    stubbed.starts()
    for _ in range(4):  # after 0, 0.2, 0.6 and 1.4 seconds
        stubbed.state("RUNNING")
    stubbed.stubber.add_response("stop_query_execution", {}, {"QueryExecutionId": "q-1"})
    with pytest.raises(QueryFailed, match=r"^EXCEEDED_TIME_LIMIT: the query took more than 1 s$"):
        stubbed.athena.query(SQL, timeout_s=1)
    assert stubbed.waits == [0.2, 0.4, 0.8]


def test_an_interrupt_stops_the_query(stubbed: Stubbed) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    stubbed.starts()
    stubbed.state("RUNNING")
    stubbed.stubber.add_response("stop_query_execution", {}, {"QueryExecutionId": "q-1"})
    athena = Athena(stubbed.athena.athena, AthenaSettings(), sleep=interrupt)
    with pytest.raises(KeyboardInterrupt):
        athena.query(SQL)
