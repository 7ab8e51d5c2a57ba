"""athena:getQueryResults: the rows of a query in the shape of the AWS API, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.asl import TaskFailed
from otel_analytics.local.query_results import get_query_results, parse_csv
from otel_analytics.local.step_functions import StepFunctions

if TYPE_CHECKING:
    from tests.local.conftest import Account

RESULTS = "s3://bucket/results"


def results(account: Account, identifier: str, **arguments: Any) -> dict[str, Any]:
    given = {"QueryExecutionId": identifier, **arguments}
    return get_query_results(account.athena, given, None)  # type: ignore[arg-type]


def query(account: Account, sql: str) -> str:
    execution = account.execute(sql, output_location=RESULTS)
    execution.raise_if_failed()
    return execution.id


def cells(page: dict[str, Any]) -> list[list[str | None]]:
    rows = page["ResultSet"]["Rows"]
    return [[datum.get("VarCharValue") for datum in row["Data"]] for row in rows]


def test_the_first_row_holds_the_names_and_a_null_has_no_value(account: Account) -> None:
    identifier = query(account, "SELECT 'x' AS a, '' AS b, CAST(NULL AS VARCHAR) AS c, 12 AS d")
    page = results(account, identifier)
    assert page["ResultSet"]["Rows"] == [
        {"Data": [{"VarCharValue": name} for name in "abcd"]},
        {"Data": [{"VarCharValue": "x"}, {"VarCharValue": ""}, {}, {"VarCharValue": "12"}]},
    ]
    assert page["UpdateCount"] == 0
    assert "NextToken" not in page


def test_the_columns_have_athenas_types(account: Account) -> None:
    sql = (
        "SELECT 'x' AS a, 1 AS b, CAST(1 AS BIGINT) AS c, 1.5E0 AS d, true AS e, "
        "DATE '2024-01-02' AS f, TIMESTAMP '2024-01-02 03:04:05' AS g, "
        "CAST(1.5 AS DECIMAL(5, 2)) AS h, ARRAY[1] AS i, MAP(ARRAY['k'], ARRAY[1]) AS j"
    )
    page = results(account, query(account, sql))
    info = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert info[0] == {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": "a",
        "Label": "a",
        "Type": "varchar",
        "Precision": 2147483647,
        "Scale": 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": True,
    }
    assert [(one["Type"], one["Precision"], one["Scale"]) for one in info[1:]] == [
        ("integer", 10, 0),
        ("bigint", 19, 0),
        ("double", 17, 0),
        ("boolean", 0, 0),
        ("date", 0, 0),
        ("timestamp", 3, 0),
        ("decimal", 5, 2),
        ("array", 0, 0),
        ("map", 0, 0),
    ]
    assert cells(page)[1] == [
        "x", "1", "1", "1.5", "true", "2024-01-02", "2024-01-02 03:04:05.000", "1.50", "[1]",
        "{k=1}",
    ]  # fmt: skip


def test_texts_come_back_as_they_were(account: Account) -> None:
    text = 'a "b", c\nd, \r\n""'
    identifier = query(account, f"SELECT '{text}' AS \"n\"\"1\", 'é' AS b")
    assert cells(results(account, identifier)) == [['n"1', "b"], [text, "é"]]


def test_a_query_without_rows_has_its_names(account: Account) -> None:
    page = results(account, query(account, "SELECT 1 AS a WHERE false"))
    assert cells(page) == [["a"]]


def test_pages_follow_by_the_token(account: Account) -> None:
    identifier = query(account, "SELECT n FROM UNNEST(SEQUENCE(1, 4)) AS t (n) ORDER BY n")
    pages, token = [], {}
    while True:
        page = results(account, identifier, MaxResults=2, **token)
        pages.append(cells(page))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == [[["n"], ["1"]], [["2"], ["3"]], [["4"]]]


def test_the_record_of_a_query_shows_no_more_than_athenas(account: Account) -> None:
    identifier = query(account, "SELECT 1 AS a")
    document = account.athena.executions.get(identifier)
    assert account.athena.executions.latest() == [document]
    assert "ResultColumns" not in document


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"QueryExecutionId": None}, "QueryExecutionId is missing"),
        ({"QueryExecutionId": "query-9"}, "QueryExecution query-9 was not found"),
        ({"MaxResults": 0}, "MaxResults must be a whole number from 1 to 1000, not 0"),
        ({"MaxResults": 1001}, "MaxResults must be a whole number from 1 to 1000, not 1001"),
        ({"MaxResults": True}, "MaxResults must be a whole number from 1 to 1000, not True"),
        ({"NextToken": "x"}, "the NextToken 'x' was not given here"),
        ({"NextToken": "2"}, "the NextToken 2 is past the last row"),
        ({"QueryResultType": "DATA_ROWS"}, "the argument QueryResultType is not supported here; "),
    ],
)
def test_a_wrong_call_fails_as_athena_fails_it(
    account: Account, arguments: dict[str, Any], cause: str
) -> None:
    query(account, "SELECT 1 AS a")
    with pytest.raises(TaskFailed) as raised:
        results(account, **({"identifier": "query-1"} | renamed(arguments)))
    assert raised.value.error == "Athena.InvalidRequestException"
    assert raised.value.cause is not None
    assert raised.value.cause.startswith(cause)


def renamed(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "identifier" if name == "QueryExecutionId" else name: value
        for name, value in arguments.items()
    }


@pytest.mark.parametrize(
    ("sql", "cause"),
    [
        ("SELECT nothing", "Query did not finish successfully. Final query state: FAILED"),
        ("SHOW TABLES", "the statement left no rows: only those of a query can be read here"),
    ],
)
def test_what_has_no_rows_is_refused(account: Account, sql: str, cause: str) -> None:
    identifier = account.execute(sql, output_location=RESULTS).id
    with pytest.raises(TaskFailed) as raised:
        results(account, identifier)
    assert (raised.value.error, raised.value.cause) == ("Athena.InvalidRequestException", cause)


def test_a_result_that_was_deleted_is_not_found(account: Account) -> None:
    identifier = query(account, "SELECT 1 AS a")
    account.path(f"{RESULTS}/{identifier}.csv").unlink()
    with pytest.raises(TaskFailed) as raised:
        results(account, identifier)
    assert raised.value.error == "Athena.InvalidRequestException"
    assert str(raised.value.cause).startswith("Could not find results: NoSuchKey")


@pytest.mark.parametrize("text", ['"a', "a\n", '"a"b\n', '"a" \n'])
def test_a_damaged_result_is_no_rows(text: str) -> None:
    with pytest.raises(TaskFailed, match="the result is damaged at 0"):
        parse_csv(text)


def test_a_state_machine_reads_the_rows_of_its_query(account: Account) -> None:
    document = {
        "QueryLanguage": "JSONata",
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
                "Arguments": {
                    "QueryString": "SELECT 'x' AS a",
                    "ResultConfiguration": {"OutputLocation": RESULTS},
                },
                "Output": "{% $states.result.QueryExecution.QueryExecutionId %}",
                "Next": "Read",
            },
            "Read": {
                "Type": "Task",
                "Resource": "arn:aws:states:::athena:getQueryResults",
                "Arguments": {"QueryExecutionId": "{% $states.input %}"},
                "Output": "{% $states.result.ResultSet.Rows[1].Data[0].VarCharValue %}",
                "End": True,
            },
        },
    }
    machine = StepFunctions(account.athena, account.executions, {})
    assert machine.start_execution(document, {})["output"] == '"x"'
