"""One branch: the staging table of one metric, dropped, its query built, and the table created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_analytics.pipeline.tasks import (
    FAILURE,
    States,
    athena_task,
    jsonata,
    lambda_task,
    query_rounds,
)
from otel_analytics.query.handler import ATTEMPT_TO_COME

if TYPE_CHECKING:
    from otel_analytics.config import Settings
    from otel_analytics.metrics import Metric

__all__ = ["ATTEMPT", "ATTEMPT_OF_QUERY", "build_branch"]

DROP_TIMEOUT_S: Final = 300
CREATE_TIMEOUT_S: Final = 1800

# Arguments are evaluated anew for each attempt, so that each has a name of its own: whatever came
# before it, a retry, another round or a redrive.
ATTEMPT: Final = (
    "$string(100 * $states.context.Execution.RedriveCount "
    "+ 10 * $states.input.round + $states.context.State.RetryCount)"
)
# Where the query that succeeded put the table: its attempt is read from the statement itself.
ATTEMPT_OF_QUERY: Final = (
    r"$match($states.result.QueryExecution.Query, /\/([0-9]+)\/'/, 1).groups[0]"
)


def build_branch(metric: Metric, settings: Settings) -> dict[str, Any]:
    """Return the branch of a metric; it gives the staging table and where its data lie."""
    drop, build, create, failed = (
        f"Drop{metric.label}Table",
        f"Build{metric.label}Query",
        f"Create{metric.label}Table",
        f"{metric.label}Failed",
    )
    catcher = {
        "ErrorEquals": ["States.ALL"],
        "Output": jsonata(f"{{'failure': {FAILURE}}}"),
        "Next": failed,
    }
    staging = (
        f"$states.input.table_prefix & '_{metric.query_type}_' & $states.input.execution & '_' & "
    )
    states: States = {
        drop: athena_task(
            jsonata(
                f"'DROP TABLE IF EXISTS `' & $states.input.database & '`.`' & {staging}"
                f"{ATTEMPT} & '`'"
            ),
            timeout_s=DROP_TIMEOUT_S,
            output="{% $states.input %}",
            failed=catcher,
            following=build,
        ),
        build: lambda_task(
            settings.athena.query_builder_function,
            jsonata(
                f"{{'query_type': '{metric.query_type}', "
                "'table_prefix': $states.input.table_prefix, "
                "'s3_base': $states.input.s3_base, "
                "'service_names': [$states.input.service_name], "
                "'execution_time': $states.input.execution_time, "
                "'execution_date': $states.input.execution_date, "
                "'execution': $states.input.execution, "
                "'source': $states.input.source, "
                f"'attempt': '{ATTEMPT_TO_COME}', 'cleanup_s3': false}}"
            ),
            output="{% $merge([$states.input, {'query': $states.result.Payload}]) %}",
            failed=catcher,
            following=create,
        ),
        **query_rounds(
            create,
            athena_task(
                jsonata(
                    f"$replace($states.input.query.query_string, '{ATTEMPT_TO_COME}', {ATTEMPT})"
                ),
                timeout_s=CREATE_TIMEOUT_S,
                output=jsonata(
                    f"($attempt := {ATTEMPT_OF_QUERY}; "
                    f"{{'query_type': '{metric.query_type}', 'table': {staging}$attempt, "
                    "'location': $replace($states.input.query.s3_location, "
                    f"'{ATTEMPT_TO_COME}', $attempt), "
                    "'execution_date': $states.input.query.execution_date, "
                    "'scanned_bytes': "
                    "$states.result.QueryExecution.Statistics.DataScannedInBytes})"
                ),
                failed=catcher,
                following=None,
            ),
            subject=metric.label,
            failed=failed,
        ),
        failed: {
            "Type": "Fail",
            "Error": "{% $states.input.failure.error %}",
            # the Parallel state's Catch reads it
            "Cause": "{% $string($states.input.failure) %}",
        },
    }
    return {"StartAt": drop, "States": states}
