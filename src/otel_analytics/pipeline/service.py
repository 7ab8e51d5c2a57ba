"""One service: seven staging tables in four batches, verified and published together.

Whatever fails here is this service's own: it ends in a result that says which state and why.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.pipeline.billing import SERVICE_USE
from otel_analytics.pipeline.branch import build_branch
from otel_analytics.pipeline.tasks import (
    ATHENA_RETRY,
    FAILURE,
    FAILURE_WITHIN,
    States,
    athena_task,
    jsonata,
    lambda_task,
    query_rounds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_analytics.config import Settings
    from otel_analytics.metrics import Metric

__all__ = ["build_service"]

GET_QUERY_RESULTS: Final = "arn:aws:states:::athena:getQueryResults"
VERIFY_TIMEOUT_S: Final = 1800
READ_TIMEOUT_S: Final = 60
MAX_CHECK_ROWS: Final = 1000  # of one page, its head included
MAX_FINDINGS: Final = 5  # of one service's result

_CAUGHT: Final = {
    "ErrorEquals": ["States.ALL"],
    "Output": jsonata("$merge([$states.input, {'failure': " + FAILURE + "}])"),
    "Next": "ServiceFailed",
}
_BATCH_CAUGHT: Final = {
    **_CAUGHT,
    "Output": jsonata("$merge([$states.input, {'failure': " + FAILURE_WITHIN + "}])"),
}
# The columns are those of `query.verification`; the first row holds their names.
_CHECK_ROWS: Final = r"""(
  $rows := $states.result.ResultSet.Rows;
  [$rows[[1..$count($rows)]].{
    'check_name': Data[0].VarCharValue,
    'severity': Data[1].VarCharValue,
    'query_type': Data[2].VarCharValue,
    'found': $number(Data[3].VarCharValue),
    'message': Data[4].VarCharValue
  }]
)"""
# The result of a service has the first findings, errors before warnings, and where all of them are.
_CHECKS: Final = """(
  $errors := $checks[severity = 'error' and found > 0];
  $warnings := $checks[severity = 'warning' and found > 0];
  $said := function($findings, $first) {[
    $filter($findings, function($finding, $place) { $place < $first }).{
      'check_name': check_name, 'query_type': query_type, 'found': found,
      'message': $substring(message, 0, $states.input.message_characters)
    }
  ]};
  {
    'run': $count($checks[severity != 'info']),
    'scanned_bytes': $states.input.verified_bytes,
    'errors_found': $count($errors),
    'warnings_found': $count($warnings),
    'errors': $said(
      $append($errors[check_name = 'service_known'], $errors[check_name != 'service_known']), $most
    ),
    'warnings': $said($warnings, $most - $count($errors)),
    'findings_location': $states.input.findings_location
  }
)"""


def build_service(metrics: Iterable[Metric], settings: Settings) -> dict[str, Any]:
    """Return the item processor of a service; it gives the service's result.

    Shape:  service_name, status, tables, checks, use; of a failed one also state, error and cause
    """
    batches = [list(group) for _, group in groupby(metrics, key=lambda metric: metric.batch)]
    names = [
        "_".join([f"Batch{metrics[0].batch}", *(metric.label for metric in metrics)])
        for metrics in batches
    ]
    states: States = {
        "ComputeTablePrefix": {
            "Type": "Pass",
            "Output": jsonata(
                "$merge([$states.input, {'tables': [], 'round': 0, 'table_prefix': "
                "$replace($lowercase($states.input.service_name), /[^a-z0-9]/, '_')}])"
            ),
            "Next": names[0],
        }
    }
    for name, batch, following in zip(
        names, batches, [*names[1:], "BuildVerificationQuery"], strict=True
    ):
        states[name] = {
            "Type": "Parallel",
            "Branches": [build_branch(metric, settings) for metric in batch],
            "Catch": [_BATCH_CAUGHT],
            "Output": jsonata(
                "$merge([$states.input, {'tables': $append($states.input.tables, $states.result)}])"
            ),
            "Next": following,
        }
    return {
        "StartAt": "ComputeTablePrefix",
        "States": {**states, **_verification(settings), **_publication(settings)},
    }


def _verification(settings: Settings) -> States:
    unknown = "$states.input.checks.errors[check_name = 'service_known']"
    return {
        "BuildVerificationQuery": lambda_task(
            settings.athena.checks_builder_function,
            jsonata(
                "{'service_name': $states.input.service_name, "
                "'table_prefix': $states.input.table_prefix, "
                "'s3_base': $states.input.s3_base, "
                "'execution': $states.input.execution, "
                "'execution_date': $states.input.tables[0].execution_date, "
                "'source': $states.input.source, "
                "'tables': [$states.input.tables.{'query_type': query_type, 'table': table, "
                "'location': location}]}"
            ),
            output=jsonata(
                "$merge([$states.input, {'query_string': $states.result.Payload.query_string}])"
            ),
            failed=_CAUGHT,
            following="VerifyTables",
        ),
        **query_rounds(
            "VerifyTables",
            athena_task(
                "{% $states.input.query_string %}",
                timeout_s=VERIFY_TIMEOUT_S,
                output=jsonata(
                    "$merge([$sift($states.input, function($value, $key) "
                    "{ $key != 'query_string' }), "
                    "{'verification': $states.result.QueryExecution.QueryExecutionId, "
                    "'findings_location': "
                    "$states.result.QueryExecution.ResultConfiguration.OutputLocation, "
                    "'verified_bytes': "
                    "$states.result.QueryExecution.Statistics.DataScannedInBytes}])"
                ),
                failed=_CAUGHT,
                following="ReadVerification",
            ),
            subject="Verification",
            failed="ServiceFailed",
        ),
        "ReadVerification": {
            "Type": "Task",
            "Resource": GET_QUERY_RESULTS,
            "Arguments": {
                "QueryExecutionId": "{% $states.input.verification %}",
                "MaxResults": MAX_CHECK_ROWS,
            },
            "TimeoutSeconds": READ_TIMEOUT_S,
            "Retry": ATHENA_RETRY,
            "Catch": [_CAUGHT],
            "Output": jsonata(
                f"""(
  $checks := {_CHECK_ROWS};
  $counts := $checks[check_name = 'row_count'];
  $most := {MAX_FINDINGS};
  $merge([$states.input, {{
    'checks': {_CHECKS},
    'is_whole': $not($exists($states.result.NextToken)),
    'tables': [$states.input.tables.(
      $table := $;
      $counted := $counts[query_type = $table.query_type];
      $merge([$table, {{'row_count': $counted.found}}])
    )]
  }}])
)"""
            ),
            "Next": "JudgeVerification",
        },
        "JudgeVerification": {
            "Type": "Choice",
            "Choices": [
                _judged(
                    "$not($states.input.is_whole)",
                    "ChecksNotRead",
                    f"'the checks gave more than the {MAX_CHECK_ROWS} rows of one page, so that "
                    "not all of them are known: have fewer checks of your own in checks.folder'",
                ),
                _judged(
                    f"$count({unknown}) > 0", "UnknownService", f"$join([{unknown}.message], '; ')"
                ),
                _judged(
                    "$states.input.checks.errors_found > 0",
                    "ChecksFailed",
                    "$join([$states.input.checks.errors.message], '; ')",
                ),
            ],
            "Default": "PublishTables",
        },
    }


def _judged(condition: str, error: str, cause: str) -> dict[str, Any]:
    """Return the rule that lets a service fail because of its checks."""
    return {
        "Condition": jsonata(condition),
        "Output": jsonata(
            "$merge([$states.input, {'failure': {'state': 'VerifyTables', "
            f"'error': '{error}', 'cause': {cause}}}}}])"
        ),
        "Next": "ServiceFailed",
    }


def _publication(settings: Settings) -> States:
    published = (
        "[$states.input.tables.{'table': $states.input.table_prefix & '_' & query_type & "
        "'_summary', 'query_type': query_type, 'row_count': row_count, "
        "'execution_date': execution_date, 'scanned_bytes': scanned_bytes}]"
    )
    return {
        "PublishTables": lambda_task(
            settings.athena.table_publisher_function,
            jsonata(
                "{'service_name': $states.input.service_name, "
                "'table_prefix': $states.input.table_prefix, "
                "'s3_base': $states.input.s3_base, "
                "'execution': $states.input.execution, "
                "'execution_date': $states.input.tables[0].execution_date, "
                "'replace_newer': $states.input.replace_newer, "
                "'tables': [$states.input.tables.{'query_type': query_type, 'table': table, "
                "'location': location, 'row_count': row_count}]}"
            ),
            output=jsonata("{'status': 'COMPLETED', " + _result(published) + "}"),
            failed=_CAUGHT,
            following=None,
        ),
        "ServiceFailed": {
            "Type": "Pass",
            "Output": jsonata(
                "{'status': 'FAILED', " + _result("[]") + ", "
                "'state': $states.input.failure.state, "
                "'error': $states.input.failure.error, "
                "'cause': $substring($states.input.failure.cause, 0, "
                "2 * $states.input.message_characters)}"
            ),
            "End": True,
        },
    }


def _result(tables: str) -> str:
    """Return the fields that a service's result has whatever became of it."""
    return (
        "'service_name': $states.input.service_name, "
        f"'tables': {tables}, "
        "'checks': $exists($states.input.checks) ? $states.input.checks : null, "
        f"'use': {SERVICE_USE}"
    )
