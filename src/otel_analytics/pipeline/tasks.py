"""What the Tasks of the document share: arguments, time limits, retries, and how one fails.

What can succeed a moment later, a time-out or throttling, is retried by the Task itself, under
a fresh attempt. Of a query that failed, only Athena knows whether another try could succeed.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = [
    "FAILURE",
    "FAILURE_WITHIN",
    "MAX_ROUNDS",
    "States",
    "athena_task",
    "jsonata",
    "lambda_task",
    "query_rounds",
    "transition",
]

States = dict[str, dict[str, Any]]

START_QUERY_EXECUTION: Final = "arn:aws:states:::athena:startQueryExecution.sync"
INVOKE: Final = "arn:aws:states:::lambda:invoke"

LAMBDA_TIMEOUT_S: Final = 60
# How often a query is begun by the Catch and the Choice behind it, its first round included.
MAX_ROUNDS: Final = 3

_BACKOFF: Final = {
    "IntervalSeconds": 2,
    "MaxAttempts": 3,
    "BackoffRate": 2,
    "MaxDelaySeconds": 30,
    "JitterStrategy": "FULL",
}
# Where others have taken all that an account may have at once, it takes longer until there is room.
# An attempt's number has one digit for the retries of both kinds.
_THROTTLED: Final = {**_BACKOFF, "MaxAttempts": 6, "MaxDelaySeconds": 120}
# https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html#API_StartQueryExecution_Errors
ATHENA_RETRY: Final = [
    {
        "ErrorEquals": [
            "Athena.TooManyRequestsException",
            "Athena.ThrottlingException",
        ],
        **_THROTTLED,
    },
    {
        "ErrorEquals": ["States.Timeout", "Athena.InternalServerException"],
        **_BACKOFF,
    },
]
# https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
LAMBDA_RETRY: Final = [
    {
        "ErrorEquals": [
            "States.Timeout",
            "Sandbox.Timedout",
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
        ],
        **_BACKOFF,
    },
    {"ErrorEquals": ["Lambda.TooManyRequestsException"], **_THROTTLED},
]

# What a failed Task leaves in its state's data: where, which error, why in a sentence, and
# whether another try could succeed. The cause of a failed query is Athena's record of it, that of
# a Lambda has an errorMessage; a cause that was cut off is no JSON, and stands for itself. The
# sentence is cut: the results of a hundred services must pass through one state's 256 KiB.
FAILURE: Final = r"""(
  $cause := $exists($states.errorOutput.Cause) ? $string($states.errorOutput.Cause) : '';
  $document := $contains($cause, /^\{[\s\S]*\}$/) ? $parse($cause) : {};
  $query := $document.QueryExecution.Status;
  $reason := [$query.StateChangeReason, $document.errorMessage, $cause][0];
  {
    'state': $states.context.State.Name,
    'error': $states.errorOutput.Error,
    'cause': $substring($reason, 0, 1000),
    'can_succeed': $query.AthenaError.Retryable = true
      or $contains($reason, /HIVE_PATH_ALREADY_EXISTS|TABLE_ALREADY_EXISTS/)
      or $contains($reason, /SlowDown|reduce your request rate/)
  }
)"""

# The same where what failed is a branch or an iteration: it fails with what `FAILURE` gave there;
# anything else is the state's own.
FAILURE_WITHIN: Final = (
    r"""(
  $cause := $exists($states.errorOutput.Cause) ? $string($states.errorOutput.Cause) : '';
  $contains($cause, /^\{"state":[\s\S]*\}$/) ? $parse($cause) : """
    + FAILURE
    + ")"
)


def athena_task(
    query_string: str, *, timeout_s: int, output: str, failed: dict[str, Any], following: str | None
) -> dict[str, Any]:
    """Return a Task that has Athena execute a statement; `failed` is its catcher."""
    return {
        "Type": "Task",
        "Resource": START_QUERY_EXECUTION,
        "Arguments": {
            "QueryString": query_string,
            "QueryExecutionContext": {"Database": "{% $states.input.database %}"},
            "ResultConfiguration": {"OutputLocation": "{% $states.input.output_location %}"},
            "WorkGroup": "{% $states.input.workgroup %}",
        },
        "TimeoutSeconds": timeout_s,
        "Retry": ATHENA_RETRY,
        "Catch": [failed],
        "Output": output,
        **transition(following),
    }


def lambda_task(
    function: str, payload: str, *, output: str, failed: dict[str, Any], following: str | None
) -> dict[str, Any]:
    """Return a Task that calls a Lambda; `failed` is its catcher."""
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": function, "Payload": payload},
        "TimeoutSeconds": LAMBDA_TIMEOUT_S,
        "Retry": LAMBDA_RETRY,
        "Catch": [failed],
        "Output": output,
        **transition(following),
    }


def query_rounds(name: str, query: dict[str, Any], *, subject: str, failed: str) -> States:
    """Return a Task that executes a query, and the states that send it back for another round.

    A query that Athena calls retryable, or that met what another attempt left, is begun anew after
    a wait, `MAX_ROUNDS` times in all; any other failure goes to `failed` at once.

    Source: https://docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html
    """
    choice, wait = f"Can{subject}Succeed", f"WaitFor{subject}"
    caught = {
        "ErrorEquals": ["States.ALL"],
        "Output": jsonata(
            f"$merge([$states.input, {{'failure': {FAILURE}, 'round': $states.input.round + 1}}])"
        ),
        "Next": choice,
    }
    return {
        name: {**query, "Catch": [caught]},
        choice: {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": jsonata(
                        f"$states.input.failure.can_succeed and $states.input.round < {MAX_ROUNDS}"
                    ),
                    "Next": wait,
                }
            ],
            "Default": failed,
        },
        wait: {
            "Type": "Wait",
            # jittered, so that what was refused together does not come back together
            "Seconds": jsonata(
                "$power(2, $states.input.round) "
                "+ $floor($random() * $power(2, $states.input.round))"
            ),
            "Next": name,
        },
    }


def transition(following: str | None) -> dict[str, Any]:
    """Return where a state leads."""
    return {"Next": following} if following else {"End": True}


def jsonata(expression: str) -> str:
    """Return a field's text that is an expression."""
    return f"{{% {expression} %}}"
