"""Lambda as a call: what `lambda:invoke` and a function's own ARN do in a state machine."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from otel_analytics.asl import TaskFailed

if TYPE_CHECKING:
    from otel_analytics.asl import TaskContext

__all__ = ["Functions", "function_name", "invoke", "invoke_directly"]

Functions = Mapping[str, Callable[[Any], Any]]


def function_name(name_or_arn: str) -> str:
    """Return a function's name: that of `arn:aws:lambda:…:function:name:alias` is `name`."""
    if name_or_arn.startswith("arn:"):
        return (name_or_arn.split(":") + [""] * 7)[6]
    return name_or_arn.partition(":")[0]


def invoke(functions: Functions, arguments: Any, _context: TaskContext) -> dict[str, Any]:
    """Return what the integration `lambda:invoke` gives.

    Raises: TaskFailed as AWS fails the state
    """
    if not isinstance(arguments, dict) or not isinstance(arguments.get("FunctionName"), str):
        raise TaskFailed("Lambda.InvalidParameterValueException", "FunctionName is missing")
    payload = _call(functions, arguments["FunctionName"], arguments.get("Payload", {}))
    return _response(payload)


def invoke_directly(functions: Functions, arguments: Any, context: TaskContext) -> Any:
    """Return what a Task whose resource is a function's ARN gives: the bare payload.

    Raises: TaskFailed as AWS fails the state
    """
    return _call(functions, context.resource, arguments)


def _call(functions: Functions, name_or_arn: str, event: Any) -> Any:
    function = functions.get(name_or_arn) or functions.get(function_name(name_or_arn))
    if function is None:
        raise TaskFailed(
            "Lambda.ResourceNotFoundException",
            f"Function not found: {name_or_arn} (there are: {', '.join(functions) or 'none'})",
        )
    try:
        # A function on AWS sees JSON and gives JSON; what would not pass there must not pass here.
        return json.loads(json.dumps(function(json.loads(json.dumps(event))), allow_nan=False))
    except Exception as error:  # the edge of a Lambda
        raise TaskFailed(type(error).__name__, _error_document(error)) from error


def _error_document(error: Exception) -> str:
    """Return what the Python runtime of Lambda answers for an exception.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    frames = traceback.extract_tb(error.__traceback__)[1:]
    trace = [
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n    {frame.line}\n'
        for frame in frames
    ]
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "requestId": str(uuid4()),
            "stackTrace": trace,
        },
        ensure_ascii=False,
    )


def _response(payload: Any) -> dict[str, Any]:
    request = str(uuid4())
    headers = {
        "Connection": "keep-alive",
        "Content-Length": str(len(json.dumps(payload).encode())),
        "Content-Type": "application/json",
        "Date": formatdate(usegmt=True),
        "X-Amz-Executed-Version": "$LATEST",
        "x-amzn-RequestId": request,
    }
    return {
        "ExecutedVersion": "$LATEST",
        "Payload": payload,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request},
        "StatusCode": 200,
    }
